"""`red_light`: a vehicle crosses the stop line into the junction while the signal is red. See docs/rules/red_light.md.

signal   green ----- yellow -- red -------------------------------------
vehicle                        |<- min_red_s ->| crosses .... has entered
                               '------- one red without a break -------'
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from contract.rules.red_light import RedLightFacts, RedLightParams
from edge.behaviour.approach import MOVES_MPS, Approach, Crossing, Run
from edge.behaviour.journey import Journey, Sample
from edge.behaviour.speed import tremble_in_plane
from edge.rules.at_line import AtLine, AtLineRule, moment_at
from edge.rules.base import Moment
from edge.types import Observation, RuleEvent, SignalState

PROGRESS_M, PROGRESS_BOXES = 1.0, 0.25
"""Within `PROGRESS_S` a vehicle that drives into the junction gets so much farther; a box that jumps there does not."""
PROGRESS_S = 1.6
STRAIGHT_ON = 0.3
"""One place in the junction is enough where the speed before the line leads to: off by this share of the way since."""
SURE_TREMBLES = 4.0
"""The way over the line must be so many standard deviations of a trembling box."""


@dataclass(slots=True)
class _Passage(AtLine):
    """What is noted of one vehicle."""

    inside: deque[tuple[Sample, float]] = field(default_factory=deque)
    """Its places in the junction of the last `PROGRESS_S`, and how far past the line."""
    done: bool = False
    """Judged, and not before the line again."""


class RedLightRule(AtLineRule[RedLightParams, _Passage]):
    """One event for each vehicle."""

    kind = "red_light"

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:  # noqa: ARG002 - each place has its own time
        if not journey.fresh:
            return None
        passage = self._notes.get(journey.number)
        if passage is None:
            passage = self._notes[journey.number] = _Passage(Approach(self._metric))
        event = None
        for sample in journey.take_new():
            self._follow(journey, sample, passage.approach, observation.aspect)
            event = self._look(journey, passage, sample, observation.aspect) or event
        return event

    def _look(self, journey: Journey, passage: _Passage, sample: Sample, aspect: float) -> RuleEvent | None:
        approach, inside = passage.approach, passage.inside
        crossing = approach.crossing
        if crossing is None:  # most are
            passage.done = False
            inside.clear()
            return None
        least = self._least(self._params.min_beyond_m, self._params.min_beyond_boxes, sample)
        if passage.done or approach.surely_past < least or not self._in_junction(sample, approach):
            inside.clear()
            return None
        inside.append((sample, approach.past))
        while inside[0][0].at_s < sample.at_s - PROGRESS_S:
            inside.popleft()
        entry, past = inside[0]
        drives_on = approach.past - past >= self._least(PROGRESS_M, PROGRESS_BOXES, sample)
        if not drives_on and not _went_straight_on(crossing, sample, approach.past):
            return None
        passage.done = True
        red = self._red_all_along(crossing, entry.moment.monotonic_s)
        if red is None or not self._in_lane(crossing) or not self._is_surely_over(passage, sample, aspect):
            return None
        started = moment_at(entry.moment, crossing.at_s)
        facts = self._facts(journey, entry, past, red, started, aspect)
        return self._raise(journey, self._junction, started, journey.last.moment, facts)

    def _red_all_along(self, crossing: Crossing, entered_s: float) -> Run | None:
        red = self._timeline.run_at(crossing.at_s)
        if red is None or red.state is not SignalState.RED or red.last_s < entered_s:
            return None
        return red if crossing.at_s - red.first_s > self._params.min_red_s else None

    def _is_surely_over(self, passage: _Passage, sample: Sample, aspect: float) -> bool:
        """Whether the way over the line is more than a standing box trembles."""
        spread = tremble_in_plane(sample.ground, sample.size, self._scene, aspect)
        if spread is None:
            return False
        x, y = self._line(aspect).normal
        variance = float(x * x * spread[0, 0] + 2.0 * x * y * spread[0, 1] + y * y * spread[1, 1])
        approach = passage.approach
        return approach.past - approach.deepest >= SURE_TREMBLES * math.sqrt(variance)

    def _facts(
        self, journey: Journey, entry: Sample, past: float, red: Run, started: Moment, aspect: float
    ) -> RedLightFacts:
        yellow = self._timeline.before(red)
        if yellow is not None and (yellow.state is not SignalState.YELLOW or self._timeline.before(yellow) is None):
            yellow = None  # or nobody saw it begin
        return RedLightFacts(
            object_class=journey.class_name,
            crossed_at=started.utc,
            red_for_s=started.monotonic_s - red.first_s,
            yellow_for_s=None if yellow is None else red.first_s - yellow.first_s,
            entered_after_s=max(0.0, entry.moment.monotonic_s - started.monotonic_s),
            beyond_m=past if self._metric else None,
            beyond_boxes=self._boxes_past(entry, aspect),
            calibration_error_m=self._scene.calibration_error_m,
        )


def _went_straight_on(crossing: Crossing, sample: Sample, past: float) -> bool:
    """Whether a vehicle that drove over the line is where it must be by now: fast ones are found once in there."""
    if crossing.leads_to is None:
        return False
    before_s, before, speed = crossing.leads_to
    expected = speed * (sample.moment.monotonic_s - before_s)
    return speed >= MOVES_MPS and abs(past - before - expected) <= STRAIGHT_ON * (past - before)
