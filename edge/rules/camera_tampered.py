"""`camera_tampered`: covered, out of focus, or turned away from its view. See docs/rules/camera_tampered.md.

The pictures are compared outside (`edge.health.view`); this rule sees numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass

from contract.event import EventState
from contract.rules.camera_tampered import CameraTamperedFacts, CameraTamperedParams, Tampering
from edge.rules.base import Moment, Pace, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, ViewReading

COVERED_DETAIL = 0.3
"""Less than this share of the reference's detail, and light and dark lie elsewhere: something is before the lens."""
DARK_DETAIL = 0.12
"""So little detail is a cover wherever the light comes from."""
DEFOCUSED_SHARPNESS = 0.5
"""Less than this share of the reference's sharpness, while light and dark lie where they did: out of focus."""
SAME_LAYOUT = 0.6
MOVED_MATCH = 0.15
"""Less than this share of the blocks is found. A bus before the camera leaves a rim; a turn leaves chance."""
LOST = 0.12
"""And over the whole picture the edges correlate less than this with the reference's."""
MOVED_PEAK = 0.15
MOVED_RATIO = 1.5
"""Or: the edges lie elsewhere in the picture, that much more clearly than in their place."""
CLEAR = 1.5
"""An event ends when the number that raised it is this many times its limit."""
_MIN_LOOKS = 3
_BREAK_S = 20.0
"""Without a reading for this long, what was seen before it says nothing of now."""


def wrong_with(reading: ViewReading, *, ease: float = 1.0) -> Tampering | None:
    """What a reading says is wrong.

    Args:
        reading: The numbers.
        ease: Multiplies the limits: above 1 while an event is open, so that it does not flicker.
    """
    detail = reading.detail / max(reading.detail_reference, 1e-6)
    sharpness = reading.sharpness / max(reading.sharpness_reference, 1e-6)
    same_layout = reading.layout >= SAME_LAYOUT
    if detail < DARK_DETAIL * ease or (detail < COVERED_DETAIL * ease and not same_layout):
        return Tampering.COVERED
    if sharpness < DEFOCUSED_SHARPNESS * ease and detail < 1.0:
        return Tampering.DEFOCUSED if same_layout else Tampering.COVERED
    lost = reading.match < MOVED_MATCH * ease * min(1.0, reading.match_reference) and reading.in_place < LOST * ease
    found_elsewhere = reading.elsewhere > max(MOVED_PEAK, MOVED_RATIO * reading.in_place) / ease
    return Tampering.MOVED if lost or found_elsewhere else None


@dataclass(slots=True)
class _Wrong:
    """A view that is wrong, without a longer break."""

    since: Moment
    last: Moment
    worst: ViewReading
    votes: dict[Tampering, int]
    pace: Pace | None = None
    """None before the event was raised."""

    @property
    def tampering(self) -> Tampering:
        return max(self.votes, key=lambda item: self.votes[item])

    @property
    def looks(self) -> int:
        return sum(self.votes.values())

    @property
    def stay_s(self) -> float:
        return self.last.watched_s - self.since.watched_s


class CameraTamperedRule(TimedRule[CameraTamperedParams]):
    """At most one event for a camera."""

    kind = "camera_tampered"

    def __init__(self, params: CameraTamperedParams, scene: Scene, name: str) -> None:
        """See `TimedRule`."""
        super().__init__(params, scene, name)
        self._wrong: _Wrong | None = None

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        if not self._in_force(now):
            return self._end_all()
        reading = observation.view
        if reading is None:
            return []
        wrong = self._wrong
        raised = wrong is not None and wrong.pace is not None
        found = wrong_with(reading, ease=CLEAR if raised else 1.0)
        if found is not None:
            return self._see(found, reading, now)
        if wrong is None:
            return []
        if wrong.pace is None:  # a headlight, a passing lorry: begin again
            self._wrong = None
        elif now.watched_s - wrong.last.watched_s >= self._params.clear_after_s:
            return self._end_all()
        return []

    def _see(self, found: Tampering, reading: ViewReading, now: Moment) -> list[RuleEvent]:
        wrong = self._wrong
        if wrong is None or (wrong.pace is None and now.watched_s - wrong.last.watched_s > _BREAK_S):
            wrong = self._wrong = _Wrong(now, now, reading, {})
        wrong.last = now
        before = wrong.tampering if wrong.votes else found
        wrong.votes[found] = wrong.votes.get(found, 0) + 1
        if reading.match + reading.detail / max(reading.detail_reference, 1e-6) <= wrong.worst.match + (
            wrong.worst.detail / max(wrong.worst.detail_reference, 1e-6)
        ):
            wrong.worst = reading
        if wrong.pace is None:
            if wrong.stay_s < self._params.min_duration_s or wrong.looks < _MIN_LOOKS:
                return []
            wrong.pace = Pace(now.watched_s, 0, wrong.stay_s)
            return [self._say(EventState.START, wrong)]
        if wrong.tampering is not before or wrong.pace.take(now.watched_s, 0, wrong.stay_s):
            return [self._say(EventState.UPDATE, wrong)]
        return []

    def _end_all(self) -> list[RuleEvent]:
        wrong, self._wrong = self._wrong, None
        return [] if wrong is None or wrong.pace is None else [self._say(EventState.END, wrong)]

    def _say(self, state: EventState, wrong: _Wrong) -> RuleEvent:
        worst = wrong.worst
        return self._event(
            state,
            "view",
            zone=None,
            started=wrong.since,
            observed=wrong.last,
            confidence=wrong.votes[wrong.tampering] / wrong.looks,
            facts=CameraTamperedFacts(
                tampering=wrong.tampering,
                stay_s=wrong.stay_s,
                detail_before=worst.detail_reference,
                detail_after=worst.detail,
                sharpness_before=worst.sharpness_reference,
                sharpness_after=worst.sharpness,
                match_before_share=min(1.0, max(0.0, worst.match_reference)),
                match_after_share=worst.match,
            ),
            track_ids=(),
        )
