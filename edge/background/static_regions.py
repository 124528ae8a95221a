"""Finds new static regions in a camera's pictures: implements `edge.pipeline.Background`.

    picture -> 480 wide -> pixels that changed and hold -> connected, all of it at rest -> object, hole or light?
                              ^ not where tracks are          `-> kept with its looks until it is gone

Nothing here knows what an object is: that something is there which was not, and that it is nobody who is followed.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.geometry import Point
from edge.background.model import Look, Mask, Picture, PixelModel, Window, convert, crop, distance_of
from edge.background.occupied import Occupied
from edge.background.region import Region, State, box_of
from edge.background.same_view import is_same_view
from edge.background.verdict import MARGIN, Verdict, judge
from edge.rules.camera_tampered import wrong_with
from edge.types import Frame, StaticRegion, Track, ViewReading

WIDTH = 480
"""Of the small picture: an object of 16 pixels in 1920 is four here."""
LOOK_EVERY_S = 0.5
LONGEST_STEP_S = 5.0
"""A longer time between two looks counts as so much: who came and went between them was not seen."""
CONFIRM_S = 6.0
"""A change that holds for so long is judged."""
SHORTEST_S = 2.0
"""Of such a change, also what has held for so long belongs to it."""
REST_SHARE = 0.75
"""This share of the connected change is at rest ..."""
SEEN_S, SEEN_SHARE = 3.0, 0.6
"""... and was really seen for so long, and this share of the time."""
MIN_PIXELS = 12
MAX_SHARE = 0.1
"""A larger change is no object: light, a new view, a bus."""
NEW_LIGHT_SHARE = 0.3
"""When so much changes at once, the light is another, or the camera looks elsewhere."""
RESTLESS = 0.04
"""Around leaves, and people whom the detector does not know, pixels take new values for a larger share of the time."""
TOUCHES, AROUND = 3, 5
"""Pixels: a shadow hangs on whoever casts it; and how far around a region it must be calm."""
PASSED_S = 20.0
"""Whoever put something down was there so shortly before the place became still."""
PASSED_SHARE = 0.3
HOLE_S = 60.0
"""A hole is told for so long, and is then background."""
UNSURE_S = 90.0
"""What holds for so long and is no object is background."""
KEEP_S = 6 * 3600.0
"""A region that stayed for so long belongs to the scene."""
FORGET_S = 600.0
"""After a longer gap everything is learned anew: the sun has moved on."""
MAX_REGIONS = 64
_KERNEL = np.ones((3, 3), np.uint8)


class StaticRegions:
    """The static regions of one camera. Frames must come in order of time; one thread uses it.

    Args:
        excluded: Polygons, normalised, in which nothing counts: privacy masks, and what the motion gate ignores.
    """

    def __init__(self, excluded: Sequence[Sequence[Point]] = ()) -> None:
        self._excluded = [np.asarray(polygon, np.float64) for polygon in excluded]
        self._count = 0
        self._occupied = Occupied()
        self.reset()

    def reset(self) -> None:
        """Forget the scene; ids go on."""
        self._model: PixelModel | None = None
        self._watched: Mask | None = None
        self._regions: list[Region] = []
        self._told: tuple[StaticRegion, ...] = ()
        self._looked_s: float | None = None
        self._passed_s: NDArray[np.float32] | None = None
        self._is_new_stream = False
        self._occupied.reset()

    def interrupted(self) -> None:
        """The stream was lost: what comes next may show another view."""
        self._is_new_stream = True

    def look(self, frame: Frame, tracks: Sequence[Track], view: ViewReading | None = None) -> tuple[StaticRegion, ...]:
        """Take a frame; return the regions that there are. Most calls only return: two looks a second are enough.

        Args:
            frame: Of the camera.
            tracks: Those of this frame.
            view: What `edge.health.view` says of it; a wrong view is forgotten at once.
        """
        if view is not None and wrong_with(view) is not None:
            self.reset()
            return ()
        now_s = frame.monotonic_s
        step_s = 0.0 if self._looked_s is None else now_s - self._looked_s
        if not 0.0 <= step_s <= FORGET_S:
            self.reset()
        elif self._looked_s is not None and step_s < LOOK_EVERY_S - 0.05:
            return self._told
        self._looked_s = now_s
        width, height = frame.resolution_wh
        picture = convert(frame.picture.resized(WIDTH, max(16, round(WIDTH * height / width))))
        self._occupied.take(tracks, now_s)
        if self._model is None or self._model.background.shape != picture.shape:
            self._begin(picture)
        else:
            self._follow(self._model, picture, now_s, min(step_s, LONGEST_STEP_S))
        self._told = tuple(region.told(picture.shape[1:]) for region in self._regions if region.is_thing)
        return self._told

    def _begin(self, picture: Picture) -> None:
        shape = picture.shape[1:]
        self._regions = []
        self._is_new_stream = False
        self._model = PixelModel(picture, self._occupied.mask(shape))
        self._passed_s = np.full(shape, PASSED_S + 1.0, np.float32)
        self._watched = None
        if self._excluded:
            watched = np.ones(shape, np.uint8)
            for polygon in self._excluded:
                cv2.fillPoly(watched, [np.round(polygon * (shape[1], shape[0])).astype(np.int32)], 0)
            self._watched = np.asarray(cv2.erode(watched, _KERNEL, iterations=2), np.bool_)

    def _follow(self, model: PixelModel, picture: Picture, now_s: float, step_s: float) -> None:
        occupied = self._occupied.mask(model.shape)
        look = model.look(picture, step_s, occupied, self._watched)
        if not model.settling and look.share > NEW_LIGHT_SHARE:
            self._begin_anew(model, picture, occupied)
            return
        self._is_new_stream = False
        assert self._passed_s is not None  # noqa: S101 - set with the model
        self._passed_s += np.float32(step_s)
        self._passed_s[self._occupied.reach(model.shape)] = 0.0
        taken = np.zeros(model.shape, np.bool_)
        for region in list(self._regions):
            self._keep(region, model, picture, occupied, now_s, step_s)
            if region in self._regions:
                taken[region.window] |= region.mask
        self._occupied.release(look.changed & ~taken, now_s)
        if not model.settling:
            self._find(model, look, occupied, taken, now_s)
        self._learn(model, look, picture, occupied | taken)

    def _begin_anew(self, model: PixelModel, picture: Picture, occupied: Mask) -> None:
        """Learn another light; what was found stays, if the view is the same and the stream was not lost."""
        kept = self._regions if not self._is_new_stream and is_same_view(picture, model.background) else []
        self._begin(picture)
        self._model = PixelModel(picture, occupied, model.noise)
        for region in kept:
            region.rebase()
            self._model.known[region.window] &= ~region.mask
        self._regions = kept

    def _keep(
        self, region: Region, model: PixelModel, picture: Picture, occupied: Mask, now_s: float, step_s: float
    ) -> None:
        state = region.look(picture, model, occupied, now_s, step_s)
        too_old = now_s - region.appeared_s > KEEP_S or (region.is_hole and now_s - region.found_s > HOLE_S)
        if state is State.GONE or too_old or self._occupied.owns(box_of(region, model.shape)):
            self._regions.remove(region)
            if state is State.GONE:
                model.restart(region.window, region.mask, picture)
            elif too_old:
                self._absorb(model, region.window, region.mask & ~occupied[region.window])

    def _find(self, model: PixelModel, look: Look, occupied: Mask, taken: Mask, now_s: float) -> None:
        """Judge every change that has come to rest."""
        changed = look.changed & ~occupied & ~taken & model.steady
        if not changed.any():
            return
        rests = changed & look.held & (model.age_s >= CONFIRM_S) & model.was_seen(SEEN_S, SEEN_SHARE)
        if np.count_nonzero(rests) < MIN_PIXELS:
            return
        joined = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_CLOSE, _KERNEL)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(joined)
        resting = np.bincount(labels[rests], minlength=count)
        sizes = np.bincount(labels[changed], minlength=count)
        for label in range(1, count):
            if resting[label] < max(MIN_PIXELS, REST_SHARE * sizes[label]):
                continue
            left, top, width, height = (int(value) for value in stats[label][:4])
            rows, columns = labels.shape
            window = (
                slice(max(0, top - MARGIN), min(rows, top + height + MARGIN)),
                slice(max(0, left - MARGIN), min(columns, left + width + MARGIN)),
            )
            mask = (labels[window] == label) & (~changed[window] | (look.held & (model.age_s >= SHORTEST_S))[window])
            self._judge(model, window, mask, occupied, now_s)

    def _judge(self, model: PixelModel, window: Window, mask: Mask, occupied: Mask, now_s: float) -> None:
        age_s = model.age_s[window]
        if np.count_nonzero(mask) > MAX_SHARE * age_s.size and np.count_nonzero(mask) > MAX_SHARE * model.age_s.size:
            self._absorb(model, window, mask & (age_s >= UNSURE_S))
            return
        near = np.asarray(cv2.dilate(mask.astype(np.uint8), _KERNEL, iterations=TOUCHES), np.bool_)
        around = np.asarray(cv2.dilate(near.astype(np.uint8), _KERNEL, iterations=AROUND - TOUCHES), np.bool_)
        if float(model.unrest[window][around].mean()) > RESTLESS:
            return
        now, before = crop(model.candidate, window), crop(model.background, window)
        if float(np.median(distance_of(now, before)[mask])) <= model.level:
            verdict = Verdict.LIGHT  # it was never more than half a change: the rim of a shadow
        else:
            verdict, _ = judge(now, before, mask, model.noise)
        if verdict is Verdict.PLAIN:
            if (near & occupied[window]).any():
                return  # perhaps somebody's shadow: wait until they go
            assert self._passed_s is not None  # noqa: S101 - set with the model
            passed = self._passed_s[window][mask] - age_s[mask] <= PASSED_S
            verdict = Verdict.OBJECT if float(passed.mean()) >= PASSED_SHARE else Verdict.LIGHT
        if verdict is Verdict.LIGHT:
            self._absorb(model, window, mask)
            return
        if len(self._regions) >= MAX_REGIONS:
            return
        self._count += 1
        appeared_s = now_s - float(np.percentile(age_s[mask], 80))
        region = Region(self._count, window, mask, model, appeared_s, now_s, is_hole=verdict is Verdict.HOLE)
        self._regions.append(region)

    @staticmethod
    def _absorb(model: PixelModel, window: Window, where: Mask) -> None:
        full = np.zeros(model.age_s.shape, np.bool_)
        full[window] = where
        model.absorb(full)

    @staticmethod
    def _learn(model: PixelModel, look: Look, picture: Picture, busy: Mask) -> None:
        """Follow what is as ever; take in what is new where nothing was known, or is at rest and was no object."""
        model.learn(picture, ~look.changed & ~busy & model.known)
        steady = look.held & ~busy & model.was_seen(SEEN_S, SEEN_SHARE)
        fresh = steady & ~model.known & (model.age_s >= CONFIRM_S / 2.0)
        old = steady & look.changed & (model.age_s >= UNSURE_S)
        if fresh.any() or old.any():
            model.absorb(fresh | old)
