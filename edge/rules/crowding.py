"""`crowding`: a cluster of people stays at or above a number of people. See docs/rules/crowding.md.

people
  12 |        ______    _______
  10 |-------/------\\--/-------\\-------------- min_people: raise after 60 s, 80 % of them at or above
   7 |- - - / - - - -\\/- - - - -\\- - - - - - - clear level: end after 30 s below
     |_____/                      \\_____________ time
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from contract.event import EventState
from contract.geometry import Point, distance, polygon_area
from contract.rules.crowding import CrowdingFacts, CrowdingParams
from edge.rules.base import Moment, Pace, RunningMean, TimedRule
from edge.scene import Scene
from edge.types import Observation, RuleEvent, Track

SMOOTH_S = 5.0
"""The number of people is the median over this time: misses of up to half of it do not count."""
RAISE_SHARE = 0.8
"""Share of `min_duration_s` for which the number must stand at or above the limit, and never below the clear level."""
MAX_PEOPLE_PER_M2 = 10.0
"""Denser than any crowd that stands (about 6 people per m2 is already dangerous: G. K. Still): a wrong hull."""

MIN_AREA_M2 = 1.0
"""A smaller hull (a row, a heap) is narrower than the people on it and says nothing of their density."""


@dataclass(frozen=True, slots=True)
class _Cluster:
    """The largest cluster of one observation."""

    members: tuple[Track, ...]
    area_m2: float | None
    """Area of the hull of the members' ground points."""


@dataclass(slots=True)
class _Run:
    """A time in which number and limit stayed the same."""

    started: Moment
    end_s: float
    people: int
    limit: int
    after_hours: bool
    area_m2: float | None = None


@dataclass(slots=True)
class _Gathering:
    """An event that was raised and has not ended."""

    started: Moment
    last: Moment
    limit: int
    after_hours: bool
    peak: int
    area_m2: float | None
    share: float
    """Share of the time before the raise at or above the limit."""
    seconds_of: dict[int, float]
    """How long the cluster had each number of people."""
    pace: Pace
    score: RunningMean
    members: tuple[Track, ...] = ()

    @property
    def stay_s(self) -> float:
        return self.last.watched_s - self.started.watched_s


@dataclass(slots=True)
class _Place:
    """What is remembered of one zone, or of the whole picture."""

    recent: deque[tuple[float, float, int]] = field(default_factory=deque)
    """(watched second, seconds it stands for, people) of the last `SMOOTH_S`."""
    runs: deque[_Run] = field(default_factory=deque)
    """The last `min_duration_s`; empty while the number is below the clear level."""
    score: RunningMean = field(default_factory=RunningMean)
    gathering: _Gathering | None = None

    def smooth(self, now_s: float, step_s: float, people: int) -> int:
        """Take a count; return the median over the last `SMOOTH_S`, weighted by time."""
        self.recent.append((now_s, step_s, people))
        while self.recent[0][0] <= now_s - SMOOTH_S and len(self.recent) > 1:
            self.recent.popleft()
        half = sum(seconds for _, seconds, _ in self.recent) / 2.0
        if half == 0.0:
            return people
        passed = 0.0
        for count, seconds in sorted((count, seconds) for _, seconds, count in self.recent):
            passed += seconds
            if passed >= half:
                return count
        return people


class CrowdingRule(TimedRule[CrowdingParams]):
    """One event for each zone; without zones, one for the picture."""

    kind = "crowding"

    def __init__(self, params: CrowdingParams, scene: Scene, name: str) -> None:
        """See `TimedRule`.

        Raises:
            ValueError: A zone or schedule does not exist.
        """
        super().__init__(params, scene, name)
        if params.after_hours is not None:
            scene.schedule(params.after_hours.schedule)
        zone_ids: tuple[str | None, ...] = params.zones or (None,)
        self._places: dict[str | None, _Place] = {zone_id: _Place() for zone_id in zone_ids}

    def _decide(self, observation: Observation, now: Moment) -> list[RuleEvent]:
        if not self._in_force(now):
            return self._end_all()
        limit, after_hours = self._limit(now)
        people = self._tracks(observation, self._params.fixtures)
        inside_of: dict[str | None, list[Track]] = {}
        for person in people if self._params.zones else ():
            for own_id in self._own_zones(person.ground):
                inside_of.setdefault(own_id, []).append(person)
        events = []
        for zone_id, place in self._places.items():
            inside = people if zone_id is None else inside_of.get(zone_id, ())
            cluster = self._largest(inside, observation.aspect)
            count = place.smooth(now.watched_s, self._step_s, len(cluster.members))
            if place.gathering is None:
                event = self._wait(zone_id, place, cluster, _Run(now, now.watched_s, count, limit, after_hours))
            else:
                event = self._follow(zone_id, place, place.gathering, cluster, count, limit, now)
            if event is not None:
                events.append(event)
        return events

    def _limit(self, now: Moment) -> tuple[int, bool]:
        after = self._params.after_hours
        if after is not None and self._scene.is_active(after.schedule, now.utc):
            return after.min_people, True
        return self._params.min_people, False

    def _wait(self, zone_id: str | None, place: _Place, cluster: _Cluster, at: _Run) -> RuleEvent | None:
        """Before the event: collect the time in which the cluster was large enough."""
        now = at.started
        if at.people < self._params.clear_ratio * at.limit or (not place.runs and at.people < at.limit):
            place.runs.clear()
            place.score = RunningMean()
            return None
        window_s = now.watched_s - self._params.min_duration_s
        _extend(place.runs, at, cluster)
        while place.runs[0].end_s < window_s:
            place.runs.popleft()
        _score(place.score, cluster)
        now_large = min(at.people, len(cluster.members)) >= at.limit  # the median lags: the picture must show them too
        if not now_large or place.runs[0].started.watched_s > window_s:
            return None
        above = [run for run in place.runs if run.people >= run.limit]
        above_s = sum(run.end_s - max(run.started.watched_s, window_s) for run in above)
        share = min(1.0, above_s / self._params.min_duration_s)
        if share < RAISE_SHARE:
            return None
        place.gathering = _raised(place, above, share, now)
        place.gathering.members = cluster.members
        place.runs.clear()
        place.score = RunningMean()
        return self._say(EventState.START, zone_id, place.gathering)

    def _follow(
        self,
        zone_id: str | None,
        place: _Place,
        gathering: _Gathering,
        cluster: _Cluster,
        count: int,
        limit: int,
        now: Moment,
    ) -> RuleEvent | None:
        """While the event lasts."""
        if count < self._params.clear_ratio * limit:
            if now.watched_s - gathering.last.watched_s < self._params.clear_after_s:
                return None
            place.gathering = None
            return self._say(EventState.END, zone_id, gathering)
        gathering.seconds_of[count] = gathering.seconds_of.get(count, 0.0) + self._step_s
        gathering.last = now
        if count > gathering.peak:
            gathering.peak, gathering.area_m2 = count, None
        if len(cluster.members) >= gathering.peak and gathering.area_m2 is None:
            gathering.area_m2 = cluster.area_m2
        if len(cluster.members) >= count:
            gathering.members = cluster.members
        _score(gathering.score, cluster)
        if gathering.pace.take(now.watched_s, gathering.peak, gathering.stay_s):
            return self._say(EventState.UPDATE, zone_id, gathering)
        return None

    def _end_all(self) -> list[RuleEvent]:
        events = [
            self._say(EventState.END, zone_id, place.gathering)
            for zone_id, place in self._places.items()
            if place.gathering is not None
        ]
        self._places = {zone_id: _Place() for zone_id in self._places}
        return events

    def _largest(self, people: Sequence[Track], aspect: float) -> _Cluster:
        """The largest cluster; its area only with a homography."""
        grounds, standing = [], []
        for person in people:
            ground = self._scene.to_plane(person.ground, aspect)
            if ground is None:
                self.rejected["above_horizon"] += 1
            else:
                grounds.append(ground)
                standing.append(person)
        if not standing:
            return _Cluster((), None)
        metric = self._scene.homography is not None
        if metric:
            clusters = single_linkage(grounds, self._params.link_distance_m)
        else:
            clusters = single_linkage(
                grounds, self._params.link_distance_heights, [person.height for person in standing]
            )
        largest = max(clusters, key=len)
        area_m2 = _hull_area([grounds[i] for i in largest]) if metric else None
        return _Cluster(tuple(standing[i] for i in largest), area_m2)

    def _say(self, state: EventState, zone_id: str | None, gathering: _Gathering) -> RuleEvent:
        density = gathering.peak / gathering.area_m2 if gathering.area_m2 else None
        if density is not None and density > MAX_PEOPLE_PER_M2:
            self.rejected["density"] += 1
            density = None
        return self._event(
            state,
            zone_id or "picture",
            zone=zone_id,
            started=gathering.started,
            observed=gathering.last,
            confidence=gathering.score.value * gathering.share,
            facts=CrowdingFacts(
                peak_people=gathering.peak,
                median_people=_median(gathering.seconds_of),
                min_people=gathering.limit,
                after_hours=gathering.after_hours,
                stay_s=gathering.stay_s,
                area_m2=gathering.area_m2,
                people_per_m2=density,
                calibration_error_m=self._scene.calibration_error_m,
            ),
            track_ids=[person.track_id for person in gathering.members],
        )


def single_linkage(points: Sequence[Point], reach: float, heights: Sequence[float] | None = None) -> list[list[int]]:
    """Clusters of points, linked when not farther apart than `reach`.

    Args:
        points: Where each is.
        reach: A distance in the points' unit, or in the mean of both heights where these are given.
        heights: Of each.

    Returns:
        Indices of each cluster's points, in order; the cluster of the first point first.
    """
    order = sorted(range(len(points)), key=lambda index: points[index][0])
    farthest = reach if heights is None else reach * max(heights)
    linked: list[list[int]] = [[] for _ in points]
    for place, one in enumerate(order):
        at = points[one]
        for other in order[place + 1 :]:
            if points[other][0] - at[0] > farthest:
                break
            within = reach if heights is None else reach * (heights[one] + heights[other]) / 2.0
            if distance(at, points[other]) <= within:
                linked[one].append(other)
                linked[other].append(one)
    clusters = []
    seen = [False] * len(points)
    for first in range(len(points)):
        if seen[first]:
            continue
        seen[first] = True
        cluster = [first]
        for index in cluster:  # grows while it is walked
            for near in linked[index]:
                if not seen[near]:
                    seen[near] = True
                    cluster.append(near)
        clusters.append(sorted(cluster))
    return clusters


def _extend(runs: deque[_Run], at: _Run, cluster: _Cluster) -> None:
    """Add an observation: to the last run, or as a new one that begins where the last ended."""
    if runs:
        runs[-1].end_s = at.end_s
    if not runs or (runs[-1].people, runs[-1].limit, runs[-1].after_hours) != (at.people, at.limit, at.after_hours):
        runs.append(at)
    if runs[-1].area_m2 is None and len(cluster.members) >= at.people:
        runs[-1].area_m2 = cluster.area_m2


def _raised(place: _Place, above: Sequence[_Run], share: float, now: Moment) -> _Gathering:
    peak = max(above, key=lambda run: run.people)
    seconds_of: dict[int, float] = {}
    for run in place.runs:
        if run.end_s >= above[0].started.watched_s:
            seconds_of[run.people] = seconds_of.get(run.people, 0.0) + run.end_s - run.started.watched_s
    return _Gathering(
        started=above[0].started,
        last=now,
        limit=place.runs[-1].limit,
        after_hours=place.runs[-1].after_hours,
        peak=peak.people,
        area_m2=peak.area_m2,
        share=share,
        seconds_of=seconds_of,
        pace=Pace(now.watched_s, peak.people, now.watched_s - above[0].started.watched_s),
        score=place.score,
    )


def _score(score: RunningMean, cluster: _Cluster) -> None:
    seen = [person.confidence for person in cluster.members if person.detected]
    if seen:
        score.add(sum(seen) / len(seen))


def _median(seconds_of: dict[int, float]) -> float:
    """Median of a number by the time it held."""
    half, passed = sum(seconds_of.values()) / 2.0, 0.0
    for people, seconds in sorted(seconds_of.items()):
        passed += seconds
        if passed >= half:
            return float(people)
    return 0.0


def _hull_area(points: Sequence[Point]) -> float | None:
    """Area of the convex hull (Andrew's monotone chain); None where they span none."""
    ordered = sorted(set(points))
    hull: list[Point] = []
    for chain in (ordered, ordered[::-1]):
        side: list[Point] = []
        for point in chain:
            while len(side) >= 2 and _turn(side[-2], side[-1], point) <= 0.0:
                side.pop()
            side.append(point)
        hull += side[:-1]
    area = polygon_area(hull) if len(hull) > 2 else 0.0
    return area if area >= MIN_AREA_M2 else None


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
