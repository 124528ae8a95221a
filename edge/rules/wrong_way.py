"""`wrong_way`: a vehicle's travel in a lane opposes the lane's direction. See docs/rules/wrong_way.md.

             lane direction ---->
   start of the stretch
<------ o o o o o o o o      positions of one vehicle over at most 10 s;
        travel = least-squares line over them
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from operator import attrgetter

import numpy as np

from contract.event import EventState
from contract.geometry import Point, angle_between_deg, distance
from contract.rules.wrong_way import WrongWayFacts, WrongWayParams
from edge.behaviour.pace import is_hop
from edge.classes import lookalike_group
from edge.rules.base import Box, Moment, Pace, RunningMean, TimedRule, is_cut_off
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track, TrackId

WINDOW_S = 10.0
"""Positions older than this do not decide: 3 m in 10 s is slower than anyone walks a bicycle."""
RECENT_S = 2.0
"""Time over which a vehicle's present travel is judged."""
STANDING_S = 30.0
"""A vehicle that made no way against the lane for this long no longer drives against it."""
JITTER_BOXES = 0.25
"""A box moves by up to this share of its length while its vehicle stands."""
LEAST_BOXES = 0.75
"""In metres too, the way must be this many lengths of the box: the lower edge of a standing truck's box, 30 m away, may
wander by a quarter of the box's height in a second or two, and that is metres on the ground."""
INNER = 0.375
"""The points at this share of the box's lower edge from its ends must lie in the lane: the foot of a bus that is seen
obliquely is metres beside the bus, and may lie in the lane of those who come the other way."""
MIN_SAMPLES = 3
MAX_RESIDUAL = 0.15
"""RMS deviation from a straight, even travel as a share of its distance: 0 for even travel, 0.07 for braking to a stop,
0.25 for a single jump (another vehicle took over the track, or a box that was half hidden)."""
MAX_SPEED_MPS = 70.0
"""250 km/h: a faster step is the tracker's mistake."""
MAX_SPEED_BOXES = 40.0
"""The same in box lengths a second, for a motorbike of 1.8 m."""
RELINK_BOXES = 2.0
"""A new track that appears within this many box lengths of where a lost one must be by now continues it."""


@dataclass(slots=True)
class _Sample:
    """Where a vehicle was detected. Never changed; not frozen, which would cost three times as much to make."""

    moment: Moment
    plane: Point
    """Metres, or picture heights without a homography (`Scene.to_plane`)."""
    along: float
    """How far along the lane: the plane's position times the lane's direction."""
    picture: Point
    """Picture heights."""
    box_length: float
    """Longer side of the box in picture heights."""
    score: float


@dataclass(slots=True)
class _Way:
    """A track in a lane, over the last `WINDOW_S`."""

    samples: deque[_Sample] = field(default_factory=deque)
    along: deque[float] = field(default_factory=deque)
    """How far along each of them is: all that is looked at of those who go the right way."""

    def clear(self) -> None:
        self.samples.clear()
        self.along.clear()


@dataclass(frozen=True, slots=True)
class _Travel:
    """A straight line fitted through samples."""

    start: _Sample
    angle_deg: float
    length: float
    """In the plane's unit."""
    residual: float
    """RMS deviation in the plane's unit."""
    velocity_picture: Point
    """Picture heights a second."""


@dataclass(slots=True)
class _Drive:
    """An event that was raised and has not ended."""

    key: str
    zone_id: str
    track: Track
    start: _Sample
    end: _Sample
    angle_deg: float
    velocity_picture: Point
    last: Moment
    """When the vehicle was last seen not going the right way."""
    progress: Moment
    """When it last made way against the lane."""
    pace: Pace
    score: RunningMean = field(default_factory=RunningMean)
    box_length: RunningMean = field(default_factory=RunningMean)
    track_ids: dict[TrackId, None] = field(default_factory=dict)


class WrongWayRule(TimedRule[WrongWayParams]):
    """One event for each vehicle."""

    kind = "wrong_way"

    def __init__(self, params: WrongWayParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist, or a zone has no direction.
        """
        super().__init__(params, scene, name)
        for zone_id in params.zones:
            scene.lane_direction(zone_id, aspect=1.0)
        self._ways: dict[tuple[TrackId, str], _Way] = {}
        self._oldest_s = -math.inf
        """Ways that ended before are forgotten ..."""
        self._swept_s = -math.inf
        """... and were taken away at this watched second."""
        self._drives: dict[TrackId, _Drive] = {}
        """Open events by the track that the vehicle has now."""
        self._count = 0

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        if not self._in_force(now):
            return self._end_all()
        events = []
        aspect = observation.aspect
        for track in self._tracks(observation):
            x1, _, x2, y2 = track.xyxy
            for zone_id in self._own_zones(((x1 + x2) / 2.0, y2)):
                event = self._follow(track, zone_id, observation.detected, aspect, now)
                if event is not None:
                    events.append(event)
        if self._drives:
            events += self._end_gone(now)
        self._oldest_s = now.watched_s - WINDOW_S
        if not 0.0 <= now.watched_s - self._swept_s < WINDOW_S:
            self._swept_s = now.watched_s
            self._ways = {
                key: way for key, way in self._ways.items() if way.samples[-1].moment.watched_s >= self._oldest_s
            }
        return events

    def _follow(self, track: Track, zone_id: str, searched: bool, aspect: float, now: Moment) -> RuleEvent | None:
        direction = self._scene.lane_direction(zone_id, aspect)
        way = self._extend(track, zone_id, direction, aspect, now, searched=searched)
        drive = self._drives.get(track.track_id)
        if way is None:  # gated or missed: it is where it was
            if drive is not None and now.watched_s - drive.progress.watched_s <= STANDING_S:
                drive.last = now
            return None
        opposing = self._opposing(way, direction)
        if drive is None and self._drives:
            drive = self._relinked(track, way.samples, direction)
        if drive is not None:
            return self._continue(drive, way.samples, opposing, direction)
        return None if opposing is None else self._raise(track, zone_id, way.samples, opposing)

    def _extend(
        self, track: Track, zone_id: str, direction: Point, aspect: float, now: Moment, *, searched: bool
    ) -> _Way | None:
        """Add where the track is, after where it was before it was known to be somebody; None where it is not news."""
        if not (track.detected and searched):
            return None
        for early in track.before:
            then = now.ago(now.monotonic_s - early.monotonic_s)
            self._extend_by(early.xyxy, then, track, zone_id, direction, aspect)
        return self._extend_by(track.xyxy, now, track, zone_id, direction, aspect)

    def _extend_by(
        self, box: Box, now: Moment, track: Track, zone_id: str, direction: Point, aspect: float
    ) -> _Way | None:
        """Add a place at which a track was found, if it tells where its vehicle stood."""
        x1, y1, x2, y2 = box
        x = (x1 + x2) / 2.0
        plane = self._scene.to_plane((x, y2), aspect)
        if plane is None:
            self.rejected["above_horizon"] += 1
            return None
        if is_cut_off(box) or not self._is_within(box, zone_id):
            return None
        along = plane[0] * direction[0] + plane[1] * direction[1]
        length = max((x2 - x1) * aspect, y2 - y1)
        sample = _Sample(now, plane, along, (x * aspect, y2), length, track.confidence)
        way = self._ways.get((track.track_id, zone_id))
        if way is None or way.samples[-1].moment.watched_s < self._oldest_s:
            way = self._ways[track.track_id, zone_id] = _Way()
        samples = way.samples
        if samples:
            step_s = now.watched_s - samples[-1].moment.watched_s
            if step_s <= 0.0:
                return None
            if self._impossible(samples[-1], sample, step_s):
                self.rejected["speed"] += 1
                way.clear()
        samples.append(sample)
        way.along.append(along)
        while samples[0].moment.watched_s < now.watched_s - WINDOW_S:
            samples.popleft()
            way.along.popleft()
        return way

    def _is_within(self, box: Box, zone_id: str) -> bool:
        """Tell whether the middle quarter of the box's lower edge lies in the lane."""
        x1, _, x2, y2 = box
        inner = INNER * (x2 - x1)
        zones_at = self._scene.zones_at
        return zone_id in zones_at((x1 + inner, y2)) and zone_id in zones_at((x2 - inner, y2))

    def _impossible(self, before: _Sample, after: _Sample, step_s: float) -> bool:
        if self._scene.homography is not None and distance(before.plane, after.plane) > MAX_SPEED_MPS * step_s:
            return True
        boxes = distance(before.picture, after.picture) / min(before.box_length, after.box_length)
        return boxes > max(2.0, MAX_SPEED_BOXES * step_s)

    def _opposing(self, way: _Way, direction: Point) -> _Travel | None:
        """The stretch since the vehicle turned against the lane, if it is long, straight and opposed enough."""
        samples = way.samples
        along = list(way.along)
        least = max(along) - self._jitter(samples[-1]) * math.hypot(*direction)
        first = len(along) - 1
        while along[first] < least:  # who goes the right way, or stands, is done with here
            first -= 1
        if len(along) - first < MIN_SAMPLES:
            return None
        stretch = list(samples)[first:]
        duration_s = stretch[-1].moment.watched_s - stretch[0].moment.watched_s
        if duration_s < self._params.min_duration_s:
            return None
        metric = self._scene.homography is not None
        boxes = distance(stretch[0].picture, stretch[-1].picture) / _mean_box(stretch)
        if boxes < (LEAST_BOXES if metric else self._params.min_distance_boxes):
            return None
        travel = _fit(stretch, direction)
        if metric and travel.length < self._params.min_distance_m:
            return None
        if travel.angle_deg <= self._params.min_angle_deg or travel.residual > MAX_RESIDUAL * travel.length:
            return None
        times_s = [sample.moment.watched_s for sample in stretch]
        return None if is_hop(times_s, along[first:]) else travel

    def _jitter(self, sample: _Sample) -> float:
        """How far a standing vehicle's position may wander, in the plane's unit."""
        if self._scene.homography is None:
            return JITTER_BOXES * sample.box_length
        return JITTER_BOXES * self._params.min_distance_m

    def _raise(self, track: Track, zone_id: str, samples: deque[_Sample], travel: _Travel) -> RuleEvent:
        now = samples[-1].moment
        self._count += 1
        drive = _Drive(
            key=f"vehicle-{self._count}",
            zone_id=zone_id,
            track=track,
            start=travel.start,
            end=samples[-1],
            angle_deg=travel.angle_deg,
            velocity_picture=travel.velocity_picture,
            last=now,
            progress=now,
            pace=Pace(now.watched_s, 0, travel.length),
            track_ids={track.track_id: None},
        )
        for sample in samples:
            if sample.moment.watched_s >= travel.start.moment.watched_s:
                drive.score.add(sample.score)
                drive.box_length.add(sample.box_length)
        self._drives[track.track_id] = drive
        return self._say(EventState.START, drive)

    def _continue(
        self, drive: _Drive, samples: deque[_Sample], opposing: _Travel | None, direction: Point
    ) -> RuleEvent | None:
        """A vehicle with an open event was detected in a lane."""
        sample = samples[-1]
        now = sample.moment
        if opposing is not None:
            drive.angle_deg, drive.velocity_picture = opposing.angle_deg, opposing.velocity_picture
        if _dot(sample.plane, direction) < _dot(drive.end.plane, direction):
            moved = distance(drive.end.plane, sample.plane) > self._jitter(sample)
            if opposing is not None or moved:
                drive.end, drive.progress = sample, now
                drive.score.add(sample.score)
                drive.box_length.add(sample.box_length)
        standing_s = now.watched_s - drive.progress.watched_s
        if standing_s <= STANDING_S and not self._goes_right(samples, direction):
            drive.last = now
        length = distance(drive.start.plane, drive.end.plane)
        return self._say(EventState.UPDATE, drive) if drive.pace.take(now.watched_s, 0, length) else None

    def _goes_right(self, samples: deque[_Sample], direction: Point) -> bool:
        recent = [s for s in samples if s.moment.watched_s >= samples[-1].moment.watched_s - RECENT_S]
        if len(recent) < MIN_SAMPLES:
            return False
        travel = _fit(recent, direction)
        return travel.length > self._jitter(samples[-1]) and travel.angle_deg <= self._params.clear_angle_deg

    def _relinked(self, track: Track, samples: deque[_Sample], direction: Point) -> _Drive | None:
        """The open event that a new track continues: its vehicle was lost before and must be about there by now.

        A first movement against the lane suffices, where an event of its own would take the whole distance.
        """
        if len(samples) < MIN_SAMPLES:
            return None
        for track_id, drive in self._drives.items():
            gone_s = samples[0].moment.watched_s - drive.end.moment.watched_s
            if gone_s < 0.0 or lookalike_group(drive.track.class_name) != lookalike_group(track.class_name):
                continue
            expected = (
                drive.end.picture[0] + drive.velocity_picture[0] * gone_s,
                drive.end.picture[1] + drive.velocity_picture[1] * gone_s,
            )
            if distance(expected, samples[0].picture) <= RELINK_BOXES * drive.box_length.value:
                travel = _fit(list(samples), direction)
                if travel.length <= self._jitter(samples[-1]) or travel.angle_deg <= self._params.min_angle_deg:
                    return None
                self._drives[track.track_id] = self._drives.pop(track_id)
                drive.track_ids[track.track_id] = None
                return drive
        return None

    def _end_gone(self, now: Moment) -> list[RuleEvent]:
        gone = [
            track_id
            for track_id, drive in self._drives.items()
            if now.watched_s - drive.last.watched_s >= self._params.clear_after_s
        ]
        return [self._say(EventState.END, self._drives.pop(track_id)) for track_id in gone]

    def _end_all(self) -> list[RuleEvent]:
        events = [self._say(EventState.END, drive) for drive in sorted(self._drives.values(), key=attrgetter("key"))]
        self._drives.clear()
        self._ways.clear()
        return events

    def _say(self, state: EventState, drive: _Drive) -> RuleEvent:
        metric = self._scene.homography is not None
        return self._event(
            state,
            drive.key,
            zone=drive.zone_id,
            started=drive.start.moment,
            observed=drive.last,
            confidence=drive.score.value,
            facts=WrongWayFacts(
                object_class=drive.track.class_name,
                angle_deg=drive.angle_deg,
                duration_s=drive.end.moment.watched_s - drive.start.moment.watched_s,
                distance_m=distance(drive.start.plane, drive.end.plane) if metric else None,
                distance_boxes=distance(drive.start.picture, drive.end.picture) / drive.box_length.value,
                calibration_error_m=self._scene.calibration_error_m,
            ),
            track_ids=drive.track_ids,
        )


def _dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1]


def _mean_box(samples: list[_Sample]) -> float:
    return sum(sample.box_length for sample in samples) / len(samples)


def _fit(samples: list[_Sample], direction: Point) -> _Travel:
    """Least-squares line of position over time through two or more samples at different times."""
    times = np.array([sample.moment.watched_s for sample in samples])
    times -= times.mean()
    positions = np.array([(*sample.plane, *sample.picture) for sample in samples])
    positions -= positions.mean(axis=0)
    velocity = times @ positions / (times @ times)
    residuals = positions[:, :2] - times[:, None] * velocity[:2]
    return _Travel(
        start=samples[0],
        angle_deg=angle_between_deg((float(velocity[0]), float(velocity[1])), direction),
        length=float(np.hypot(*velocity[:2]) * (times[-1] - times[0])),
        residual=float(np.sqrt((residuals**2).sum(axis=1).mean())),
        velocity_picture=(float(velocity[2]), float(velocity[3])),
    )
