"""The server's pure decisions: grouping, the life cycle, access."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.event import EvidenceRole
from contract.ids import uuid7
from server.domain import access, grouping
from server.domain.access import Permission, Principal, PublicLogPolicy, Role
from server.domain.grouping import EventSpan, GroupingPolicy, Severity, group_events
from server.domain.hours import SiteHours
from server.domain.incident import (
    ENDED_STATES,
    OFFICER_ACTIONS,
    OPEN_STATES,
    IncidentAction,
    IncidentState,
    actions_from,
    merged_state,
    state_after,
)
from server.domain.views import IncidentCard, PlaceNames

START = datetime(2026, 3, 2, 3, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
POLICY = GroupingPolicy(gap=timedelta(seconds=300), max_length=timedelta(hours=1))


def span(started_s: int, lasts_s: int, number: int) -> EventSpan:
    at = START + timedelta(seconds=started_s)
    last_at = at + timedelta(seconds=lasts_s)
    return EventSpan(at, UUID(int=number), last_at, last_at + POLICY.gap)


spans = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 900)), max_size=30).map(
    lambda items: [span(*item, number) for number, item in enumerate(items)]
)


@given(spans, st.randoms())
def test_grouping_does_not_depend_on_the_order_of_arrival(events: list[EventSpan], rng: object) -> None:
    shuffled = list(events)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert group_events(POLICY.max_length, shuffled) == group_events(POLICY.max_length, events)


@given(spans)
def test_each_event_is_in_one_group_and_groups_keep_gap_and_length(events: list[EventSpan]) -> None:
    groups = group_events(POLICY.max_length, events)
    assert sorted(item for group in groups for item in group.event_ids) == sorted(item.event_id for item in events)
    starts = {item.event_id: item.started_at for item in events}
    for group in groups:
        assert all(starts[item] < group.first_at + POLICY.max_length for item in group.event_ids)
    for before, after in pairwise(groups):
        gap, length = after.first_at - before.last_at, after.first_at - before.first_at
        assert gap > POLICY.gap or length >= POLICY.max_length


@pytest.mark.parametrize(
    ("count", "minutes", "after_hours", "expected"),
    [
        (1, 0, False, "medium"),
        (5, 0, False, "high"),
        (1, 30, False, "high"),
        (1, 0, True, "high"),
        (20, 45, True, "critical"),
    ],
)
def test_severity_takes_a_step_for_each_reason(count: int, minutes: int, after_hours: bool, expected: str) -> None:
    got = grouping.severity_of("crowding", count, timedelta(minutes=minutes), after_hours=after_hours)
    assert got == Severity(expected)


def test_after_hours_are_the_sites_own() -> None:
    hours = SiteHours.of(None, ZONE)
    assert [hours.is_after_hours(START.replace(hour=hour)) for hour in (14, 15, 21, 22)] == [
        False,
        True,
        True,
        False,
    ]


def test_every_action_of_an_officer_leads_somewhere_and_only_from_its_states() -> None:
    assert actions_from(IncidentState.NEW) == OFFICER_ACTIONS[:4]
    for state in ENDED_STATES:
        assert actions_from(state) == (IncidentAction.REOPEN,)
    for state in OPEN_STATES:
        assert state_after(state, IncidentAction.EXPIRE) is IncidentState.EXPIRED
    assert state_after(IncidentState.DISPATCHED, IncidentAction.ACKNOWLEDGE) is None
    assert (
        merged_state([IncidentState.NEW, IncidentState.DISPATCHED, IncidentState.EXPIRED]) is IncidentState.DISPATCHED
    )


def principal(role: Role, place_id: str | None) -> Principal:
    return Principal(role, "1", "x", place_id)


PATH = ("province", "commune", "village-a")


@pytest.mark.parametrize("place", ["province", "commune", "village-a", "village-b", None])
@pytest.mark.parametrize("role", list(Role))
def test_a_scope_covers_what_lies_in_it(role: Role, place: str | None) -> None:
    expected = place in PATH or (place is None and role is Role.ADMIN)
    assert access.covers(principal(role, place), PATH) is expected


def card(state: IncidentState = IncidentState.NEW) -> IncidentCard:
    return IncidentCard(
        id=uuid7(START),
        kind="crowding",
        severity=Severity.HIGH,
        state=state,
        place=PlaceNames(PATH, "Thôn A"),
        spot="cam",
        camera_id="cam",
        camera_name="Nhà ông Ba",
        first_at=START.replace(second=33),
        last_at=START,
        ongoing=True,
        event_count=1,
        late=False,
        after_hours=False,
        version=1,
        snapshot_sha256="a" * 64,
        redacted_sha256="b" * 64,
    )


def test_residents_get_a_cut_down_entry_only_after_the_delay() -> None:
    policy = PublicLogPolicy(timedelta(minutes=15))
    assert access.publish(card(), START, START + timedelta(minutes=14), policy) is None
    public = access.publish(card(IncidentState.DISPATCHED), START, START + timedelta(minutes=15), policy)
    assert public is not None
    assert (public.state, public.started_at) == (IncidentState.ACKNOWLEDGED, START)
    assert "Nhà ông Ba" not in repr(public)
    assert access.publish(card(IncidentState.FALSE_ALARM), START, START + timedelta(days=1), policy) is None


@pytest.mark.parametrize("kind", ["camera_offline", "camera_tampered"])
def test_residents_are_not_told_where_nobody_watches(kind: str) -> None:
    told = replace(card(), kind=kind)
    assert access.publish(told, START, START + timedelta(days=1), PublicLogPolicy(timedelta())) is None
    assert kind not in access.PUBLIC_KINDS
    assert not access.may_open_evidence(
        principal(Role.RESIDENT, "village-a"), told, EvidenceRole.SNAPSHOT_REDACTED, None
    )
    assert access.may_open_evidence(principal(Role.OFFICER, "village-a"), told, EvidenceRole.SNAPSHOT, None)


@pytest.mark.parametrize(
    ("role", "place", "allowed"),
    [
        (Role.OFFICER, "village-a", {"snapshot", "snapshot_redacted", "clip", "clip_playable"}),
        (Role.OFFICER, "village-b", set()),
        (Role.ADMIN, None, {"snapshot", "snapshot_redacted", "clip", "clip_playable"}),
        (Role.RESIDENT, "commune", {"snapshot_redacted"}),
        (Role.RESIDENT, "village-b", set()),
        (Role.DEVICE, "village-a", set()),
    ],
)
def test_evidence_is_open_to_whom_it_concerns(role: Role, place: str | None, allowed: set[str]) -> None:
    public = access.publish(card(), START, START, PublicLogPolicy(timedelta()))
    who = principal(role, place)
    assert {item.value for item in EvidenceRole if access.may_open_evidence(who, card(), item, public)} == allowed
    if role is Role.RESIDENT:
        assert not any(access.may_open_evidence(who, card(), item, None) for item in EvidenceRole)


def test_the_audit_log_is_for_admins_of_the_whole_site() -> None:
    assert access.may(principal(Role.ADMIN, None), Permission.READ_AUDIT)
    assert not access.may(principal(Role.ADMIN, "commune"), Permission.READ_AUDIT)
    assert not access.may(principal(Role.OFFICER, "province"), Permission.READ_AUDIT)
