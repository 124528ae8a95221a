"""ByteTrack-class tracking of one camera with real time steps.

After Zhang et al., ByteTrack (ECCV 2022): sure detections are matched to tracks first, unsure ones then keep tracks
alive that found none. What differs: steps are seconds, not frames (the motion gate makes them irregular); boxes are
widened by the filter's own uncertainty before their overlap is measured, so that a motorbike which left its own box
within 0.2 s is still followed; classes that a detector confuses match, others never; and not only sure detections
start a track: fair ones do, too, where several in a row move on one way. A detector's wrong ones stay where they are.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from edge.tracking.appearance import Look, looks
from edge.tracking.assignment import match
from edge.tracking.candidates import Candidates, Groups, covered, overlap, prepare
from edge.tracking.identity import Identity, Left, Place
from edge.tracking.kalman import BoxFilters
from edge.tracking.relink import LostTracks, is_shown_again
from edge.tracking.settings import TrackerSettings
from edge.types import Detections, Frame, Track, TrackId

Array = NDArray[np.float64]

BLIND_S = 30.0
"""After a longer time without a search nothing says that an object is the same one."""
FIRST_MISS_S = 0.5
"""The first search that misses an object counts as no longer an absence than this: the one before may be 5 s old."""
OTHER_CLASS_COST = 0.1
"""A detection of a look-alike class yields to one of the track's own class."""
MAX_MARGIN = 0.5
"""Boxes are widened by at most this share of the track's longer side."""
STANDS_GROWTH = 0.5
"""A detection that reaches beyond a standing vehicle's box by more than this share of it is another vehicle ..."""
STANDS_ASIDE, STANDS_LEAST = 0.45, 0.3
"""... and so is one whose centre is off by more than these shares of its side and of its longer side. Half of a vehicle
is off by a quarter, and one that drives off by less than this at each search."""
STANDING_PATIENCE_S = 60.0
"""A vehicle that stands and is not found is waited for at its place, whatever passes in front of it ..."""
STANDING_COST = 0.3
"""... but once it has been missed for longer than others are, a detection there goes to a track that comes along."""
LOOK_EVERY_S = 1.0
"""How often looks are taken, all from one frame, and of how many tracks at most."""
LOOKS_A_FRAME = 8
SURE_LOOKS = 2
"""Two sure detections are somebody."""
FAIR_LOOKS, FAIR_WAY = 3, 0.4
"""So many detections in a row, the last so many longer sides away from the first, are somebody though none was sure."""
BOX_STEPS = 65536.0
"""Boxes are told in steps of this part of the picture: far finer than any detector, and cheap to store."""


class ByteTracker:
    """Follows the objects of one camera. Ids count up from 1 and are never used twice."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        """Start without tracks."""
        self._settings = settings or TrackerSettings()
        self._last_id = 0
        self._groups = Groups()
        self._aspect: float | None = None
        self._now_s: float | None = None
        self._filters = BoxFilters.start(np.zeros((0, 4)))
        self._identities: list[Identity] = []
        self._lost = LostTracks()
        self._looked_s = float("-inf")

    @property
    def waiting(self) -> bool:
        """See `edge.ports.Tracker`."""
        return any(i.track_id == 0 and i.sure > 0 and i.found < FAIR_LOOKS for i in self._identities)

    def update(self, detections: Detections, frame: Frame) -> list[Track]:
        """Advance to the frame's time and match its detections.

        Args:
            detections: In pixels of the frame.
            frame: Gives the time and the resolution; its pixels are read for the looks of tracks, once a second.

        Returns:
            Confirmed tracks that were found, or were found less than `coast_s` ago.
        """
        width, height = frame.resolution_wh
        aspect = width / height
        if self._aspect is not None and aspect != self._aspect:
            self._filters.stretch(aspect / self._aspect)
            self._lost.stretch(aspect / self._aspect)
        self._aspect = aspect
        step_s = self._advance(frame.monotonic_s)
        begins = self._now_s is None
        self._now_s = frame.monotonic_s
        candidates = prepare(detections, height, self._settings.unsure_score, self._groups)
        found = self._associate(candidates)
        if found:
            rows, columns = np.array(found).T
            self._filters.update(rows, candidates.boxes[columns])
            boxes, scores = self._filters.value[rows].tolist(), candidates.scores[columns].tolist()
            corners = candidates.xyxy[columns].tolist()
            for (row, column), box, score, own in zip(found, boxes, scores, corners, strict=True):
                identity = self._identities[row]
                identity.found_xyxy = own
                identity.see(frame.monotonic_s, candidates.class_names[column], score)
                identity.sure += score >= self._settings.sure_score
                identity.moves_to(box, frame.monotonic_s)
        self._settle({row for row, _ in found}, step_s, frame)
        self._reunite(frame.monotonic_s)
        self._take_looks(frame)
        self._start([column for _, column in found], candidates, frame.monotonic_s, confirmed=begins)
        return self._report(detected=True)

    def hold(self, monotonic_s: float) -> list[Track]:
        """The tracks at a time at which no detector ran.

        Nothing moved, so what the last search found stands still and does not age; what it missed ages on.
        """
        if self._now_s is not None and 0.0 <= monotonic_s - self._now_s <= BLIND_S:
            for identity in self._identities:
                if identity.missed_s > 0.0:
                    identity.missed_s += monotonic_s - self._now_s
            self._now_s = monotonic_s
            self._filters.stop()
        else:
            self._forget()
        return self._report(detected=False)

    def reset(self) -> None:
        """Forget every track, but never reuse an id."""
        self._forget()

    def _forget(self) -> None:
        self._now_s = None
        self._filters = BoxFilters.start(np.zeros((0, 4)))
        self._identities = []
        self._lost.clear()

    def _advance(self, now_s: float) -> float:
        """Predict to a time; return the step. A clock that jumped ends every track."""
        step_s = 0.0 if self._now_s is None else now_s - self._now_s
        if not 0.0 <= step_s <= BLIND_S:
            self._forget()
            return 0.0
        if step_s > self._settings.lost_s:
            self._filters.stop()  # a speed measured that long ago says nothing; what stands is found again
        if step_s > 0.0 and self._identities:
            coasting = [identity.missed_s > 0.0 for identity in self._identities]
            self._filters.predict(step_s, np.array(coasting))
            standing = [missed and i.stands(now_s) for missed, i in zip(coasting, self._identities, strict=True)]
            if any(standing):
                self._filters.stop(np.array(standing))
        return step_s

    def _associate(self, candidates: Candidates) -> list[tuple[int, int]]:
        """(track, detection) pairs: confirmed with sure, tracked with unsure, new with what is left, the sure first."""
        if not self._identities or len(candidates.scores) == 0:
            return []
        settings = self._settings
        cost = self._cost(candidates)
        confirmed = np.array([identity.track_id > 0 for identity in self._identities])
        now_s = self._now_s or 0.0
        lost = np.array([i.missed_s > settings.coast_s and not i.stands(now_s) for i in self._identities])
        sure = candidates.scores >= settings.sure_score
        fair = ~sure & (candidates.scores >= settings.fair_score)
        found: list[tuple[int, int]] = []
        free_rows, free_columns = np.ones(len(confirmed), np.bool_), np.ones(len(sure), np.bool_)
        for rows, columns, least in (
            (confirmed, sure, settings.sure_overlap),
            (confirmed & ~lost, ~sure, settings.unsure_overlap),
            (~confirmed, sure, settings.new_overlap),
            (~confirmed, fair, settings.new_overlap),
        ):
            row_index, column_index = np.flatnonzero(rows & free_rows), np.flatnonzero(columns & free_columns)
            if len(row_index) == 0 or len(column_index) == 0:
                continue
            pairs = match(cost[row_index[:, None], column_index], 1.0 - least)
            if pairs:
                matched = np.array(pairs)
                matched_rows, matched_columns = row_index[matched[:, 0]], column_index[matched[:, 1]]
                free_rows[matched_rows] = free_columns[matched_columns] = False
                found += zip(matched_rows.tolist(), matched_columns.tolist(), strict=True)
        return found

    def _cost(self, candidates: Candidates) -> Array:
        """(tracks, detections): 1 - overlap, a little more for another class, infinite for another group."""
        longer = self._filters.value[:, 2:].max(axis=1)
        margin = np.minimum(self._filters.spread(), MAX_MARGIN * longer)
        cost = 1.0 - overlap(self._filters.xyxy(), candidates.xyxy, margin)
        own = np.array([identity.group for identity in self._identities])
        classes = np.array([self._groups.numbers(identity.class_name)[1] for identity in self._identities])
        cost += OTHER_CLASS_COST * (classes[:, None] != candidates.classes)
        cost[own[:, None] != candidates.groups] = np.inf
        self._part_others(cost, candidates)
        long_missed = [row for row, item in enumerate(self._identities) if item.missed_s > self._settings.lost_s]
        if long_missed:
            cost[long_missed] += STANDING_COST
        return cost

    def _part_others(self, cost: Array, candidates: Candidates) -> None:
        """Make it impossible: a detection that does not lie on a standing vehicle, or reaches beyond it, is another."""
        now_s = self._now_s or 0.0
        rows = [row for row, identity in enumerate(self._identities) if identity.stands(now_s)]
        if rows:
            usual = np.array([self._identities[row].usual for row in rows])
            slack = (0.5 + STANDS_GROWTH) * usual[:, 2:]
            found = candidates.xyxy[None]
            before = found[..., :2] < (usual[:, :2] - slack)[:, None]
            after = found[..., 2:] > (usual[:, :2] + slack)[:, None]
            reach = np.maximum(STANDS_ASIDE * usual[:, 2:], STANDS_LEAST * usual[:, 2:].max(axis=1, keepdims=True))
            aside = np.abs(candidates.boxes[None, :, :2] - usual[:, None, :2]) > reach[:, None]
            parted = cost[rows]
            parted[(before | after | aside).any(axis=2)] = np.inf
            cost[rows] = parted

    def _settle(self, found: set[int], step_s: float, frame: Frame) -> None:
        """Confirm what was found, age what was not, end what is lost."""
        settings, now_s, aspect = self._settings, frame.monotonic_s, self._aspect or 1.0
        self._lost.forget(now_s)
        ended: list[int] = []
        for row, identity in enumerate(self._identities):
            if row in found:
                if identity.track_id == 0 and self._is_somebody(row):
                    self._confirm(row, frame)
                continue
            x, y, width, height = self._filters.value[row].tolist()
            if identity.missed_s == 0.0:  # later its speed decays
                speed_x, speed_y = self._filters.speed[row, :2].tolist()
                pace = math.hypot(speed_x, speed_y) / max(width, height)
                usual_s = min(settings.lost_s, max(settings.lost_least_s, settings.lost_boxes / max(pace, 1e-6)))
                identity.patience_s = self._patience_s(identity, usual_s, now_s)
                identity.left = Left((x, y, width, height), (speed_x, speed_y))
                if identity.stands(now_s):
                    self._filters.put(row, identity.usual)  # what was seen of it last may be a half
                # It was there for part of a long step; and the gate looks again at once.
                identity.missed_s += min(step_s, FIRST_MISS_S)
            else:
                identity.missed_s += step_s
            inside = 0.0 <= x <= aspect and 0.0 <= y <= 1.0
            if identity.missed_s > identity.patience_s or not inside:
                ended.append(row)
                if inside and identity.track_id > 0:
                    self._lost.add(identity)
        self._drop(ended)

    def _drop(self, ended: list[int]) -> None:
        """End tracks, by row."""
        if ended:
            keep = np.ones(len(self._identities), np.bool_)
            keep[ended] = False
            self._filters.keep(keep)
            self._identities = [self._identities[row] for row in np.flatnonzero(keep).tolist()]

    def _patience_s(self, identity: Identity, usual_s: float, now_s: float) -> float:
        if identity.track_id == 0:
            return self._settings.new_s
        return STANDING_PATIENCE_S if identity.stands(now_s) else usual_s

    def _is_somebody(self, row: int) -> bool:
        """Whether what was detected so far is no mistake: it was sure twice, or it moves."""
        identity = self._identities[row]
        if identity.sure >= SURE_LOOKS or identity.found < FAIR_LOOKS:
            return identity.sure >= SURE_LOOKS
        x, y, width, height = self._filters.value[row].tolist()
        way = math.hypot(x - identity.born[0], y - identity.born[1])
        return bool(way >= FAIR_WAY * max(width, height))

    def _confirm(self, row: int, frame: Frame) -> None:
        """A track is somebody: a new one, or one that was lost."""
        identity = self._identities[row]
        if len(self._lost):
            x, y, width, height = self._filters.value[row].tolist()

            def look_of() -> Look | None:
                identity.take_look(looks(frame.picture, [self._box_of(row)])[0], frame.monotonic_s)
                return identity.look

            earlier = self._lost.find(identity, (x, y, width, height), look_of)
            if earlier is not None:
                identity.go_on_as(earlier)
                return
        identity.track_id = self._next_id()

    def _reunite(self, now_s: float) -> None:
        """A vehicle that stands, was hidden and shows again, half of it first, as a track of its own, is itself."""
        ended: list[int] = []
        for row, hidden in enumerate(self._identities):
            if hidden.missed_s == 0.0 or not hidden.stands(now_s):
                continue
            for other, shown in enumerate(self._identities):
                is_younger = shown.missed_s == 0.0 and shown.first_seen_s > hidden.last_seen_s
                if is_younger and is_shown_again(hidden, shown, self._place_of(other)):
                    shown.go_on_as(hidden)
                    ended.append(row)
                    break
        self._drop(ended)

    def _place_of(self, row: int) -> Place:
        x, y, width, height = self._filters.value[row].tolist()
        return (x, y, width, height)

    def _take_looks(self, frame: Frame) -> None:
        """Renew the looks of the tracks whose last one is oldest."""
        if 0.0 <= frame.monotonic_s - self._looked_s < LOOK_EVERY_S:
            return
        due = [
            row for row, identity in enumerate(self._identities) if identity.track_id > 0 and identity.missed_s == 0.0
        ]
        if not due:
            return
        self._looked_s = frame.monotonic_s
        due = sorted(due, key=lambda row: self._identities[row].look_s)[:LOOKS_A_FRAME]
        taken = looks(frame.picture, [self._box_of(row) for row in due])
        for row, look in zip(due, taken, strict=True):
            self._identities[row].take_look(look, frame.monotonic_s)

    def _box_of(self, row: int) -> tuple[float, float, float, float]:
        """Normalised xyxy."""
        x, y, width, height = self._filters.value[row].tolist()
        aspect = self._aspect or 1.0
        return ((x - width / 2) / aspect, y - height / 2, (x + width / 2) / aspect, y + height / 2)

    def _start(self, taken: list[int], candidates: Candidates, now_s: float, *, confirmed: bool) -> None:
        """Start tracks at detections that belong to none; `confirmed`: the sure ones at once."""
        sure = candidates.scores >= self._settings.sure_score
        free = candidates.scores >= self._settings.fair_score
        free[taken] = False
        free[free & ~sure] = ~covered(candidates.xyxy[free & ~sure], candidates.xyxy[sure])
        new = np.flatnonzero(free)
        if len(new) == 0:
            return
        self._filters.add(BoxFilters.start(candidates.boxes[new]))
        for column in new.tolist():
            identity = Identity(
                track_id=self._next_id() if confirmed and sure[column] else 0,
                group=int(candidates.groups[column]),
                first_seen_s=now_s,
                last_seen_s=now_s,
                score=0.0,
                sure=int(sure[column]),
            )
            identity.begin(candidates.boxes[column].tolist(), now_s)
            identity.found_xyxy = candidates.xyxy[column].tolist()
            identity.see(now_s, candidates.class_names[column], float(candidates.scores[column]))
            self._identities.append(identity)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _report(self, *, detected: bool) -> list[Track]:
        if self._aspect is None:
            return []
        scale = (self._aspect, 1.0, self._aspect, 1.0)
        # Steps of 1/65536, a sixteenth of a pixel of a 4K picture: stored, they come back to the last bit.
        corners = np.stack((self._filters.xyxy(), np.array([i.found_xyxy for i in self._identities]).reshape(-1, 4)))
        rounded = np.rint(np.clip(corners / scale, 0.0, 1.0) * BOX_STEPS) / BOX_STEPS
        boxes: list[list[float]] = rounded[0].tolist()
        founds: list[list[float]] = rounded[1].tolist()
        return [
            Track(
                track_id=TrackId(identity.track_id),
                class_name=identity.class_name,
                confidence=identity.score,
                xyxy=(box[0], box[1], box[2], box[3]),
                first_seen_s=identity.first_seen_s,
                last_seen_s=identity.last_seen_s,
                detected=(is_found := detected and identity.missed_s == 0.0),
                found=(found[0], found[1], found[2], found[3]) if is_found else None,
            )
            for identity, box, found in zip(self._identities, boxes, founds, strict=True)
            if identity.track_id > 0 and identity.missed_s <= self._settings.coast_s
        ]
