"""Pictures of every page, in both languages, on a phone and on a desk, from a running server.

The accounts come from a file, because a command line shows passwords to everybody on the machine:

    {"officer": {"username": "can_bo", "password": "..."}, "resident": {...}, "admin": {...}}

    python -m tools.screenshots --url http://127.0.0.1:8000 --accounts accounts.json --out build/screenshots --docs

`--docs` writes those that README and docs show into docs/images as well. Take these of `make demo`: its pictures may
be shown to anybody.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page

from tests.support.browser import chromium

WIDTHS = {"phone": (390, 844), "desk": (1440, 900)}
LANGUAGES = ("vi", "en")
PAGES = {
    "officer": {
        "live": "/live",
        "map": "/live/map",
        "incident": "",
        "shift": "/shift",
        "look": "/cameras",
        "silences": "/silences",
        "feedback-inbox": "/feedback/inbox",
        "notifications": "/notifications",
        "sign": "/cameras/duong_lang/sign",
        "missing": "/incidents/00000000-0000-7000-8000-000000000000",
    },
    "resident": {
        "log": "/log",
        "numbers": "/log/numbers",
        "transparency": "/transparency",
        "feedback": "/feedback",
        "password": "/password",
    },
    "leader": {"reports": "/reports"},
    "admin": {
        "cameras": "/admin/cameras",
        "camera": "",
        "new-camera": "/admin/new-camera",
        "devices": "/admin/devices",
        "users": "/admin/users",
        "audit": "/admin/audit",
        "retention": "/admin/retention",
        "delivery": "/admin/notifications",
        "silences-admin": "/silences",
    },
}
FOUND_ON = {"incident": ("/live", ".card h2 a"), "camera": ("/admin/cameras", "tbody a")}
"""Pages whose address is that of the first link of another page."""

SHOWN = {
    "phone": ("live-vi", "incident-vi", "log-vi", "feedback-vi", "shift-vi"),
    "desk": (
        *("live-en", "incident-en", "map-vi", "camera-en", "reports-vi", "transparency-vi", "sign-vi", "cameras-en"),
        *("devices-en", "audit-en"),
    ),
}
"""What `docs/pages.md` shows."""
DOCS = Path("docs/images")
DOCS_WIDTH = {"phone": 390, "desk": 960}
DOCS_SHARE = {"phone": 2.0, "desk": 0.9}
"""As many times its width does a picture of the docs show; the rest of a long page is left out."""

Scheme = Literal["light", "dark"]


def main() -> int:
    """Take the pictures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--accounts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--docs", action="store_true", help="write those that the docs show")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    arguments = parser.parse_args()
    accounts = json.loads(arguments.accounts.read_text(encoding="utf-8"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        taken = take_all(browser, arguments.url, accounts, arguments.out, arguments.scheme)
    if arguments.docs:
        write_docs(arguments.out, arguments.scheme)
    print(f"{taken} pictures in {arguments.out}", file=sys.stderr)
    return 0


def take_all(
    browser: Browser, url: str, accounts: dict[str, dict[str, str]], folder: Path, scheme: Scheme = "light"
) -> int:
    """Every page of every role at every width in every language; returns how many pictures were taken."""
    taken = 0
    for language in LANGUAGES:
        for role, pages in PAGES.items():
            page = browser.new_page(base_url=url, color_scheme=scheme, locale=language)
            if role == "officer":
                taken += _take(page, f"/login?lang={language}", folder, f"login-{language}-{scheme}")
            sign_in(page, **accounts[role])
            for name, path in pages.items():
                address = path or _first_link(page, *FOUND_ON[name])
                taken += _take(page, f"{address}?lang={language}", folder, f"{name}-{language}-{scheme}")
            page.close()
    return taken


def write_docs(folder: Path, scheme: Scheme) -> None:
    """Write what the docs show, small enough to be kept with the code."""
    import cv2

    DOCS.mkdir(exist_ok=True)
    for width_name, names in SHOWN.items():
        width = DOCS_WIDTH[width_name]
        for name in names:
            picture = cv2.imread(str(folder / f"{name}-{scheme}-{width_name}.png"))
            if picture is None:
                raise SystemExit(f"{name} was not taken: name it under PAGES")
            scale = width / picture.shape[1]
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            shown = picture[: int(width * DOCS_SHARE[width_name])]
            cv2.imwrite(str(DOCS / f"{name}-{width_name}.webp"), shown, [cv2.IMWRITE_WEBP_QUALITY, 72])


def sign_in(page: Page, username: str, password: str) -> None:
    """Sign in as somebody."""
    page.goto("/login")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda address: "/login" not in address)


def _first_link(page: Page, path: str, selector: str) -> str:
    page.goto(path)
    address = page.locator(selector).first.get_attribute("href")
    if address is None:
        raise SystemExit(f"{path} has no link {selector}: is there any data on the server?")
    return address


def _take(page: Page, address: str, folder: Path, name: str) -> int:
    for width_name, (width, height) in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        page.goto(address)
        page.wait_for_timeout(700)  # pictures and the first words of the live feed
        page.screenshot(path=folder / f"{name}-{width_name}.png", full_page=True)
    return len(WIDTHS)


if __name__ == "__main__":
    sys.exit(main())
