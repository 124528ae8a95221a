"""ByteTrack-class tracking of one camera with real time steps.

After Zhang et al., ByteTrack (ECCV 2022): sure detections are matched to tracks first, unsure ones then keep tracks
alive that found none, and only sure ones start a track. What differs: steps are seconds, not frames (the motion gate
makes them irregular); boxes are widened by the filter's own uncertainty before their overlap is measured, so that a
motorbike which left its own box within 0.2 s is still followed; classes that a detector confuses match, others never.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contract.rules.base import VEHICLE_CLASSES
from edge.classes import lookalike_group
from edge.tracking.assignment import match
from edge.tracking.kalman import BoxFilters
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
STANDS_S = 10.0
"""A vehicle whose box has kept its place for this long stands; in a dense jam, where vehicles come out from behind each
other all the time, 3 s broke a tenth more tracks ..."""
STANDS_WITHIN = 0.4
"""... its centre stayed within this share of its longer side: a box half hidden shifts by a quarter ..."""
STANDS_GROWTH = 0.5
"""... and a detection that reaches beyond its box by more than this share of it is another vehicle that hides it."""


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """Thresholds; overlaps are of boxes that the filter's uncertainty has widened."""

    sure_score: float = 0.45
    """Detections from here on are matched first and may start a track."""
    unsure_score: float = 0.1
    """Detections below are dropped."""
    sure_overlap: float = 0.2
    unsure_overlap: float = 0.4
    new_overlap: float = 0.3
    """For a track that was detected once: it has no speed yet, and may be a wrong detection."""
    double_overlap: float = 0.7
    """A detection that overlaps a matched one of a like class by this much is the same object named twice."""
    new_s: float = 0.15
    """How long a track that was detected once may be missed: one search of ten a second, none of five."""
    lost_s: float = 3.0
    """A track that is not found for this long ends."""
    coast_s: float = 1.0
    """A track that is not found is reported at its predicted place for this long."""
    lost_boxes: float = 2.0
    """A track that was so fast that it moved by more than this many of its longer sides since ends earlier: it may be
    anywhere by now, and its box would take up another object ..."""
    lost_least_s: float = 0.5
    """... but not before this long."""


@dataclass(slots=True)
class _Identity:
    """What a track is, beside its box."""

    track_id: int
    """0 until a second detection has confirmed it."""
    group: int
    first_seen_s: float
    last_seen_s: float
    score: float
    votes: dict[str, float] = field(default_factory=dict)
    """Sum of scores for each class."""
    missed_s: float = 0.0
    patience_s: float = 0.0
    """How long it may be missed; known from the first miss on."""
    home: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Its box, as centre and size, when it last moved ..."""
    since_s: float = 0.0
    """... and when that was."""

    @property
    def class_name(self) -> str:
        return max(self.votes, key=self.votes.__getitem__)

    def see(self, now_s: float, class_name: str, score: float) -> None:
        self.last_seen_s, self.score, self.missed_s = now_s, score, 0.0
        self.votes[class_name] = self.votes.get(class_name, 0.0) + score

    def moves_to(self, box: list[float], now_s: float) -> None:
        """Remember since when it is about where it is now; `box` is its centre and size."""
        x, y, width, height = box
        if max(abs(x - self.home[0]), abs(y - self.home[1])) > STANDS_WITHIN * max(width, height, *self.home[2:]):
            self.home, self.since_s = (x, y, width, height), now_s

    def stands(self, now_s: float) -> bool:
        """Tell whether it is a vehicle that has stood for a while."""
        return now_s - self.since_s >= STANDS_S and self.class_name in VEHICLE_CLASSES


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Detections ready to match: centre-size boxes and corners in picture heights."""

    boxes: Array
    xyxy: Array
    scores: Array
    class_names: tuple[str, ...]
    groups: NDArray[np.intp]


class ByteTracker:
    """Follows the objects of one camera. Ids count up from 1 and are never used twice."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        """Start without tracks."""
        self._settings = settings or TrackerSettings()
        self._last_id = 0
        self._groups: dict[str, int] = {}
        self._aspect: float | None = None
        self._now_s: float | None = None
        self._filters = BoxFilters.start(np.zeros((0, 4)))
        self._identities: list[_Identity] = []

    @property
    def waiting(self) -> bool:
        """See `edge.ports.Tracker`."""
        return any(identity.track_id == 0 for identity in self._identities)

    def update(self, detections: Detections, frame: Frame) -> list[Track]:
        """Advance to the frame's time and match its detections.

        Args:
            detections: In pixels of the frame.
            frame: Gives the time and the resolution; its pixels are not read.

        Returns:
            Confirmed tracks that were found, or were found less than `coast_s` ago.
        """
        width, height = frame.resolution_wh
        aspect = width / height
        if self._aspect is not None and aspect != self._aspect:
            self._filters.stretch(aspect / self._aspect)
        self._aspect = aspect
        step_s = self._advance(frame.monotonic_s)
        begins = self._now_s is None
        self._now_s = frame.monotonic_s
        candidates = self._candidates(detections, height)
        found = self._associate(candidates)
        for row, column in found:
            self._identities[row].see(
                frame.monotonic_s, candidates.class_names[column], float(candidates.scores[column])
            )
        if found:
            rows, columns = np.array(found).T
            self._filters.update(rows, candidates.boxes[columns])
            for (row, _), box in zip(found, self._filters.value[rows].tolist(), strict=True):
                self._identities[row].moves_to(box, frame.monotonic_s)
        self._settle({row for row, _ in found}, step_s, aspect)
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

    def _advance(self, now_s: float) -> float:
        """Predict to a time; return the step. A clock that jumped ends every track."""
        step_s = 0.0 if self._now_s is None else now_s - self._now_s
        if not 0.0 <= step_s <= BLIND_S:
            self._forget()
            return 0.0
        if step_s > self._settings.lost_s:
            self._filters.stop()  # a speed measured that long ago says nothing; what stands is found again
        if step_s > 0.0 and self._identities:
            coasting = np.array([identity.missed_s > 0.0 for identity in self._identities])
            self._filters.predict(step_s, coasting)
        return step_s

    def _candidates(self, detections: Detections, picture_height: int) -> _Candidates:
        """Drop what is too unsure, impossible, or the same object named twice."""
        corners = detections.xyxy.astype(np.float64) / picture_height
        usable = (
            np.isfinite(corners).all(axis=1)
            & (corners[:, 2] > corners[:, 0])
            & (corners[:, 3] > corners[:, 1])
            & (detections.confidence >= self._settings.unsure_score)
        )
        rows = np.flatnonzero(usable)
        rows = rows[np.argsort(-detections.confidence[rows], kind="stable")]
        groups = np.array([self._group(detections.class_name[row]) for row in rows.tolist()], np.intp)
        corners = corners[rows]
        double = _overlap(corners, corners) >= self._settings.double_overlap
        double &= groups[:, None] == groups[None, :]
        single = ~np.tril(double, -1).any(axis=1)
        rows, groups, corners = rows[single], groups[single], corners[single]
        return _Candidates(
            boxes=np.concatenate(((corners[:, :2] + corners[:, 2:]) / 2.0, corners[:, 2:] - corners[:, :2]), axis=1),
            xyxy=corners,
            scores=detections.confidence[rows].astype(np.float64),
            class_names=tuple(detections.class_name[row] for row in rows.tolist()),
            groups=groups,
        )

    def _group(self, class_name: str) -> int:
        return self._groups.setdefault(lookalike_group(class_name), len(self._groups))

    def _associate(self, candidates: _Candidates) -> list[tuple[int, int]]:
        """(track, detection) pairs: confirmed with sure, tracked with unsure, new with the sure ones left over."""
        if not self._identities or len(candidates.scores) == 0:
            return []
        settings = self._settings
        cost = self._cost(candidates)
        confirmed = np.array([identity.track_id > 0 for identity in self._identities])
        lost = np.array([identity.missed_s > settings.coast_s for identity in self._identities])
        sure = candidates.scores >= settings.sure_score
        found: list[tuple[int, int]] = []
        for rows, columns, overlap in (
            (confirmed, sure, settings.sure_overlap),
            (confirmed & ~lost, ~sure, settings.unsure_overlap),
            (~confirmed, sure, settings.new_overlap),
        ):
            free_rows, free_columns = rows.copy(), columns.copy()
            for row, column in found:
                free_rows[row] = free_columns[column] = False
            row_index, column_index = np.flatnonzero(free_rows), np.flatnonzero(free_columns)
            pairs = match(cost[np.ix_(row_index, column_index)], 1.0 - overlap)
            found += [(int(row_index[row]), int(column_index[column])) for row, column in pairs]
        return found

    def _cost(self, candidates: _Candidates) -> Array:
        """(tracks, detections): 1 - overlap, a little more for another class, infinite for another group."""
        longer = self._filters.value[:, 2:].max(axis=1)
        margin = np.minimum(self._filters.spread(), MAX_MARGIN * longer)
        cost = 1.0 - _overlap(self._filters.xyxy(), candidates.xyxy, margin)
        own = np.array([identity.group for identity in self._identities])
        names = np.array([identity.class_name for identity in self._identities])
        cost += OTHER_CLASS_COST * (names[:, None] != np.array(candidates.class_names)[None, :])
        cost[own[:, None] != candidates.groups[None, :]] = np.inf
        cost[self._hidden_by(candidates)] = np.inf
        return cost

    def _hidden_by(self, candidates: _Candidates) -> NDArray[np.bool_]:
        """(tracks, detections): it reaches too far beyond the standing vehicle, so it is another one that hides it."""
        hidden = np.zeros((len(self._identities), len(candidates.scores)), np.bool_)
        now_s = self._now_s or 0.0
        rows = [row for row, identity in enumerate(self._identities) if identity.stands(now_s)]
        if rows:
            homes = np.array([self._identities[row].home for row in rows])
            slack = (0.5 + STANDS_GROWTH) * homes[:, 2:]
            found = candidates.xyxy[None]
            before = found[..., :2] < (homes[:, :2] - slack)[:, None]
            after = found[..., 2:] > (homes[:, :2] + slack)[:, None]
            hidden[rows] = (before | after).any(axis=2)
        return hidden

    def _settle(self, found: set[int], step_s: float, aspect: float) -> None:
        """Confirm what was found, age what was not, end what is lost."""
        settings = self._settings
        keep = np.ones(len(self._identities), np.bool_)
        pace = np.hypot(*self._filters.speed[:, :2].T) / self._filters.value[:, 2:].max(axis=1)
        patience_s = np.clip(settings.lost_boxes / np.maximum(pace, 1e-6), settings.lost_least_s, settings.lost_s)
        centre = self._filters.value[:, :2]
        inside: list[bool] = np.all((centre >= 0.0) & (centre <= (aspect, 1.0)), axis=1).tolist()
        for row, identity in enumerate(self._identities):
            if row in found:
                if identity.track_id == 0:
                    identity.track_id = self._next_id()
                continue
            if identity.missed_s == 0.0:  # later its speed decays
                identity.patience_s = settings.new_s if identity.track_id == 0 else float(patience_s[row])
                # It was there for part of a long step; and the gate looks again at once.
                identity.missed_s += min(step_s, FIRST_MISS_S)
            else:
                identity.missed_s += step_s
            keep[row] = identity.missed_s <= identity.patience_s and inside[row]
        if not keep.all():
            self._filters.keep(keep)
            self._identities = [self._identities[row] for row in np.flatnonzero(keep).tolist()]

    def _start(self, taken: list[int], candidates: _Candidates, now_s: float, *, confirmed: bool) -> None:
        """Start tracks at sure detections that belong to none."""
        free = candidates.scores >= self._settings.sure_score
        free[taken] = False
        new = np.flatnonzero(free)
        if len(new) == 0:
            return
        self._filters.add(BoxFilters.start(candidates.boxes[new]))
        for column in new.tolist():
            identity = _Identity(
                track_id=self._next_id() if confirmed else 0,
                group=int(candidates.groups[column]),
                first_seen_s=now_s,
                last_seen_s=now_s,
                score=0.0,
            )
            identity.moves_to(candidates.boxes[column].tolist(), now_s)
            identity.see(now_s, candidates.class_names[column], float(candidates.scores[column]))
            self._identities.append(identity)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _report(self, *, detected: bool) -> list[Track]:
        if self._aspect is None:
            return []
        scale = (self._aspect, 1.0, self._aspect, 1.0)
        boxes: list[list[float]] = np.clip(self._filters.xyxy() / scale, 0.0, 1.0).tolist()
        return [
            Track(
                track_id=TrackId(identity.track_id),
                class_name=identity.class_name,
                confidence=identity.score,
                xyxy=(box[0], box[1], box[2], box[3]),
                first_seen_s=identity.first_seen_s,
                last_seen_s=identity.last_seen_s,
                detected=detected and identity.missed_s == 0.0,
            )
            for identity, box in zip(self._identities, boxes, strict=True)
            if identity.track_id > 0 and identity.missed_s <= self._settings.coast_s
        ]


def _overlap(a: Array, b: Array, margin: Array | None = None) -> Array:
    """Intersection over union of boxes.

    Args:
        a: (N, 4) xyxy.
        b: (M, 4) xyxy, in the same unit.
        margin: (N,) by which both boxes of a pair are widened on every side.

    Returns:
        (N, M) in [0, 1].
    """
    grow = 0.0 if margin is None else margin[:, None]
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0]) + 2.0 * grow
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1]) + 2.0 * grow
    shared = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    area_a = (a[:, None, 2] - a[:, None, 0] + 2.0 * grow) * (a[:, None, 3] - a[:, None, 1] + 2.0 * grow)
    area_b = (b[None, :, 2] - b[None, :, 0] + 2.0 * grow) * (b[None, :, 3] - b[None, :, 1] + 2.0 * grow)
    overlap: Array = shared / (area_a + area_b - shared)
    return overlap
