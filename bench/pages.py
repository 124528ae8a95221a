"""How heavy officers' pages are, and when they can be used on a slow line with a slow phone.

    python -m bench.pages                    # starts a server with an evening on it, and Debian's Chromium
    python -m bench.pages --runs 5

Chromium is told by its DevTools protocol to behave as a phone of 360 x 800 on "slow 3G" as WebPageTest has it (400 ms
there and back, 400 kbit/s) with a processor four times slower. `usable` is when the first card's button (or the page's
first heading) is painted, is where a finger finds it (elementFromPoint), and the main thread answers: forms work
without scripts, so nothing else is waited for. `live` is when the feed stands. Bytes are those on the line, headers and
all, without snapshots and clips. A connection is opened before (as signing in did); `first` has an empty cache, `again`
a full one; the service worker stays out of it.

It prints a table and ends with one JSON line. Times depend on what else the machine does; bytes do not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.browser import chromium
from tests.support.seed import EdgeBox, fill
from tests.support.server import Account, RunningServer

ROUND_TRIP_MS: Final = 400
BYTES_A_SECOND: Final = 400_000 / 8
SLOWER: Final = 4
LONG_MS: Final = 50
AIM_BYTES: Final = 200_000
AIM_USABLE_MS: Final = 1500
PATIENCE_MS: Final = 60_000
_WATCH: Final = """
window.measured = {long: [], usable: null, live: null};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.measured.long.push(entry.duration);
}).observe({type: "longtask", buffered: true});
const look = () => {
  const [isWall, isIncident] = [location.pathname === "/live", location.pathname.startsWith("/incidents/")];
  const heading = "main .page-head h1, main h2"; // the map's own h1 is for screen readers on a phone
  const what = isWall ? "#wall .push button" : isIncident ? "#live-actions .acts button" : heading;
  const part = document.querySelector(what);
  const painted = performance.getEntriesByName("first-contentful-paint").length > 0;
  if (part && painted && window.measured.usable === null) {
    const box = part.getBoundingClientRect();
    const hit = document.elementFromPoint(box.x + box.width / 2, Math.min(box.y + box.height / 2, innerHeight - 2));
    if (box.height && (part.contains(hit) || box.y > innerHeight)) window.measured.usable = performance.now();
  }
  if (document.querySelector("#link-state[data-state=connected]")) window.measured.live ??= performance.now();
  if (window.measured.usable === null || (document.querySelector("#link-state") && window.measured.live === null)) {
    setTimeout(look, 10); // a task of its own: it is late when the main thread is busy
  }
};
look();
"""


_DONE: Final = """
window.measured.usable !== null && (!document.querySelector("#link-state") || window.measured.live !== null)
"""


@dataclass(frozen=True, slots=True)
class Load:
    """One load of a page."""

    bytes: int
    """On the line, without snapshots and clips."""
    media_bytes: int
    requests: int
    usable_ms: float
    live_ms: float | None
    long_tasks: int
    longest_ms: float


def measure(page: Page, path: str) -> Load:
    """Load a page as a slow phone would.

    Raises:
        TimeoutError: It was not usable within a minute.
    """
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    slow = {"latency": ROUND_TRIP_MS, "downloadThroughput": BYTES_A_SECOND, "uploadThroughput": BYTES_A_SECOND}
    session.send("Network.emulateNetworkConditions", {"offline": False, **slow})
    types: dict[str, str] = {}
    sizes: dict[str, int] = {}

    def came(event: dict[str, Any]) -> None:
        types[event["requestId"]] = event["type"]

    def ended(event: dict[str, Any]) -> None:
        sizes[event["requestId"]] = int(event["encodedDataLength"])

    session.on("Network.responseReceived", came)
    session.on("Network.loadingFinished", ended)
    page.goto(path, wait_until="commit", timeout=PATIENCE_MS)
    page.wait_for_load_state("load", timeout=PATIENCE_MS)
    _wait(page)
    found = page.evaluate("window.measured")
    session.detach()
    media = {"Image", "Media"}
    # The icons are a file of ours; pictures and clips are the incidents'.
    return Load(
        bytes=sum(size for key, size in sizes.items() if types.get(key) not in media),
        media_bytes=sum(size for key, size in sizes.items() if types.get(key) in media),
        requests=len(sizes),
        usable_ms=found["usable"],
        live_ms=found["live"],
        long_tasks=len(found["long"]),
        longest_ms=max(found["long"], default=0.0),
    )


def _wait(page: Page) -> None:
    """Until the page can be used and is live. (`wait_for_function` needs `eval`, which our pages forbid.)"""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(_DONE):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{page.url} was not usable within {PATIENCE_MS / 1000:.0f} s")
        page.wait_for_timeout(100)


def signed_in(browser: Browser, server: RunningServer, officer: Account) -> BrowserContext:
    """A phone that has signed in (which leaves the style sheet of all pages in its cache)."""
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": 360, "height": 800},
        device_scale_factor=2,
        has_touch=True,
        service_workers="block",  # it would answer from its own cache: a first visit has none
    )
    page = context.new_page()
    page.goto("/login")
    page.fill("input[name=username]", officer.username)
    page.fill("input[name=password]", officer.password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/live")
    page.close()
    return context


def run(browser: Browser, server: RunningServer, officer: Account, runs: int, only: str) -> dict[str, list[Load]]:
    """Load each page (or only one) several times, with an empty cache and with a full one."""
    results: dict[str, list[Load]] = {}
    context = signed_in(browser, server, officer)
    looked = context.new_page()
    looked.goto("/live")
    incident = looked.locator(".card h2 a").first.get_attribute("href")
    looked.close()
    pages = {"live": "/live", "incident": str(incident), "map": "/live/map", "shift": "/shift"}
    for name, path in pages.items() if not only else [(only, pages[only])]:
        for _ in range(runs):
            page = context.new_page()
            page.add_init_script(_WATCH)
            page.goto("/password")  # opens the connection
            session = context.new_cdp_session(page)
            session.send("Network.clearBrowserCache")
            for kind in ("first", "again"):
                results.setdefault(f"{name}_{kind}", []).append(measure(page, path))
            page.close()
    context.close()
    return results


def summary(loads: list[Load]) -> dict[str, float | None]:
    """The median of each figure."""
    columns = {key: [asdict(load)[key] for load in loads] for key in asdict(loads[0])}
    return {
        key: None if any(value is None for value in values) else round(statistics.median(values))
        for key, values in columns.items()
    }


def main() -> None:
    """Measure, print a table and one JSON line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--runs", type=int, default=3, help="loads of each page; the median is printed")
    parser.add_argument("--only", default="", choices=["live", "incident", "map", "shift"], help="one page")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, RunningServer(Path(folder)) as server, chromium() as browser:
        identity = server.enrol("hop-1", "trang-long")
        with closing(EdgeBox(server.url, identity, "trang-long")) as box:
            fill(box, datetime.now(UTC))
        officer = server.add_user("can_bo", "officer", "trang-long")
        loaded = run(browser, server, officer, arguments.runs, arguments.only)
        found = {name: summary(loads) for name, loads in loaded.items()}
    print(f"slow 3G ({ROUND_TRIP_MS} ms, {BYTES_A_SECOND * 8 / 1000:.0f} kbit/s), processor {SLOWER} times slower")
    print("| page | kB | snapshots kB | requests | usable ms | live ms | long tasks | longest ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, row in found.items():
        sizes = f"{(row['bytes'] or 0) / 1000:.1f} | {(row['media_bytes'] or 0) / 1000:.1f}"
        live = "-" if row["live_ms"] is None else row["live_ms"]
        tasks = f"{row['long_tasks']} | {row['longest_ms']}"
        print(f"| {name.replace('_', ', ')} | {sizes} | {row['requests']} | {row['usable_ms']} | {live} | {tasks} |")
    print(json.dumps({"aim_bytes": AIM_BYTES, "aim_usable_ms": AIM_USABLE_MS, **found}))


if __name__ == "__main__":
    main()
