"""The stream process: memory of idle pages, how fast a broadcast arrives, and whether reconnects lose anything.

    python -m bench.server_stream [--pages 10000] [--reconnects 10000] [--database postgresql://...]

Real processes (`langan-server stream`, and `run` for the way from a POST to the pages) on this machine, whose cores the
pages share: their reading is part of what is told. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
import psutil
from sqlalchemy import select

from bench.live_pages import LivePages
from bench.server_site import add_places_and_device
from contract.ids import uuid7
from edge.identity import DeviceIdentity
from server import create_services
from server.alerts import service as alerts
from server.auth import service as auth
from server.db.models import Alert, Incident, User
from server.domain.access import Principal, Role
from server.ingest.service import ingest
from server.services import Services
from server.settings import Settings
from tests.support.identity import SignedAuth

VILLAGES: Final = 100
PAGES_EACH: Final = 5
ROUNDS: Final = 20
INCIDENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Site:
    """What is measured on."""

    parts: Services
    identity: DeviceIdentity
    everywhere: list[str]
    """Session tokens of people who see the whole commune."""
    by_village: list[str]
    """... and of people of one village each, village by village."""
    incidents: list[UUID]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=int, default=10_000, help="idle pages (each is an open file on both sides)")
    parser.add_argument("--some-pages", type=int, default=2_000, help="pages of the smaller broadcast")
    parser.add_argument("--reconnects", type=int, default=10_000)
    parser.add_argument("--viewers", type=int, default=1_000, help="pages while events are posted")
    parser.add_argument("--events-per-s", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=20.0, help="of posting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--database", default="", help="an empty database; SQLite in a temporary folder by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), database_url=options.database, min_free_bytes=0).prepared()
        site = _prepare(create_services(settings), options.pages)
        result: dict[str, float] = {}
        with _process(settings, "stream") as (url, process):
            result |= _idle(site, url, process, options.some_pages, "sse_p99_ms_some")
        with _process(settings, "stream") as (url, process):
            result |= _idle(site, url, process, options.pages, "sse_p99_ms")
        with _process(settings, "stream") as (url, _):
            result |= _reconnect(site, url, options.reconnects, random.Random(options.seed))
        with _process(settings, "run") as (web, _), _process(settings, "stream") as (url, _):
            result |= _post_to_browser(site, web, url, options)
        site.parts.database.close()
        print(json.dumps({name: round(value, 2) for name, value in result.items()}))


def _prepare(parts: Services, pages: int) -> Site:
    """Places, people with sessions, a device and incidents to tell of."""
    identity = add_places_and_device(parts, VILLAGES)
    scopes = ["xa"] * -(-pages // PAGES_EACH) + [f"v{n % VILLAGES}" for n in range(400)]
    tokens = []
    with parts.database.write() as session:
        for number, place in enumerate(scopes):
            now = parts.clock.utc()
            user = User(
                username=f"officer{number}",
                display_name=f"Officer {number}",
                password_hash="!",  # noqa: S106 (no password matches it)
                role=Role.OFFICER,
                place_id=place,
                active=True,
                created_at=now,
                password_changed_at=now,
            )
            session.add(user)
            session.flush()
            tokens.append(auth.open_session(session, parts.clock, parts.session_policy, user))
    device = Principal(Role.DEVICE, "box", "box", "xa")
    for start in range(0, INCIDENTS, 100):
        bodies = [_event(f"old{n}", n % VILLAGES) for n in range(start, start + 100)]
        ingest(parts.database, parts.clock, parts.settings.zone, device, bodies)
    with parts.database.read() as session:
        incidents = list(session.scalars(select(Incident.id)))
    return Site(parts, identity, tokens[:-400] * PAGES_EACH, tokens[-400:], incidents)


def _event(spot: str, village: int) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(seconds=2)
    return {
        "event_id": str(uuid7(at)),
        "revision": 0,
        "kind": "crowding",
        "camera_id": f"cam{village}",
        "village": f"v{village}",
        "spot": spot,
        "state": "start",
        "started_at": at.isoformat(),
        "observed_at": (at + timedelta(seconds=1)).isoformat(),
        "ended_at": None,
        "confidence": 0.8,
        "facts": {"peak_people": 12, "median_people": 10.5, "min_people": 10, "after_hours": False, "stay_s": 85.0},
        "evidence": [],
    }


@contextmanager
def _process(settings: Settings, command: str) -> Iterator[tuple[str, psutil.Process]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LANGAN_")}
    environment = kept | {
        "LANGAN_DATA_DIR": str(settings.data_dir),
        "LANGAN_DATABASE_URL": settings.database_url,
        "LANGAN_MIN_FREE_BYTES": "0",
        "LANGAN_LOG_LEVEL": "WARNING",
    }
    child = subprocess.Popen(
        [sys.executable, "-m", "server.cli", command, "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        if " on http://" not in line:
            raise RuntimeError(f"langan-server {command} did not start")
        yield line.rpartition(" ")[2].strip(), psutil.Process(child.pid)
    finally:
        child.terminate()
        child.wait(60)


def _publish(site: Site, number: int) -> None:
    """Commit one alert about an incident that is there, as an officer's step would."""
    with site.parts.database.write() as session:
        incident = session.get_one(Incident, site.incidents[number % len(site.incidents)])
        alerts.publish(session, incident, "updated", site.parts.clock.utc())
    if site.parts.database.dialect != "sqlite":
        site.parts.relay.round()


def _idle(site: Site, url: str, process: psutil.Process, count: int, name: str) -> dict[str, float]:
    """Memory of idle pages, and a broadcast to all of them."""
    before = process.memory_full_info().pss
    pages = LivePages(url)
    pages.open(site.everywhere[:count])
    time.sleep(3)
    each_kb = (process.memory_full_info().pss - before) / count / 1024
    cpu_s, began_s = sum(process.cpu_times()[:2]), time.monotonic()
    while time.monotonic() - began_s < 10:
        pages.read(0.5)
    idle_cpu = (sum(process.cpu_times()[:2]) - cpu_s) / (time.monotonic() - began_s)
    delays_s: list[float] = []
    cpu_s = sum(process.cpu_times()[:2])
    for number in range(ROUNDS):
        committed_s: list[float] = []

        def publish(number: int = number, committed_s: list[float] = committed_s) -> None:
            _publish(site, number)
            committed_s.append(time.perf_counter())

        writer = threading.Thread(target=publish)
        writer.start()
        arrived: list[float] = []
        while len(arrived) < count:
            arrived += [arrival.at_s for arrival in pages.read(5)]
        writer.join()
        delays_s += [at_s - committed_s[0] for at_s in arrived]
    each_us = (sum(process.cpu_times()[:2]) - cpu_s) / (ROUNDS * count) * 1e6
    after_kb = (process.memory_full_info().pss - before) / count / 1024
    pages.close()
    p99_ms = _p99(delays_s) * 1000
    print(
        f"{count} pages: {each_kb:.1f} kB each idle ({after_kb:.1f} kB after {ROUNDS} broadcasts), "
        f"{idle_cpu:.1%} of a core idle; a broadcast arrives after {statistics.median(delays_s) * 1000:.0f} ms "
        f"(median), {p99_ms:.0f} ms (p99), {each_us:.0f} us of CPU each"
    )
    return {"sse_clients": count, "sse_kb_each": each_kb, name: p99_ms}


def _reconnect(site: Site, url: str, times: int, chance: random.Random) -> dict[str, float]:
    """Cut pages off again and again, anywhere in the stream, while alerts are committed; count what never came."""
    pages = LivePages(url)
    pages.open(site.everywhere[:50])
    begun = {id(page): page.last_id for page in pages.pages}
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            _publish(site, number)
            number += 1
            time.sleep(0.004)

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(times):
        for arrival in pages.read(0.001):
            arrival.page.ids.append(arrival.sequence)
        pages.again(chance.choice(pages.pages))
    stop.set()
    writer.join()
    with site.parts.database.read() as session:
        newest = alerts.latest_sequence(session)
        wanted = list(session.scalars(select(Alert.sequence).order_by(Alert.sequence)))
    deadline = time.monotonic() + 60
    while min(page.last_id for page in pages.pages) < newest and time.monotonic() < deadline:
        for arrival in pages.read(0.5):
            arrival.page.ids.append(arrival.sequence)
    gaps = doubled = 0
    for page in pages.pages:
        seen = set(page.ids)
        gaps += sum(1 for number in wanted if number > begun[id(page)] and number not in seen)
        doubled += len(page.ids) - len(seen)
    print(f"{times} reconnects while {newest - min(begun.values())} alerts came: {gaps} missed, {doubled} came twice")
    pages.close()
    return {"sse_reconnects": times, "sse_gaps": gaps}


def _post_to_browser(site: Site, web: str, url: str, options: argparse.Namespace) -> dict[str, float]:
    """From the beginning of a signed POST to the pages of its village: pages spread over the villages."""
    pages = LivePages(url)
    pages.open((site.by_village * PAGES_EACH)[: options.viewers])
    sent_s: dict[str, float] = {}
    batch, stop = 10, time.monotonic() + options.seconds

    def post(worker: int, workers: int) -> None:
        number = worker * batch
        with httpx.Client(auth=SignedAuth(site.identity), timeout=60) as client:
            due_s = time.monotonic()
            while time.monotonic() < stop:
                bodies = [_event(f"n{number + n}", (number + n) % VILLAGES) for n in range(batch)]
                at_s = time.perf_counter()
                sent_s.update((body["spot"], at_s) for body in bodies)
                client.post(f"{web}/api/v1/events", json={"events": bodies}).raise_for_status()
                number += workers * batch
                due_s += batch * workers / options.events_per_s
                time.sleep(max(0.0, due_s - time.monotonic()))

    senders = [threading.Thread(target=post, args=(worker, 2)) for worker in range(2)]
    for sender in senders:
        sender.start()
    delays_s: list[float] = []
    told: set[str] = set()
    idle_since_s = time.monotonic()
    while any(sender.is_alive() for sender in senders) or time.monotonic() - idle_since_s < 3:
        for arrival in pages.read(0.2):
            idle_since_s = time.monotonic()
            spot = json.loads(arrival.data)["spot"]
            told.add(spot)
            delays_s.append(arrival.at_s - sent_s[spot])
    pages.close()
    rate = len(sent_s) / options.seconds
    p99_ms = _p99(delays_s) * 1000
    print(
        f"{rate:.0f} events/s posted, {options.viewers} pages over {VILLAGES} villages: {len(told)} of {len(sent_s)} "
        f"alerts told, {statistics.median(delays_s) * 1000:.0f} ms (median), {p99_ms:.0f} ms (p99) from POST to page"
    )
    return {"post_to_browser_events_per_s": rate, "post_to_browser_p99_ms": p99_ms}


def _p99(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


if __name__ == "__main__":
    main()
