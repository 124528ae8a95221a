"""Pictures of every page, in both languages, on a phone and on a desk, from a running server.

The accounts come from a file, because a command line shows passwords to everybody on the machine:

    {"officer": {"username": "can_bo", "password": "..."}, "resident": {...}, "leader": {...}, "admin": {...}}

    python -m tools.screenshots --url http://127.0.0.1:8000 --accounts accounts.json --out build/screenshots

With `--docs` it takes those that `docs/pages.md` shows instead, of a `make demo` that has run for some minutes, and
writes them into docs/images as WebP. Before that an officer takes an incident on and a resident writes. What a camera
took of real people is blurred there as a whole, on every page: a picture in a repository can never be taken back.
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
        "security": "/account",
        "log": "/log",
        "numbers": "/log/numbers",
        "transparency": "/transparency",
        "feedback": "/feedback",
        "password": "/password",
    },
    "leader": {"reports": "/reports", "letterhead": "/reports/letterhead", "mail": "/reports/mail"},
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
FOUND_ON = {
    "incident": ("/live", '.card:has-text("Đường làng") h2 a', ".card h2 a"),
    "camera": ("/admin/cameras", 'tbody a[href$="duong_lang"]', "tbody a"),
}
"""Pages whose address another page's link has: the first found. Of `make demo` the street, where nobody is real."""

SHOWN = {
    ("phone", "vi"): (
        *("live", "map", "incident", "shift", "look", "feedback-inbox", "notifications"),
        *("log", "numbers", "transparency", "feedback", "security"),
    ),
    ("phone", "en"): ("live", "log"),
    ("desk", "vi"): (
        *("login", "live", "incident", "sign", "silences", "reports", "letterhead", "mail"),
        *("cameras", "camera", "devices", "users", "audit", "retention", "delivery"),
    ),
    ("desk", "en"): ("incident", "camera", "reports"),
}
"""What `docs/pages.md` shows."""
DOCS = Path("docs/images")
DOCS_WIDTH = {"phone": 390, "desk": 960}
DOCS_SHARE = {"phone": 2.0, "desk": 0.9}
"""As many times its width does a picture of the docs show; the rest of a long page is left out."""
DOCS_QUALITY = 78
NOT_REAL = "Đường làng"
"""The camera of `make demo` that sees what this project has drawn. What any other took is blurred in the docs."""
BLUR = """(notReal) => {
  for (const picture of document.querySelectorAll("main img, main video, main canvas, main svg image")) {
    let around = picture.parentElement;
    while (around && !/Sân nhà văn hóa|Đường làng/.test(around.textContent)) around = around.parentElement;
    const drawn = picture.matches("[src*='/static/']") || (around && around.textContent.includes(notReal));
    if (!drawn) picture.style.filter = `blur(${Math.max(3, picture.getBoundingClientRect().width / 110)}px)`;
  }
}"""
"""A picture belongs to the camera whose name stands nearest to it. A script may set this; a style sheet may not."""

Scheme = Literal["light", "dark"]


def main() -> int:
    """Take the pictures; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--accounts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--docs", action="store_true", help="take those that the docs show, write them there")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    arguments = parser.parse_args()
    accounts = json.loads(arguments.accounts.read_text(encoding="utf-8"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        if arguments.docs:
            be_busy(browser, arguments.url, accounts)
        taken = take_all(browser, arguments.url, accounts, arguments.out, arguments.scheme, only_docs=arguments.docs)
    if arguments.docs:
        write_docs(arguments.out, arguments.scheme)
    print(f"{taken} pictures in {arguments.out}", file=sys.stderr)
    return 0


def be_busy(browser: Browser, url: str, accounts: dict[str, dict[str, str]]) -> None:
    """Let an officer take the newest incident on, and a resident write: pages on which nothing happened show little."""
    page = browser.new_page(base_url=url, locale="vi")
    sign_in(page, **accounts["officer"])
    page.goto("/live?lang=vi")
    page.locator('.card:has-text("Đường làng") form[data-act] button').first.click()
    page.locator(".card.is-closed, .card[data-state=acknowledged]").first.wait_for()
    page.close()
    page = browser.new_page(base_url=url, locale="vi")
    sign_in(page, **accounts["resident"])
    page.goto("/feedback?lang=vi")
    page.select_option("select[name=about]", "other")
    page.fill("textarea[name=text]", "Xe tải đỗ che khuất biển báo ở đầu làng vào các buổi sáng.")
    page.locator("main form button.primary").click()
    page.close()


def take_all(
    browser: Browser,
    url: str,
    accounts: dict[str, dict[str, str]],
    folder: Path,
    scheme: Scheme = "light",
    *,
    only_docs: bool = False,
) -> int:
    """Every page of every role at every width in every language, or what the docs show; returns how many pictures."""
    taken = 0
    for language in LANGUAGES:
        wanted = {width: SHOWN[width, language] if only_docs else None for width in WIDTHS}
        for role, pages in PAGES.items():
            page = browser.new_page(base_url=url, color_scheme=scheme, locale=language)
            if role == "officer":
                taken += _take(page, f"/login?lang={language}", folder, "login", f"{language}-{scheme}", wanted)
            sign_in(page, **accounts[role])
            for name, path in pages.items():
                if only_docs and not any(name in shown for shown in wanted.values() if shown is not None):
                    continue
                address = path or _first_link(page, *FOUND_ON[name])
                taken += _take(page, f"{address}?lang={language}", folder, name, f"{language}-{scheme}", wanted)
            page.close()
    return taken


def write_docs(folder: Path, scheme: Scheme) -> None:
    """Write what the docs show, small enough to be kept with the code."""
    import cv2

    DOCS.mkdir(exist_ok=True)
    for (width_name, language), names in SHOWN.items():
        width = DOCS_WIDTH[width_name]
        for name in names:
            picture = cv2.imread(str(folder / f"{name}-{language}-{scheme}-{width_name}.png"))
            if picture is None:
                raise SystemExit(f"{name} was not taken: name it under PAGES")
            scale = width / picture.shape[1]
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            shown = picture[: int(width * DOCS_SHARE[width_name])]
            target = DOCS / f"{name}-{language}-{width_name}.webp"
            cv2.imwrite(str(target), shown, [cv2.IMWRITE_WEBP_QUALITY, DOCS_QUALITY])


def sign_in(page: Page, username: str, password: str) -> None:
    """Sign in as somebody."""
    page.goto("/login")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda address: "/login" not in address)


def _first_link(page: Page, path: str, *selectors: str) -> str:
    page.goto(path)
    for selector in selectors:
        if page.locator(selector).count():
            return page.locator(selector).first.get_attribute("href") or path
    raise SystemExit(f"{path} has no link {selectors[-1]}: is there any data on the server?")


def _take(
    page: Page, address: str, folder: Path, name: str, suffix: str, wanted: dict[str, tuple[str, ...] | None]
) -> int:
    taken = 0
    for width_name, (width, height) in WIDTHS.items():
        shown = wanted[width_name]
        if shown is not None and name not in shown:
            continue
        page.set_viewport_size({"width": width, "height": height})
        page.goto(address)
        page.wait_for_timeout(1500)  # pictures, the editor, and the first words of the live feed
        if shown is not None:
            page.evaluate(BLUR, NOT_REAL)
        page.screenshot(path=folder / f"{name}-{suffix}-{width_name}.png", full_page=True)
        taken += 1
    return taken


if __name__ == "__main__":
    sys.exit(main())
