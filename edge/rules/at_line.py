"""What rules about a stop line and its signal share: whose front is where, and what was shown meanwhile."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from contract.geometry import Point, isotropic, offset_from_line
from contract.rules.base import AtLineParams
from edge.behaviour.approach import HEADING_TREMBLES, MOVES_MPS, NEAR_M, Approach, Crossing, Run, SignalTimeline, Step
from edge.behaviour.journey import SPARSE_S, VELOCITY_S, Journey, Sample, plane_velocity
from edge.behaviour.speed import MIN_PLACES, tremble_of
from edge.rules.base import Moment
from edge.rules.journey_rule import JourneyRule
from edge.scene import Scene
from edge.scene.lines import DirectedLine
from edge.types import Observation, RuleEvent, SignalState

KEEP_S = 5.0
BACK_M, BACK_BOXES = 1.0, 0.5
"""So far before the line a vehicle is clearly before it: less is a box that trembles."""
UP = 0.005
"""Share of the picture's height."""

LineParamsT = TypeVar("LineParamsT", bound=AtLineParams)


@dataclass(slots=True)
class AtLine:
    """What is noted of one vehicle; rules add their own."""

    approach: Approach


NotesT = TypeVar("NotesT", bound=AtLine)


class AtLineRule(JourneyRule[LineParamsT, NotesT]):
    """A rule about one line and one signal."""

    def __init__(self, params: LineParamsT, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone, line, signal or schedule does not exist, or the line does not say which side is the far
                one, or lies above the horizon.
        """
        super().__init__(params, scene, name, keep_s=KEEP_S, clear_after_s=params.clear_after_s)
        scene.directed_line(params.line, aspect=1.0)
        scene.check_signal(params.signal)
        self._metric = scene.homography is not None
        self._junction = scene.lines[params.line].into or ""
        self._timeline = SignalTimeline()
        self._run: Run | None = None
        """What the signal shows now, and since when."""
        self._drawn: tuple[float, DirectedLine] | None = None

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        state = observation.signals.get(self._params.signal, SignalState.UNKNOWN)
        self._timeline.take(observation.monotonic_s, state)
        self._run = self._timeline.run_at(observation.monotonic_s)
        return super()._decide(observation, now)

    def _end_all(self) -> list[RuleEvent]:
        self._timeline.clear()
        return super()._end_all()

    def _follow(self, journey: Journey, sample: Sample, approach: Approach, aspect: float) -> None:
        """Let an approach go on with a journey's next place."""
        line = self._line(aspect)
        past = line.past(sample.plane)
        if self._metric and abs(past) > NEAR_M:
            approach.stay_far(past)
            return
        steps = self._watching().steps
        known = steps.get(id(sample))
        if known is None:  # the next rule asks for the same
            known = steps[id(sample)] = (sample, self._step(journey, sample, aspect))
        approach.take(known[1], line, self._least(BACK_M, BACK_BOXES, sample))

    def _step(self, journey: Journey, sample: Sample, aspect: float) -> Step:
        recent = _until(journey, sample, VELOCITY_S)
        if len(recent) < MIN_PLACES:
            recent = _until(journey, sample, SPARSE_S)
        is_known = len(recent) >= MIN_PLACES and recent[-1].at_s > recent[0].at_s
        velocity = plane_velocity(recent) if is_known and self._metric else None
        sight, class_name, heads = self._sight(sample, aspect), journey.class_name, False
        if velocity is not None and sight is not None and (speed_mps := math.hypot(*velocity)) >= MOVES_MPS:
            tremble_m = math.hypot(*sight) / UP * tremble_of(class_name).share * sample.size
            heads = speed_mps * (recent[-1].at_s - recent[0].at_s) >= HEADING_TREMBLES * tremble_m
        return Step(
            at_s=sample.moment.monotonic_s,
            ground=sample.ground,
            plane=sample.plane,
            velocity=velocity,
            sight=sight,
            class_name=class_name,
            heads=heads,
        )

    def _sight(self, sample: Sample, aspect: float) -> Point | None:
        """The way on the ground in which the camera looks at a place: up in the picture."""
        x, y = sample.ground
        farther = self._scene.to_plane((x, y - UP), aspect) if self._metric else None
        return None if farther is None else (farther[0] - sample.plane[0], farther[1] - sample.plane[1])

    def _line(self, aspect: float) -> DirectedLine:
        if self._drawn is None or self._drawn[0] != aspect:
            self._drawn = (aspect, self._scene.directed_line(self._params.line, aspect))
        return self._drawn[1]

    def _least(self, metres: float, boxes: float, sample: Sample) -> float:
        """A length in the plane: metres where there are any, else box lengths."""
        return metres if self._metric else boxes * sample.size

    def _boxes_past(self, sample: Sample, aspect: float) -> float:
        """Distance of a box from the line in the picture, in its own lengths."""
        start, end = (isotropic(point, aspect) for point in self._scene.lines[self._params.line].coordinates)
        return abs(offset_from_line(sample.picture, (start, end))) / sample.size

    def _in_lane(self, crossing: Crossing) -> bool:
        """Whether it came from a lane that the signal is for."""
        zones = self._params.zones
        return not zones or any(self._scene.zone_contains(zone_id, crossing.ground_before) for zone_id in zones)

    def _in_junction(self, sample: Sample, approach: Approach) -> bool:
        """Whether its front has reached the junction: the box itself stands there, or the front's place does."""
        if self._scene.zone_contains(self._junction, sample.ground):
            return True
        if self._scene.homography is None or approach.front is None:
            return False
        picture = self._scene.homography.to_picture(approach.front)
        return picture is not None and self._scene.zone_contains(self._junction, picture)


def _until(journey: Journey, sample: Sample, seconds: float) -> list[Sample]:
    """Its places of the last seconds before a sample, in order of time, and the sample."""
    recent = journey.since(sample.at_s - seconds)
    while recent and recent[-1].at_s > sample.at_s:
        recent.pop()
    return recent


def moment_at(near: Moment, monotonic_s: float) -> Moment:
    """A moment a little before or after another."""
    step_s = monotonic_s - near.monotonic_s
    return Moment(near.watched_s + step_s, monotonic_s, near.utc + timedelta(seconds=step_s))
