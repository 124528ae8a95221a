"""Row 17 at any size: `LANGAN_TEST_FLOOD_EVENTS=50000` shows the row's own numbers; CI sends some hundreds."""

from __future__ import annotations

import os
import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from contract.ids import uuid7
from server.db.models import EventRecord, Incident
from tests.support.village import NOW, Village, event

FLOOD = int(os.environ.get("LANGAN_TEST_FLOOD_EVENTS", "768"))
BATCH = 128
SPAN_S = 3 * 3600
"""All lie within the longest time that one incident takes events."""
QUIET = 40
"""Posts of the other village before the flood, to compare with."""


def test_threat_17_a_flood_is_one_incident_and_the_other_village_is_answered_meanwhile(
    village: Village, capsys: pytest.CaptureFixture[str]
) -> None:
    village.clock.advance(hours=3)  # so that all of it has happened
    quiet = [post_b(village, number) for number in range(QUIET)]
    during: list[float] = []
    over, started = threading.Event(), threading.Event()

    def go_on() -> None:
        while not over.is_set() or len(during) < QUIET:
            during.append(post_b(village, QUIET + len(during)))
            started.set()

    other = threading.Thread(target=go_on)
    other.start()
    try:
        assert started.wait(60)
        for first in range(0, FLOOD, BATCH):
            bodies = [flood_event(number) for number in range(first, min(first + BATCH, FLOOD))]
            answer = village.post(bodies)
            assert answer.status_code == 200
            assert {item["status"] for item in answer.get_json()["results"]} == {"created"}
    finally:
        over.set()
        other.join(120)
    with village.parts.database.read() as session:
        incidents = select(Incident.event_count).where(Incident.village_id == "village-a")
        assert list(session.scalars(incidents)) == [FLOOD]
        of_b = select(func.count()).select_from(EventRecord).where(EventRecord.village_id == "village-b")
        assert session.scalar(of_b) == QUIET + len(during)
    with capsys.disabled():
        words = f"flood of {FLOOD}, {village.parts.database.dialect}: the other village's posts"
        print(f"\n{words} p99 {p99_ms(quiet):.0f} ms before, {p99_ms(during):.0f} ms during ({len(during)} posts)")


def flood_event(number: int) -> dict[str, object]:
    at_s = SPAN_S * number / FLOOD
    return event(at_s, lasts_s=1, event_id=uuid7(NOW - timedelta(hours=1) + timedelta(seconds=at_s)))


def post_b(village: Village, number: int) -> float:
    """One event of the other village; gives the seconds it took."""
    began = time.perf_counter()
    answer = village.post([event(number % 3000, village="village-b", spot=f"spot-{number % 50}")], device="box-b")
    assert answer.status_code == 200
    return time.perf_counter() - began


def p99_ms(seconds: list[float]) -> float:
    return 1000 * sorted(seconds)[int(len(seconds) * 0.99)]
