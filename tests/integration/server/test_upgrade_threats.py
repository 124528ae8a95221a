"""Two versions of the program on one database, while it is migrated and after."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from contract.ids import uuid7
from edge.enrol import enrol
from server import migrations
from server.db.engine import Database
from tests.support.identity import SignedAuth
from tests.support.processes import ROOT, ServerProcess, process_of, server_process
from tests.support.releases import NEXT_REVISION, command, next_release, release_before_the_newest_migration
from tests.support.village import SITE, Village, event

EMBEDDED = {"LANGAN_JOBS": "separate"}
"""So that a worker may run beside on SQLite."""


@dataclass
class Sender:
    """An edge box that goes on sending, one event after the other.

    Attributes:
        url: Of the server that it sends to now.
        auth: How it signs.
    """

    url: str
    auth: SignedAuth
    acknowledged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def send(self) -> None:
        """Send one; what was not taken is kept with the reason."""
        at = datetime.now(UTC) - timedelta(seconds=30)
        body = event() | {"event_id": str(uuid7(at)), "started_at": at.isoformat(), "observed_at": at.isoformat()}
        try:
            answer = httpx.post(f"{self.url}/api/v1/events", json={"events": [body]}, auth=self.auth, timeout=60)
            taken = answer.status_code == 200 and answer.json()["results"][0]["status"] == "created"
            word = answer.text
        except httpx.HTTPError as error:
            taken, word = False, repr(error)
        with self.changed:
            (self.acknowledged if taken else self.refused).append(body["event_id"] if taken else word)
            self.changed.notify_all()

    def wait_for_more(self) -> None:
        """Wait until some were sent that began after this call."""
        with self.changed:
            enough = len(self.acknowledged) + len(self.refused) + 3
            assert self.changed.wait_for(lambda: len(self.acknowledged) + len(self.refused) >= enough, 60)


@contextmanager
def sending(url: str, auth: SignedAuth) -> Iterator[Sender]:
    sender, over = Sender(url, auth), threading.Event()

    def go_on() -> None:
        while not over.is_set():
            sender.send()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield sender
    finally:
        over.set()
        thread.join(60)


def event_ids(url: str) -> set[str]:
    database = Database(url)
    try:
        with database.read() as session:
            return {str(row).replace("-", "") for row in session.scalars(text("SELECT event_id FROM event_revisions"))}
    finally:
        database.close()


def assert_all_kept(sender: Sender, database_url: str) -> None:
    assert sender.refused == []
    assert {item.replace("-", "") for item in sender.acknowledged} <= event_ids(database_url)


def is_ready(process: ServerProcess) -> dict[str, Any]:
    answer = httpx.get(f"{process.url}/readyz", timeout=30)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_threat_16_this_release_goes_on_when_the_next_one_has_migrated(village: Village, tmp_path: Path) -> None:
    """What ran before, and what is begun anew after it, as when a machine is restarted meanwhile."""
    following, own = next_release(tmp_path / "next"), village.parts.settings
    data, url = own.data_dir, own.database_url
    is_embedded = url.startswith("sqlite")
    with (
        server_process(village, "run", "--port", "0", **EMBEDDED) as before,
        sending(before.url, village.auth("box-a")) as sender,
    ):
        sender.wait_for_more()
        assert command(following, data, url, "migrate") == f"The database is at revision {NEXT_REVISION}.\n"
        sender.wait_for_more()
        is_ready(before)
        with ExitStack() as stack:
            for name in ("worker",) if is_embedded else ("worker", "relay"):
                stack.enter_context(server_process(village, name, **EMBEDDED))
            streaming = stack.enter_context(server_process(village, "stream", "--port", "0"))
            is_ready(streaming)
            anew = stack.enter_context(server_process(village, "run", "--port", "0", **EMBEDDED))
            is_ready(anew)
            sender.url = anew.url
            sender.wait_for_more()
            sender.url = before.url
            sender.wait_for_more()
            assert json.loads(command(ROOT, data, url, "stats"))["events"] > 0
    assert migrations.upgrade(village.parts.database) == NEXT_REVISION  # left as it is
    assert_all_kept(sender, url)


def test_threat_16_the_code_before_the_newest_migration_goes_on_while_it_is_done(
    database_url: str, tmp_path: Path
) -> None:
    previous = release_before_the_newest_migration(tmp_path / "previous")
    if previous is None:
        pytest.skip("git's history is not at hand")
    data = tmp_path / "data"
    data.mkdir()
    empty(database_url)
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    command(previous, data, database_url, "migrate")
    command(previous, data, database_url, "places", "sync", str(tmp_path / "site.yaml"))
    code = command(previous, data, database_url, "device", "enrol", "box-a", "--place", "village-a", "--quiet").strip()
    with process_of(previous, data, database_url, "run", "--port", "0") as before:
        identity, _ = enrol(before.url, code, tmp_path / "box-a")
        with sending(before.url, SignedAuth(identity)) as sender:
            sender.wait_for_more()
            assert command(ROOT, data, database_url, "migrate") == f"The database is at revision {migrations.head()}.\n"
            sender.wait_for_more()
            with process_of(ROOT, data, database_url, "run", "--port", "0") as after:
                is_ready(after)
                sender.url = after.url
                sender.wait_for_more()
                sender.url = before.url
                sender.wait_for_more()
    assert_all_kept(sender, database_url)


def empty(url: str) -> None:
    """Take the tables of this release away, where the database came with them."""
    if url.startswith("sqlite"):
        return
    database = Database(url)
    with database.write() as session:
        session.execute(text("DROP SCHEMA public CASCADE"))
        session.execute(text("CREATE SCHEMA public"))
    database.close()


def test_a_database_of_another_program_is_refused(village: Village) -> None:
    with village.parts.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'f00dcafe'"))
    with pytest.raises(ValueError, match=r"LANGAN_DATABASE_URL: .*f00dcafe"):
        migrations.standing(village.parts.database)
    answer = village.browser(None).get("/readyz")
    assert answer.status_code == 503
    assert "another program" in answer.get_json()["revision"]


def test_a_database_of_the_release_before_is_not_ready(village: Village) -> None:
    with village.parts.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    answer = village.browser(None).get("/readyz")
    assert answer.status_code == 503
    assert "langan-server migrate" in answer.get_json()["revision"]
