"""A world before the program: true boxes, a detector's mistakes, the real tracker, the real rules.

No picture is drawn: the looks of tracks are taken from a plain picture with a patch for each object. The motion
gate is left out, as it needs pixels: every frame is searched, as with `motion: {enabled: false}`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.worlds.camera import seen_shares
from bench.worlds.noise import NoiseModel, Sight
from bench.worlds.people_regions import RegionMaker
from bench.worlds.world import World
from contract.event import EventState
from contract.rules.base import OBJECT_CLASSES
from edge.rules import build_rules
from edge.scene import Scene
from edge.tracking import ByteTracker, filter_detections
from edge.types import Frame, Observation, RuleEvent, Track

Array = NDArray[np.float64]

STREAM_START_S = 1000.0
"""The stream's clock at the world's start."""
CHUNK = 2000
"""Moments that are projected at once."""
LINK_EVERY_S = 0.4
"""How often tracks are compared with the truth: who they are changes seldom."""
LINK_IOU = 0.3


@dataclass(slots=True)
class Alert:
    """One event of a rule, from its first to its last revision."""

    kind: str
    zone: str | None
    start_s: float
    """When the rule says that it began (seconds of the world)."""
    told_s: float
    """When it was raised."""
    end_s: float
    object_ids: tuple[str, ...]
    """Whom it is truly about, as far as its tracks lie on somebody; empty: on nobody."""
    facts: Mapping[str, Any]
    on_nobody: bool = False
    """Its tracks lie on nothing that is there."""


@dataclass(slots=True)
class Watched:
    """What came of one run."""

    alerts: list[Alert]
    frames: int
    tracks: int
    """How many tracks there were."""
    rejected: Counter[str] = field(default_factory=Counter)
    """What rules refused as impossible, by kind and reason."""
    found: dict[str, list[tuple[float, bool]]] = field(default_factory=dict)
    """By object: when it was in the picture, and whether the detector found it then, by whatever name."""


class PatchPicture:
    """A grey picture with one patch of colour for each object: all that a track's look needs."""

    def __init__(self, resolution_wh: tuple[int, int], xyxy: Array, colours: Array) -> None:
        """Farther objects first."""
        self._resolution_wh = resolution_wh
        self._xyxy = xyxy
        self._colours = colours

    @property
    def resolution_wh(self) -> tuple[int, int]:
        """See `edge.types.Picture`."""
        return self._resolution_wh

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        """See `edge.types.Picture`."""
        image = np.full((height, width, 3), 120, np.uint8)
        scale = np.array([width, height, width, height]) / (*self._resolution_wh, *self._resolution_wh)
        for (x1, y1, x2, y2), (upper, lower) in zip(
            np.rint(self._xyxy * scale).astype(int).tolist(), self._colours.tolist(), strict=True
        ):
            middle = (y1 + y2) // 2
            image[y1:middle, x1:x2], image[middle:y2, x1:x2] = upper, lower
        return image

    def bgr(self) -> NDArray[np.uint8]:
        """See `edge.types.Picture`."""
        return self.resized(*self._resolution_wh)

    def luma(self) -> NDArray[np.uint8]:
        """See `edge.types.Picture`."""
        return np.asarray(cv2.cvtColor(self.bgr(), cv2.COLOR_BGR2GRAY), np.uint8)


def frame_times(world: World, fps: float) -> list[tuple[float, float, float]]:
    """World time, stream time and what the wall clock is off by, of every frame that comes through."""
    moments = []
    for index in range(int(world.duration_s * fps)):
        time_s = index / fps
        past = [item for item in world.disturbances if item.at_s <= time_s]
        if any(time_s < item.at_s + item.stall_s for item in past):
            continue
        stream_s = STREAM_START_S + time_s + sum(item.stream_step_s for item in past)
        moments.append((time_s, stream_s, sum(item.utc_step_s for item in past)))
    return moments


def sights(world: World, times_s: Array) -> Iterator[tuple[Sight, Array]]:
    """What is truly in the picture at each time, nearest last, and the depths of it in metres."""
    known = [(row, item) for row, item in enumerate(world.trajectories) if item.class_name in OBJECT_CLASSES]
    for begin in range(0, len(times_s), CHUNK):
        chunk = times_s[begin : begin + CHUNK]
        parts: list[tuple[Array, Array, Array, int]] = []
        for row, item in known:
            first, last = np.searchsorted(chunk, (item.times_s[0], item.times_s[-1])).tolist()
            if last > first:
                places, headings = item.at(chunk[first:last])
                parts.append((np.arange(first, last), places, headings, row))
        yield from _chunk_sights(world, chunk, parts)


def _chunk_sights(
    world: World, chunk: Array, parts: list[tuple[Array, Array, Array, int]]
) -> Iterator[tuple[Sight, Array]]:
    resolution = world.view.resolution_wh
    if parts:
        moments = np.concatenate([part[0] for part in parts])
        rows = np.concatenate([np.full(len(part[0]), part[3]) for part in parts])
        sizes = np.array([item.size_m for item in world.trajectories])[rows]
        lifts = np.array([item.lift_m for item in world.trajectories])[rows]
        xyxy, inside, depth = world.view.boxes(
            np.concatenate([part[1] for part in parts]), np.concatenate([part[2] for part in parts]), sizes, lifts
        )
        kept = inside > 0.0
        moments, rows, xyxy, inside, depth = moments[kept], rows[kept], xyxy[kept], inside[kept], depth[kept]
        order = np.lexsort((-depth, moments))
        moments, rows, xyxy, inside, depth = (item[order] for item in (moments, rows, xyxy, inside, depth))
    else:
        moments, rows = np.zeros(0, np.intp), np.zeros(0, np.intp)
        xyxy, inside, depth = np.zeros((0, 4)), np.zeros(0), np.zeros(0)
    borders = np.searchsorted(moments, np.arange(len(chunk) + 1)).tolist()
    for index, time_s in enumerate(chunk.tolist()):
        part_of = slice(borders[index], borders[index + 1])
        boxes, depths = xyxy[part_of], depth[part_of]
        visible = inside[part_of] * seen_shares(boxes, depths)
        shown = visible > 0.0
        objects = rows[part_of][shown].astype(np.intp)
        names = tuple(world.trajectories[row].class_name for row in objects.tolist())
        yield Sight(time_s, objects, names, boxes[shown], visible[shown], resolution), depths[shown]


class Watcher:
    """One camera's tracker and rules, as `edge.pipeline` runs them."""

    def __init__(self, world: World, noise: NoiseModel) -> None:
        """Start at the world's beginning.

        Raises:
            ValueError: The world's configuration cannot be put to work.
        """
        self._world = world
        self._noise = noise
        self._regions = RegionMaker(world, noise.strength)
        self._scene = Scene.from_config(world.camera, world.site)
        self._rules = build_rules(world.camera, self._scene)
        self._tracker = ByteTracker()
        self._colours = _colours(len(world.trajectories), world.seed)
        self._votes: dict[int, list[tuple[float, int]]] = {}
        """By track: when it lay on which object."""
        self._found: dict[str, list[tuple[float, bool]]] = {}
        self._linked_s = float("-inf")
        self._open: dict[tuple[int, str], Alert] = {}
        self.alerts: list[Alert] = []
        self._last: Observation | None = None

    def see(self, sight: Sight, stream_s: float, utc_off_s: float, sequence: int) -> None:
        """Take one frame."""
        world = self._world
        picture = PatchPicture(sight.resolution_wh, sight.xyxy, self._colours[sight.objects])
        utc = world.start + timedelta(seconds=sight.time_s + utc_off_s)
        frame = Frame(world.camera.camera.id, picture, stream_s, utc, sequence)
        detections = filter_detections(self._noise.detect(sight), world.camera.objects, sight.resolution_wh)
        self._note(detections.xyxy.astype(np.float64), sight)
        tracks = self._tracker.update(detections, frame)
        if sight.time_s - self._linked_s >= LINK_EVERY_S:
            self._linked_s = sight.time_s
            self._link(tracks, sight)
        width, height = sight.resolution_wh
        self._last = Observation(
            camera_id=frame.camera_id,
            monotonic_s=stream_s,
            utc=utc,
            aspect=width / height,
            tracks=tuple(tracks),
            signals=self._scene.signals_at(utc),
            static_regions=self._regions.look(sight, stream_s),
        )
        for index, rule in enumerate(self._rules):
            for event in rule.observe(self._last):
                self._take(index, event, sight.time_s, stream_s - sight.time_s)

    def finish(self, time_s: float) -> Watched:
        """The world ends."""
        for index, rule in enumerate(self._rules):
            for event in rule.finish(self._last):
                offset_s = 0.0 if self._last is None else self._last.monotonic_s - time_s
                self._take(index, event, time_s, offset_s)
        refused = Counter(
            {f"{rule.kind}: {what}": count for rule in self._rules for what, count in rule.rejected.items()}
        )
        return Watched(self.alerts, 0, len(self._votes), refused, self._found)

    def _take(self, index: int, event: RuleEvent, time_s: float, offset_s: float) -> None:
        alert = self._open.get((index, event.key))
        if alert is None:
            alert = Alert(event.kind, event.zone, event.started_s - offset_s, time_s, time_s, (), {})
            self._open[index, event.key] = alert
            self.alerts.append(alert)
        alert.facts = event.facts.model_dump()
        alert.end_s = max(alert.told_s, event.observed_s - offset_s)
        alert.object_ids = tuple(
            dict.fromkeys(
                self._world.trajectories[self._whom(track_id, alert)].object_id
                for track_id in event.track_ids
                if track_id in self._votes
            )
        )
        alert.on_nobody = bool(event.track_ids) and not alert.object_ids
        if event.state is EventState.END:
            del self._open[index, event.key]

    def _whom(self, track_id: int, alert: Alert) -> int:
        """On whom a track lay most often while it happened: a track may have been another's before."""
        votes = self._votes[track_id]
        during = [row for at_s, row in votes if alert.start_s - LINK_EVERY_S <= at_s <= alert.end_s + LINK_EVERY_S]
        return Counter(during or [row for _, row in votes]).most_common(1)[0][0]

    def _note(self, boxes: Array, sight: Sight) -> None:
        """Remember who was found."""
        hits = np.any(_overlaps(boxes, sight.xyxy) >= LINK_IOU, axis=0)
        for row, hit in zip(sight.objects.tolist(), list(map(bool, hits)), strict=True):
            self._found.setdefault(self._world.trajectories[row].object_id, []).append((sight.time_s, hit))

    def _link(self, tracks: list[Track], sight: Sight) -> None:
        """Remember on whom each track lies."""
        if not tracks or len(sight.objects) == 0:
            return
        width, height = sight.resolution_wh
        boxes = np.array([track.xyxy for track in tracks]) * (width, height, width, height)
        iou = _overlaps(boxes, sight.xyxy)
        best = iou.argmax(axis=1)
        for row, track in enumerate(tracks):
            if iou[row, best[row]] >= LINK_IOU:
                votes = self._votes.setdefault(track.track_id, [])
                votes.append((sight.time_s, int(sight.objects[best[row]])))


def _overlaps(a: Array, b: Array) -> Array:
    """(N, M) intersection over union of boxes (N, 4) and (M, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.maximum(high - low, 0.0).prod(axis=2)
    area_a, area_b = ((item[:, 2:] - item[:, :2]).prod(axis=1) for item in (a, b))
    share: Array = shared / np.maximum(area_a[:, None] + area_b[None] - shared, 1e-9)
    return share


def watch(world: World, fps: float, noise: NoiseModel) -> Watched:
    """Run a world at a frame rate.

    Raises:
        ValueError: The world's configuration cannot be put to work.
    """
    moments = frame_times(world, fps)
    watcher = Watcher(world, noise)
    times_s = np.array([moment[0] for moment in moments])
    for sequence, ((sight, _), (_, stream_s, utc_off_s)) in enumerate(
        zip(sights(world, times_s), moments, strict=True)
    ):
        watcher.see(sight, stream_s, utc_off_s, sequence)
    watched = watcher.finish(moments[-1][0] if moments else 0.0)
    watched.frames = len(moments)
    return watched


def _colours(count: int, seed: int) -> Array:
    """(count, 2, 3): the colours of each object's upper and lower half, as dull as the street's."""
    rng = np.random.default_rng(seed)
    grey = rng.uniform(30.0, 220.0, (count, 2, 1))
    return np.clip(grey + rng.normal(0.0, 25.0, (count, 2, 3)), 0.0, 255.0)
