"""The life cycle of an incident.

new --> acknowledged --> dispatched --> resolved
 |            |               |    `--> false_alarm
 |            |               `-------> expired (untouched for a day)
 `------------+-- any open state may also go straight to an end
resolved, false_alarm, expired --reopen--> acknowledged
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

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
    NOTE = "note"


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
        ValueError: A decided incident is among them; those never merge.
    """
    return max(states, key=_PROGRESS.index)
