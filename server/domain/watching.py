"""How long a camera watched: from the moments at which its state changed, as heartbeats told them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from contract.event import CameraHealth

SILENT_AFTER: Final = timedelta(seconds=60)
"""Four heartbeats of 15 s: what a camera's box said before that says nothing about now."""

TOLD_EVERY: Final = timedelta(seconds=60)
"""A box that says what it said before is written down whole once in this time; when it was heard, always."""
_TOLD_SLACK: Final = timedelta(seconds=15)


class Watch(StrEnum):
    """What counts of a camera's state."""

    UP = "up"
    DOWN = "down"
    """Its box is heard, and has no pictures of it."""
    SILENT = "silent"
    """Its box is not heard: nobody knows."""
    OFF = "off"
    """Switched off, or a film that has ended: not expected to watch."""


_WATCH: Final = {
    CameraHealth.OK: Watch.UP,
    CameraHealth.STARTING: Watch.DOWN,
    CameraHealth.RECONNECTING: Watch.DOWN,
    CameraHealth.REFUSED: Watch.DOWN,
    CameraHealth.ENDED: Watch.OFF,
    CameraHealth.DISABLED: Watch.OFF,
}


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """From when on a camera was in a state."""

    since: datetime
    state: Watch


@dataclass(frozen=True, slots=True)
class Watched:
    """Whole seconds of a day."""

    up_s: int = 0
    down_s: int = 0
    silent_s: int = 0


def watch_of(health: CameraHealth) -> Watch:
    """What a heartbeat's word counts as."""
    return _WATCH[health]


def heard_at(told_at: datetime | None, box_heard_at: datetime | None) -> datetime | None:
    """When a camera was heard of last.

    Args:
        told_at: When its state was last written.
        box_heard_at: When its box was heard: that says that all is as it was, while `told_at` is not long before.
    """
    if told_at is None or box_heard_at is None or box_heard_at - told_at > TOLD_EVERY + _TOLD_SLACK:
        return told_at
    return max(told_at, box_heard_at)


def told_since(heard_since: datetime) -> datetime:
    """The earliest `told_at` of a camera whose box was heard after a time and which counts as heard by that."""
    return heard_since - TOLD_EVERY - _TOLD_SLACK


def changes(
    health: CameraHealth, now: datetime, before: CameraHealth | None, heard_at: datetime | None
) -> tuple[Change, ...]:
    """What a heartbeat adds to a camera's history: nothing, where all is as it was.

    Args:
        health: What it says.
        now: When it came.
        before: What the one before said; None for the first one.
        heard_at: When that came.
    """
    state = watch_of(health)
    if before is None or heard_at is None:
        return (Change(now, state),)
    if now - heard_at > SILENT_AFTER and watch_of(before) is not Watch.OFF:
        return (Change(heard_at, Watch.SILENT), Change(now, state))
    return () if watch_of(before) is state else (Change(now, state),)


def watched(
    history: Sequence[Change], heard_at: datetime | None, start: datetime, end: datetime, now: datetime
) -> Watched:
    """How long a camera was in each state between two times.

    Args:
        history: Its changes in order, from the last one before `start` on.
        heard_at: When its box was heard last.
        start: The beginning of a day.
        end: Its end.
        now: Nothing is known beyond.
    """
    known = sorted(history)
    is_expected = bool(known) and known[-1].state is not Watch.OFF
    if is_expected and heard_at is not None and now - heard_at > SILENT_AFTER and known[-1].since <= heard_at:
        known.append(Change(heard_at, Watch.SILENT))
    seconds = dict.fromkeys(Watch, 0.0)
    stop = min(end, now)
    followed = [change.since for change in known[1:]] + [stop]
    for change, until in zip(known, followed, strict=False):
        begins, ends = max(change.since, start), min(until, stop)
        if ends > begins:
            seconds[change.state] += (ends - begins).total_seconds()
    return Watched(round(seconds[Watch.UP]), round(seconds[Watch.DOWN]), round(seconds[Watch.SILENT]))
