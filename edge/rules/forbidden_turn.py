"""`forbidden_turn`: a vehicle passes zones in a forbidden order, or turns back. See docs/rules/forbidden_turn.md.

+---+   +---+        +------------------+
| A |   | A'|        |  A  o-o-o-o-.    |  One zone with a direction: the way back runs
| o |   | o |        | --->        :    |  beside the way there. A vehicle that backs up
+-:-+   +-:-+        |     o-o-o-o-'    |  goes back on its own way.
  `-o-o-o-'          +------------------+
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from contract.geometry import Point, angle_between_deg, distance
from contract.rules.forbidden_turn import ForbiddenTurnFacts, ForbiddenTurnParams
from edge.behaviour.approach import LENGTHS_M
from edge.behaviour.journey import SMOOTH_S, Journey, Sample, mean_sample, plane_velocity
from edge.behaviour.middle import ground_of_middle
from edge.rules.base import Moment
from edge.rules.journey_rule import JourneyRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent

MOVED_BOXES = 1.0
"""Who drives from one zone to another makes at least this way; who stands on the border of both does not."""
STEP_S = 0.2
"""More often nothing new is learned of a turn."""
HEADING_S = 1.0
"""A heading is that of this time."""
MAX_TURN_MPS2 = 13.0
"""A motorbike's velocity changes by at most this much in a second, braking and turning together: one that leans by 45
degrees turns with 10. Two vehicles that pass each other and swap their tracks change it by twice their speed."""
SWING_MPS2_M = 2.5
"""So much more for each metre that a vehicle is longer than a motorbike: a box stands on the vehicle's near end, which
is the rear before a turn and the front after it. Measured on whole tracks: cars 9-15, a truck 14."""
MAX_TURN_BOXES = 4.5
"""The same in box lengths without a homography: boxes are mostly longer than the 2.2 m of a motorbike from ahead."""
SLOW_MPS, SLOW_BOXES = 1.0, 0.4
SWAPPED_DEG = 45.0
"""Only what goes on with another heading, both times faster than this, may be another vehicle."""
ABRUPT_S = 0.6
UNSEEN_S = 3.0
UNSEEN_BOXES = 3.0
"""A turn of which so much was not seen may be another vehicle's."""
LEADS_S = 1.0
"""Who is first seen beyond a zone, or lost before one, was in it if its way leads there within this time ..."""
LEADS_STEP_S = 0.2
LEADS_LOOKS = 3
LEADS_MPS, LEADS_BOXES = 2.0, 0.5
"""... at no less than this speed; without a homography in box lengths a second."""
HEADS_MPS = 1.0
"""Slower, a trembling box has no heading: the one before counts."""


@dataclass(slots=True)
class _Way:
    """What is noted of one vehicle."""

    reached: list[tuple[Sample, Sample] | None]
    """For each zone of the order: the first and the last place in it, once those before it were passed."""
    places: deque[Sample] = field(default_factory=deque)
    """Smoothed places, about `STEP_S` apart."""
    heading: Point = (0.0, 0.0)
    """Of the last second in which it moved."""
    aspect: float = 1.0
    """Of the picture."""
    is_begun: bool = False
    """Where it came from was asked."""


class ForbiddenTurnRule(JourneyRule[ForbiddenTurnParams, _Way]):
    """One event for each turn."""

    kind = "forbidden_turn"

    def __init__(self, params: ForbiddenTurnParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist, or the only zone has no direction.
        """
        self._keep_s = params.within_s + 3 * HEADING_S
        super().__init__(params, scene, name, keep_s=self._keep_s, clear_after_s=params.clear_after_s)
        for zone_id in params.order:
            scene.zone(zone_id)
        if len(params.order) == 1:
            scene.lane_direction(params.order[0], aspect=1.0)

    def _judge(self, journey: Journey, observation: Observation, now: Moment) -> RuleEvent | None:
        if not journey.fresh:
            return None
        way = self._notes.get(journey.number)
        if way is None:
            way = self._notes[journey.number] = _Way([None] * len(self._params.order))
        event = None
        for sample in journey.take_new():
            if way.places and sample.at_s - way.places[-1].at_s < 0.9 * STEP_S:
                continue
            place = journey.smooth(sample)
            way.places.append(place)
            while way.places[0].at_s < now.watched_s - self._keep_s:
                way.places.popleft()
            if len(self._params.order) == 1:
                event = event or self._judge_turning_back(journey, way, observation.aspect)
            else:
                event = event or self._judge_order(journey, way, place, observation.aspect)
        return event

    def _judge_order(self, journey: Journey, way: _Way, place: Sample, aspect: float) -> RuleEvent | None:
        order = self._params.order
        velocity = _heading(journey.between(place.at_s - HEADING_S, place.at_s))
        if velocity is not None and math.hypot(*velocity) >= self._pace(HEADS_MPS, LEADS_BOXES, place):
            way.heading = velocity
        way.aspect = aspect
        ground = ground_of_middle(self._scene, place, way.heading, journey.class_name, aspect)
        inside = [self._scene.zone_contains(zone_id, ground) for zone_id in order]
        for index in range(len(order) - 1, 0, -1):  # the last first: nobody passes two zones in one step
            before = way.reached[index - 1]
            if not inside[index] or inside[index - 1] or before is None:
                continue
            if place.at_s - before[1].at_s <= self._params.within_s:
                reached = way.reached[index]
                way.reached[index] = (place if reached is None else reached[0], place)
        if inside[0]:
            first = way.reached[0]
            way.reached = [(place if first is None else first[0], place), *[None] * (len(order) - 1)]
        elif not way.is_begun and len(way.places) >= LEADS_LOOKS:
            way.is_begun = True
            if way.reached[0] is None and self._leads(journey, way, journey.of_first(HEADING_S), order[0], -1.0):
                way.reached[0] = (way.places[0], way.places[0])
        end = way.reached[-1]
        # A few more places must show that it goes on: two tracks that swap look like a turn at first.
        return self._tell_order(journey, way) if end is not None and place.at_s - end[0].at_s >= ABRUPT_S else None

    def _pace(self, metres: float, boxes: float, place: Sample) -> float:
        """A speed in the plane's unit a second."""
        return metres if self._scene.homography is not None else boxes * place.size

    def _leads(self, journey: Journey, way: _Way, places: Sequence[Sample], zone_id: str, sense: float) -> bool:
        """Tell whether a way leads on into a zone (sense 1, from its last place), or came out of it (-1, its first)."""
        velocity = _heading(places)
        place = places[-1] if sense > 0.0 else places[0]
        if velocity is None or math.hypot(*velocity) < self._pace(LEADS_MPS, LEADS_BOXES, place):
            return False
        middle = ground_of_middle(self._scene, place, velocity, journey.class_name, way.aspect)
        start = self._scene.to_plane(middle, way.aspect)
        if start is None:
            return False
        homography = self._scene.homography
        for step in range(round(LEADS_S / LEADS_STEP_S) + 1):
            ahead_s = sense * step * LEADS_STEP_S
            x, y = start[0] + ahead_s * velocity[0], start[1] + ahead_s * velocity[1]
            ground = (x / way.aspect, y) if homography is None else homography.to_picture((x, y))
            if ground is not None and self._scene.zone_contains(zone_id, ground):
                return True
        return False

    def _gone(self, journey: Journey) -> RuleEvent | None:
        way = self._notes.get(journey.number)
        if way is None or len(way.reached) == 1:
            return None
        before, zone_id = way.reached[-2], self._params.order[-1]
        late = journey.of_last(SMOOTH_S)
        in_time = before is not None and late[0].at_s - before[1].at_s <= self._params.within_s
        if way.reached[-1] is None and in_time:
            # It left the picture, or was lost, before the mean of its places was in the zone.
            inside = [place for place in late if self._scene.zone_contains(zone_id, place.ground)]
            if len(inside) > 1 or self._leads(journey, way, journey.of_last(HEADING_S), zone_id, 1.0):
                way.reached[-1] = (late[0], late[-1])
        return self._tell_order(journey, way)

    def _tell_order(self, journey: Journey, way: _Way) -> RuleEvent | None:
        start, end, place = way.reached[0], way.reached[-1], way.places[-1]
        if start is None or end is None or distance(start[0].picture, place.picture) < MOVED_BOXES * place.size:
            return None
        way.reached = [None] * len(way.reached)
        return self._tell(journey, way, start[1], end[0], self._params.order)

    def _judge_turning_back(self, journey: Journey, way: _Way, aspect: float) -> RuleEvent | None:
        zone_id = self._params.order[0]
        inside = [place for place in way.places if self._scene.zone_contains(zone_id, place.ground)]
        if len(inside) < 3 or inside[-1] is not way.places[-1]:
            return None
        x, y = self._scene.lane_direction(zone_id, aspect)
        length = math.hypot(x, y)
        ahead = (x / length, y / length)
        along = [place.plane[0] * ahead[0] + place.plane[1] * ahead[1] for place in inside]
        peak = max(range(len(along)), key=lambda index: along[index])
        least = self._least(inside[-1])
        if along[peak] - along[-1] < least or along[peak] - min(along[: peak + 1]) < least:
            return None
        # Where it was on its way there as far along as it is now on its way back.
        before, after = next(
            (
                pair
                for pair in reversed(list(pairwise(range(peak + 1))))
                if along[pair[0]] <= along[-1] <= along[pair[1]]
            ),
            (None, None),
        )
        if before is None or after is None:  # it came back farther than it was seen to go: look at where it began
            before = after = min(range(peak + 1), key=lambda index: along[index])
        there = mean_sample([inside[before], inside[after]])
        beside = abs(
            (inside[-1].plane[0] - there.plane[0]) * ahead[1] - (inside[-1].plane[1] - there.plane[1]) * ahead[0]
        )
        if beside < least / 2.0 or inside[-1].at_s - inside[after].at_s > self._params.within_s:
            return None
        return self._tell(journey, way, inside[after], inside[-1], (zone_id,))

    def _least(self, place: Sample) -> float:
        """The least way to and fro in the plane's unit."""
        if self._scene.homography is None:
            return self._params.min_distance_boxes * place.size
        return self._params.min_distance_m

    def _tell(self, journey: Journey, way: _Way, start: Sample, end: Sample, order: Sequence[str]) -> RuleEvent | None:
        places = [place for place in way.places if place.at_s >= start.at_s - HEADING_S]
        way.places = deque(places[-1:])
        if journey.number in self._deeds:
            return None
        metric = self._scene.homography is not None
        beyond_m = LENGTHS_M.get(journey.class_name, 0.0) - LENGTHS_M["motorcycle"]
        limit = MAX_TURN_MPS2 + SWING_MPS2_M * max(0.0, beyond_m) if metric else None
        if _is_abrupt(journey.since(start.at_s - 2 * HEADING_S), limit):
            self.rejected["swapped"] += 1
            return None
        before = _heading([place for place in places if place.at_s <= start.at_s])
        after = _heading([place for place in places if place.at_s >= end.at_s - HEADING_S])
        facts = ForbiddenTurnFacts(
            object_class=journey.class_name,
            from_zone=self._scene.zone(order[0]).name,
            to_zone=self._scene.zone(order[-1]).name,
            duration_s=end.at_s - start.at_s,
            turn_deg=None if before is None or after is None else angle_between_deg(before, after),
        )
        return self._raise(journey, order[-1], start.moment, end.moment, facts)


def _heading(places: Sequence[Sample]) -> Point | None:
    """The velocity over some places in the plane's unit; None where they are too few or too near to each other."""
    if len(places) < 3 or places[-1].at_s - places[0].at_s < ABRUPT_S / 2.0:
        return None
    return plane_velocity(places)


def _turns(before: Point, after: Point, slow: float) -> bool:
    """Tell whether a way goes on elsewhere: who brakes to a stop, or sets off from one, is swapped with nobody."""
    if min(math.hypot(*before), math.hypot(*after)) < slow:
        return False
    return angle_between_deg(before, after) > SWAPPED_DEG


def _is_abrupt(places: Sequence[Sample], limit: float | None) -> bool:
    """Tell whether a way changes its velocity as no vehicle can, or was not seen in the middle.

    Args:
        places: Of one vehicle, in order of time.
        limit: The greatest change in m/s²; None: without metres, `MAX_TURN_BOXES` of its box.
    """
    for index, (one, other) in enumerate(pairwise(places)):
        if other.at_s - one.at_s > UNSEEN_S and distance(one.picture, other.picture) > UNSEEN_BOXES * other.size:
            return True
        before = [place for place in places[: index + 1] if place.at_s >= one.at_s - ABRUPT_S]
        after = [place for place in places[index + 1 :] if place.at_s <= other.at_s + ABRUPT_S]
        first, second = _heading(before), _heading(after)
        if first is None or second is None:
            continue
        size = max(one.size, other.size)
        most, slow = (MAX_TURN_BOXES * size, SLOW_BOXES * size) if limit is None else (limit, SLOW_MPS)
        apart_s = (after[0].at_s + after[-1].at_s - before[0].at_s - before[-1].at_s) / 2.0
        if distance(first, second) > most * apart_s and _turns(first, second, slow):
            return True
    return False
