"""`stop_line`: a vehicle stops past the stop line on red without entering the junction. See docs/rules/stop_line.md.

---- stop line ----|<- min_past ...... max_past ->|---- junction
     waits, right        waits here on red: told        has entered: another rule's
"""

from __future__ import annotations

from dataclasses import dataclass, field

from contract.geometry import Point, distance
from contract.rules.stop_line import StopLineFacts, StopLineParams
from edge.rules.at_line import AtLine, AtLineRule, step_of
from edge.rules.base import Moment, RunningMean
from edge.rules.relink import Journey, Sample
from edge.scene.approach import Approach
from edge.types import Observation, RuleEvent, SignalState

STILL_M, STILL_BOXES = 0.8, 0.25
"""A box that stays within this of a place stands."""
ENTERED_M, ENTERED_BOXES = 1.5, 0.5
"""So far past the line, and in the junction, it has entered: `red_light` decides about it."""


@dataclass(slots=True)
class _Wait(AtLine):
    """What is noted of one vehicle."""

    crossed_on: SignalState = SignalState.UNKNOWN
    crossed_s: float | None = None
    anchor: Point | None = None
    """Where it stands, in the plane; None: it is not past the line, or came over it by right."""
    since: Moment | None = None
    past: RunningMean = field(default_factory=RunningMean)
    boxes: RunningMean = field(default_factory=RunningMean)
    entered: bool = False


class StopLineRule(AtLineRule[StopLineParams, _Wait]):
    """One event for each vehicle."""

    kind = "stop_line"

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:
        wait = self._notes.setdefault(journey.number, _Wait(Approach(self._metric)))
        if journey.fresh:
            for sample in journey.take_new():
                wait.approach.take(step_of(journey, sample), self._line(observation.aspect))
                self._note(journey, wait, sample, observation.aspect)
        red = self._timeline.run_at(now.monotonic_s)
        if wait.since is None or wait.entered or red is None or red.state is not SignalState.RED:
            return None
        sample = journey.last
        least = self._least(self._params.min_past_m, self._params.min_past_boxes, sample)
        most = self._least(self._params.max_past_m, self._params.max_past_boxes, sample)
        stay_s = now.monotonic_s - max(wait.since.monotonic_s, red.first_s)
        if stay_s < self._params.min_duration_s or not least <= wait.past.value <= most:
            return None
        facts = StopLineFacts(
            object_class=journey.class_name,
            red_stay_s=stay_s,
            past_m=wait.past.value if self._metric else None,
            past_boxes=wait.boxes.value,
            crossed_on="red" if wait.crossed_on is SignalState.RED else "yellow",
            calibration_error_m=self._scene.calibration_error_m,
        )
        deed = self._deeds.get(journey.number)
        if deed is not None:
            return self._go_on(deed, now, facts, stay_s)
        return self._raise(journey, self._junction, self._began(wait.since, red.first_s, now), now, facts, stay_s)

    def _began(self, since: Moment, red_s: float, now: Moment) -> Moment:
        """When it stood and red showed, both."""
        if red_s <= since.monotonic_s:
            return since
        share = (red_s - since.monotonic_s) / max(now.monotonic_s - since.monotonic_s, 1e-9)
        return Moment(
            since.watched_s + share * (now.watched_s - since.watched_s),
            red_s,
            since.utc + share * (now.utc - since.utc),
        )

    def _note(self, journey: Journey, wait: _Wait, sample: Sample, aspect: float) -> None:
        approach = wait.approach
        crossing = approach.crossing
        if crossing is None:
            wait.crossed_s = wait.anchor = wait.since = None
            wait.entered = False
            return
        if wait.crossed_s != crossing.at_s:
            wait.crossed_s = crossing.at_s
            by_right = not self._in_lane(crossing)
            wait.crossed_on = SignalState.UNKNOWN if by_right else self._timeline.state_at(crossing.at_s)
            wait.anchor = wait.since = None
        if wait.crossed_on not in {SignalState.RED, SignalState.YELLOW}:
            return
        inside = approach.past > self._least(ENTERED_M, ENTERED_BOXES, sample) and self._in_junction(sample, approach)
        wait.entered = wait.entered or inside
        place = journey.smooth(sample).plane
        if wait.anchor is None or distance(place, wait.anchor) > self._least(STILL_M, STILL_BOXES, sample):
            wait.anchor, wait.since = place, sample.moment
            wait.past, wait.boxes = RunningMean(), RunningMean()
        wait.past.add(approach.past)
        wait.boxes.add(self._boxes_past(sample, aspect))
