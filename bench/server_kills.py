"""Kills the server again and again at random instants while eight devices' senders post, then looks at what it has.

    python -m bench.server_kills --kills 1000 --database sqlite --seed 1

A run is made of legs, each with an empty database, a seed and an oracle of its own; a leg that is done is a line in
`artifacts/bench/server_kills.jsonl` and is not run again (`--again` does). Most kills end the worker process, which
gunicorn's parent starts anew from a warm interpreter; every eighth ends all processes at once, as a power cut does.
The operating system lives on: what a disk loses that lies about its cache is not tried here.

Senders shuffle, send copies of what they or others sent before or are sending now, and send again what was not
acknowledged. Lost is a revision that the server acknowledged and does not have at the end, or called new twice. At the
end every revision is acknowledged, and the incidents must be the oracle's.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import psutil
from sqlalchemy import select

from bench.server_site import (
    DATABASES,
    ROOT,
    SPOTS,
    VILLAGES,
    Process,
    Site,
    check_database,
    send,
    server,
    signed,
    site,
)
from contract.event import Event
from contract.ids import uuid7
from server import create_services
from server.db.models import EventRecord, EventRevision, Incident
from server.domain.grouping_oracle import ExpectedIncident, expected_incidents
from server.incidents.hours import site_hours

SENDERS: Final = 8
LEG_KILLS: Final = 50
LOG: Final = ROOT / "artifacts" / "bench" / "server_kills.jsonl"
DRAIN_S: Final = 300.0
MOST: Final = 6
WAITING: Final = 240
"""Revisions that are ready to be sent: about as many as a village's boxes hold back after an outage."""
STORED: Final = frozenset({"created", "duplicate"})
Key = tuple[str, int]
FACTS: Final[dict[str, dict[str, Any]]] = {
    "crowding": {"peak_people": 12, "median_people": 10.5, "min_people": 10, "after_hours": False, "stay_s": 85.0},
    "intrusion": {"object_class": "person", "stay_s": 14.0, "peak_count": 2},
    "loitering": {
        "object_class": "person", "stay_s": 244.0, "max_stay_s": 180.0, "visits": 2, "unseen_s": 12.0,
        "distance_m": 96.0,
    },
    "stop_line": {"object_class": "car", "red_stay_s": 21.0, "past_m": 1.2, "past_boxes": 0.4, "crossed_on": "red"},
}  # fmt: skip
"""Kinds that make incidents of their own and (loitering, intrusion) with each other."""


@dataclass
class Told:
    """What is sent and what was answered, by all senders."""

    dice: random.Random
    base: datetime
    bodies: dict[Key, dict[str, Any]] = field(default_factory=dict)
    waiting: list[Key] = field(default_factory=list)
    acknowledged: set[Key] = field(default_factory=set)
    created: Counter[Key] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    answers: int = 0
    cut: int = 0
    errors: Counter[int] = field(default_factory=Counter)
    is_closing: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def more(self) -> None:
        """Think of another event, with all its revisions."""
        dice = self.dice
        village, kind = dice.randrange(VILLAGES), dice.choice(list(FACTS))
        start = self.base + timedelta(seconds=dice.randint(0, 30_000))
        event_id = uuid7(start, dice.getrandbits(74))
        updates = sorted(dice.randint(1, 900) for _ in range(dice.randint(0, 3)))
        ends = dice.random() < 0.5
        camera, spot = f"cam-v{village}-{dice.randrange(2)}", f"v{village}-{dice.randrange(SPOTS)}"
        for revision, last_s in enumerate((1, *updates)):
            at, is_end = start + timedelta(seconds=last_s), ends and 0 < revision == len(updates)
            body = {
                "event_id": str(event_id),
                "revision": revision,
                "kind": kind,
                "camera_id": camera,
                "village": f"v{village}",
                "spot": spot,
                "zone": "zone-1",
                "state": "end" if is_end else "update" if revision else "start",
                "started_at": start.isoformat(),
                "observed_at": at.isoformat(),
                "ended_at": at.isoformat() if is_end else None,
                "confidence": 0.8,
                "facts": FACTS[kind],
                "evidence": [],
            }
            self.bodies[str(event_id), revision] = body
            self.waiting.append((str(event_id), revision))

    def take(self, dice: random.Random) -> list[Key]:
        """A batch: some that wait, in any order, and copies of others."""
        with self.lock:
            while not self.is_closing and len(self.waiting) < WAITING:
                self.more()
            dice.shuffle(self.waiting)
            count = dice.randint(1, MOST)
            mine = self.waiting[:count]
            del self.waiting[:count]
            if self.waiting and dice.random() < 0.3:
                mine.append(dice.choice(self.waiting))  # another sender will send it, too, perhaps right now
            if self.acknowledged and dice.random() < 0.5 and not self.is_closing:
                mine += dice.sample(list(self.bodies), min(dice.randint(1, 3), len(self.bodies)))
            dice.shuffle(mine)
            return list(dict.fromkeys(mine))

    def answered(self, keys: list[Key], status: int, content: bytes) -> None:
        """Take the server's word."""
        with self.lock:
            if status >= 500:
                self.errors[status] += 1
                self._again(keys)
                return
            results = json.loads(content).get("results", [])
            self.answers += 1
            if len(results) != len(keys):
                self.refused.append(f"{status}: {content[:300]!r}")
                return
            for key, result in zip(keys, results, strict=True):
                if (result["event_id"], result["revision"]) != key or result["status"] not in STORED:
                    self.refused.append(f"{key}: {json.dumps(result)}")
                    continue
                if result["status"] == "created":
                    self.created[key] += 1
                self.acknowledged.add(key)

    def unanswered(self, keys: list[Key], *, was_sent: bool) -> None:
        """The server died; what it had of them nobody knows."""
        with self.lock:
            self.cut += was_sent
            self._again(keys)

    def _again(self, keys: list[Key]) -> None:
        known = set(self.waiting)
        self.waiting += [key for key in keys if key not in self.acknowledged and key not in known]


def post(told: Told, where: Site, port: int, seed: str) -> None:
    """One sender, until all is acknowledged."""
    dice = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    while True:
        keys = told.take(dice)
        if not keys:
            if told.is_closing:
                break
            continue
        request = signed(where.identity, [told.bodies[key] for key in keys])
        try:
            status, content = send(connection, request)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            told.unanswered(keys, was_sent=not isinstance(error, ConnectionRefusedError))
            time.sleep(dice.uniform(0.01, 0.1))
            continue
        told.answered(keys, status, content)
        if status >= 500:
            time.sleep(0.05)
    connection.close()


def kill_once(told: Told, running: Process, dice: random.Random, *, all_at_once: bool) -> bool:
    """One life of the server and its end; tells whether all its processes were killed."""
    if dice.random() < 0.85:  # the others die while they start
        wanted, deadline = told.answers + dice.randint(1, 12), time.monotonic() + 120
        while told.answers < wanted:
            if time.monotonic() > deadline or told.refused:
                raise SystemExit(f"the server answers no more: {told.refused[:3]}, {dict(told.errors)}")
            time.sleep(0.002)
    time.sleep(dice.uniform(0.0, 0.1))
    everything = running.all()
    if running.process is None or running.process.poll() is not None or not everything:
        raise SystemExit("the server ended by itself: see its log")
    if all_at_once or len(everything) == 1:
        os.killpg(running.process.pid, signal.SIGKILL)
        running.process.wait()
        running.start(wait=False)
        return True
    chosen = everything[1:] if dice.random() < 0.5 else [dice.choice(everything[1:])]
    for worker in chosen:
        try:
            worker.kill()
        except psutil.NoSuchProcess:
            continue
    for worker in chosen:  # the parent must have seen it, or the next kill finds the same one
        try:
            worker.wait(30)
        except psutil.NoSuchProcess:
            continue
    return False


def leg(database: str, seed: int, kills: int, folder: Path) -> dict[str, Any]:
    """Kill so many times, then compare."""
    began_s = time.monotonic()
    told = Told(random.Random(f"{seed} events"), datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12))
    dice = random.Random(f"{seed} kills")
    shutil.rmtree(folder, ignore_errors=True)
    whole = 0
    with site(database, folder) as where, server(where, workers=2 if database == "postgresql" else 1) as running:
        senders = [
            threading.Thread(target=post, args=(told, where, running.port, f"{seed} sender {number}"), daemon=True)
            for number in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        for number in range(kills):
            whole += kill_once(told, running, dice, all_at_once=number % 8 == 1)
            if number % 25 == 24:
                print(f"  {number + 1} kills, {len(told.acknowledged)} revisions acknowledged", flush=True)
        told.is_closing = True
        deadline = time.monotonic() + DRAIN_S
        for sender in senders:
            sender.join(max(0.0, deadline - time.monotonic()))
        killing_s = time.monotonic() - began_s
        found = compare(told, where)
    return {
        "database": database,
        "seed": seed,
        "kills": kills,
        "all_processes_at_once": whole,
        "seconds": round(killing_s, 1),
        "requests_answered": told.answers,
        "requests_cut": told.cut,
        "answers_5xx": sum(told.errors.values()),
        **found,
        "refused": len(told.refused),
        "first_refused": told.refused[:3],
    }


def compare(told: Told, where: Site) -> dict[str, Any]:
    """What the database has, against what was acknowledged and what the oracle says."""
    parts = create_services(where.settings)
    with parts.database.read() as session:
        rows = Counter(
            (str(event_id), revision)
            for event_id, revision in session.execute(select(EventRevision.event_id, EventRevision.revision))
        )
        expected = expected_incidents(
            map(Event.model_validate, told.bodies.values()), site_hours(session, where.settings.zone)
        )
        of_incident: dict[UUID | None, set[UUID]] = {}
        for event_id, incident_id in session.execute(select(EventRecord.event_id, EventRecord.incident_id)):
            of_incident.setdefault(incident_id, set()).add(event_id)
        actual = {}
        miscounted = 0
        for row in session.scalars(select(Incident).where(Incident.merged_into_id.is_(None))):
            members = frozenset(of_incident.pop(row.id, set()))
            miscounted += row.event_count != len(members)
            actual[row.key, members] = (
                row.first_at, row.last_at, row.kind, row.open_event_count, row.after_hours, row.severity
            )  # fmt: skip
    parts.database.close()
    wanted = {(item.key, item.event_ids): _facts(item) for item in expected}
    different = sorted(
        {key for key in wanted.keys() | actual.keys() if wanted.get(key) != actual.get(key)}, key=lambda key: key[0]
    )
    lost = {key for key in told.acknowledged if key not in rows} | {key for key, n in told.created.items() if n > 1}
    return {
        "revisions": len(told.bodies),
        "acknowledged": len(told.acknowledged),
        "never_acknowledged": len(told.bodies.keys() - told.acknowledged),
        "lost": len(lost),
        "doubled": sum(count - 1 for count in rows.values()) + len(rows.keys() - told.bodies.keys()),
        "incidents": len(actual),
        "different_from_oracle": len(different) + miscounted + sum(map(len, of_incident.values())),
        "first_lost": sorted(lost)[:3],
        "first_different": [
            {"key": key, "oracle": str(wanted.get((key, ids))), "server": str(actual.get((key, ids))),
             "events": sorted(map(str, ids))[:20]}
            for key, ids in different[:4]
        ],
    }  # fmt: skip


def _facts(item: ExpectedIncident) -> tuple[object, ...]:
    return (item.first_at, item.last_at, item.kind, item.open_event_count, item.after_hours, item.severity)


def is_bad(figures: dict[str, Any]) -> bool:
    """Whether a leg found anything."""
    names = ("lost", "doubled", "different_from_oracle", "never_acknowledged", "refused")
    return any(figures[name] for name in names) or not figures["acknowledged"]


def all_legs(
    database: str, kills: int, seed: int, *, per_leg: int = LEG_KILLS, log: Path = LOG, again: bool = False
) -> dict[str, int]:
    """Run the legs that are not done yet; returns the sums of all of them."""
    log.parent.mkdir(parents=True, exist_ok=True)
    known = [json.loads(line) for line in log.read_text("utf-8").splitlines()] if log.exists() and not again else []
    done = {(item["database"], item["seed"], item["kills"]): item for item in known}
    sums: Counter[str] = Counter()
    for number, first in enumerate(range(0, kills, per_leg)):
        mine = (database, seed * 1000 + number, min(per_leg, kills - first))
        figures = done.get(mine)
        if figures is None:
            folder = log.parent / f"server_kills-{database}-{mine[1]}"
            figures = leg(*mine, folder)
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(figures) + "\n")
            if not is_bad(figures):
                shutil.rmtree(folder)
            print(json.dumps(figures), flush=True)
        for name in ("kills", "acknowledged", "lost", "doubled", "incidents", "different_from_oracle"):
            sums[name] += figures[name]
        sums["bad_legs"] += is_bad(figures)
    return dict(sums)


def main() -> int:
    """Kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--per-leg", type=int, default=LEG_KILLS, help="kills on one database, then a fresh one")
    parser.add_argument("--database", choices=DATABASES, default="sqlite")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, default=LOG, help="finished legs (%(default)s)")
    parser.add_argument("--again", action="store_true", help="run finished legs again")
    options = parser.parse_args()
    check_database(options.database)
    sums = all_legs(
        options.database, options.kills, options.seed, per_leg=options.per_leg, log=options.log, again=options.again
    )
    print(json.dumps(sums))
    return 1 if sums["bad_legs"] else 0


if __name__ == "__main__":
    sys.exit(main())
