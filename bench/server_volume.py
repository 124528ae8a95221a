"""The server at volume: lists, pages, retention's search and a year's report over millions of events.

    python -m bench.server_volume [--events 200000] [--database sqlite] [--keep]

A year of a province: 100 communes, 1,000 villages, 5,000 cameras, with revisions, incidents, steps, references, files,
alerts and what retention wrote down (bench/volume_data.py). 5 million events take 12 to 15 GB for each database, one
after the other. Each question is asked `--rounds` times of another village, kind, day or incident, first through the
functions that the pages use, then over HTTP; the first time is told apart. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import random
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from bench.server_site import DATABASES, ROOT, Site, check_database, cluster, server
from bench.volume_data import CAMERAS_EACH, KINDS, Size, all_places, fill, villages
from server import create_services, migrations
from server.auth import service as auth
from server.db.models import Camera, Device, Incident, User
from server.domain.access import Principal, Role
from server.domain.incident import IncidentState
from server.incidents.detail import incident_detail
from server.incidents.queries import IncidentFilter, public_log
from server.incidents.service import close_and_expire
from server.places import service as places
from server.police.wall import WallFilter, wall_cards, wall_page
from server.retention import service as retention
from server.retention.policy import RetentionPolicy
from server.services import Services
from server.settings import Settings
from tests.support.identity import make_identity

FOLDER: Final = ROOT / "artifacts" / "bench" / "volume"
EVENTS: Final = 5_000_000
PEOPLE: Final = (
    ("province", Role.OFFICER, "tinh"), ("commune", Role.OFFICER, "xa3"), ("village", Role.OFFICER, "v31"),
    ("resident", Role.RESIDENT, "v31"), ("residents", Role.RESIDENT, "tinh"), ("leader", Role.LEADER, "tinh"),
)  # fmt: skip
RARE: Final = ("abandoned_object", "littering", "camera_offline")
LISTS: Final = "list "  # names of what counts as a page of incidents begin so


@dataclass(slots=True)
class Times:
    """How long one question took, in milliseconds."""

    ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    """Of the asking thread (with SQLite, where the database runs in it, all there is), or of the server asked."""

    def told(self) -> dict[str, float]:
        """The first, the middle one and the 95th percentile of the rest."""
        rest = sorted(self.ms[1:] or self.ms)
        p95 = rest[min(len(rest) - 1, int(len(rest) * 0.95))]
        cpu = statistics.fmean(self.cpu_ms[1:] or self.cpu_ms)
        return {"first": self.ms[0], "p50": statistics.median(rest), "p95": p95, "cpu": cpu}


@contextmanager
def databases(name: str, folder: Path) -> Iterator[Settings]:
    """Settings with a database that stays below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if name == "sqlite":
        yield Settings(data_dir=folder, min_free_bytes=0).prepared()
        return
    with cluster(folder / "pg") as running:
        yield Settings(data_dir=folder, database_url=running.url(), min_free_bytes=0).prepared()


def prepare(parts: Services) -> None:
    """Tables, places, a device with its cameras, people."""
    migrations.upgrade(parts.database)
    with parts.database.write() as session:
        given = [
            {"id": place, "kind": kind, "name": name} | ({"parent": parent} if parent else {})
            for place, kind, name, parent in all_places()
        ]
        places.sync(session, parts.clock, json.dumps({"site": {"name": "Bench"}, "places": given}), "site.yaml")
        now = parts.clock.utc()
        session.add(Device(id="box", name="box", place_id="tinh", created_at=now))
        session.flush()
        for village in villages():
            for number in range(CAMERAS_EACH):
                camera = f"cam-{village}-{number}"
                session.add(
                    Camera(id=camera, device_id="box", village_id=village, name=f"Camera {number}", created_at=now)
                )
        for name, role, place in PEOPLE:
            session.add(
                User(username=name, display_name=name, password_hash="!", role=role, place_id=place, active=True,  # noqa: S106 (no password matches it)
                     created_at=now, password_changed_at=now)
            )  # fmt: skip


class Asker:
    """Asks one question again and again, each time about something else.

    Args:
        parts: Of the server.
        settings: Where it lies.
        rounds: How often each question is asked; `seed` is of what is asked for.
    """

    def __init__(self, parts: Services, settings: Settings, rounds: int, seed: int) -> None:
        self._parts, self._settings, self._rounds = parts, settings, rounds
        self._dice = random.Random(seed)
        self._cpu_s: Callable[[], float] = time.thread_time
        self.times: dict[str, Times] = {}
        with parts.database.read() as session:
            users = {user.username: user for user in session.scalars(select(User))}
            self._people = {
                name: Principal(role, f"user:{users[name].id}", name, place) for name, role, place in PEOPLE
            }
            now = parts.clock.utc()
            self._incidents: list[tuple[UUID, datetime]] = []
            for _ in range(200):  # from any time of the year, most of them recent: as people look
                at = now - timedelta(days=365 * self._dice.random() ** 3)
                query = select(Incident.id, Incident.first_at).where(Incident.first_at <= at)
                found = session.execute(query.order_by(Incident.first_at.desc()).limit(1)).first()
                if found is not None:
                    self._incidents.append((found.id, found.first_at))

    def _time(self, name: str, ask: Callable[[], object]) -> None:
        times = self.times[name] = Times()
        for _ in range(self._rounds):
            began_s, cpu_s = time.perf_counter(), self._cpu_s()
            ask()
            times.ms.append((time.perf_counter() - began_s) * 1000)
            times.cpu_ms.append((self._cpu_s() - cpu_s) * 1000)
        print(f"  {name:56}" + "".join(f"{value:10.1f}" for value in times.told().values()), flush=True)

    def _cursor(self) -> str:
        incident_id, at = self._dice.choice(self._incidents)
        return base64.urlsafe_b64encode(f"{at.isoformat()} {incident_id}".encode()).decode().rstrip("=")

    def _read(self, ask: Callable[[Session], object]) -> Callable[[], object]:
        def asked() -> object:
            with self._parts.database.read() as session:
                return ask(session)

        return asked

    def queries(self) -> None:
        """Through the functions that the pages call."""
        dice, people, parts = self._dice, self._people, self._parts

        def wall(who: str, wanted: Callable[[], WallFilter], *, older: bool = False) -> Callable[[], object]:
            return self._read(
                lambda session: wall_page(session, people[who], wanted(), self._cursor() if older else None)
            )

        def log(who: str, wanted: Callable[[], IncidentFilter], *, older: bool = False) -> Callable[[], object]:
            return self._read(
                lambda session: public_log(
                    session,
                    people[who],
                    parts.clock,
                    parts.public_policy,
                    wanted(),
                    cursor=self._cursor() if older else None,
                )
            )

        def any_village() -> str:
            return dice.choice(villages())

        def day() -> IncidentFilter:
            since = parts.clock.utc() - timedelta(days=dice.randrange(1, 364))
            return IncidentFilter(place_id=any_village(), since=since, until=since + timedelta(days=1))

        for who in ("province", "commune", "village"):
            self._time(f"{LISTS}wall of a {who}", wall(who, WallFilter))
            self._time(f"{LISTS}wall of a {who}, older page", wall(who, WallFilter, older=True))
            self._time(f"{LISTS}wall of a {who}, a kind", wall(who, lambda: WallFilter(kind=dice.choice(list(KINDS)))))
            self._time(
                f"{LISTS}wall of a {who}, a rare kind, older page",
                wall(who, lambda: WallFilter(kind=dice.choice(RARE)), older=True),
            )
            self._time(
                f"{LISTS}wall of a {who}, a state",
                wall(who, lambda: WallFilter(state=dice.choice(list(IncidentState)).value)),
            )
            self._time(
                f"{LISTS}wall of a {who}, a state and a kind, older page",
                wall(
                    who,
                    lambda: WallFilter(kind=dice.choice(list(KINDS)), state=dice.choice(list(IncidentState)).value),
                    older=True,
                ),
            )
        self._time(f"{LISTS}wall of a province, a village", wall("province", lambda: WallFilter(village=any_village())))
        self._time(
            f"{LISTS}wall of a province, a commune, older page",
            wall("province", lambda: WallFilter(village=f"xa{dice.randrange(100)}"), older=True),
        )
        for who in ("resident", "residents"):
            self._time(f"{LISTS}log of {who}", log(who, IncidentFilter))
            self._time(f"{LISTS}log of {who}, older page", log(who, IncidentFilter, older=True))
            self._time(
                f"{LISTS}log of {who}, a kind, older page",
                log(who, lambda: IncidentFilter(kinds=(dice.choice(list(KINDS)),)), older=True),
            )
        self._time(f"{LISTS}log of residents, a village and a day", log("residents", day))
        self._time(
            "20 cards by id",
            self._read(
                lambda session: wall_cards(
                    session, people["province"], WallFilter(), [item for item, _ in dice.sample(self._incidents, 20)]
                )
            ),
        )
        self._time(
            "an incident",
            self._read(lambda session: incident_detail(session, people["province"], dice.choice(self._incidents)[0])),
        )

    def http(self) -> None:
        """Over HTTP, with templates and sessions."""
        dice, parts = self._dice, self._parts
        tokens = {}
        with parts.database.write() as session:
            for user in session.scalars(select(User)):
                tokens[user.username] = auth.open_session(session, parts.clock, parts.session_policy, user)
        identity = make_identity("box", server=parts.server_key)
        with server(Site(self._settings, identity)) as running, ExitStack() as stack:
            self._cpu_s = running.processor_s
            base = f"http://127.0.0.1:{running.port}"

            def get(who: str, path: Callable[[], str]) -> Callable[[], object]:
                cookies = {"langan_session": tokens[who]}
                client = stack.enter_context(httpx.Client(base_url=base, cookies=cookies, timeout=300))

                def asked() -> object:
                    answer = client.get(path())
                    if answer.status_code != 200:
                        raise SystemExit(f"{answer.request.url}: {answer.status_code}")
                    return answer

                return asked

            for who in ("province", "village"):
                self._time(f"http /live of a {who}", get(who, lambda: "/live"))
                self._time(f"http /live of a {who}, older page", get(who, lambda: f"/live?before={self._cursor()}"))
                self._time(
                    f"http /live/cards of a {who}, kind and state",
                    get(
                        who,
                        lambda: f"/live/cards?kind={dice.choice(list(KINDS))}&state={dice.choice(list(IncidentState))}",
                    ),
                )
            self._time("http /log of a resident, older page", get("resident", lambda: f"/log?before={self._cursor()}"))
            self._time("http /incidents/<id>", get("province", lambda: f"/incidents/{dice.choice(self._incidents)[0]}"))

        self._cpu_s = time.thread_time

    def upkeep(self) -> None:
        """What the server looks for by itself; retention only counts."""
        parts, rounds = self._parts, self._rounds
        self._rounds = 3

        def close() -> None:
            close_and_expire(parts.database, parts.clock)

        self._time("close_and_expire", close)
        self._rounds = 1
        run = retention._Run(parts, RetentionPolicy.of(parts.settings), True)  # noqa: SLF001 (step by step)
        for step in (run.evidence, run.details, run.incidents, run.quarantined, run.notifications, run.logs):
            self._time(f"retention, {step.__name__}", step)
        print(f"  retention would delete {dict(run.report.counts)}", flush=True)
        self._rounds = rounds

    def report(self) -> None:
        """The province's year."""
        from server.domain.reports import Period
        from server.reports.rebuild import rebuild
        from server.reports.service import report

        parts = self._parts
        began_s = time.perf_counter()
        rebuild(parts.database, parts.settings.zone)
        print(f"  reports: rebuilt in {time.perf_counter() - began_s:.0f} s", flush=True)
        year = Period.year((parts.clock.utc() - timedelta(days=180)).year)
        rounds, self._rounds = self._rounds, 5
        self._time(
            "a province's yearly report",
            self._read(
                lambda session: report(session, parts.clock, parts.settings.zone, self._people["leader"], "tinh", year)
            ),
        )
        self._rounds = rounds


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Fill a database and ask."""
    began_s = time.monotonic()

    def say(words: str) -> None:
        print(f"[{time.monotonic() - began_s:5.0f} s] {name}: {words}", flush=True)

    folder = options.folder / f"{name}-{options.events}-{options.revisions}-{options.seed}"
    made_file = folder / "made.json"
    if not made_file.exists():
        shutil.rmtree(folder, ignore_errors=True)
    figures: dict[str, Any] = {}
    try:
        with databases(name, folder) as settings:
            parts = create_services(settings)
            if not made_file.exists():
                prepare(parts)
                parts.database.close()
                now = datetime.now(UTC).replace(microsecond=0)
                made = fill(settings.database_url, Size(options.events, options.revisions, options.seed, now), say)
                made_file.write_text(json.dumps(made.rows), encoding="utf-8")
                parts = create_services(settings)
            figures["rows"] = json.loads(made_file.read_text("utf-8"))
            figures["gb"] = round(sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) / 1e9, 2)
            say(f"{figures['gb']} GB, {figures['rows']}")
            migrations.upgrade(parts.database)
            words = Flask(__name__)
            asker = Asker(parts, settings, options.rounds, options.seed)
            for part in ("queries", "http", "upkeep", "report"):
                if options.only and part not in options.only:
                    continue
                say(part)
                with words.test_request_context("/?lang=vi"):  # cards are put into words
                    getattr(asker, part)()
            parts.database.close()
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    figures["ms"] = {question: times.told() for question, times in asker.times.items()}
    lists = [times.told()["p95"] for question, times in asker.times.items() if question.startswith(LISTS)]
    figures["list_p95_ms"] = max(lists) if lists else None
    year = asker.times.get("a province's yearly report")
    figures["yearly_report_s"] = None if year is None else statistics.median(year.ms) / 1000
    return figures


def both(options: argparse.Namespace) -> dict[str, Any]:
    """Measure on one database or both; the keys of `make bench-server` are the worse one's."""
    names = DATABASES if options.database is None else (options.database,)
    each = {name: measure(name, options) for name in names}
    worst: dict[str, Any] = {"volume_events": options.events}
    for key in ("list_p95_ms", "yearly_report_s"):
        values = [figures[key] for figures in each.values() if figures[key] is not None]
        worst[key] = max(values) if values else None
    if options.detail:
        options.detail.write_text(json.dumps(each, indent=1), encoding="utf-8")
    return worst


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--events", type=int, default=EVENTS)
    made.add_argument("--revisions", type=int, default=2, help="of each event")
    made.add_argument("--database", choices=DATABASES, help="both by default")
    made.add_argument("--rounds", type=int, default=60, help="times that each question is asked")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--folder", type=Path, default=FOLDER, help="%(default)s")
    made.add_argument("--keep", action="store_true", help="leave what was made there for the next run")
    made.add_argument("--only", action="append", choices=("queries", "http", "upkeep", "report"))
    made.add_argument("--detail", type=Path, help="all figures, as JSON")
    return made


def main() -> int:
    """Measure and print."""
    options = parser().parse_args()
    if options.database != "sqlite":
        check_database("postgresql")
    print(f"load before {os.getloadavg()[0]:.1f}; milliseconds: first, median, 95th percentile, CPU (mean)", flush=True)
    print(json.dumps(both(options)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
