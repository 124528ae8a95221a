"""Draws the app's icons from the logo: `python tools/make_icons.py` (needs Debian's Chromium and the extra `dev`)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

from tests.support.browser import chromium

IMAGES: Final = Path(__file__).parents[1] / "server" / "static" / "img"
LEAF: Final = "#12493a"
_PLAIN: Final = (("icon-192.png", 192), ("icon-512.png", 512))


def main() -> None:
    """Write every icon beside the logo."""
    logo = (IMAGES / "logo.svg").read_text(encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page()
        for name, side in _PLAIN:
            _draw(page, name, side, logo, share=1.0, ground="transparent")
        # Phones cut a maskable icon to a circle of 80 %: the logo stands inside, on its own colour to the edge.
        _draw(page, "icon-maskable-512.png", 512, logo, share=0.78, ground=LEAF)
        _draw(page, "icon-180.png", 180, logo, share=1.0, ground=LEAF)
        # Of a badge only the shape counts: white on nothing.
        shape = logo.replace(f'fill="{LEAF}"', 'fill="none"').replace("#f6ead0", "#ffffff").replace("#f0563f", "none")
        _draw(page, "icon-badge.png", 96, shape, share=1.1, ground="transparent")


def _draw(page: Page, name: str, side: int, svg: str, *, share: float, ground: str) -> None:
    page.set_viewport_size({"width": side, "height": side})
    inner = round(side * share)
    page.set_content(
        f"<style>html,body{{margin:0;height:100%;background:{ground};display:grid;place-items:center;overflow:hidden}}"
        f"svg{{width:{inner}px;height:{inner}px}}</style>{svg}"
    )
    page.screenshot(path=IMAGES / name, omit_background=True)


if __name__ == "__main__":
    main()
