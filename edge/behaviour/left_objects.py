"""Who left what: new static regions, and the tracks that were near when they appeared."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contract.geometry import Point, distance, isotropic
from contract.rules.abandoned_object import EndedBy
from edge.behaviour.yardstick import Yardstick
from edge.scene.scene import Scene
from edge.types import Observation, StaticRegion, Track, TrackId

REMEMBER_S = 60.0
SAMPLE_S = 0.4
"""Where tracks were is remembered this long, this often. Regions change twice a second: nothing is asked more often."""
BEFORE_S, AFTER_S = 10.0, 2.0
"""A thing is seen only when whoever put it down no longer stands before it: the longer ago, the less a sight counts."""
HEIR_S, HEIR_M = 5.0, 2.0
"""A track that begins so soon and so near where an owner's was lost is the owner's, under a new number."""
LOST_S, STANDS_M = 60.0, 0.7
"""Whoever was lost while standing beside their thing is there still, unseen by the detector, for so long: they moved no
farther in the last `AFTER_S` of what was seen. Who walked has gone."""
FIXTURE_REACH = 0.02
"""Picture heights around a fixture's point, at least; a quarter of the thing's diagonal where that is more."""
_PERSON = "person"


@dataclass(slots=True)
class LeftObject:
    """Something that was left, as it is now."""

    region: StaticRegion
    since_s: float
    """Watched second at which it was first known."""
    age_s: float
    """How old it was then."""
    owner: Track | None = None
    """Who left it, as they were then."""
    owner_distance_m: float = 0.0
    owner_ids: dict[TrackId, None] = field(default_factory=dict)
    owner_near_m: float | None = None
    """How far they are; None: not in the picture."""
    away_s: float = 0.0
    """Watched seconds since the owner went farther away than `away_m`, or out of the picture."""
    alone_s: float = 0.0
    """Since the owner (or, if nobody is known for that, any person) was last within `near_m`."""
    near_s: float = 0.0
    """How long the owner has been within `near_m` again."""

    def stay_s(self, watched_s: float) -> float:
        """How long it has been there."""
        return self.age_s + watched_s - self.since_s


@dataclass(slots=True)
class _Path:
    class_name: str
    first_s: float
    points: deque[tuple[float, Track]] = field(default_factory=deque)


class LeftObjects:
    """The things that were left before one camera, and their owners.

    Args:
        scene: The camera's.
        classes: Who may leave something.
        fixtures: Ground points where nothing counts.
        near_m: The owner was so near when it appeared, and is with it when so near again.
        away_m: Farther off, they went.
    """

    def __init__(
        self, scene: Scene, classes: frozenset[str], fixtures: Sequence[Point], near_m: float, away_m: float
    ) -> None:
        self.yardstick = Yardstick(scene)
        self.objects: dict[int, LeftObject] = {}
        self._classes = classes
        self._fixtures = fixtures
        self._near_m = near_m
        self._away_m = away_m
        self._paths: dict[TrackId, _Path] = {}
        self._sampled_s = -math.inf
        self._step_s = 0.0
        """Watched seconds since then."""

    def forget(self) -> None:
        """Begin anew; what a metre is stays known."""
        self.objects.clear()
        self._paths.clear()
        self._sampled_s, self._step_s = -math.inf, 0.0

    def observe(
        self, observation: Observation, tracks: Iterable[Track], watched_s: float, step_s: float
    ) -> list[tuple[LeftObject, EndedBy]]:
        """Take an observation.

        Args:
            observation: With its static regions.
            tracks: Its plausible tracks.
            watched_s: As the rule counts it.
            step_s: Since the observation before.

        Returns:
            What is no longer there, and how that came.
        """
        aspect, now_s = observation.aspect, observation.monotonic_s
        self._step_s += step_s
        if now_s - self._sampled_s < SAMPLE_S - 0.05:
            return []
        self._sampled_s, step_s, self._step_s = now_s, self._step_s, 0.0
        present = {track.track_id: track for track in tracks if track.class_name in self._classes}
        self.yardstick.learn(present.values(), aspect)
        self._remember(present, now_s)
        regions = {region.region_id: region for region in observation.static_regions if not region.is_hole}
        ended = [
            (self.objects[region_id], self._how(self.objects.pop(region_id), now_s, aspect))
            for region_id in list(self.objects)
            if region_id not in regions
        ]
        for region in regions.values():
            if self._is_fixture(region, aspect):
                continue
            item = self.objects.get(region.region_id)
            if item is None:
                age_s = max(0.0, min(now_s - region.appeared_s, REMEMBER_S))
                item = self.objects[region.region_id] = LeftObject(region, watched_s, age_s)
                self._attribute(item, aspect)
            item.region = region
            self._follow(item, present, now_s, step_s, aspect)
        return ended

    def _remember(self, present: dict[TrackId, Track], now_s: float) -> None:
        for track_id, track in present.items():
            path = self._paths.setdefault(track_id, _Path(track.class_name, now_s))
            path.points.append((now_s, track))
            while now_s - path.points[0][0] > REMEMBER_S:
                path.points.popleft()
        owners = {track_id for item in self.objects.values() for track_id in item.owner_ids}
        for track_id in [key for key, path in self._paths.items() if now_s - path.points[-1][0] > REMEMBER_S]:
            if track_id not in owners:
                del self._paths[track_id]

    def _attribute(self, item: LeftObject, aspect: float) -> None:
        """Find who left a thing: whoever was near it most. Who merely walks over the place comes nearer, not longer."""
        most = 0.0
        for track_id, path in self._paths.items():
            sights = self._sights_near(path, item.region, aspect)
            weight = sum(
                (1.0 - apart_m / self._near_m) * (1.0 - max(0.0, before_s) / BEFORE_S)
                for apart_m, before_s, _ in sights
            )
            if sights and weight >= most:  # of two alike the one who came later
                most = weight
                item.owner_distance_m, _, item.owner = min(sights, key=lambda sight: abs(sight[1]))
                item.owner_ids = {track_id: None}

    def _sights_near(self, path: _Path, region: StaticRegion, aspect: float) -> list[tuple[float, float, Track]]:
        """How near somebody was to a place, how long before something appeared there, and as what they were seen."""
        sights = []
        for at_s, track in path.points:
            before_s = region.appeared_s - at_s
            if -AFTER_S <= before_s <= BEFORE_S:
                apart_m = self.yardstick.from_track_m(track, region.ground, aspect)
                if apart_m is not None and apart_m <= self._near_m:
                    sights.append((apart_m, before_s, track))
        return sights

    def _follow(
        self, item: LeftObject, present: dict[TrackId, Track], now_s: float, step_s: float, aspect: float
    ) -> None:
        self._find_heir(item, present, now_s, aspect)
        ground = item.region.ground
        seen = [present[track_id] for track_id in item.owner_ids if track_id in present]
        apart = [self.yardstick.from_track_m(track, ground, aspect) for track in seen]
        item.owner_near_m = min((value for value in apart if value is not None), default=None)
        is_hidden = item.owner_near_m is None and self._stands_unseen(item, now_s, aspect)
        is_away = not is_hidden and (item.owner_near_m is None or item.owner_near_m > self._away_m)
        item.away_s = item.away_s + step_s if is_away else 0.0
        is_near = item.owner_near_m is not None and item.owner_near_m <= self._near_m
        item.near_s = item.near_s + step_s if is_near else 0.0
        if item.owner is not None:
            attended = is_near or is_hidden
        else:
            attended = self._nearest(item, present.values(), aspect) is not None
        item.alone_s = 0.0 if attended else item.alone_s + step_s

    def _stands_unseen(self, item: LeftObject, now_s: float, aspect: float) -> bool:
        """Whether the owner was lost beside the thing, and not on the way off."""
        path = self._paths.get(next(reversed(item.owner_ids))) if item.owner_ids else None
        if path is None or now_s - path.points[-1][0] > LOST_S:
            return False
        lost_s, last = path.points[-1]
        apart_m = self.yardstick.from_track_m(last, item.region.ground, aspect)
        before = next(track for at_s, track in path.points if at_s >= lost_s - AFTER_S)
        moved_m = self.yardstick.apart_m(before.ground, last.ground, aspect)
        return apart_m is not None and apart_m <= self._near_m and moved_m is not None and moved_m <= STANDS_M

    def _find_heir(self, item: LeftObject, present: dict[TrackId, Track], now_s: float, aspect: float) -> None:
        """Go on with the track that took over from an owner's that was lost."""
        if not item.owner_ids or any(track_id in present for track_id in item.owner_ids):
            return
        path = self._paths.get(next(reversed(item.owner_ids)))
        patience_s = LOST_S if self._stands_unseen(item, now_s, aspect) else HEIR_S
        if path is None or now_s - path.points[-1][0] > patience_s + SAMPLE_S:
            return
        lost_s, last = path.points[-1]
        for track_id, track in present.items():
            begun_s = self._paths[track_id].first_s
            if begun_s < lost_s - SAMPLE_S or (track.class_name == _PERSON) != (path.class_name == _PERSON):
                continue
            apart_m = self.yardstick.apart_m(track.ground, last.ground, aspect)
            if apart_m is not None and apart_m <= HEIR_M:
                item.owner_ids[track_id] = None
                return

    def _nearest(self, item: LeftObject, tracks: Iterable[Track], aspect: float) -> Track | None:
        """The person nearest to a thing, if within reach."""
        found: tuple[float, Track] | None = None
        for track in tracks:
            apart_m = self.yardstick.from_track_m(track, item.region.ground, aspect)
            if apart_m is not None and apart_m <= self._near_m and (found is None or apart_m < found[0]):
                found = (apart_m, track)
        return None if found is None else found[1]

    def _how(self, item: LeftObject, now_s: float, aspect: float) -> EndedBy:
        """Who was there when a thing went."""
        since_s = item.region.last_seen_s - AFTER_S
        near: set[TrackId] = set()
        for track_id, path in self._paths.items():
            recent = (track for at_s, track in path.points if since_s <= at_s <= now_s)
            if self._nearest(item, recent, aspect) is not None:
                near.add(track_id)
        if near & item.owner_ids.keys():
            return EndedBy.RECLAIMED
        return EndedBy.TAKEN if near else EndedBy.GONE

    def _is_fixture(self, region: StaticRegion, aspect: float) -> bool:
        x1, y1, x2, y2 = region.xyxy
        reach = max(FIXTURE_REACH, 0.25 * distance(isotropic((x1, y1), aspect), isotropic((x2, y2), aspect)))
        return any(
            (x1 <= x <= x2 and y1 <= y <= y2)
            or distance(isotropic((x, y), aspect), isotropic(region.ground, aspect)) <= reach
            for x, y in self._fixtures
        )
