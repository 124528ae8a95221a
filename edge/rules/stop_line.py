"""`stop_line`: a vehicle stops past the stop line on red without entering the junction. See docs/rules/stop_line.md.

---- stop line ----|<- min_past ...... max_past ->|---- junction
     waits, right        waits here on red: told        has entered: another rule's
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from contract.geometry import Point, distance
from contract.rules.stop_line import StopLineFacts, StopLineParams
from edge.behaviour.approach import Approach, Crossing, Run
from edge.behaviour.journey import Journey, Sample
from edge.behaviour.speed import tremble_in_plane, tremble_of
from edge.rules.at_line import BACK_BOXES, BACK_M, AtLine, AtLineRule
from edge.rules.base import Moment, RunningMean, iou
from edge.scene import Scene
from edge.types import Observation, RuleEvent, SignalState

STILL_M, STILL_BOXES = 1.0, 0.25
STILL_TREMBLES = 3.0
"""A box that stays within this, or within so many of its tremble's standard deviations, of a place stands."""
MOST_PLACES_OVER = 0.75
"""Who waits right before the line has a box that wanders over it, but for most of the time it does not."""
ENTERED_M, ENTERED_BOXES = 1.5, 0.5
"""So far past the line, and in the junction, it has entered: `red_light` decides about it."""


UNSEEN_S = 3.0
"""Who is found past the line for the first time so long after green came over it since: else it had driven on ..."""
UNSEEN_DRIVING_S = 1.0
"""... and so long after it, if it was seen to go on a little: who is stuck there since green stands."""
UNSEEN_STAY_S = 5.0
"""Nobody saw it drive, so it must be seen standing for longer: a detector's mistakes go away."""
SURE_ERRORS = 3.0
"""Standard errors by which its mean place must lie farther past the line than is let pass: they shrink as it stands."""
TOLD_NEAR_M, TOLD_NEAR_BOXES = 3.0, 1.0
"""... unless it is so near to one that was told in this red: that one, under another number."""
SAME_M, SAME_BOXES = 1.0, 0.3
"""So is one that was seen to come, if it stands this near to where that one was told, and ..."""
SAME_IOU = 0.3
"""... is seen there no more, for a track that had stood beside it has gone over to it, or has a box that overlaps by so
much: the detector gives one motorbike two boxes now and then. Two motorbikes abreast hardly overlap."""


@dataclass(slots=True)
class _Wait(AtLine):
    """What is noted of one vehicle."""

    crossed_on: SignalState = SignalState.UNKNOWN
    crossed_s: float | None = None
    told_s: float | None = None
    """The crossing about which an event was raised: it is not told again before the vehicle was before the line."""
    was_unseen: bool = False
    """Nobody saw it come: it was found past the line."""
    after_green_s: float | None = None
    """How long after green it was found; below 0: nobody knows. None: not asked yet."""
    drove: bool = False
    """It went on from where it was found."""
    anchor: Point | None = None
    """Where it stands, in the plane; None: it is not past the line, or came over it by right."""
    since: Moment | None = None
    past: RunningMean = field(default_factory=RunningMean)
    over: RunningMean = field(default_factory=RunningMean)
    """Share of its places that were past the line at all."""
    boxes: RunningMean = field(default_factory=RunningMean)
    inside: RunningMean = field(default_factory=RunningMean)
    """Share of its places that had entered the junction."""


class StopLineRule(AtLineRule[StopLineParams, _Wait]):
    """One event for each vehicle."""

    kind = "stop_line"

    def __init__(self, params: StopLineParams, scene: Scene, name: str) -> None:
        """See `AtLineRule`.

        Raises:
            ValueError: As there.
        """
        super().__init__(params, scene, name)
        self._told: list[tuple[float, Point, Journey]] = []
        """When red had begun, where, and who, of those that were told in the latest red."""

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:
        wait = self._notes.get(journey.number)
        if wait is None:
            wait = self._notes[journey.number] = _Wait(Approach(self._metric))
        if journey.fresh:
            for sample in journey.take_new():
                self._follow(journey, sample, wait.approach, observation.aspect)
                self._note(journey, wait, sample, observation.aspect)
        red = self._run
        if wait.since is None or red is None or red.state is not SignalState.RED:
            return None
        stay_s = now.monotonic_s - max(wait.since.monotonic_s, red.first_s)
        deed = self._deeds.get(journey.number)
        if deed is not None:
            if not self._is_still_past(wait, journey.last):
                return None
            since_s = max(deed.started.monotonic_s, red.first_s)
            return self._go_on(deed, now, self._facts(journey, wait, now.monotonic_s - since_s), stay_s)
        if (
            wait.told_s == wait.crossed_s
            or stay_s < max(self._params.min_duration_s, UNSEEN_STAY_S if wait.was_unseen else 0.0)
            or not self._stands_past(wait, journey, observation.aspect, stay_s)
            or self._is_told(journey, red)
        ):
            return None
        wait.told_s = wait.crossed_s
        self._told = [told for told in self._told if told[0] == red.first_s]
        self._told.append((red.first_s, journey.smooth().plane, journey))
        started = self._began(wait.since, red.first_s, now)
        return self._raise(journey, self._junction, started, now, self._facts(journey, wait, stay_s), stay_s)

    def _is_told(self, journey: Journey, red: Run) -> bool:
        """Tell whether it was told in this red, itself or by another track that stands or stood where it does."""
        near, place = self._least(SAME_M, SAME_BOXES, journey.last), journey.smooth().plane
        for began_s, there, other in self._told:
            if began_s != red.first_s:
                continue
            if other is journey:
                return True
            is_there = other.fresh and distance(there, other.smooth().plane) < near
            beside = is_there and iou(journey.track.xyxy, other.track.xyxy) < SAME_IOU
            if distance(there, place) < near and not beside:
                return True
        return False

    def _stands_past(self, wait: _Wait, journey: Journey, aspect: float, stay_s: float) -> bool:
        sample = journey.last
        least = self._least(self._params.min_past_m, self._params.min_past_boxes, sample)
        least += SURE_ERRORS * self._error(journey, aspect, stay_s)
        is_over = wait.over.value >= MOST_PLACES_OVER and least <= wait.past.value <= self._most(sample)
        return is_over and wait.inside.value <= 0.5

    def _error(self, journey: Journey, aspect: float, stay_s: float) -> float:
        """Standard error in metres of its mean place past the line, from what changes in time; 0 without metres."""
        tremble, sample = tremble_of(journey.class_name), journey.last
        spread = tremble_in_plane(sample.ground, sample.size, self._scene, aspect, tremble.share)
        if not self._metric or spread is None:
            return 0.0
        x, y = self._line(aspect).normal
        variance = float(x * x * spread[0, 0] + 2.0 * x * y * spread[0, 1] + y * y * spread[1, 1])
        looks = 1.0 + stay_s / tremble.lasts_s
        return math.sqrt(max(0.0, variance) * (1.0 - tremble.stays) / looks)

    def _is_still_past(self, wait: _Wait, sample: Sample) -> bool:
        """Once told, a box that trembles ends nothing: only driving on or back does."""
        slack = self._least(BACK_M, BACK_BOXES, sample)
        return -slack <= wait.approach.past <= self._most(sample) + slack

    def _most(self, sample: Sample) -> float:
        return self._least(self._params.max_past_m, self._params.max_past_boxes, sample)

    def _facts(self, journey: Journey, wait: _Wait, stay_s: float) -> StopLineFacts:
        return StopLineFacts(
            object_class=journey.class_name,
            red_stay_s=max(0.0, stay_s),
            past_m=max(0.0, wait.past.value) if self._metric else None,
            past_boxes=wait.boxes.value,
            crossed_on="red" if wait.crossed_on is SignalState.RED else "yellow",
            calibration_error_m=self._scene.calibration_error_m,
        )

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
        came = approach.came
        # Who was never clearly before the line has a box that trembles over it: nobody saw it come.
        crossed_s: float | None
        wait.was_unseen = False
        if came is not None and approach.deepest <= -self._least(BACK_M, BACK_BOXES, sample):
            crossed_s, crossed_on = came.at_s, self._shown_at(came) if self._in_lane(came) else SignalState.UNKNOWN
        else:
            crossed_s = self._first_found(journey, wait, sample, aspect)
            crossed_on = SignalState.UNKNOWN if crossed_s is None else self._timeline.state_at(crossed_s)
            wait.was_unseen = True
        if crossed_s is None:
            wait.crossed_s = wait.anchor = wait.since = None
            return
        if wait.crossed_s != crossed_s:
            wait.crossed_s, wait.crossed_on = crossed_s, crossed_on
            wait.anchor = wait.since = None
        if wait.crossed_on not in {SignalState.RED, SignalState.YELLOW}:
            return
        place = journey.smooth(sample).plane
        if wait.anchor is None or distance(place, wait.anchor) > self._still(sample, aspect):
            wait.anchor, wait.since = place, sample.moment
            wait.past, wait.over, wait.boxes, wait.inside = (RunningMean() for _ in range(4))
        inside = approach.past > self._least(ENTERED_M, ENTERED_BOXES, sample) and self._in_junction(sample, approach)
        wait.inside.add(float(inside))
        wait.past.add(approach.surely_past)
        wait.over.add(float(approach.surely_past > 0.0))
        wait.boxes.add(self._boxes_past(sample, aspect))

    def _first_found(self, journey: Journey, wait: _Wait, sample: Sample, aspect: float) -> float | None:
        """When a vehicle was found that nobody saw come, if it came on yellow or red for all that is known."""
        front, red = wait.approach.front, self._run
        if red is None or red.state is not SignalState.RED:
            return None
        if front is None or not 0.0 <= self._line(aspect).along(front) <= 1.0:
            return None
        at_s = journey.born_at.moment.monotonic_s
        if wait.after_green_s is None:
            known_s = self._timeline.since_green_s(at_s)
            wait.after_green_s = -1.0 if known_s is None else known_s
        if wait.after_green_s < UNSEEN_DRIVING_S:
            return None
        if wait.after_green_s < UNSEEN_S and not wait.drove:
            line, least = self._line(aspect), self._least(BACK_M, BACK_BOXES, sample)
            way = line.past(journey.smooth(sample).plane) - line.past(journey.born_at.plane)
            wait.drove = way >= least
            if not wait.drove:
                return None
        near = self._least(TOLD_NEAR_M, TOLD_NEAR_BOXES, sample)
        is_told = any(
            began_s == red.first_s and distance(place, sample.plane) < near for began_s, place, _ in self._told
        )
        told_itself = wait.told_s is not None and wait.told_s == wait.crossed_s
        return at_s if told_itself or not is_told else None

    def _shown_at(self, came: Crossing) -> SignalState:
        """What the signal showed at a crossing; unknown if it changed while nobody saw the vehicle."""
        if came.unseen_s is None:
            return self._timeline.state_at(came.at_s)
        shown = self._timeline.run_at(came.unseen_s[0])
        is_same = shown is not None and shown == self._timeline.run_at(came.unseen_s[1])
        return shown.state if shown is not None and is_same else SignalState.UNKNOWN

    def _still(self, sample: Sample, aspect: float) -> float:
        least = self._least(STILL_M, STILL_BOXES, sample)
        spread = tremble_in_plane(sample.ground, sample.size, self._scene, aspect) if self._metric else None
        return least if spread is None else max(least, STILL_TREMBLES * math.sqrt(float(spread.trace()) / 2.0))
