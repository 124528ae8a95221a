"""The demo's cameras on the demo's clips: what the demo shows."""

from __future__ import annotations

import pytest

from tests.replay.scoring import REPOSITORY, Span, replay, spans_of

DEMO = REPOSITORY / "configs" / "demo"


def _events(camera: str, clip: str) -> list[Span]:
    return spans_of(replay(DEMO, camera, DEMO / "media" / clip))


@pytest.mark.timeout(300)
def test_the_drawn_street_shows_one_wrong_way_car_and_one_parked_car() -> None:
    events = _events("duong_lang", "street.mp4")
    assert sorted((event.kind, event.zone) for event in events) == [
        ("illegal_parking", "mep_duong"),
        ("wrong_way", "lan_di"),
    ]
    parked, wrong = sorted(events, key=lambda event: event.kind)
    assert parked.start_s == pytest.approx(10.0, abs=2.0)
    assert parked.end_s > 70
    assert 20.0 < wrong.start_s < wrong.end_s < 33.0


@pytest.mark.timeout(300)
def test_the_yard_shows_a_gathering_at_once_and_people_on_the_lawn() -> None:
    events = _events("san_nha_van_hoa", "vtest.mp4")
    assert {(event.kind, event.zone) for event in events} == {("crowding", "san"), ("intrusion", "bai_co")}
    first = min(event.raised_s for event in events if event.raised_s is not None)
    assert first < 15.0
    lawn = [event for event in events if event.kind == "intrusion"]
    assert [(lawn[0].start_s > 49, lawn[0].end_s > 70)] == [(True, True)]
    assert len(lawn) == 1
