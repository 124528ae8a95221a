"""Whatever way events come, they make the incidents that the oracle computes from all of them at once."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.event import Event
from contract.ids import uuid7
from server.db.models import EventRecord, Incident
from server.domain.grouping_oracle import ExpectedIncident, expected_incidents
from server.incidents.hours import site_hours
from tests.support.facts import FACTS
from tests.support.village import NOW, Village, event

KINDS = ("crowding", "intrusion", "loitering", "red_light", "stop_line")
MORE_FACTS = {kind: FACTS[kind] for kind in ("loitering", "red_light", "stop_line")}


@dataclass(frozen=True)
class Told:
    """An event and when its revisions were made, in seconds; the last one ends it or not."""

    kind: str
    start: int
    updates: tuple[int, ...]
    ends: bool
    camera: int


told = st.builds(
    Told,
    kind=st.sampled_from(KINDS),
    start=st.integers(0, 30_000),
    updates=st.lists(st.integers(1, 900), max_size=3).map(lambda steps: tuple(sorted(steps))),
    ends=st.booleans(),
    camera=st.integers(1, 2),
)
"""Close together as well as hours apart: about half of the gaps join."""
stories = st.lists(told, min_size=1, max_size=14) | st.lists(
    told.map(lambda item: Told(item.kind, item.start % 2500, item.updates, item.ends, item.camera)),
    min_size=2,
    max_size=14,
)


def bodies_of(story: list[Told], spot: str) -> list[dict[str, Any]]:
    """Every revision of every event, in order."""
    bodies = []
    for item in story:
        event_id = uuid7(NOW + timedelta(seconds=item.start))
        more = {"facts": MORE_FACTS[item.kind]} if item.kind in MORE_FACTS else {}
        lasts = (1, *item.updates)
        for revision, last in enumerate(lasts):
            ended = item.ends and revision == len(lasts) - 1 and revision > 0
            kind = item.kind if item.kind not in MORE_FACTS else "crowding"
            body = event(
                item.start - 40_000,
                lasts_s=last,
                event_id=event_id,
                revision=revision,
                ended=ended,
                kind=kind,
                spot=spot,
                camera=f"cam-{item.camera}",
            )
            bodies.append(body | {"kind": item.kind} | more)
    return bodies


def disordered(bodies: list[dict[str, Any]], rng: random.Random) -> Iterator[list[dict[str, Any]]]:
    """Batches in which everything comes late, twice or out of order."""
    mixed = [*bodies, *rng.sample(bodies, len(bodies) // 2)]
    rng.shuffle(mixed)
    while mixed:
        size = rng.randint(1, 9)
        yield mixed[:size]
        del mixed[:size]


def actual_incidents(session: Session, key_end: str) -> list[ExpectedIncident]:
    """What the database has, in the oracle's words."""
    rows = session.scalars(select(Incident).where(Incident.spot == key_end, Incident.merged_into_id.is_(None))).all()
    found = []
    for row in rows:
        ids = session.scalars(select(EventRecord.event_id).where(EventRecord.incident_id == row.id)).all()
        assert len(ids) == row.event_count
        found.append(
            ExpectedIncident(
                key=row.key,
                first_at=row.first_at,
                last_at=row.last_at,
                kind=row.kind,
                event_ids=frozenset(ids),
                open_event_count=row.open_event_count,
                after_hours=row.after_hours,
                severity=row.severity,
                camera_id="",
            )
        )
    return sorted(found, key=lambda item: (item.key, item.first_at))


def check(village: Village, bodies: list[dict[str, Any]], spot: str) -> None:
    with village.parts.database.read() as session:
        hours = site_hours(session, village.parts.settings.zone)
        expected = expected_incidents(map(Event.model_validate, bodies), hours)
        without_camera = [
            ExpectedIncident(**{name: getattr(item, name) for name in item.__slots__} | {"camera_id": ""})
            for item in expected
        ]
        assert actual_incidents(session, spot) == without_camera
        held = session.scalars(select(Incident.open_key).where(Incident.spot == spot, Incident.open_key.is_not(None)))
        assert len(set(held)) <= len({item.key for item in expected})
        assert (
            session.scalar(
                select(Incident.id).where(Incident.merged_into_id.is_not(None), Incident.open_key.is_not(None))
            )
            is None
        )


def test_threat_03_any_order_of_any_events_makes_the_oracles_incidents(village: Village) -> None:
    numbers = iter(range(1_000_000))

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
    @given(stories, st.integers(0, 2**32))
    def run(story: list[Told], seed: int) -> None:
        spot = f"spot-{next(numbers)}"
        bodies = bodies_of(story, spot)
        for batch in disordered(bodies, random.Random(seed)):
            assert village.post(batch).status_code in {200, 201}
        check(village, bodies, spot)

    run()


def test_threat_03_eight_senders_at_once_make_the_oracles_incidents(village: Village) -> None:
    rng = random.Random(11)
    spots = [f"spot-{number}" for number in range(3)]
    bodies = {spot: bodies_of([random_event(rng) for _ in range(25)], spot) for spot in spots}
    everything = [body for items in bodies.values() for body in items]
    village.post(everything[:1])
    failures: list[int] = []

    def send(seed: int) -> None:
        mine = random.Random(seed)
        part = everything[seed::8] + mine.sample(everything, 20)
        mine.shuffle(part)
        for start in range(0, len(part), 6):
            status = village.post(part[start : start + 6]).status_code
            if status not in {200, 201}:
                failures.append(status)

    run_all([partial(send, seed) for seed in range(8)])
    assert failures == []
    for spot in spots:
        check(village, bodies[spot], spot)


def random_event(rng: random.Random) -> Told:
    updates = tuple(sorted(rng.randint(1, 900) for _ in range(rng.randint(0, 3))))
    return Told(rng.choice(KINDS), rng.randint(0, 12_000), updates, rng.random() < 0.5, rng.randint(1, 2))


def run_all(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        ("loitering", "intrusion", True),
        ("stop_line", "red_light", True),
        ("crowding", "intrusion", False),
    ],
)
def test_related_kinds_at_one_spot_are_one_incident(village: Village, first: str, second: str, together: bool) -> None:
    story = [Told(first, 0, (30,), False, 1), Told(second, 90, (20,), False, 1)]
    bodies = bodies_of(story, "house")
    village.post(bodies)
    with village.parts.database.read() as session:
        kinds = sorted(session.scalars(select(Incident.kind).where(Incident.merged_into_id.is_(None))))
    assert kinds == ([second] if together else sorted([first, second]))
    check(village, bodies, "house")


def test_cameras_that_share_a_spot_share_incidents(village: Village) -> None:
    bodies = [event(0, camera="cam-1", spot="market"), event(60, camera="cam-2", spot="market")]
    village.post(bodies)
    with village.parts.database.read() as session:
        (row,) = session.scalars(select(Incident))
    assert (row.spot, row.event_count, row.camera_id) == ("market", 2, "cam-2")
