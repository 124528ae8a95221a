"""What every page owes to its readers, measured in a browser: WCAG, contrast, and no scrolling sideways."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WCAG_AA = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""axe's names for the rules of WCAG 2.2 AA."""
_FAINT = """() => {
    const light = (text) => {
        const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        for (let item = element; item; item = item.parentElement) {
            const colour = getComputedStyle(item).backgroundColor;
            if (!/, 0\\)$/.test(colour) && colour !== "transparent") return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const faint = new Set();
    for (const element of document.querySelectorAll("body *")) {
        const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
        const skipped = element.closest(".shot, .visually-hidden, option, video, svg title");
        if (!hasText || element.offsetParent === null || skipped) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((x, y) => y - x);
        const ratio = (a + 0.05) / (b + 0.05);
        const words = element.textContent.trim().slice(0, 40);
        if (ratio < 4.5) faint.add([ratio.toFixed(2), element.className, words].join(" "));
    }
    return [...faint];
}"""


def violations(page: Page) -> list[tuple[str, str]]:
    """What axe finds against WCAG 2.2 AA: each rule's name and the beginning of the element.

    Raises:
        AssertionError: axe looked at nothing.
    """
    # Of the rules that hold only one element is told: the list of them all is most of axe's answer.
    answer = Axe().run(page, options={"runOnly": WCAG_AA, "resultTypes": ["violations"]}).response
    assert answer["passes"], "nothing was looked at"
    return [(item["id"], node["html"][:150]) for item in answer["violations"] for node in item["nodes"]]


def faint_texts(page: Page) -> list[str]:
    """Texts with less than 4.5:1 against the nearest ground colour: axe leaves those over a gradient undecided."""
    found: list[str] = page.evaluate(_FAINT)
    return found


def pixels_too_wide(page: Page) -> int:
    """How far the page scrolls sideways."""
    over: int = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    return max(over, 0)
