"""Finding a lost object again: a track that begins where a lost one can be by now, and looks like it, goes on as it.

Somebody walks behind a post, a bus stops in front of a car. Better two tracks for one object than one track for two: a
link needs the same kind of thing, a size and a place that the time allows, and where the place says little, a like
look; and no second track may fit as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from edge.tracking.appearance import Look, alike
from edge.tracking.identity import Identity, Left
from edge.tracking.kalman import Place

LEAST_FOUND = 4
"""A track that was detected less often may have been nobody."""
MOVING_S = 10.0
"""Who moved when lost is looked for this long ..."""
STANDING_S = 60.0
"""... and who stood, for this long, at its place."""
STOOD_S = 3.0
STOOD_WITHIN = 0.4
"""The place: its centre is off by at most this share of the longer side."""
PACE = 1.0
"""How many of its longer sides a second anything may have made unseen that was slower before: a walker makes 0.8 ..."""
QUICKER = 1.3
"""... or this many times as fast as it was."""
SLACK = 0.5
"""Boxes tremble, and show halves: so many of the longer sides more."""
MOST_SIDES = 6.0
"""Nobody is linked over more of its longer sides than this."""
GROWTH = 1.6
"""Sizes (the square root of the area) may differ by this factor: half of a person shows first."""
LOOKS_ALIKE = 0.7
"""On the clips, one object looks 0.8-0.9 like itself seconds later (one in ten below 0.7), two of a class 0.5-0.6 (a
quarter above 0.7) ..."""
LOOKS_OTHER = 0.45
"""... and where the place agrees, only what looks less alike than this is another."""
BORN_WITHIN = 0.8
"""A track that begins with this share of its box on a hidden vehicle may be that vehicle ..."""
LIES_ON = 0.6
"""... and is, once both boxes overlap by this much (IoU)."""
CLEARLY = 0.1
"""A fit must be better than the next best by this."""


class LostTracks:
    """The tracks of one camera that ended a short while ago."""

    def __init__(self) -> None:
        """Start without any."""
        self._lost: list[Identity] = []

    def __len__(self) -> int:
        return len(self._lost)

    def add(self, identity: Identity) -> None:
        """Remember a track that ended."""
        if identity.found >= LEAST_FOUND:
            self._lost.append(identity)

    def clear(self) -> None:
        """Forget all."""
        self._lost.clear()

    def stretch(self, factor: float) -> None:
        """The picture became `factor` times as wide in its own heights."""
        for lost in self._lost:
            (x, y, width, height), (speed_x, speed_y) = lost.left.box, lost.left.speed
            lost.left = Left((x * factor, y, width * factor, height), (speed_x * factor, speed_y))

    def forget(self, now_s: float) -> None:
        """Drop who has been away for too long."""
        self._lost = [
            lost for lost in self._lost if now_s - lost.last_seen_s <= (STANDING_S if lost.stood(STOOD_S) else MOVING_S)
        ]

    def find(self, new: Identity, box: Place, look_of: Callable[[], Look | None]) -> Identity | None:
        """Take out the lost track that a new one continues.

        Args:
            new: It has just been confirmed.
            box: Where it is.
            look_of: Gives its look; asked only when a lost track can be here.
        """
        fitting = [(lost, place) for lost in self._lost if (place := _place_fits(lost, new, box)) is not None]
        if not fitting:
            return None
        look = look_of()
        ranked = sorted(
            ((fit, lost) for lost, place in fitting if (fit := _fit(lost, place, look)) is not None),
            key=lambda pair: -pair[0],
        )
        if not ranked or (len(ranked) > 1 and ranked[0][0] - ranked[1][0] < CLEARLY):
            return None
        best = ranked[0][1]
        self._lost.remove(best)
        return best


def _place_fits(lost: Identity, new: Identity, box: Place) -> float | None:
    """How far a new track is from where the lost one was or should be, as a share of how far it may be; None: farther.

    Standing objects give 0 to 0.5, so that they come before those that pass.
    """
    left, speed = lost.left.box, lost.left.speed
    gone_s = new.first_seen_s - lost.last_seen_s
    if gone_s <= 0.0 or lost.group != new.group:
        return None
    growth = math.sqrt(box[2] * box[3] / (left[2] * left[3]))
    if not 1.0 / GROWTH <= growth <= GROWTH:
        return None
    longer = max(*box[2:], *left[2:])
    away = math.hypot(box[0] - left[0], box[1] - left[1])
    if lost.stood(STOOD_S):
        return 0.5 * away / (STOOD_WITHIN * longer) if away <= STOOD_WITHIN * longer else None
    if gone_s > MOVING_S:
        return None
    pace = max(PACE * longer, QUICKER * math.hypot(*speed))
    reach = min(pace * gone_s + SLACK * longer, MOST_SIDES * longer)
    if away > reach:
        return None
    ahead_s = min(gone_s, 2.0)
    off = math.hypot(box[0] - left[0] - speed[0] * ahead_s, box[1] - left[1] - speed[1] * ahead_s)
    return min(1.0, min(off, away) / reach)


def _fit(lost: Identity, place: float, look: Look | None) -> float | None:
    """How well a lost track fits, the more the better; None: it does not."""
    known = lost.look
    if lost.stood(STOOD_S):
        likeness = LOOKS_ALIKE if look is None or known is None else alike(known, look)
        return None if likeness < LOOKS_OTHER else likeness - 0.3 * place + 0.3
    if look is None or known is None:
        return None
    likeness = alike(known, look)
    return None if likeness < LOOKS_ALIKE else likeness - 0.3 * place


def is_shown_again(hidden: Identity, shown: Identity, box: Place) -> bool:
    """Tell whether a track that is seen is a standing vehicle that was hidden: it began there, and lies there.

    Args:
        hidden: A vehicle that stands and is missed.
        shown: Of a younger track.
        box: Where that is now.
    """
    return (
        shown.group == hidden.group
        and shown.first_seen_s > hidden.last_seen_s
        and _shared(shown.born, hidden.usual) >= BORN_WITHIN * shown.born[2] * shown.born[3]
        and _shared(box, hidden.usual) * (1.0 + LIES_ON)
        >= LIES_ON * (box[2] * box[3] + hidden.usual[2] * hidden.usual[3])
    )


def _shared(a: Place, b: Place) -> float:
    """Area that two boxes have in common."""
    width = min(a[0] + a[2] / 2, b[0] + b[2] / 2) - max(a[0] - a[2] / 2, b[0] - b[2] / 2)
    height = min(a[1] + a[3] / 2, b[1] + b[3] / 2) - max(a[1] - a[3] / 2, b[1] - b[3] / 2)
    return max(0.0, width) * max(0.0, height)
