"""How urgent an incident is: what its kind counts for by itself, and what makes it more urgent. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Severity(StrEnum):
    """How urgent an incident is, in rising order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


SEVERITIES = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Escalation:
    """How urgent a kind is, and what takes it a step up."""

    base: Severity = Severity.MEDIUM
    """Of a single short event by day."""
    at_events: tuple[int, ...] = (5, 20)
    """One step up at each of these numbers of events."""
    at_length: timedelta | None = timedelta(minutes=30)
    """One step up when it lasts so long; None: length says nothing of its urgency."""
    after_hours: bool = False
    """One step up when it happens while few people have a reason to be out."""
    school_hours: bool = False
    """One step up when it happens while children are on their way, at the spots of a school."""


_LOW, _HIGH = Severity.LOW, Severity.HIGH
_DEFAULT = Escalation()
_TABLE = {
    "abandoned_object": Escalation(after_hours=True, school_hours=True),
    # A camera that comes and goes at night is no more urgent than by day; one that stays away for long is.
    "camera_offline": Escalation(_LOW, at_events=(20,)),
    "camera_tampered": Escalation(_HIGH, after_hours=True),
    "crowding": Escalation(after_hours=True),
    "forbidden_turn": Escalation(school_hours=True),
    "illegal_parking": Escalation(_LOW, school_hours=True),
    "intrusion": Escalation(_HIGH, after_hours=True),
    "jaywalking": Escalation(_LOW, school_hours=True),
    # Many pass one camera in an hour: a count and a length say how busy the road is, not how dangerous one rider.
    "lane_misuse": Escalation(_LOW, at_events=(20,), at_length=None),
    "littering": Escalation(_LOW),
    "loitering": Escalation(after_hours=True, school_hours=True),
    "no_helmet": Escalation(_LOW, at_events=(20,), at_length=None),
    "overloaded_motorbike": Escalation(at_events=(20,), at_length=None, school_hours=True),
    "pavement_driving": Escalation(_LOW, school_hours=True),
    "red_light": Escalation(at_events=(20,), at_length=None, school_hours=True),
    "speeding": Escalation(at_events=(5, 20), at_length=None, school_hours=True),
    "stop_line": Escalation(_LOW, at_events=(20,), at_length=None),
    # A market lasts: it is urgent when it stays in the way, or stands where children pass.
    "street_market": Escalation(at_length=timedelta(hours=1), school_hours=True),
    "wrong_way": Escalation(school_hours=True),
}
"""Each kind's own; a kind that is not named here takes the default."""


def escalation_of(kind: str) -> Escalation:
    """How urgent this kind is."""
    return _TABLE.get(kind, _DEFAULT)


def severity_of(
    kind: str, event_count: int, length: timedelta, *, after_hours: bool = False, school_hours: bool = False
) -> Severity:
    """The severity of an incident: the kind's own, one step up for each reason to hurry.

    Args:
        kind: The incident's leading kind.
        event_count: How many events it has.
        length: From the start of its first event to its last activity.
        after_hours: Any of its events began after hours.
        school_hours: Any of its events began in school hours, at a spot of a school.
    """
    table = escalation_of(kind)
    steps = sum(event_count >= limit for limit in table.at_events)
    steps += table.at_length is not None and length >= table.at_length
    steps += table.after_hours and after_hours
    steps += table.school_hours and school_hours
    return SEVERITIES[min(SEVERITIES.index(table.base) + steps, len(SEVERITIES) - 1)]


def worst(severities: Iterable[Severity]) -> Severity:
    """The most urgent of several.

    Raises:
        ValueError: There are none.
    """
    return max(severities, key=SEVERITIES.index)
