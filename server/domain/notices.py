"""Notifications: who is told of an incident, when, and what a storm of them becomes. Pure.

            tell                       lease                       word of the channel
incident ---------> pending ------------------> (being sent) ------------------------> sent
                       ^                             |-- try again later --> pending
                       |                             `-- never will, or too late --> failed
                       |-- silenced when it was due --> silenced -- the silence ends, it is still new --> pending
                       `-- the incident is over, or its reader may not see it --> dropped
A worse severity makes a settled notification pending again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from server.domain.grouping import SEVERITIES, Severity

GROUP_WAIT: Final = timedelta(seconds=3)
"""A burst shows itself within this; nobody reads mail faster. The live wall does not wait."""
STORM_WINDOW: Final = timedelta(minutes=5)
STORM_MESSAGES: Final = 5
"""More messages than this to one channel in the window are a storm: what follows is summed up."""
STORM_WAIT: Final = timedelta(minutes=5)
STORM_WAIT_CRITICAL: Final = timedelta(minutes=1)
"""From the last message to the next summary; shorter when one of its incidents is critical."""
RETRY_BASE: Final = timedelta(seconds=10)
RETRY_MOST: Final = timedelta(hours=1)
GIVE_UP_AFTER: Final = timedelta(hours=24)
"""An incident that nobody touched expires after as long: news of it is of no use any more."""


class Channel(StrEnum):
    """How somebody is told."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    PUSH = "push"
    """Web push, to a browser."""


class NoticeState(StrEnum):
    """How far a notification is."""

    PENDING = "pending"
    SENT = "sent"
    SILENCED = "silenced"
    DROPPED = "dropped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to be told on a channel."""

    min_severity: Severity
    kinds: frozenset[str]
    places: frozenset[str]
    """Empty for everything in the scope."""


def wants(wanted: Wanted, kind: str, severity: Severity, place_path: Sequence[str]) -> bool:
    """Whether an incident in the place (ids from the province down) is of interest."""
    if SEVERITIES.index(severity) < SEVERITIES.index(wanted.min_severity):
        return False
    if wanted.kinds and kind not in wanted.kinds:
        return False
    return not wanted.places or not wanted.places.isdisjoint(place_path)


def is_worse(severity: Severity, than: Severity) -> bool:
    """Whether a severity is higher than the one that was told."""
    return SEVERITIES.index(severity) > SEVERITIES.index(than)


@dataclass(frozen=True, slots=True, order=True)
class SentMessage:
    """A message that went out on a channel, and how many incidents it told."""

    at: datetime
    incidents: int


@dataclass(frozen=True, slots=True)
class Round:
    """What one channel is sent now."""

    singly: bool
    """Each in a message of its own; else all in one summary."""
    not_before: datetime
    """Later than now: the storm goes on, wait."""


def plan_round(severities: Sequence[Severity], sent: Sequence[SentMessage], now: datetime) -> Round:
    """Decide how what is due on a channel is told.

    Args:
        severities: Of the incidents that are due.
        sent: Earlier messages on the channel; those outside the window count for nothing.
        now: The time.
    """
    recent = sorted(message for message in sent if message.at > now - STORM_WINDOW)
    goes_on = bool(recent) and recent[-1].incidents > 1
    if not goes_on and len(recent) + len(severities) <= STORM_MESSAGES:
        return Round(singly=True, not_before=now)
    if not goes_on and len(recent) < STORM_MESSAGES:
        return Round(singly=False, not_before=now)  # a burst out of the blue: one summary at once
    wait = STORM_WAIT_CRITICAL if Severity.CRITICAL in severities else STORM_WAIT
    return Round(singly=False, not_before=max(now, recent[-1].at + wait))


def retry_at(attempts: int, now: datetime, jitter: float) -> datetime:
    """When to try again after so many failures.

    Args:
        attempts: Failures so far, at least 1.
        now: The time.
        jitter: In [0, 1): spreads those that failed together.
    """
    wait = min(RETRY_BASE * float(2 ** min(attempts - 1, 20)), RETRY_MOST)
    return now + wait * (0.75 + 0.5 * jitter)
