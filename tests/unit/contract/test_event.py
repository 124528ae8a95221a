"""Event v1: what its envelope accepts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from string import Formatter
from typing import Any

import pytest
from pydantic import ValidationError

from contract.event import Event
from contract.ids import uuid7, uuid7_from_content
from contract.rules import RULES
from contract.rules.intrusion import IntrusionFacts

AT = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)


def body(**changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid7(AT)),
        "revision": 0,
        "kind": "intrusion",
        "camera_id": "cam",
        "village": "v",
        "spot": "cam",
        "zone": "z",
        "state": "start",
        "started_at": AT.isoformat(),
        "observed_at": AT.isoformat(),
        "confidence": 0.5,
        "facts": {"object_class": "person", "stay_s": 2.0, "peak_count": 1},
        **changes,
    }


def test_facts_are_read_by_kind_and_survive_the_wire() -> None:
    event = Event.model_validate(body())
    assert isinstance(event.facts, IntrusionFacts)
    assert Event.model_validate_json(event.model_dump_json()) == event


def test_times_are_normalised_to_utc() -> None:
    local = AT.astimezone(timezone(timedelta(hours=7))).isoformat()
    event = Event.model_validate(body(started_at=local, observed_at=local))
    assert event.started_at.utcoffset() == timedelta(0)
    assert event.started_at == AT


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"kind": "telepathy"}, "unknown rule kind 'telepathy'"),
        ({"facts": {"peak_people": 3}}, "object_class"),
        ({"started_at": "2026-11-01T12:00:00"}, "timezone"),
        ({"event_id": "6b1de2a4-9d34-4a49-8a2c-0a4d0c9a1d11"}, "UUID version 7"),
        ({"state": "end"}, "ended_at"),
        ({"revision": 1}, "revision 0 is the start"),
        ({"observed_at": (AT - timedelta(seconds=1)).isoformat()}, "before started_at"),
        ({"confidence": float("nan")}, "finite"),
        ({"extra": 1}, "Extra inputs"),
        ({"camera_id": "../etc"}, "pattern"),
    ],
)
def test_a_wrong_event_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Event.model_validate(body(**changes))


def test_uuid7_sorts_by_time_and_repeats_for_the_same_content() -> None:
    ids = [uuid7(AT + timedelta(milliseconds=step)) for step in range(5)]
    assert ids == sorted(ids)
    assert all(item.version == 7 for item in ids)
    assert uuid7_from_content(AT, "a") == uuid7_from_content(AT, "a") != uuid7_from_content(AT, "b")


def test_every_rule_says_its_facts_in_both_languages() -> None:
    event = Event.model_validate(body(facts={"object_class": "motorcycle", "stay_s": 12.4, "peak_count": 2}))
    contract = RULES[event.kind]
    assert contract.describe(event.facts, "vi") == "Xâm nhập: 2 xe máy, 12 giây"
    assert contract.describe(event.facts, "en") == "Intrusion: 2 motorcycle, 12 s"
    for item in RULES.values():
        fields = {name for _, name, _, _ in Formatter().parse("".join(item.caption.values())) if name}
        assert fields <= item.facts.model_fields.keys()
        assert item.caption.keys() == {"vi", "en"}
