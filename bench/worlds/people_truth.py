"""What the rules about people ought to say, told from where everybody truly was, by each rule's definition.

Each definition is applied three times: as it stands, a little stricter and a little looser (people, metres, seconds).
What the strict one calls true must be told; what only the others call true is a borderline case (`optional`), as no
camera can decide it; what the loose one denies must not be told.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.worlds.truths import Area
from bench.worlds.world import Trajectory, Truth

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Span = tuple[float, float]

STEP_S = 0.2
EDGE_M = 0.5
"""A person nearer to a zone's border may be told on either side of it."""
LINK_SLACK_M = 0.3
OUTSIDE_SHARE = 0.5
"""Who spends more of the way than this outside the crossing jaywalks."""
SLACK = 0.1
"""Share of a number or a time by which the strict and the loose definition differ."""


def times_of(duration_s: float) -> Array:
    """The moments at which truth is told."""
    return np.arange(0.0, duration_s, STEP_S)


def places_of(people: Sequence[Trajectory], times_s: Array) -> Array:
    """(people, times, 2) metres; NaN before somebody appears and after."""
    places = np.full((len(people), len(times_s), 2), np.nan)
    for row, item in enumerate(people):
        first, last = np.searchsorted(times_s, (item.times_s[0], item.times_s[-1])).tolist()
        if last > first:
            places[row, first:last] = item.at(times_s[first:last])[0]
    return places


def depths_of(area: Area, places: Array) -> Array:
    """(people, times) metres inside an area; minus infinity for those who are not there."""
    flat = places.reshape(-1, 2)
    depths = np.full(len(flat), -np.inf)
    there = ~np.isnan(flat[:, 0])
    if there.any():
        depths[there] = area.depth(flat[there])
    return depths.reshape(places.shape[:2])


def largest_cluster(places: Array, link_m: float) -> int:
    """Size of the largest cluster of (N, 2) places in which each is within `link_m` of another."""
    near = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) <= link_m
    labels = np.arange(len(places))
    for _ in range(len(places)):
        spread = np.where(near, labels[None, :], len(places)).min(axis=1) if len(places) else labels
        if (spread == labels).all():
            break
        labels = spread
    return int(np.bincount(labels).max()) if len(places) else 0


@dataclass(frozen=True, slots=True)
class Crowd:
    """When a cluster counts as a crowd."""

    min_people: int
    link_m: float = 2.5
    least_s: float = 60.0
    share: float = 0.8
    clear_ratio: float = 0.7
    clear_s: float = 30.0
    edge_m: float = 0.0

    def spans(self, places: Array, depths: Array) -> list[Span]:
        """From the first moment at the limit to the last above the clear level, of each crowd."""
        counts = np.array(
            [
                largest_cluster(places[depths[:, t] > self.edge_m, t], self.link_m)
                if (depths[:, t] > self.edge_m).sum() >= self.clear_ratio * self.min_people
                else 0
                for t in range(places.shape[1])
            ]
        )
        found: list[Span] = []
        window = round(self.least_s / STEP_S)
        row = 0
        while row < len(counts):
            if counts[row] < self.min_people:
                row += 1
                continue
            part = counts[row : row + window]
            enough = (part >= self.min_people).mean() >= self.share and len(part) == window
            if not enough or (part < self.clear_ratio * self.min_people).any():
                row += 1
                continue
            last, at = row, row
            while at < len(counts) and (at - last) * STEP_S < self.clear_s:
                last = at if counts[at] >= self.clear_ratio * self.min_people else last
                at += 1
            found.append((row * STEP_S, last * STEP_S))
            row = at
        return found


def crowding(people: Sequence[Trajectory], area: Area, duration_s: float, min_people: int) -> list[Truth]:
    """Crowds in a zone."""
    places = places_of(people, times_of(duration_s))
    depths = depths_of(area, places)
    strict = Crowd(math.floor(min_people * (1.0 + SLACK)), 2.5 - LINK_SLACK_M, 60.0 * (1.0 + SLACK), 0.9, edge_m=EDGE_M)
    loose = Crowd(math.ceil(min_people * (1.0 - SLACK)), 2.5 + LINK_SLACK_M, 60.0 * (1.0 - SLACK), 0.7, edge_m=-EDGE_M)
    return _truths(
        "crowding",
        area.zone,
        (),
        strict.spans(places, depths),
        Crowd(min_people).spans(places, depths),
        loose.spans(places, depths),
    )


def intrusion(people: Sequence[Trajectory], area: Area, duration_s: float) -> list[Truth]:
    """Somebody is in a zone for 2 s; an absence of 5 s ends it. The zone is forbidden all the time."""
    depths = depths_of(area, places_of(people, times_of(duration_s)))
    return _truths(
        "intrusion",
        area.zone,
        (),
        *(_presences(np.asarray((depths > edge_m).any(axis=0)), 5.0, least_s) for edge_m, least_s in _three(2.0, 1.0)),
    )


def loitering(
    people: Iterable[Trajectory], area: Area, duration_s: float, least_s: float = 180.0, leave_s: float = 30.0
) -> list[Truth]:
    """One person stays in a zone; absences do not count, and one of 30 s begins anew."""
    truths = []
    times = times_of(duration_s)
    for person in people:
        depths = depths_of(area, places_of([person], times))[0]
        truths += _truths(
            "loitering",
            area.zone,
            (person.object_id,),
            _presences(depths > EDGE_M, leave_s * (1.0 - SLACK), least_s * (1.0 + SLACK), away_counts=False),
            _presences(depths > 0.0, leave_s, least_s, away_counts=False),
            _presences(depths > -EDGE_M, leave_s * (1.0 + SLACK), least_s * (1.0 - SLACK), away_counts=False),
        )
    return truths


def jaywalking(
    people: Iterable[Trajectory],
    road: Area,
    crossings: Sequence[Area],
    duration_s: float,
    width_y: Span,
    shown: Area | None = None,
) -> list[Truth]:
    """One person enters a carriageway (along x) on one side and leaves on the other, mostly outside a crossing.

    Who is for a part of the way where the picture does not show the road (`shown`) may be told or not.
    """
    truths = []
    times = times_of(duration_s)
    for person in people:
        places = places_of([person], times)
        inside = depths_of(road, places)[0] > 0.0
        on_crossing = np.max([depths_of(crossing, places)[0] for crossing in crossings], axis=0)
        for start_s, end_s in _presences(inside, 1.0, 0.0):
            first, last = round(start_s / STEP_S), round(end_s / STEP_S)
            came, left = places[0, max(0, first - 1), 1], places[0, min(len(times) - 1, last + 1), 1]
            sides = [-1 if y <= width_y[0] else 1 if y >= width_y[1] else 0 for y in (came, left)]
            if 0 in sides or sides[0] == sides[1] or end_s - start_s > 60.0:
                continue
            depths = on_crossing[first : last + 1]
            surely, perhaps = float((depths < -EDGE_M).mean()), float((depths < EDGE_M).mean())
            if perhaps > OUTSIDE_SHARE - SLACK:
                near = surely < OUTSIDE_SHARE + SLACK or end_s - start_s > 60.0 * (1.0 - SLACK)
                near |= shown is not None and bool((depths_of(shown, places)[0][first : last + 1] < -EDGE_M).any())
                truths.append(Truth("jaywalking", road.zone, (person.object_id,), start_s, end_s, optional=near))
    return sorted(truths, key=lambda truth: truth.start_s)


def _three(least_s: float, slack_s: float) -> list[tuple[float, float]]:
    return [(EDGE_M, least_s + slack_s), (0.0, least_s), (-EDGE_M, least_s - slack_s)]


def _presences(mask: Mask, gap_s: float, least_s: float, *, away_counts: bool = True) -> list[Span]:
    """First and last moment of each stay of at least `least_s`; absences of up to `gap_s` do not end it."""
    rows = np.flatnonzero(mask)
    if not len(rows):
        return []
    breaks = (np.flatnonzero(np.diff(rows) * STEP_S > gap_s) + 1).tolist()
    stays = [rows[first:last] for first, last in pairwise([0, *breaks, len(rows)])]
    return [
        (float(stay[0]) * STEP_S, float(stay[-1]) * STEP_S)
        for stay in stays
        if (float(stay[-1] - stay[0]) if away_counts else len(stay) - 1) * STEP_S >= least_s
    ]


def _truths(
    kind: str,
    zone: str | None,
    object_ids: tuple[str, ...],
    strict: Sequence[Span],
    usual: Sequence[Span],
    loose: Sequence[Span],
) -> list[Truth]:
    truths = []
    for span in usual:
        sure = any(_meet(span, other) for other in strict)
        truths.append(Truth(kind, zone, object_ids, *span, optional=not sure))
    others = [span for span in loose if not any(_meet(span, other) for other in usual)]
    truths += [Truth(kind, zone, object_ids, *span, optional=True) for span in others]
    return sorted(truths, key=lambda truth: truth.start_s)


def _meet(a: Span, b: Span) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]
