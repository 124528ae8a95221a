# ruff: noqa: S608, ISC004 (statements are made of this file's own words)
"""A year of a province in a database: what `bench/server_volume.py` measures on.

Incidents and events are made up in Python with a fixed seed and loaded in bulk (`executemany`, `COPY`) while indexes,
foreign keys and triggers are off; what follows from them (revisions, references, files, steps, alerts, what retention
has written down) is made from them by the database itself. Nothing is random but by the seed; the times end now.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import md5
from itertools import accumulate, islice
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy import make_url

from contract.ids import uuid7
from server.db.engine import sqlite_module
from server.db.models import EventRecord, Incident
from server.domain.grouping import grouping_key, reach_of
from tests.support.facts import FACTS

YEAR: Final = timedelta(days=365)
COMMUNES: Final = 100
VILLAGES_EACH: Final = 10
CAMERAS_EACH: Final = 5
SPOTS: Final = 3
AT_ONCE: Final = 50_000
BODIES_DAYS: Final = 45
"""Bodies and paths of older events are empty: retention has emptied them (30 days, 90 where an officer resolved it)."""
KINDS: Final = {
    "intrusion": 300, "loitering": 200, "illegal_parking": 160, "crowding": 110, "wrong_way": 90, "red_light": 60,
    "speeding": 40, "street_market": 20, "stop_line": 10, "camera_offline": 8, "littering": 1, "abandoned_object": 1,
}  # fmt: skip
"""How often; the last ones are what makes lists by kind slow."""
HOURS: Final = (2, 1, 1, 1, 2, 4, 8, 9, 7, 6, 6, 7, 6, 5, 5, 6, 9, 12, 12, 10, 8, 6, 5, 3)
"""Events of a day, by the hour of UTC+7."""
ROLES: Final = {
    role: md5(role.encode(), usedforsecurity=False).hexdigest() for role in ("snapshot", "snapshot_redacted")
}
"""Ends of the made-up SHA-256s."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much.

    Attributes:
        events: Of the year.
        revisions: Of each event.
        seed: Of everything.
        now: The year's end.
    """

    events: int
    revisions: int
    seed: int
    now: datetime


@dataclass(slots=True)
class Made:
    """What came of it."""

    rows: dict[str, int] = field(default_factory=dict)


def villages() -> list[str]:
    """Ids of all villages; village n lies in commune n // 10."""
    return [f"v{number}" for number in range(COMMUNES * VILLAGES_EACH)]


def all_places() -> list[tuple[str, str, str, str | None]]:
    """Id, kind, name and parent of every place of the province, parents first."""
    communes = [(f"xa{number}", "commune", f"Xã {number}", "tinh") for number in range(COMMUNES)]
    small = [
        (village, "village", f"Thôn {number}", f"xa{number // VILLAGES_EACH}")
        for number, village in enumerate(villages())
    ]
    return [("tinh", "province", "Tỉnh", None), *communes, *small]


def sha_of(event: str, role: str) -> str:
    """The made-up SHA-256 of an event's picture: in no order, as real ones."""
    return event[12:] + event[:12] + ROLES[role]


Row = tuple[Any, ...]
INCIDENT: Final = tuple(column.name for column in Incident.__table__.columns)
EVENT: Final = tuple(column.name for column in EventRecord.__table__.columns)


class Story:
    """Makes incidents with their events up.

    Args:
        size: How many.
    """

    def __init__(self, size: Size) -> None:
        self._size = size
        self._dice = random.Random(size.seed)
        names = villages()
        self._dice.shuffle(names)
        self._villages = names
        self._weights = list(accumulate(1 / (5 + number) ** 0.5 for number in range(len(names))))  # some are towns
        self._kinds, self._often, self._hours = list(KINDS), list(accumulate(KINDS.values())), list(accumulate(HOURS))
        self._facts = {kind: json.dumps(FACTS[kind], ensure_ascii=False) for kind in KINDS}
        self._paths = [json.dumps([self._path()]) for _ in range(100)]
        self._open: set[str] = set()

    def _path(self) -> dict[str, Any]:
        points = [[round(self._dice.random(), 3), round(self._dice.random(), 3)] for _ in range(30)]
        return {"track": self._dice.randrange(200), "points": points}

    def rows(self) -> Iterator[tuple[Row, list[Row]]]:
        """Each incident with its events, in the order of their days."""
        dice, size = self._dice, self._size
        start, left = (size.now - YEAR).replace(hour=0, minute=0, second=0), size.events
        while left:
            village = dice.choices(self._villages, cum_weights=self._weights)[0]
            kind = dice.choices(self._kinds, cum_weights=self._often)[0]
            hours = dice.choices(range(24), cum_weights=self._hours)[0]
            day = min((size.events - left) * 365 // size.events, 364)
            at = start + timedelta(days=day, hours=(hours - 7) % 24, seconds=dice.random() * 3600)
            at = at if at < size.now else size.now - timedelta(seconds=dice.random() * 3600)
            events = min(left, 1 if dice.random() < 0.5 else 2 + min(int(dice.expovariate(0.5)), 40))
            left -= events
            yield self._incident(at, village, kind, events)

    def _incident(self, at: datetime, village: str, kind: str, count: int) -> tuple[Row, list[Row]]:
        dice, now = self._dice, self._size.now
        spot, camera = f"{village}-{dice.randrange(SPOTS)}", f"cam-{village}-{dice.randrange(CAMERAS_EACH)}"
        incident_id = uuid7(at, dice.getrandbits(74)).hex
        age = now - at
        lasts = at
        members: list[Row] = []
        for _ in range(count):
            begins = lasts + timedelta(seconds=dice.uniform(0, 120)) if members else at
            ends = begins + timedelta(seconds=dice.uniform(5, 240))
            lasts = max(lasts, ends)
            event = uuid7(begins, dice.getrandbits(74)).hex
            is_fresh = age < timedelta(days=BODIES_DAYS)
            members.append((
                event, self._size.revisions - 1, kind, camera, village, spot, "zone-1", "end", text(begins), text(ends),
                text(ends), 0.8, self._facts[kind], dice.choice(self._paths) if is_fresh else "[]", None, "sha256:0",
                text(begins + timedelta(seconds=2)), None, incident_id, None,
            ))  # fmt: skip
        state, touched, decided = self._state(lasts, age)
        key = grouping_key(village, kind, spot)
        is_open = state == "new" and age < timedelta(minutes=20) and key not in self._open
        if is_open:
            self._open.add(key)
        handled = dice.randint(1, 3) if state not in ("new", "expired") else None
        shows = age < timedelta(days=7 if state == "false_alarm" else 90 if state == "resolved" else 30)
        pictures = [sha_of(members[-1][0], role) if shows else None for role in ROLES]
        first, done = text(at), text(touched)
        reacted = text(at + timedelta(seconds=dice.uniform(5, 1800))) if handled else None
        row = {
            "id": incident_id, "village_id": village, "kind": kind, "spot": spot, "key": key,
            "open_key": key if is_open else None, "state": state,
            "severity": dice.choice(("low", "low", "medium", "high")), "after_hours": dice.random() < 0.3,
            "school_hours": dice.random() < 0.1, "first_at": first, "last_at": text(lasts),
            "reach_at": text(reach_of(kind, lasts)), "received_at": text(at + timedelta(seconds=2)), "touched_at": done,
            "decided_at": done if decided else None, "acknowledged_at": reacted, "dispatched_at": None,
            "closed_at": done if decided or state == "expired" else None, "event_count": count, "open_event_count": 0,
            "camera_id": camera, "snapshot_sha256": pictures[0], "redacted_sha256": pictures[1], "version": 2,
            "handled_by_id": handled, "assigned_to_id": None, "merged_into_id": None, "by_hand": False,
            "alert_decision": "alert", "silence_id": None, "inhibited_by_id": None,
        }  # fmt: skip
        return tuple(row.get(name) for name in INCIDENT), members

    def _state(self, last_at: datetime, age: timedelta) -> tuple[str, datetime, bool]:
        """State, when it was touched last, and whether an officer decided."""
        dice = self._dice
        chance = dice.random()
        if age < timedelta(days=1):
            state = "new" if chance < 0.5 else "acknowledged" if chance < 0.75 else "resolved"
        else:
            state = "resolved" if chance < 0.55 else "false_alarm" if chance < 0.7 else "expired"
        decided = state in ("resolved", "false_alarm")
        later = timedelta(days=1) if state == "expired" else timedelta(seconds=dice.uniform(10, 7200) * decided)
        return state, min(last_at + later, self._size.now), decided


def text(at: datetime) -> str:
    """A time as SQLAlchemy writes it into SQLite; PostgreSQL reads it as UTC, which the loader sets."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


class Loader(Protocol):
    """Puts rows into a database without what slows that down."""

    def load(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        """Add rows."""

    def run(self, statement: str) -> int:
        """Run one statement; gives the number of rows."""

    def finish(self) -> None:
        """Bring indexes and triggers back, and let the planner look at everything."""


class SqliteLoader:
    """... into a file of SQLite."""

    hex_id, json_cast = "event_id", ""

    def __init__(self, url: str) -> None:
        self._connection = sqlite_module().connect(make_url(url).database, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-400000"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._dropped = self._connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        for kind, name, _ in self._dropped:
            self._connection.execute(f'DROP {kind} "{name}"')

    def load(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        """Add rows."""
        marks = ", ".join("?" for _ in columns)
        self._connection.execute("BEGIN")
        self._connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        self._connection.execute("COMMIT")

    def run(self, statement: str) -> int:
        """Run one statement."""
        return int(self._connection.execute(statement).rowcount)

    def finish(self) -> None:
        """Bring everything back."""
        for kind in ("index", "trigger"):
            for found, _, statement in self._dropped:
                if found == kind:
                    self._connection.execute(statement)
        self._connection.execute("PRAGMA analysis_limit=1000")
        self._connection.execute("ANALYZE")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.close()


class PostgresLoader:
    """... into PostgreSQL."""

    hex_id, json_cast = "replace(event_id::text, '-', '')", "::jsonb"

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(url, autocommit=True)
        for setting in (
            "TIME ZONE 'UTC'", "synchronous_commit = off", "session_replication_role = replica",
            "maintenance_work_mem = '256MB'", "work_mem = '64MB'",
        ):  # fmt: skip
            self._connection.execute(f"SET {setting}".encode())
        self._dropped = self._connection.execute(
            "SELECT indexdef FROM pg_indexes i WHERE schemaname = 'public' AND indexname LIKE 'ix_%' AND EXISTS"
            " (SELECT 1 FROM pg_class c WHERE c.relname = i.tablename AND NOT c.relispartition)"
        ).fetchall()
        names = self._connection.execute(
            "SELECT indexname FROM pg_indexes i WHERE schemaname = 'public' AND indexname LIKE 'ix_%' AND EXISTS"
            " (SELECT 1 FROM pg_class c WHERE c.relname = i.tablename AND NOT c.relispartition)"
        ).fetchall()
        for (name,) in names:
            self._connection.execute(f'DROP INDEX "{name}"'.encode())

    def load(self, table: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        """Add rows."""
        lines = "".join("\t".join("\\N" if v is None else str(v) for v in row) + "\n" for row in rows)
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy,
        ):
            copy.write(lines)

    def run(self, statement: str) -> int:
        """Run one statement."""
        return self._connection.execute(statement.encode()).rowcount

    def finish(self) -> None:
        """Bring everything back."""
        for (statement,) in self._dropped:
            self._connection.execute(statement.encode())
        self._connection.execute(b"VACUUM ANALYZE")
        self._connection.close()


def fill(url: str, size: Size, say: Callable[[str], None]) -> Made:
    """Fill a migrated database that has the places, devices, cameras and users already.

    Args:
        url: Of the database.
        size: How much.
        say: Told how far it is.
    """
    is_sqlite = url.startswith("sqlite")
    loader: SqliteLoader | PostgresLoader = SqliteLoader(url) if is_sqlite else PostgresLoader(url)
    made = Made()
    stories = Story(size).rows()
    while batch := list(islice(stories, AT_ONCE)):
        loader.load("incidents", INCIDENT, [incident for incident, _ in batch])
        loader.load("events", EVENT, [event for _, events in batch for event in events])
        made.rows["incidents"] = made.rows.get("incidents", 0) + len(batch)
        made.rows["events"] = made.rows.get("events", 0) + sum(len(events) for _, events in batch)
        say(f"{made.rows['events']:,} events")
    for table, statements in derived(loader, size).items():
        for statement in statements:
            made.rows[table] = made.rows.get(table, 0) + loader.run(statement)
        say(f"{made.rows[table]:,} {table}")
    say("indexes")
    loader.finish()
    return made


def derived(loader: SqliteLoader | PostgresLoader, size: Size) -> dict[str, list[str]]:
    """What follows from incidents and events: statements by table."""
    hex_id, cast = loader.hex_id, loader.json_cast
    body = f"""'{{"event_id": "' || {hex_id} || '", "facts": ' || facts || ', "paths": ' || paths || '}}'"""
    sha = f"substr({hex_id}, 13) || substr({hex_id}, 1, 12)"
    if cast:
        body = body.replace("|| facts", "|| facts::text").replace("|| paths", "|| paths::text")
    digest = f"decode({hex_id} || {hex_id}, 'hex')" if cast else "CAST(event_id AS BLOB)"
    no = "false" if cast else "0"
    bodies = text(size.now - timedelta(days=BODIES_DAYS))
    # All but the last day's work of retention is done.
    over = " OR ".join(
        f"(state {states} AND touched_at < '{text(size.now - timedelta(days=days + 1))}')"
        for states, days in (("= 'resolved'", 90), ("= 'false_alarm'", 7), ("NOT IN ('resolved', 'false_alarm')", 30))
    )
    gone = f"CASE WHEN {over} THEN touched_at END"
    steps = (
        "INSERT INTO incident_steps (incident_id, at, action, from_state, to_state, actor, actor_name, text, version)"
    )
    revisions = (
        "INSERT INTO event_revisions (event_id, revision, body_sha256, body, device_id, received_at, quarantined)"
    )
    return {
        "event_revisions": [
            f"{revisions} SELECT event_id, {n}, {digest},"
            f" (CASE WHEN started_at < '{bodies}' THEN '{{}}' ELSE {body} END){cast},"
            f" 'box', received_at, {no} FROM events"
            for n in range(size.revisions)
        ],
        "evidence_references": [
            "INSERT INTO evidence_references (event_id, role, sha256, media_type, size_bytes)"
            f" SELECT event_id, '{role}', {sha} || '{end}', 'image/jpeg', 111000 FROM events"
            for role, end in ROLES.items()
        ],
        "evidence_files": [
            "INSERT INTO evidence_files (sha256, media_type, size_bytes, stored_at, removed_at, purged_at)"
            f" SELECT {sha} || '{end}', 'image/jpeg', 111000, received_at, {gone}, {gone}"
            " FROM (SELECT e.event_id, e.received_at, i.state, i.touched_at"
            " FROM events e JOIN incidents i ON i.id = e.incident_id) files"
            for end in ROLES.values()
        ],
        "incident_steps": [
            f"{steps} SELECT id, received_at, 'open', NULL, 'new', 'system', 'system', '', 1 FROM incidents",
            f"{steps} SELECT id, closed_at, 'resolve', 'new', state, 'user:1', 'Officer', '', 2 FROM incidents"
            " WHERE decided_at IS NOT NULL",
            f"{steps} SELECT id, closed_at, 'expire', 'new', 'expired', 'system', 'system', '', 2 FROM incidents"
            " WHERE state = 'expired'",
        ],
        "alerts": [
            "INSERT INTO alerts (incident_id, village_id, change, at)"
            f" SELECT id, village_id, '{change}', received_at FROM incidents WHERE received_at > '{after}'"
            " ORDER BY received_at"
            for after in (text(size.now - timedelta(days=30)),)
            for change in ("opened", "evidence", "updated")
        ],
        "deletions": [
            "INSERT INTO deletions (at, what, subject, village_id, incident_id, rows, size_bytes, reason)"
            " SELECT closed_at, 'detail', 'incident:' || id, village_id, id, event_count, 0, 'evidence_over'"
            f" FROM incidents WHERE {over}"
        ],
        "legal_holds": [
            "INSERT INTO legal_holds (incident_id, reason, placed_at, placed_by, placed_by_name, released_by_name,"
            " release_reason) SELECT id, 'An investigation', touched_at, 'user:1', 'Officer', '', '' FROM incidents"
            " ORDER BY first_at LIMIT 200"
        ],
    }
