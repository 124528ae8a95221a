"""Periods, tallies, response times and cameras' hours: what reports are made of, without a database."""

from __future__ import annotations

import math
import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.event import CameraHealth
from server.domain.incident import IncidentState
from server.domain.periods import Grain, Period, PeriodKind, read_period
from server.domain.reports import Outcomes
from server.domain.tallies import ERROR, Counted, Tally, bucket_of, quantile
from server.domain.watching import Change, Watch, Watched, changes, watched
from server.reports.subscriptions import Every, due

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAYS = st.dates(date(2000, 1, 8), date(2199, 12, 1))
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@given(DAYS, st.sampled_from([kind for kind in PeriodKind if kind is not PeriodKind.FREE]))
def test_periods_of_a_kind_follow_each_other_without_a_gap(day: date, kind: PeriodKind) -> None:
    period = Period.of(kind, day)
    assert day in period
    assert period.before().last + timedelta(days=1) == period.first
    assert period.after().first - timedelta(days=1) == period.last
    assert period.before().after() == period
    assert Period.read(kind, period.key) == period


@given(DAYS, st.integers(0, 900))
def test_a_period_is_its_months_and_days_and_its_steps_each_once(first: date, more: int) -> None:
    period = Period.free(first, min(first + timedelta(days=more), date(2199, 12, 31)))
    months, days = period.cover()
    covered = {day for month in months for day in _days(Period.month(month.year, month.month))} | set(days)
    assert len(covered) == sum(Period.month(m.year, m.month).days for m in months) + len(days)
    assert covered == set(_days(period))
    steps = [day for start, end in period.steps(period.grain) for day in _days(Period.free(start, end))]
    assert steps == list(_days(period))
    assert len(list(period.steps(period.grain))) <= 120 or period.grain is Grain.MONTH


def _days(period: Period) -> list[date]:
    return [period.first + timedelta(days=number) for number in range(period.days)]


def test_what_has_begun_is_compared_with_as_many_days_and_what_is_over_with_the_whole_period() -> None:
    march = Period.month(2026, 3)
    assert march.compared(date(2026, 3, 20)) == (
        Period(PeriodKind.MONTH, date(2026, 3, 1), date(2026, 3, 20)),
        Period(PeriodKind.MONTH, date(2026, 2, 1), date(2026, 2, 20)),
    )
    assert march.compared(date(2026, 3, 31))[1].last == date(2026, 2, 28)  # as many days as there were
    assert march.compared(date(2026, 4, 1)) == (march, Period.month(2026, 2))


@pytest.mark.parametrize(
    ("arguments", "key", "is_one"),
    [
        ({}, "2026-03", True),
        ({"period": "quarter", "at": "2025-Q4"}, "2025-Q4", True),
        ({"period": "week", "at": "2026-03-01"}, "2026-W09", True),
        ({"period": "free", "from": "2026-01-05", "to": "2026-02-01"}, "2026-01-05..2026-02-01", True),
        ({"period": "free"}, "2026-03-01..2026-03-02", True),
        ({"period": "free", "at": "2026-02-01"}, "2026-02-01..2026-03-02", True),
        ({"period": "free", "at": "2026-05-01"}, "2026-05-01..2026-05-01", True),
        ({"period": "free", "from": "2026-02-01", "to": "2026-01-05"}, "2026-03", False),
        ({"period": "free", "from": "0001-01-01", "to": "2026-01-05"}, "2026-03", False),
        ({"period": "month", "at": "2026-13"}, "2026-03", False),
        ({"period": "year", "at": "99999"}, "2026-03", False),
        ({"period": "month", "at": "٢٠٢٦-03"}, "2026-03", True),  # digits of another script name the same month
        ({"period": "century"}, "2026-03", False),
    ],
)
def test_a_period_is_read_or_said_to_be_none(arguments: dict[str, str], key: str, is_one: bool) -> None:
    period, found = read_period(arguments, date(2026, 3, 2))
    assert (period.key, found) == (key, is_one)


@given(st.lists(st.floats(1.5, 3e6), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.0, 1.0]))
def test_quantiles_are_right_to_their_error(times: list[float], share: float) -> None:
    sketch: dict[str, int] = {}
    for seconds in times:
        sketch[bucket_of(seconds)] = sketch.get(bucket_of(seconds), 0) + 1
    exact = sorted(times)[math.floor(share * (len(times) - 1))]
    assert quantile(sketch, share) == pytest.approx(exact, rel=ERROR + 1e-9)


def test_no_response_is_no_quantile_and_at_once_is_a_second() -> None:
    assert quantile({}, 0.5) is None
    assert quantile({bucket_of(0.0): 1, bucket_of(-5.0): 1}, 0.5) == 1.0


def _incident(chance: random.Random) -> Counted:
    at = NOW + timedelta(seconds=chance.uniform(-1e6, 1e6))
    state = chance.choice(list(IncidentState))
    decided = at + timedelta(seconds=900) if state in {IncidentState.RESOLVED, IncidentState.FALSE_ALARM} else None
    return Counted(chance.choice(("crowding", "speeding")), state, "high", at, at, decided, decided)


@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(0, 30))
def test_tallies_add_and_take_away_exactly(seed: int, first: int, second: int) -> None:
    chance = random.Random(seed)
    one = [_incident(chance) for _ in range(first)]
    two = [_incident(chance) for _ in range(second)]
    both = Tally.of(one + two, ZONE)
    assert Tally.of(one, ZONE).plus(Tally.of(two, ZONE)).totals() == both.totals()
    rest = both.minus(Tally.of(one, ZONE))
    assert rest.totals() == Tally.of(two, ZONE).totals()
    assert rest.hours(["crowding", "speeding"]) == Tally.of(two, ZONE).hours(["crowding", "speeding"])
    assert not both.minus(both)


def test_the_rate_of_false_alarms_is_of_decided_incidents() -> None:
    assert Outcomes(open=5, resolved=3, false_alarms=1, expired=7).false_share == 0.25
    assert Outcomes(open=5, expired=7).false_share is None


@pytest.mark.parametrize(
    ("before", "after_s", "health", "expected"),
    [
        (None, 0, CameraHealth.OK, [(0, "up")]),
        (CameraHealth.OK, 15, CameraHealth.OK, []),
        (CameraHealth.OK, 15, CameraHealth.RECONNECTING, [(15, "down")]),
        (CameraHealth.RECONNECTING, 15, CameraHealth.REFUSED, []),
        (CameraHealth.OK, 3600, CameraHealth.OK, [(0, "silent"), (3600, "up")]),
        (CameraHealth.DISABLED, 3600, CameraHealth.DISABLED, []),
    ],
)
def test_heartbeats_leave_a_history_of_changes_only(
    before: CameraHealth | None, after_s: int, health: CameraHealth, expected: list[tuple[int, str]]
) -> None:
    heard = None if before is None else NOW
    found = changes(health, NOW + timedelta(seconds=after_s), before, heard)
    assert [((change.since - NOW).total_seconds(), change.state.value) for change in found] == expected


def test_a_day_is_shared_among_the_states_of_a_camera() -> None:
    start = datetime(2026, 3, 1, 17, tzinfo=UTC)  # midnight in the village
    end = start + timedelta(days=1)
    history = [
        Change(start - timedelta(days=3), Watch.UP),
        Change(start + timedelta(hours=2), Watch.DOWN),
        Change(start + timedelta(hours=3), Watch.SILENT),
        Change(start + timedelta(hours=7), Watch.OFF),
        Change(start + timedelta(hours=8), Watch.UP),
    ]
    assert watched(history, end, start, end, end) == Watched(18 * 3600, 3600, 4 * 3600)
    noon = start + timedelta(hours=12)  # not over yet
    assert watched(history, noon, start, end, noon) == Watched(6 * 3600, 3600, 4 * 3600)
    cut = start + timedelta(hours=10)  # its box has been silent since
    assert watched(history, cut, start, end, noon) == Watched(4 * 3600, 3600, 6 * 3600)
    assert watched([], None, start, end, end) == Watched()


@pytest.mark.parametrize(
    ("every", "told_until", "now", "expected"),
    [
        (Every.DAY, date(2026, 3, 1), "2026-03-02T23:30", None),
        (Every.DAY, date(2026, 3, 1), "2026-03-03T05:59", None),
        (Every.DAY, date(2026, 3, 1), "2026-03-03T06:00", "2026-03-02"),
        (Every.DAY, date(2026, 3, 1), "2026-03-06T08:00", "2026-03-02..2026-03-05"),
        (Every.WEEK, date(2026, 3, 1), "2026-03-09T06:00", "2026-W10"),
        (Every.WEEK, date(2026, 3, 1), "2026-03-08T23:00", None),
        (Every.MONTH, date(2026, 2, 28), "2026-04-01T06:00", "2026-03"),
        (Every.MONTH, date(2026, 1, 31), "2026-04-15T06:00", "2026-02-01..2026-03-31"),
    ],
)
def test_reports_are_due_in_the_morning_after_their_period(
    every: Every, told_until: date, now: str, expected: str | None
) -> None:
    found = due(every, told_until, datetime.fromisoformat(now).replace(tzinfo=ZONE), ZONE)
    assert (None if found is None else found.key) == expected
