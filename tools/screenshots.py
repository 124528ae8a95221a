"""Pictures of every page, in both languages, on a phone and on a desk, from a running server.

The accounts come from a file, because a command line shows passwords to everybody on the machine:

    {"officer": {"username": "can_bo", "password": "..."}, "resident": {...}, "admin": {...}}

    python -m tools.screenshots --url http://127.0.0.1:8000 --accounts accounts.json --out build/screenshots
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
        "incident": "",
        "silences": "/silences",
        "missing": "/incidents/00000000-0000-7000-8000-000000000000",
    },
    "resident": {"log": "/log", "password": "/password"},
    "admin": {
        "cameras": "/admin/cameras",
        "camera": "",
        "new-camera": "/admin/new-camera",
        "devices": "/admin/devices",
        "users": "/admin/users",
        "audit": "/admin/audit",
        "silences-admin": "/silences",
    },
}
FOUND_ON = {"incident": ("/live", ".card h2 a"), "camera": ("/admin/cameras", "tbody a")}
"""Pages whose address is that of the first link of another page."""

Scheme = Literal["light", "dark"]


def main() -> int:
    """Take the pictures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--accounts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    arguments = parser.parse_args()
    accounts = json.loads(arguments.accounts.read_text(encoding="utf-8"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        taken = take_all(browser, arguments.url, accounts, arguments.out, arguments.scheme)
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
