"""Every rule about what a camera sees is silent outside its schedule: by night, over holidays and on market days."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge.types import Track
from tests.support.scenes import crowd, make_rule, person, run, states, vehicle, watch

WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]
ARROW = [[0.1, 0.5], [0.9, 0.5]]
ZONES = {
    "het": {"name": "Hết", "kind": "lane", "coordinates": WHOLE, "direction": ARROW},
    "trai": {"name": "Trái", "coordinates": [[0, 0], [0.45, 0], [0.45, 1], [0, 1]]},
    "phai": {"name": "Phải", "coordinates": [[0.55, 0], [1, 0], [1, 1], [0.55, 1]]},
    "giua": {"name": "Giữa", "coordinates": [[0, 0.4], [1, 0.4], [1, 0.6], [0, 0.6]]},
}
SITE = {
    "holidays": ["2026-05-01"],
    "days": {"phien_cho": ["2026-05-02"]},
    "schedules": {"dem": {"every_day": ["22:00-05:00"], "days": {"phien_cho": ["10:00-11:00"]}, "except": "holidays"}},
}


def east(at_s: float) -> list[Track]:
    return [vehicle(1, 0.05 + 0.1 * at_s, 0.5, "motorcycle")] if at_s < 9.0 else []


def west(at_s: float) -> list[Track]:
    return [vehicle(1, 0.95 - 0.1 * at_s, 0.5)] if at_s < 9.0 else []


def across(at_s: float) -> list[Track]:
    return [person(1, 0.7, 0.8 - 0.04 * at_s, height=0.1)]


Streams = dict[str, tuple[dict[str, Any], Callable[[float], Iterable[Track]]]]
STREAMS: Streams = {
    "crowding": ({"zones": ["het"], "min_people": 5, "min_duration_s": 5.0}, lambda _: crowd(8)),
    "forbidden_turn": ({"zones": ["trai", "phai"]}, east),
    "illegal_parking": ({"zones": ["het"], "max_stay_s": 5.0}, lambda _: [vehicle(1, 0.5, 0.5)]),
    "intrusion": ({"zones": ["het"]}, lambda _: [person(1, 0.5, 0.5)]),
    "jaywalking": ({"zones": ["giua"]}, across),
    "lane_misuse": ({"zones": ["het"], "banned": ["motorcycle"]}, east),
    "loitering": ({"zones": ["het"], "max_stay_s": 5.0}, lambda _: [person(1, 0.5, 0.5)]),
    "pavement_driving": ({"zones": ["het"]}, east),
    "wrong_way": ({"zones": ["het"]}, west),
}


@pytest.mark.parametrize(
    ("local", "in_force"),
    [
        ("2026-04-29T12:00", False),
        ("2026-04-29T23:00", True),
        ("2026-04-30T04:00", True),
        ("2026-05-01T04:00", True),  # the night before the holiday
        ("2026-05-01T23:00", False),
        ("2026-05-02T04:00", False),  # the holiday's own night
        ("2026-05-02T10:30", True),  # a market day
        ("2026-05-03T10:30", False),
    ],
)
@pytest.mark.parametrize("kind", sorted(STREAMS))
def test_a_rule_keeps_its_hours(kind: str, local: str, in_force: bool) -> None:
    params, tracks_at = STREAMS[kind]
    start = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Asia/Ho_Chi_Minh")).astimezone(UTC)
    rule = make_rule(kind, camera={"zones": ZONES}, site=SITE, schedule="dem", **params)
    events = run(rule, watch(tracks_at, 20.0, start=start))
    assert states(events) == (["start", "end"] if in_force else [])


@pytest.mark.parametrize("kind", sorted(STREAMS))
def test_an_open_event_ends_with_the_hours(kind: str) -> None:
    params, tracks_at = STREAMS[kind]
    start = datetime(2026, 4, 29, 21, 59, 50, tzinfo=UTC)  # 04:59:50
    rule = make_rule(kind, camera={"zones": ZONES}, site=SITE, schedule="dem", **params)
    events = run(rule, watch(tracks_at, 60.0, start=start), finish=False)
    assert states(events) in ([], ["start", "end"])
    assert all(event.observed_utc <= datetime(2026, 4, 29, 22, 0, 1, tzinfo=UTC) for event in events)
