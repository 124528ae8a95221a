"""ByteTrack-class tracking of one camera with real time steps.

After Zhang et al., ByteTrack (ECCV 2022): sure detections are matched to tracks first, unsure ones then keep tracks
alive that found none. What differs: steps are seconds, not frames (the motion gate makes them irregular); boxes are
widened by the filter's own uncertainty before their overlap is measured, so that a motorbike which left its own box
within 0.2 s is still followed; classes that a detector confuses match, others never; and not only sure detections
start a track: fair ones do, too, where several in a row move on one way. A detector's wrong ones stay where they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter

import numpy as np

from edge.tracking.appearance import Look, looks
from edge.tracking.assignment import Pair, match_pairs
from edge.tracking.candidates import Array, Candidates, Groups, is_covered, overlap, prepare
from edge.tracking.identity import STANDS_S, Identity, Left
from edge.tracking.kalman import BoxFilter, Step
from edge.tracking.relink import LostTracks, is_shown_again
from edge.tracking.settings import TrackerSettings
from edge.tracking.telling import all_told, take_early
from edge.types import Detections, Frame, Track, TrackId

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
"""So many detections, the last so many longer sides away from the first, are somebody though none was sure, or a search
missed one of them."""
EARLY_LOOKS = 8
"""So many detections of a track that is not confirmed are remembered."""


class ByteTracker:
    """Follows the objects of one camera. Ids count up from 1 and are never used twice."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        """Start without tracks."""
        self._settings = settings or TrackerSettings()
        self._last_id = 0
        self._groups = Groups()
        self._aspect: float | None = None
        self._now_s: float | None = None
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
            for identity in self._identities:
                identity.filter.stretch(aspect / self._aspect)
            self._lost.stretch(aspect / self._aspect)
        self._aspect = aspect
        step_s = self._advance(frame.monotonic_s)
        begins = self._now_s is None
        self._now_s = frame.monotonic_s
        candidates = prepare(detections, height, self._settings.unsure_score, self._groups)
        found = self._associate(candidates)
        for row, column in found:
            identity, score = self._identities[row], candidates.scores[column]
            if identity.track_id == 0 and identity.missed_s > self._settings.new_s:
                identity.sure = 0
            identity.filter.update(candidates.boxes[column])
            identity.found_xyxy = candidates.corners[column]
            identity.see(frame.monotonic_s, candidates.class_names[column], score)
            identity.sure += score >= self._settings.sure_score
            identity.moves_to(identity.filter.place, frame.monotonic_s)
            if identity.track_id == 0:
                identity.early = [*identity.early[1 - EARLY_LOOKS :], (frame.monotonic_s, identity.filter.place)]
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
                identity.filter.stop()
            self._now_s = monotonic_s
        else:
            self._forget()
        return self._report(detected=False)

    def reset(self) -> None:
        """Forget every track, but never reuse an id."""
        self._forget()

    def _forget(self) -> None:
        self._now_s = None
        self._identities = []
        self._lost.clear()

    def _advance(self, now_s: float) -> float:
        """Predict to a time; return the step. A clock that jumped ends every track."""
        step_s = 0.0 if self._now_s is None else now_s - self._now_s
        if not 0.0 <= step_s <= BLIND_S:
            self._forget()
            return 0.0
        if step_s > self._settings.lost_s:  # a speed measured that long ago says nothing; what stands is found again
            for identity in self._identities:
                identity.filter.stop()
        if step_s > 0.0:
            step = Step.of(step_s)
            for identity in self._identities:
                is_missed = identity.missed_s > 0.0
                identity.filter.predict(step, coasting=is_missed)
                if is_missed and identity.stands(now_s):
                    identity.filter.stop()
        return step_s

    def _associate(self, candidates: Candidates) -> list[tuple[int, int]]:
        """(track, detection) pairs: confirmed with sure, tracked with unsure, new with what is left, the sure first."""
        if not self._identities or len(candidates) == 0:
            return []
        found: list[tuple[int, int]] = []
        rows: set[int] = set()
        columns: set[int] = set()
        for limit, pairs in self._possible(candidates):
            free = [pair for pair in pairs if pair[0] not in rows and pair[1] not in columns]
            for row, column in match_pairs(free, limit):
                found.append((row, column))
                rows.add(row)
                columns.add(column)
        return found

    def _possible(self, candidates: Candidates) -> Sequence[tuple[float, list[Pair]]]:
        """What may be matched with what, and for how much less than which limit, one step after the other.

        It costs 1 - overlap, a little more for another class; never is one of another group matched, nor one that a
        standing vehicle cannot be.
        """
        settings, now_s, scores = self._settings, self._now_s or 0.0, candidates.scores
        steps: list[tuple[float, list[Pair]]] = [
            (1.0 - least, [])
            for least in (settings.sure_overlap, settings.unsure_overlap, settings.new_overlap, settings.new_overlap)
        ]
        own_sure, own_unsure, new_sure, new_fair = steps
        cost = 1.0 - self._overlap(candidates)
        all_rows, all_columns = np.nonzero(cost < max(limit for limit, _ in steps))
        costs: list[float] = cost[all_rows, all_columns].tolist()
        for row, column, least in zip(all_rows.tolist(), all_columns.tolist(), costs, strict=True):
            identity, score = self._identities[row], scores[column]
            stands = now_s - identity.since_s >= STANDS_S and identity.stands(now_s)
            if score >= settings.sure_score:
                limit, pairs = own_sure if identity.track_id > 0 else new_sure
            elif identity.track_id > 0:
                if identity.missed_s > settings.coast_s and not stands:
                    continue
                limit, pairs = own_unsure
            elif score >= settings.fair_score:
                limit, pairs = new_fair
            else:
                continue
            if identity.group != candidates.groups[column]:
                continue
            apart = least
            if identity.class_name != candidates.class_names[column]:
                apart += OTHER_CLASS_COST
            if identity.missed_s > settings.lost_s:
                apart += STANDING_COST
            if apart < limit and not (stands and _is_another(identity, candidates, column)):
                pairs.append((row, column, apart))
        return steps

    def _overlap(self, candidates: Candidates) -> Array:
        """(tracks, detections): of boxes that the filter's uncertainty has widened."""
        boxes, margins = [], []
        for identity in self._identities:
            box = identity.filter
            boxes.append(box.corners())
            margins.append(min(box.spread(), MAX_MARGIN * max(box.width, box.height)))
        return overlap(np.array(boxes), np.array(candidates.corners), np.array(margins))

    def _settle(self, found: set[int], step_s: float, frame: Frame) -> None:
        """Confirm what was found, age what was not, end what is lost."""
        settings, now_s, aspect = self._settings, frame.monotonic_s, self._aspect or 1.0
        self._lost.forget(now_s)
        ended: list[int] = []
        for row, identity in enumerate(self._identities):
            if row in found:
                if identity.track_id == 0 and _is_somebody(identity):
                    self._confirm(identity, frame)
                continue
            box = identity.filter
            x, y, width, height = box.place
            if identity.missed_s == 0.0:  # later its speed decays
                speed_x, speed_y = box.speed_x, box.speed_y
                pace = math.hypot(speed_x, speed_y) / max(width, height)
                usual_s = min(settings.lost_s, max(settings.lost_least_s, settings.lost_boxes / max(pace, 1e-6)))
                identity.patience_s = self._patience_s(identity, usual_s, now_s)
                identity.left = Left((x, y, width, height), (speed_x, speed_y))
                if identity.stands(now_s):
                    box.put(identity.usual)  # what was seen of it last may be a half
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
            gone = set(ended)
            self._identities = [identity for row, identity in enumerate(self._identities) if row not in gone]

    def _patience_s(self, identity: Identity, usual_s: float, now_s: float) -> float:
        if identity.track_id == 0:
            return self._settings.new_moving_s
        return STANDING_PATIENCE_S if identity.stands(now_s) else usual_s

    def _confirm(self, identity: Identity, frame: Frame) -> None:
        """A track is somebody: a new one, or one that was lost."""
        if len(self._lost):

            def look_of() -> Look | None:
                identity.take_look(looks(frame.picture, [self._box_of(identity)])[0], frame.monotonic_s)
                return identity.look

            earlier = self._lost.find(identity, identity.filter.place, look_of)
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
            for shown in self._identities:
                is_younger = shown.missed_s == 0.0 and shown.first_seen_s > hidden.last_seen_s
                if is_younger and is_shown_again(hidden, shown, shown.filter.place):
                    shown.go_on_as(hidden)
                    ended.append(row)
                    break
        self._drop(ended)

    def _take_looks(self, frame: Frame) -> None:
        """Renew the looks of the tracks whose last one is oldest."""
        if 0.0 <= frame.monotonic_s - self._looked_s < LOOK_EVERY_S:
            return
        due = [identity for identity in self._identities if identity.track_id > 0 and identity.missed_s == 0.0]
        if not due:
            return
        self._looked_s = frame.monotonic_s
        due = sorted(due, key=attrgetter("look_s"))[:LOOKS_A_FRAME]
        taken = looks(frame.picture, [self._box_of(identity) for identity in due])
        for identity, look in zip(due, taken, strict=True):
            identity.take_look(look, frame.monotonic_s)

    def _box_of(self, identity: Identity) -> tuple[float, float, float, float]:
        """Normalised xyxy."""
        left, top, right, bottom = identity.filter.corners()
        aspect = self._aspect or 1.0
        return (left / aspect, top, right / aspect, bottom)

    def _start(self, taken: Sequence[int], candidates: Candidates, now_s: float, *, confirmed: bool) -> None:
        """Start tracks at detections that belong to none; `confirmed`: the sure ones at once."""
        settings, gone = self._settings, set(taken)
        free = [
            column
            for column, score in enumerate(candidates.scores)
            if score >= settings.fair_score and column not in gone
        ]
        if not free:
            return
        corners = candidates.corners
        surely = [box for box, score in zip(corners, candidates.scores, strict=True) if score >= settings.sure_score]
        for column in free:
            score = candidates.scores[column]
            sure = score >= settings.sure_score
            if not sure and is_covered(corners[column], surely):
                continue
            identity = Identity(
                track_id=self._next_id() if confirmed and sure else 0,
                group=candidates.groups[column],
                filter=BoxFilter(candidates.boxes[column]),
                first_seen_s=now_s,
                last_seen_s=now_s,
                score=0.0,
                sure=int(sure),
            )
            identity.begin(now_s)
            identity.found_xyxy = candidates.corners[column]
            identity.see(now_s, candidates.class_names[column], score)
            self._identities.append(identity)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _report(self, *, detected: bool) -> list[Track]:
        if self._aspect is None:
            return []
        aspect, coast_s = self._aspect, self._settings.coast_s
        shown = [i for i in self._identities if i.track_id > 0 and i.missed_s <= coast_s]
        boxes = all_told([identity.filter.corners() for identity in shown], aspect)
        founds = all_told([identity.found_xyxy for identity in shown], aspect)
        tracks = []
        for identity, box, found in zip(shown, boxes, founds, strict=True):
            is_found = detected and identity.missed_s == 0.0
            track = Track(
                TrackId(identity.track_id),
                identity.class_name,
                identity.score,
                box,
                identity.first_seen_s,
                identity.last_seen_s,
                is_found,
                found if is_found else None,
                take_early(identity, aspect) if identity.early else (),
            )
            tracks.append(track)
        return tracks


def _is_somebody(identity: Identity) -> bool:
    """Whether what was detected so far is no mistake: it was sure twice, or it moves."""
    if identity.sure >= SURE_LOOKS or identity.found < FAIR_LOOKS:
        return identity.sure >= SURE_LOOKS
    x, y, width, height = identity.filter.place
    way = math.hypot(x - identity.born[0], y - identity.born[1])
    return way >= FAIR_WAY * max(width, height)


def _is_another(standing: Identity, candidates: Candidates, column: int) -> bool:
    """Whether a detection does not lie on a standing vehicle, or reaches beyond it: then it is of another."""
    x, y, width, height = standing.usual
    left, top, right, bottom = candidates.corners[column]
    slack_x, slack_y = (0.5 + STANDS_GROWTH) * width, (0.5 + STANDS_GROWTH) * height
    if left < x - slack_x or top < y - slack_y or right > x + slack_x or bottom > y + slack_y:
        return True
    centre_x, centre_y, _, _ = candidates.boxes[column]
    longer = STANDS_LEAST * max(width, height)
    return abs(centre_x - x) > max(STANDS_ASIDE * width, longer) or abs(centre_y - y) > max(
        STANDS_ASIDE * height, longer
    )
