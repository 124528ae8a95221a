"""What the traffic rules ought to say, told from true trajectories by each rule's definition.

Truth looks at everybody, those who were made to misbehave and those who were not. Cases near a limit are `optional`:
no camera can decide them. The law asks for the front of a vehicle at a line, and for its middle in a lane.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bench.worlds.camera import PinholeCamera
from bench.worlds.world import Disturbance, Trajectory, Truth

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Place = tuple[float, float]

STEP_S = 0.04
STANDS_MPS = 0.15
GAP_S = 3.0
"""Two stretches of one vehicle that lie nearer together are one."""
EDGE_M = 0.6
"""A ground point nearer to a zone's border than this may be told on either side of it."""

IN_PICTURE = 0.75
"""What has less of its box in the picture may be told or not."""
HALF = 0.5
"""Of a stay."""
LET_PASS_M = 0.3
"""So far past a stop line a front is let pass (the rule's `min_past_m`)."""


@dataclass(frozen=True, slots=True)
class Area:
    """A convex zone on the ground, in metres."""

    zone: str
    corners_m: tuple[Place, ...]
    """In order around it."""
    heading_rad: float | None = None
    """The way its lane runs."""

    def depth(self, xy_m: Array) -> Array:
        """(N,) how far each place lies inside, in metres; below 0 outside."""
        corners = np.array(self.corners_m)
        edges = np.roll(corners, -1, axis=0) - corners
        normals = np.column_stack([-edges[:, 1], edges[:, 0]]) / np.hypot(*edges.T)[:, None]
        distances = ((xy_m[:, None, :] - corners[None]) * normals[None]).sum(axis=2)
        middle = ((corners.mean(axis=0) - corners) * normals).sum(axis=1)
        inside: Array = (distances * np.sign(middle)).min(axis=1)
        return inside


def seen(area: Area, view: PinholeCamera) -> Area:
    """The part of a zone that a camera shows.

    Raises:
        ValueError: It shows nothing of it.
    """
    return replace(area, corners_m=tuple(view.ground_seen(area.corners_m)))


def rectangle(zone: str, x: Place, y: Place, heading_rad: float | None = None) -> Area:
    """A zone along the axes."""
    return Area(zone, ((x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])), heading_rad)


@dataclass(frozen=True, slots=True)
class Motion:
    """One object's true way at a fine and even pace."""

    item: Trajectory
    times_s: Array
    xy_m: Array
    front_m: Array
    velocity: Array
    speed: Array
    """Metres a second."""

    def stretches(self, mask: Mask, gap_s: float = GAP_S) -> Iterator[tuple[int, int]]:
        """First and last index of each stretch in which the mask holds; short gaps are bridged."""
        rows = np.flatnonzero(mask)
        if len(rows) == 0:
            return
        breaks = np.flatnonzero(np.diff(rows) * STEP_S > gap_s)
        for first, last in zip([0, *(breaks + 1)], [*breaks, len(rows) - 1], strict=True):
            yield int(rows[first]), int(rows[last])

    def length_m(self, first: int, last: int) -> float:
        """Way made between two moments."""
        return float(self.speed[first:last].sum() * STEP_S)


def motions(trajectories: Iterable[Trajectory], classes: Sequence[str], until_s: float = math.inf) -> list[Motion]:
    """The fine ways of the objects of these classes.

    Args:
        trajectories: Where everybody was.
        classes: Whose ways.
        until_s: The world's end: what somebody did later is in no picture. Scripted ways may go on for longer.
    """
    found = []
    for item in trajectories:
        last_s = min(float(item.times_s[-1]), until_s)
        if item.class_name not in classes or last_s - item.times_s[0] < 2 * STEP_S:
            continue
        times = np.arange(item.times_s[0], last_s, STEP_S)
        places, headings = item.at(times)
        velocity = np.gradient(places, STEP_S, axis=0)
        front = places + np.column_stack([np.cos(headings), np.sin(headings)]) * item.size_m[0] / 2.0
        found.append(Motion(item, times, places, front, velocity, np.hypot(*velocity.T)))
    return found


def shown(
    truths: Sequence[Truth],
    trajectories: Iterable[Trajectory],
    view: PinholeCamera,
    disturbances: Sequence[Disturbance] = (),
) -> list[Truth]:
    """The same truths; those whose objects are hardly in the picture, or fall into a stall, become optional.

    So do vehicles that park with their foot below the picture: where one stands is where it touches the ground, and two
    that stop there one after the other, one inside the zone and one before it, look the same.
    """
    by_id = {item.object_id: item for item in trajectories}
    result = []
    for truth in truths:
        item = by_id[truth.object_ids[0]]
        times = np.linspace(truth.start_s, max(truth.end_s, truth.start_s + STEP_S), 12)
        places, headings = item.at(times)
        count = len(times)
        xyxy, share, _ = view.boxes(places, headings, np.tile(item.size_m, (count, 1)), np.zeros(count))
        watched = [not any(d.at_s <= at < d.at_s + d.stall_s for d in disturbances) for at in times.tolist()]
        hardly = float(share.mean()) < IN_PICTURE or np.mean(watched) < IN_PICTURE
        footless = truth.kind == "illegal_parking" and np.mean(xyxy[:, 3] >= view.resolution_wh[1]) > HALF
        result.append(replace(truth, optional=True) if hardly or footless else truth)
    return result


def _truth(kind: str, zone: str | None, motion: Motion, first: int, last: int, **more: object) -> Truth:
    optional = bool(more.pop("optional", False))
    return Truth(
        kind,
        zone,
        (motion.item.object_id,),
        float(motion.times_s[first]),
        float(motion.times_s[last]),
        optional=optional,
        values={name: float(value) for name, value in more.items()},  # type: ignore[arg-type]
    )


def wrong_way(
    ways: Sequence[Motion], lanes: Sequence[Area], *, least_m: float = 3.0, least_s: float = 1.0
) -> list[Truth]:
    """Travel of more than 120 degrees to a lane's direction, for 1 s and 3 m."""
    truths = []
    for motion in ways:
        for lane in lanes:
            assert lane.heading_rad is not None
            along = motion.velocity @ (np.cos(lane.heading_rad), np.sin(lane.heading_rad))
            opposed = (along < -0.5 * motion.speed) & (motion.speed > 0.5) & (lane.depth(motion.xy_m) > 0.0)
            for first, last in motion.stretches(opposed):
                seconds, metres = (last - first) * STEP_S, motion.length_m(first, last)
                if seconds < 0.7 * least_s or metres < 0.7 * least_m:
                    continue
                shallow = float(lane.depth(motion.xy_m[first : last + 1]).max()) < EDGE_M
                near = shallow or seconds < 1.5 * least_s or metres < 2.0 * least_m
                truths.append(_truth("wrong_way", lane.zone, motion, first, last, optional=near))
    return truths


def speeding(ways: Sequence[Motion], area: Area, limit_kmh: float, *, over_kmh: float = 5.0) -> list[Truth]:
    """Mean speed in the zone above the limit and its allowance; within 5 % of that anything may be told."""
    truths = []
    due = limit_kmh + over_kmh
    for motion in ways:
        for first, last in motion.stretches(area.depth(motion.xy_m) > 0.0):
            seconds, metres = (last - first) * STEP_S, motion.length_m(first, last)
            if seconds < 0.5 or metres < 8.0:
                continue
            speed_kmh = 3.6 * metres / seconds
            if speed_kmh > 0.95 * due:
                near = speed_kmh < 1.05 * due or seconds < 1.2
                truths.append(_truth("speeding", area.zone, motion, first, last, optional=near, speed_kmh=speed_kmh))
    return truths


def illegal_parking(
    ways: Sequence[Motion], area: Area, max_stay_s: float, queue_s: Callable[[float, float], float] = lambda *_: 0.0
) -> list[Truth]:
    """Stands in a zone for too long; `queue_s(start, end)` is the part of a stay that a red light explains."""
    truths = []
    for motion in ways:
        depth = area.depth(motion.xy_m)
        for first, last in motion.stretches((motion.speed < STANDS_MPS) & (depth > -EDGE_M)):
            start_s, end_s = float(motion.times_s[first]), float(motion.times_s[last])
            stay_s = end_s - start_s - queue_s(start_s, end_s)
            if stay_s > 0.9 * max_stay_s - 3.0:
                near = stay_s < 1.1 * max_stay_s + 3.0 or float(depth[first : last + 1].mean()) < EDGE_M
                truths.append(_truth("illegal_parking", area.zone, motion, first, last, optional=near))
    return truths


def pavement_driving(ways: Sequence[Motion], area: Area) -> list[Truth]:
    """Travels along a pavement for 3 m and 1 s."""
    truths = []
    for motion in ways:
        depth = area.depth(motion.xy_m)
        for first, last in motion.stretches((motion.speed > 0.5) & (depth > 0.0)):
            seconds, metres = (last - first) * STEP_S, motion.length_m(first, last)
            if seconds < 0.7 or metres < 2.0:
                continue
            near = seconds < 1.5 or metres < 6.0 or float(depth[first : last + 1].max()) < EDGE_M
            truths.append(_truth("pavement_driving", area.zone, motion, first, last, optional=near))
    return truths


def lane_misuse(ways: Sequence[Motion], area: Area, *, least_s: float = 2.0, least_m: float = 5.0) -> list[Truth]:
    """Travels in a lane that is not for it, for 2 s and 5 m; `ways` are those of the banned classes."""
    truths = []
    for motion in ways:
        depth = area.depth(motion.xy_m)
        told = False
        for first, last in motion.stretches((depth > -EDGE_M) & (motion.speed > 0.5)):
            seconds, metres = (last - first) * STEP_S, motion.length_m(first, last)
            inside = depth[first : last + 1] > EDGE_M
            if seconds < 0.7 * least_s or metres < 0.7 * least_m:
                continue
            # One that stood a while in the lane and drives on may be told again.
            near = told or inside.sum() * STEP_S < 1.3 * least_s or metres < 1.5 * least_m
            told = told or not near
            truths.append(_truth("lane_misuse", area.zone, motion, first, last, optional=near))
    return truths


def forbidden_turn(ways: Sequence[Motion], entry: Area, leave: Area, *, within_s: float = 20.0) -> list[Truth]:
    """Passes two zones in a forbidden order within 20 s."""
    truths = []
    for motion in ways:
        before, after = entry.depth(motion.xy_m) > 0.0, leave.depth(motion.xy_m) > 0.0
        for first, last in motion.stretches(after):
            earlier = np.flatnonzero(before[:first])
            if len(earlier) == 0:
                continue
            took_s = (first - int(earlier[-1])) * STEP_S
            if took_s < 1.25 * within_s:
                shallow = float(leave.depth(motion.xy_m[first : last + 1]).max()) < EDGE_M
                near = shallow or took_s > 0.8 * within_s
                truths.append(_truth("forbidden_turn", None, motion, first, last, optional=near))
    return truths


@dataclass(frozen=True, slots=True)
class StopLine:
    """A stop line across an approach that runs north, and its signal's colours from the world's start on."""

    zone: str | None
    """What the rule's events call its place."""
    x_m: Place
    y_m: float
    junction_y_m: float
    """Where the junction begins."""
    phases: tuple[tuple[str, float], ...]

    def colour(self, time_s: float) -> tuple[str, float]:
        """The colour at a time, and for how long it has been that."""
        position = time_s % sum(seconds for _, seconds in self.phases)
        for colour, seconds in self.phases:
            if position < seconds:
                return colour, position
            position -= seconds
        raise AssertionError(time_s)

    def red_s(self, start_s: float, end_s: float, clear_s: float = 20.0) -> float:
        """How much of a time is red, or at most `clear_s` after red."""
        times = np.arange(start_s, end_s, 0.25)
        queue = [self.colour(t)[0] == "red" or self.colour(t - clear_s)[0] == "red" for t in times.tolist()]
        return 0.25 * sum(queue)


def red_light(ways: Sequence[Motion], line: StopLine) -> list[Truth]:
    """The front crosses the line while red has shown for 0.5 s, and the vehicle drives into the junction."""
    truths = []
    for motion in ways:
        y, x = motion.front_m[:, 1], motion.front_m[:, 0]
        for row in np.flatnonzero((y[:-1] < line.y_m) & (y[1:] >= line.y_m)).tolist():
            if not line.x_m[0] <= x[row] <= line.x_m[1]:
                continue
            colour, since_s = line.colour(float(motion.times_s[row]))
            entered = np.flatnonzero(y[row:] > line.junction_y_m + 1.5)
            if len(entered) == 0:  # it stopped at the junction's edge at the latest, or the world ended
                if colour == "red" and float(y[row:].max()) > line.y_m + 1.0:
                    truths.append(_truth("red_light", line.zone, motion, row, len(y) - 1, optional=True))
                continue
            last = row + int(entered[0])
            at_entry = line.colour(float(motion.times_s[last]))[0]
            waited = (motion.speed[row:last] < STANDS_MPS).any()
            if colour == "red":  # who waits beyond the line, and enters later, may be told of
                near = since_s < 1.2 or at_entry != "red" or waited
                truths.append(_truth("red_light", line.zone, motion, row, last, optional=near))
            elif colour == "yellow":  # the detected ground point may cross a moment later
                yellow_s = next(seconds for name, seconds in line.phases if name == "yellow")
                if since_s > yellow_s - 0.3:
                    truths.append(_truth("red_light", line.zone, motion, row, last, optional=True))
    return truths


def stop_line(ways: Sequence[Motion], line: StopLine, *, least_s: float = 2.0) -> list[Truth]:
    """Stands with its front past the line, before the junction, for 2 s of red."""
    truths = []
    for motion in ways:
        y, x = motion.front_m[:, 1], motion.front_m[:, 0]
        past = (y > line.y_m) & (y < line.junction_y_m + 2.0) & (x > line.x_m[0]) & (x < line.x_m[1])
        for first, last in motion.stretches(past & (motion.speed < STANDS_MPS)):
            times = motion.times_s[first : last + 1]
            red = np.array([line.colour(t)[0] == "red" for t in times.tolist()])
            red_s = float(red.sum() * STEP_S)
            if red_s < 0.7 * least_s:
                continue
            begin = first + int(np.flatnonzero(red)[0])
            over_m = float(np.median(y[first : last + 1])) - line.y_m
            crossed = np.flatnonzero((y[:first] < line.y_m) & (y[1 : first + 1] >= line.y_m))
            on_green = len(crossed) > 0 and line.colour(float(motion.times_s[crossed[-1]]))[0] == "green"
            # As at a zone's border: 0.2 m beyond what is let pass is 4 pixels of a motorbike 200 high, less than the
            # part of a box's error that stays for as long as it stands.
            near = red_s < 1.5 * least_s or over_m < LET_PASS_M + EDGE_M or on_green
            truths.append(_truth("stop_line", line.zone, motion, begin, last, optional=near))
    return truths
