"""Pure decisions about incidents: families of kinds, severity, hints of grouping errors, what keeps an alert back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.config_loader import load_site
from contract.rules import RULES
from server.domain import access, grouping
from server.domain.grouping import EventSpan, family_of, lead_kind, reach_of
from server.domain.grouping_hints import HintReason, IncidentSpan, merge_hint, split_hint
from server.domain.hours import SiteHours
from server.domain.incident import IncidentState, ResponseTimes, state_after_merge
from server.domain.severity import Severity, severity_of
from server.domain.silencing import (
    AlertOutcome,
    AlertSubject,
    SilenceRule,
    Weekly,
    decide_alert,
)

MONDAY = datetime(2026, 3, 2, 3, tzinfo=UTC)
"""10:00 in the village."""
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PATH = ("gia-lai", "nhon-loc", "village-a")
SITE = """\
site: {name: X, timezone: Asia/Ho_Chi_Minh}
places: [{id: p, kind: province, name: P}]
schedules: {gio_hoc: {weekdays: ["06:30-07:30"], except: holidays}}
holidays: [2026-03-03]
hours: {after: ["21:00-05:00"], school: gio_hoc, school_spots: [cong_truong]}
"""


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_families_are_closed_and_speak_of_one_thing() -> None:
    for kind, first in grouping.RELATED.items():
        assert {kind, first} <= RULES.keys()
        assert family_of(first) == first
        # What residents may see must not be called by a kind that they may not, and the other way round.
        assert (kind in access.NOT_PUBLIC_KINDS) == (first in access.NOT_PUBLIC_KINDS)


@given(st.lists(st.sampled_from(sorted(RULES)), min_size=1, max_size=6), st.randoms())
def test_the_leading_kind_does_not_depend_on_the_order(kinds: list[str], rng: object) -> None:
    expected = lead_kind(kinds)
    rng.shuffle(kinds)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    step_by_step = kinds[0]
    for kind in kinds[1:]:
        step_by_step = lead_kind((step_by_step, kind))
    assert expected == step_by_step
    assert severity_of(expected, 1, timedelta()) == max(
        (severity_of(kind, 1, timedelta()) for kind in kinds), key=list(Severity).index
    )


@pytest.mark.parametrize(
    ("kind", "count", "length", "after", "school", "expected"),
    [
        ("illegal_parking", 1, 0, False, False, "low"),
        ("illegal_parking", 1, 0, True, False, "low"),  # a parked lorry at night is in nobody's way
        ("illegal_parking", 1, 0, False, True, "medium"),
        ("loitering", 1, 0, True, True, "critical"),
        ("no_helmet", 19, 55, True, True, "low"),  # a busy road, not a dangerous rider
        ("no_helmet", 20, 55, False, False, "medium"),
        ("street_market", 1, 59, False, False, "medium"),
        ("street_market", 1, 60, False, True, "critical"),
        ("intrusion", 99, 999, True, False, "critical"),
    ],
)
def test_each_kind_escalates_for_its_own_reasons(
    kind: str, count: int, length: int, after: bool, school: bool, expected: str
) -> None:
    assert severity_of(kind, count, minutes(length), after_hours=after, school_hours=school) == Severity(expected)


def test_hours_come_from_the_site() -> None:
    config = load_site(SITE, "site.yaml").config
    assert config is not None
    hours = SiteHours.of(config, ZONE)
    at_seven = MONDAY - timedelta(hours=3)
    assert hours.is_school_time(at_seven, "cong_truong")
    assert not hours.is_school_time(at_seven, "cong_cho")
    assert not hours.is_school_time(at_seven + timedelta(days=1), "cong_truong")  # a holiday
    assert hours.is_after_hours(MONDAY.replace(hour=14, minute=30))
    assert not SiteHours.of(None, ZONE).is_after_hours(MONDAY.replace(hour=14, minute=30))


def test_an_unknown_schedule_of_the_hours_is_told_with_its_line() -> None:
    (issue,) = load_site(SITE.replace("school: gio_hoc", "school: gio_choi"), "site.yaml").errors
    assert (issue.path, issue.line) == ("hours.school", 5)


S = IncidentState


@pytest.mark.parametrize(
    ("kept", "taken", "expected"),
    [
        (S.NEW, S.DISPATCHED, S.DISPATCHED),
        (S.RESOLVED, S.NEW, S.ACKNOWLEDGED),  # it goes on, and somebody had decided on it
        (S.RESOLVED, S.FALSE_ALARM, S.RESOLVED),
        (S.EXPIRED, S.NEW, S.NEW),
        (S.EXPIRED, S.FALSE_ALARM, S.FALSE_ALARM),
    ],
)
def test_what_still_goes_on_keeps_a_merged_incident_open(kept: S, taken: S, expected: S) -> None:
    assert state_after_merge(kept, taken) is expected


def test_response_times_count_from_the_first_alert() -> None:
    times = ResponseTimes.of(MONDAY, MONDAY + minutes(2), None, MONDAY + minutes(30))
    assert (times.to_acknowledged, times.to_dispatched, times.to_closed) == (minutes(2), None, minutes(30))


def incident(number: int, start: float, end: float, *, camera: str = "c1", kind: str = "crowding") -> IncidentSpan:
    key = grouping.grouping_key("v", kind, camera)
    return IncidentSpan(UUID(int=number), kind, key, camera, MONDAY + minutes(start), MONDAY + minutes(end))


@pytest.mark.parametrize(
    ("other", "neighbours", "expected"),
    [
        (incident(2, 15, 20), set(), HintReason.CONTINUES),  # 5 minutes after the end, of a gap of 5
        (incident(2, 21, 25), set(), None),
        (incident(2, 5, 20, camera="c2"), {"c2"}, HintReason.OVERLAPS),
        (incident(2, 5, 20, camera="c2"), set(), None),
        (incident(2, 11, 20, camera="c2"), {"c2"}, None),
        (incident(2, 5, 20, camera="c2", kind="speeding"), {"c2"}, None),
        (incident(1, 0, 10), set(), None),
    ],
)
def test_what_may_be_one_happening(other: IncidentSpan, neighbours: set[str], expected: HintReason | None) -> None:
    hint = merge_hint(incident(1, 0, 10), other, frozenset(neighbours))
    assert (hint.reason if hint is not None else None) == expected


def span(number: int, start: float, end: float) -> EventSpan:
    last = MONDAY + minutes(end)
    return EventSpan(MONDAY + minutes(start), UUID(int=number), last, reach_of("street_market", last))


def test_two_bursts_far_apart_may_be_two_happenings() -> None:
    hint = split_hint("street_market", [span(1, 0, 2), span(2, 3, 4), span(3, 30, 33), span(4, 34, 35)])
    assert hint is not None
    assert (hint.at, hint.pause, hint.before, hint.after) == (MONDAY + minutes(30), minutes(26), 2, 2)
    assert split_hint("street_market", [span(1, 0, 20), span(2, 40, 50)]) is None  # the pause is as long as a burst
    assert split_hint("street_market", [span(1, 0, 1), span(2, 9, 10)]) is None  # short of half the gap
    assert split_hint("street_market", [span(1, 0, 1)]) is None


def silence(**more: object) -> SilenceRule:
    values = {"id": 1, "place_id": "nhon-loc", "starts_at": MONDAY, "ends_at": MONDAY + minutes(60)} | more
    return SilenceRule(**values)  # type: ignore[arg-type]  # a test's own shorthand


CROWD = AlertSubject(PATH, "crowding", "cam-1", "market", Severity.MEDIUM)
TAMPERED = AlertSubject(PATH, "camera_tampered", "cam-1", "market", Severity.HIGH)
ABOUT_CAMERA = {"cam-1": UUID(int=7)}


@pytest.mark.parametrize(
    ("rule", "at", "expected"),
    [
        (silence(), MONDAY, "silenced"),
        (silence(), MONDAY - minutes(1), "alert"),
        (silence(), MONDAY + minutes(60), "alert"),  # the end does not belong to it
        (silence(place_id="village-b"), MONDAY, "alert"),
        (silence(kinds=frozenset({"crowding"}), spots=frozenset({"market"})), MONDAY, "silenced"),
        (silence(kinds=frozenset({"intrusion"})), MONDAY, "alert"),
        (silence(camera_ids=frozenset({"cam-2"})), MONDAY, "alert"),
        (silence(up_to=Severity.MEDIUM), MONDAY, "silenced"),
        (silence(up_to=Severity.LOW), MONDAY, "alert"),  # what is worse is told
        (silence(weekly=Weekly(frozenset({0}), 9 * 60, 11 * 60)), MONDAY, "silenced"),
        (silence(weekly=Weekly(frozenset({1}), 9 * 60, 11 * 60)), MONDAY, "alert"),
    ],
)
def test_a_silence_holds_for_what_it_matches_and_as_long_as_it_lasts(
    rule: SilenceRule, at: datetime, expected: str
) -> None:
    assert decide_alert(CROWD, [rule], {}, at, ZONE).outcome == AlertOutcome(expected)


def test_a_weekly_time_over_midnight_belongs_to_the_day_it_begins() -> None:
    weekly = Weekly(frozenset({0}), 22 * 60, 5 * 60)
    night = MONDAY.replace(hour=16)  # Monday 23:00 in the village
    assert [weekly.holds(night + timedelta(hours=hours), ZONE) for hours in (-2, 0, 5, 6, 24)] == [
        False,
        True,
        True,
        False,
        False,
    ]


def test_a_camera_in_trouble_inhibits_its_other_alerts_but_not_those_about_itself() -> None:
    decision = decide_alert(CROWD, [], ABOUT_CAMERA, MONDAY, ZONE)
    assert (decision.outcome, decision.inhibited_by) == (AlertOutcome.INHIBITED, UUID(int=7))
    assert decide_alert(TAMPERED, [], ABOUT_CAMERA, MONDAY, ZONE).outcome is AlertOutcome.ALERT
    elsewhere = AlertSubject(PATH, "crowding", "cam-2", "market", Severity.MEDIUM)
    assert decide_alert(elsewhere, [], ABOUT_CAMERA, MONDAY, ZONE).outcome is AlertOutcome.ALERT


def test_of_several_silences_the_one_that_ends_last_is_named() -> None:
    longer = silence(id=2, ends_at=MONDAY + minutes(90))
    assert decide_alert(CROWD, [longer, silence()], ABOUT_CAMERA, MONDAY, ZONE).silence_id == 2
