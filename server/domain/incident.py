"""The life cycle of an incident.

new --> acknowledged --> dispatched --> resolved
 |            |               |    `--> false_alarm
 |            |               `-------> expired (untouched for a day)
 `------------+-- any open state may also go straight to an end
resolved, false_alarm, expired --reopen--> acknowledged

Beside the states: assignment to an officer, notes, merging and splitting by hand. Every one of these is a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

EXPIRES_AFTER = timedelta(hours=24)
"""An open incident that nobody touched and nothing happened in for this long expires."""

LATE_AFTER = timedelta(minutes=5)
"""An alert that reaches the server later than this after its event's start is marked late: the edge caught up."""


class IncidentState(StrEnum):
    """Where in its life an incident is."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    DISPATCHED = "dispatched"
    RESOLVED = "resolved"
    FALSE_ALARM = "false_alarm"
    EXPIRED = "expired"


class IncidentAction(StrEnum):
    """What is done to an incident; the timeline's words."""

    OPEN = "open"
    ACKNOWLEDGE = "acknowledge"
    DISPATCH = "dispatch"
    RESOLVE = "resolve"
    FALSE_ALARM = "false_alarm"
    REOPEN = "reopen"
    EXPIRE = "expire"
    MERGE = "merge"
    SPLIT = "split"
    NOTE = "note"
    ASSIGN = "assign"
    ESCALATE = "escalate"
    """Its severity changed, up or down."""
    SILENCE = "silence"
    """Its alerts are kept back from now on, or no longer; the step names the silence or the other incident."""


OPEN_STATES = frozenset({IncidentState.NEW, IncidentState.ACKNOWLEDGED, IncidentState.DISPATCHED})
DECIDED_STATES = frozenset({IncidentState.RESOLVED, IncidentState.FALSE_ALARM})
"""An officer's decision ends grouping: later events open a new incident, late ones join the decided one."""
ENDED_STATES = DECIDED_STATES | {IncidentState.EXPIRED}

_S = IncidentState
TRANSITIONS: dict[IncidentAction, tuple[frozenset[IncidentState], IncidentState]] = {
    IncidentAction.ACKNOWLEDGE: (frozenset({_S.NEW}), _S.ACKNOWLEDGED),
    IncidentAction.DISPATCH: (frozenset({_S.NEW, _S.ACKNOWLEDGED}), _S.DISPATCHED),
    IncidentAction.RESOLVE: (OPEN_STATES, _S.RESOLVED),
    IncidentAction.FALSE_ALARM: (OPEN_STATES, _S.FALSE_ALARM),
    IncidentAction.EXPIRE: (OPEN_STATES, _S.EXPIRED),
    IncidentAction.REOPEN: (ENDED_STATES, _S.ACKNOWLEDGED),
}
"""For each action: the states it may start from, and the state it leads to."""

REASONED_ACTIONS = frozenset({IncidentAction.FALSE_ALARM, IncidentAction.MERGE, IncidentAction.SPLIT})
"""Who does these says why: cameras and rules are mended by it."""
FIRST_REACTIONS = frozenset(
    {IncidentAction.ACKNOWLEDGE, IncidentAction.DISPATCH, IncidentAction.RESOLVE, IncidentAction.FALSE_ALARM}
)
"""The first of these shows that a person has seen the incident."""

OFFICER_ACTIONS = (
    IncidentAction.ACKNOWLEDGE,
    IncidentAction.DISPATCH,
    IncidentAction.RESOLVE,
    IncidentAction.FALSE_ALARM,
    IncidentAction.REOPEN,
)

_PROGRESS = (
    _S.EXPIRED,
    _S.NEW,
    _S.ACKNOWLEDGED,
    _S.DISPATCHED,
)


def state_after(state: IncidentState, action: IncidentAction) -> IncidentState | None:
    """The state that `action` leads to from `state`; None when it is not allowed there."""
    allowed = TRANSITIONS.get(action)
    return allowed[1] if allowed is not None and state in allowed[0] else None


def actions_from(state: IncidentState) -> tuple[IncidentAction, ...]:
    """What an officer may do to an incident in this state, in the order of buttons."""
    return tuple(action for action in OFFICER_ACTIONS if state_after(state, action) is not None)


def merged_state(states: list[IncidentState]) -> IncidentState:
    """The state of undecided incidents that turn out to be one: the one furthest along.

    Raises:
        ValueError: A decided incident is among them; those never merge by themselves.
    """
    return max(states, key=_PROGRESS.index)


def state_after_merge(kept: IncidentState, taken: IncidentState) -> IncidentState:
    """The state of an incident after an officer merged another one into it.

    What still goes on keeps the whole open; what an officer had decided counts as seen by somebody.
    """
    decided = [state for state in (kept, taken) if state in DECIDED_STATES]
    others = [state for state in (kept, taken) if state not in DECIDED_STATES]
    if len(decided) == 2:
        return kept
    if not decided:
        return merged_state(others)
    return decided[0] if others[0] is _S.EXPIRED else merged_state([others[0], _S.ACKNOWLEDGED])


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """How long people took, each counted from the first alert; None: it has not come to that."""

    to_acknowledged: timedelta | None
    to_dispatched: timedelta | None
    to_closed: timedelta | None

    @classmethod
    def of(
        cls,
        first_alert_at: datetime,
        acknowledged_at: datetime | None,
        dispatched_at: datetime | None,
        closed_at: datetime | None,
    ) -> Self:
        """From the times of the steps, all by the server's clock."""
        return cls(*(None if at is None else at - first_alert_at for at in (acknowledged_at, dispatched_at, closed_at)))
