"""A running server with an ordinary evening on it, and a browser for each person of the cast."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("playwright", reason="the extra `dev` is not installed")

from playwright.sync_api import Browser, BrowserContext, Page, StorageState

from tests.support.browser import CHROMIUM, PATIENCE_MS, chromium
from tests.support.seed import EdgeBox, fill
from tests.support.server import Account, RunningServer


@dataclass(frozen=True, slots=True)
class Site:
    """The server, its device, and the cast."""

    server: RunningServer
    box: EdgeBox
    officer: Account
    second_officer: Account
    neighbour_officer: Account
    """Of the other village."""
    resident: Account
    leader: Account
    admin: Account


@dataclass(slots=True)
class Complaints:
    """What browsers wrote to their consoles: errors, refused scripts and styles."""

    lines: list[str] = field(default_factory=list)

    def note(self, kind: str, text: str) -> None:
        """Keep errors, but not the remark that an answer was 4xx: refusals are tested where they are due."""
        if kind == "error" and not text.startswith("Failed to load resource"):
            self.lines.append(text)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with chromium() as started:
        yield started


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("e2e")
    with (
        RunningServer(folder) as server,
        closing(EdgeBox(server.url, server.enrol("hop-1", "trang-long"), "trang-long")) as box,
    ):
        fill(box, datetime.now(UTC))
        yield Site(
            server,
            box,
            officer=server.add_user("can_bo", "officer", "nhon-loc"),
            second_officer=server.add_user("can_bo_2", "officer", "trang-long"),
            neighbour_officer=server.add_user("can_bo_lang_ben", "officer", "dong-lam"),
            resident=server.add_user("nguoi_dan", "resident", "trang-long"),
            leader=server.add_user("lanh_dao", "leader", "nhon-loc"),
            admin=server.add_user("quan_tri", "admin", None),
        )


SignIn = Callable[..., Page]


@pytest.fixture(scope="session")
def sessions() -> dict[str, StorageState]:
    """The cookies of those who have signed in once."""
    return {}


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def sign_in(
    site: Site, browser: Browser, complaints: Complaints, sessions: dict[str, StorageState]
) -> Iterator[SignIn]:
    """Gives a page of somebody who is signed in; `fresh` does not share the session with other tests.

    A complaint on any console fails the test.
    """
    contexts: list[BrowserContext] = []

    def enter(account: Account, *, width: int = 1280, javascript: bool = True, fresh: bool = False) -> Page:
        kept = None if fresh else sessions.get(account.username)
        context = browser.new_context(
            base_url=site.server.url,
            viewport={"width": width, "height": 900},
            java_script_enabled=javascript,
            storage_state=kept,
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.note(message.type, message.text))
        page.on("pageerror", lambda error: complaints.lines.append(str(error)))
        if kept is not None:
            page.goto("/")
            return page
        page.goto("/login")
        page.fill("input[name=username]", account.username)
        page.fill("input[name=password]", account.password)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "/login" not in address)
        if not fresh:
            sessions[account.username] = context.storage_state()
        return page

    yield enter
    for context in contexts:
        context.close()
    assert complaints.lines == []
