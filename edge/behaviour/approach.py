"""Where a vehicle's front is at a line, and what the signal showed when it crossed.

A detected box stands on the vehicle's end that is nearer to the camera. Who comes towards the camera is crossed by the
front; who drives away is crossed by the back, a vehicle's length and up to a second too late. With metres the front is
set before the box by the length that such vehicles have:

    towards the camera: front = box        sideways: half a length ahead        away: a length ahead
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from contract.geometry import Point
from edge.scene.lines import DirectedLine
from edge.types import SignalState

LENGTHS_M = {"bicycle": 1.7, "motorcycle": 1.9, "car": 4.5, "bus": 11.0, "truck": 8.0}
"""Usual lengths, estimated: long ones of a class are set ahead too little, short ones too far."""
SHORTEST_M = dict.fromkeys(("bus", "truck"), LENGTHS_M["car"])
"""Detectors call cars so: nobody has crossed a line who would not have, were it a car."""
MOVES_MPS = 2.0
"""Slower, a trembling box has no heading: the one before counts. So it does, too, ..."""
HEADING_TREMBLES = 4.0
"""... where the way made is less than so many standard deviations of the box: with one stray box, who stops seems to
drive backwards, and the front would lie behind the vehicle for as long as it stands."""
END_SLACK = 0.5
"""Who passes beside the line's end by less than this share of what is clearly before the line crosses it: half of a
vehicle beside its middle does, and who turns in cuts the corner."""
NEAR_M = 25.0
"""Farther from the line nothing is reckoned."""
BLIND_S = 3.0
"""A longer time between two looks at a signal may hide a change."""
MAX_STEP_S = 2.0
"""Two places farther apart in time do not tell when the line was crossed, ..."""
LONG_STEP_S = 6.0
"""... but still that it was, if no farther than this."""
_SMOOTH = 0.3
_KEPT_S = 300.0


@dataclass(frozen=True, slots=True)
class Run:
    """A time in which a signal showed one state without a break, by looks."""

    state: SignalState
    first_s: float
    last_s: float


class SignalTimeline:
    """What a signal showed over the last minutes, monotonic seconds."""

    def __init__(self) -> None:
        self._runs: deque[Run] = deque()

    def take(self, at_s: float, state: SignalState) -> None:
        """Add a look; looks come in order of time."""
        last = self._runs[-1] if self._runs else None
        if last is not None and last.state is state and at_s - last.last_s <= BLIND_S:
            self._runs[-1] = Run(state, last.first_s, at_s)
        else:
            self._runs.append(Run(state, at_s, at_s))
        while self._runs[0].last_s < at_s - _KEPT_S:
            self._runs.popleft()

    def clear(self) -> None:
        """Forget all."""
        self._runs.clear()

    def run_at(self, at_s: float) -> Run | None:
        """The time without a break around a moment; None between two states, and where nobody looked."""
        return next((run for run in reversed(self._runs) if run.first_s <= at_s <= run.last_s), None)

    def state_at(self, at_s: float) -> SignalState:
        """What the signal showed at a moment; between two states the later, where nobody looked unknown."""
        for run, earlier in zip(reversed(self._runs), [*list(reversed(self._runs))[1:], None], strict=True):
            if run.first_s <= at_s <= run.last_s:
                return run.state
            if earlier is not None and earlier.last_s < at_s < run.first_s <= earlier.last_s + BLIND_S:
                return run.state
        return SignalState.UNKNOWN

    def since_green_s(self, at_s: float) -> float | None:
        """For how long only yellow and red had been seen at a moment; None where nobody knows what was shown then."""
        run = self.run_at(at_s)
        began_s = None
        while run is not None and run.state in {SignalState.YELLOW, SignalState.RED}:
            began_s = run.first_s
            run = self.before(run)
        return None if began_s is None else at_s - began_s

    def before(self, run: Run) -> Run | None:
        """What was shown right before; None where that was not seen."""
        earlier = [other for other in self._runs if other.last_s < run.first_s]
        found = earlier[-1] if earlier else None
        return found if found is not None and run.first_s - found.last_s <= BLIND_S else None


@dataclass(frozen=True, slots=True)
class Step:
    """A place of a vehicle at a line.

    Attributes:
        at_s: Monotonic seconds.
        ground: Ground contact of the box, normalised.
        plane: The same in the plane of `Scene.to_plane`.
        velocity: In that plane, each second; None: not known yet.
        sight: In that plane, any length: the way in which the camera looks at it.
        class_name: What it is.
        heads: The way made for `velocity` is more than its box trembles.
    """

    at_s: float
    ground: Point
    plane: Point
    velocity: Point | None
    sight: Point | None
    class_name: str
    heads: bool = True


@dataclass(frozen=True, slots=True)
class Crossing:
    """The moment in which a front crossed a line."""

    at_s: float
    """Monotonic seconds, between the two steps by the way made."""
    ground_before: Point
    """Ground contact at the step before, normalised."""
    unseen_s: tuple[float, float] | None = None
    """From when to when nobody saw it, where that is too long to tell the moment."""
    leads_to: tuple[float, float, float] | None = None
    """When it was seen last before, how far past the line then (below 0), and its speed over the line, in the plane's
    unit; None where the speed is not known."""


@dataclass(slots=True)
class Approach:
    """One vehicle at one line.

    Attributes:
        metric: The plane is in metres: the front can be set before the box.
        crossing: Of the near to the far side, the latest; None: it is clearly on the near side, or nobody saw it come.
        came: The first since it was clearly on the near side, also one whose moment nobody saw: a box that trembles
            crosses again and again.
        past: How far its front lies past the line, in the plane's unit.
        surely_past: The same if it is the shortest of what it may be.
        deepest: The least that `past` has been: how far before the line it was seen.
        front: Where its front is in the plane; None as long as that is not known.
    """

    metric: bool
    crossing: Crossing | None = None
    came: Crossing | None = None
    past: float = -math.inf
    surely_past: float = -math.inf
    deepest: float = math.inf
    front: Point | None = None
    _reach: Point | None = None
    """From the box to the front."""
    _surely: float = 1.0
    """The share of that if it is as short as what it was called may be: it may be called otherwise since it stands."""
    _before: tuple[Step, Point] | None = None

    def take(self, step: Step, line: DirectedLine, slack: float) -> None:
        """Follow the vehicle where it is not far from the line (`stay_far`); steps come in order of time.

        Args:
            step: Where it is.
            line: Which line.
            slack: So far before the line, in the plane's unit, it is clearly on the near side.
        """
        if self.metric:
            self._learn_front(step, line)
        self._follow(step, line, slack)

    def stay_far(self, past: float) -> None:
        """It is farther than `NEAR_M` from the line: nothing is reckoned.

        Args:
            past: How far its box lies past the line, in metres.
        """
        self._before = self.crossing = self.came = None
        self.past = self.surely_past = self.deepest = past

    def _learn_front(self, step: Step, line: DirectedLine) -> None:
        """Set the front before the box; as long as no heading is known, whoever comes to a line heads over it."""
        is_seen = step.heads and step.velocity is not None and math.hypot(*step.velocity) >= MOVES_MPS
        heading = step.velocity if is_seen and step.velocity is not None else line.normal
        if step.sight is None or (not is_seen and self._reach is not None):
            return
        speed = math.hypot(*heading)
        away = (heading[0] * step.sight[0] + heading[1] * step.sight[1]) / (speed * math.hypot(*step.sight))
        usual = LENGTHS_M.get(step.class_name, 0.0)
        length, surely = usual * (1.0 + away) / 2.0, SHORTEST_M.get(step.class_name, usual) / max(usual, 1e-9)
        reach = (length * heading[0] / speed, length * heading[1] / speed)
        if self._reach is not None:  # a box that trembles must not swing the front to and fro
            (x, y), (new_x, new_y) = self._reach, reach
            reach = (x + _SMOOTH * (new_x - x), y + _SMOOTH * (new_y - y))
            surely = self._surely + _SMOOTH * (surely - self._surely)
        self._reach, self._surely = reach, surely

    def _follow(self, step: Step, line: DirectedLine, slack: float) -> None:
        reach_x, reach_y = self._reach or (0.0, 0.0)
        front = self.front = (step.plane[0] + reach_x, step.plane[1] + reach_y)
        self.past = line.past(front)
        least = self._surely
        self.surely_past = line.past((step.plane[0] + least * reach_x, step.plane[1] + least * reach_y))
        if self._before is not None:
            self._note_crossing(*self._before, step, front, line, END_SLACK * slack)
        if self.past < -slack:
            self.crossing = self.came = None
        if self.past < 0.0:
            self.deepest = min(self.deepest, self.past)
        self._before = (step, front)

    def _note_crossing(
        self, before: Step, front_before: Point, step: Step, front: Point, line: DirectedLine, slack: float
    ) -> None:
        step_s = step.at_s - before.at_s
        share = line.crossing(front_before, front, slack=slack) if 0.0 < step_s <= LONG_STEP_S else None
        if share is None:
            return
        at_s = before.at_s + share * step_s
        if step_s <= MAX_STEP_S:
            self.crossing = Crossing(at_s, before.ground, leads_to=_lead(before, front_before, line))
            self.came = self.came or self.crossing
        else:
            self.came = self.came or Crossing(at_s, before.ground, (before.at_s, step.at_s))


def _lead(before: Step, front: Point, line: DirectedLine) -> tuple[float, float, float] | None:
    if before.velocity is None:
        return None
    x, y = line.normal
    return (before.at_s, line.past(front), before.velocity[0] * x + before.velocity[1] * y)
