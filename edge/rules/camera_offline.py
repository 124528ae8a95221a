"""`camera_offline`: no frame came for a while. See docs/rules/camera_offline.md.

Unlike the other rules it is asked when nothing was observed: `edge.health.offline` calls `look` about once a second,
with frames and without.
"""

from __future__ import annotations

from datetime import datetime

from contract.event import EventState
from contract.rules.camera_offline import CameraOfflineFacts, CameraOfflineParams
from edge.rules.base import MAX_STEP_S, Moment, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent

UPDATE_EVERY_S = 3600.0
"""An outage is told again at least so often: whoever reads knows that it is still watched."""
_GROWTH = 1.5
_FIRST_UPDATE_S = 10.0


class CameraOfflineRule(TimedRule[CameraOfflineParams]):
    """At most one event for a camera."""

    kind = "camera_offline"

    def __init__(self, params: CameraOfflineParams, scene: Scene, name: str) -> None:
        """See `TimedRule`."""
        super().__init__(params, scene, name)
        self._looked: Moment | None = None
        self._silent_since: Moment | None = None
        """The last frame, or the first look."""
        self._last_frame_at: datetime | None = None
        self._before_s = 0.0
        """Silence that an earlier process saw of the same outage."""
        self._told_s: float | None = None
        """Silence that the event told last; None: no event."""
        self._back: tuple[Moment, float] | None = None
        """While an event is open: the first frame that came again, and the silence before it."""

    @property
    def is_open(self) -> bool:
        """An event has started and not ended."""
        return self._told_s is not None

    @property
    def last_frame_at(self) -> datetime | None:
        """When the last frame came."""
        return self._last_frame_at

    def resume(self, facts: CameraOfflineFacts, started_at: datetime, monotonic_s: float) -> None:
        """Go on with an event that an earlier process or configuration left open.

        Args:
            facts: Its latest.
            started_at: When it began.
            monotonic_s: Now.
        """
        self._silent_since = Moment(0.0 if self._looked is None else self._looked.watched_s, monotonic_s, started_at)
        self._last_frame_at = facts.last_frame_at
        self._before_s = self._told_s = facts.silent_s

    def observe(self, observation: Observation) -> list[RuleEvent]:
        """A frame came: the same as `look` says of it."""
        return self.look(observation.monotonic_s, observation.utc, observation.utc)

    def look(self, monotonic_s: float, utc: datetime, frame_at: datetime | None) -> list[RuleEvent]:
        """Tell what follows from a frame, or from none.

        Args:
            monotonic_s: Now.
            utc: Now.
            frame_at: When a frame came since the last look; None: none did.
        """
        before = self._looked or Moment(0.0, monotonic_s, utc)
        step_s = monotonic_s - before.monotonic_s
        if not 0.0 <= step_s <= MAX_STEP_S:  # this process itself was stopped: nobody watched
            step_s = 0.0
        now = self._looked = Moment(before.watched_s + step_s, monotonic_s, utc)
        if not self._in_force(now):
            events = self._end_all()
            self._silent_since = None
            return events
        if self._silent_since is None:
            self._silent_since = Moment(now.watched_s, now.monotonic_s, min(self._last_frame_at or utc, utc))
        return self._silence(now) if frame_at is None else self._frame(now, frame_at)

    def _frame(self, now: Moment, frame_at: datetime) -> list[RuleEvent]:
        silent_s = self._silent_s(now)
        if self._told_s is None:
            self._last_frame_at = frame_at
            self._silent_since = Moment(now.watched_s, now.monotonic_s, min(frame_at, now.utc))
            return []
        if self._back is None:
            self._back = now, silent_s
        back, silence_s = self._back
        if now.watched_s - back.watched_s < self._params.clear_after_s:
            return []
        event = self._say(EventState.END, back, silence_s)
        self._forget()
        self._last_frame_at = frame_at
        self._silent_since = Moment(now.watched_s, now.monotonic_s, min(frame_at, now.utc))
        return [event]

    def _silence(self, now: Moment) -> list[RuleEvent]:
        silent_s = self._silent_s(now)
        if self._told_s is None:
            if silent_s < self._params.grace_s:
                return []
            self._told_s = silent_s
            return [self._say(EventState.START, now, silent_s)]
        if self._back is not None:
            if now.watched_s - self._back[0].watched_s < self._params.grace_s:
                return []
            self._back = None  # a few frames, and silence again: the same outage
        if silent_s - self._told_s < min(UPDATE_EVERY_S, max(_FIRST_UPDATE_S, (_GROWTH - 1.0) * self._told_s)):
            return []
        self._told_s = silent_s
        return [self._say(EventState.UPDATE, now, silent_s)]

    def _silent_s(self, now: Moment) -> float:
        assert self._silent_since is not None  # noqa: S101 - `look` sets it first
        return self._before_s + now.watched_s - self._silent_since.watched_s

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:  # noqa: ARG002 - see `look`
        return []

    def _end_all(self) -> list[RuleEvent]:
        if self._told_s is None or self._silent_since is None:
            return []
        at = self._looked or self._silent_since
        events = [self._say(EventState.END, at, max(self._told_s, self._silent_s(at)))]
        self._forget()
        return events

    def _forget(self) -> None:
        self._told_s = self._back = None
        self._before_s = 0.0

    def _say(self, state: EventState, observed: Moment, silent_s: float) -> RuleEvent:
        assert self._silent_since is not None  # noqa: S101 - `look` sets it first
        return self._event(
            state,
            "silence",
            zone=None,
            started=self._silent_since,
            observed=observed,
            confidence=1.0,
            facts=CameraOfflineFacts(silent_s=silent_s, last_frame_at=self._last_frame_at),
            track_ids=(),
        )
