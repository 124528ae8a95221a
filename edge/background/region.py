"""One static region, from the moment that it was sure until it is gone."""

from __future__ import annotations

from enum import Enum, auto

import numpy as np

from edge.background.model import Crop, Mask, Picture, PixelModel, Plane, Window, crop, distance_of
from edge.background.stillness import Stillness
from edge.background.verdict import correlation
from edge.types import StaticRegion

THERE_SHARE = 0.5
"""When this share of its pixels looks as it did, it is there."""
THERE_TEXTURE = 0.7
"""Or when its pattern does, under another light."""
GONE_SHARE = 0.6
"""When this share shows the background, or something else that holds, it is gone ..."""
GONE_S = 2.0
"""... if that lasts."""
HOLDS_S = 5.0
COVERED_S = 300.0
"""Hidden for so long, nobody knows whether it is there."""
LOOKS_S = 30.0
"""Its looks follow the light in this time."""


class State(Enum):
    """What a look says of a region."""

    THERE = auto()
    COVERED = auto()
    GONE = auto()


class Region:
    """Where it is, and how it looks.

    Args:
        number: Its id.
        window: Rows and columns of the small picture around it.
        mask: Of the window's shape: its pixels.
        model: What it looks like is its candidate there.
        appeared_s: When its place was first seen so.
        found_s: Now.
        is_hole: Something was taken away.
    """

    def __init__(
        self,
        number: int,
        window: Window,
        mask: Mask,
        model: PixelModel,
        appeared_s: float,
        found_s: float,
        *,
        is_hole: bool,
    ) -> None:
        self.number = number
        self.window = window
        self.mask = mask
        self.appeared_s = appeared_s
        self.found_s = self.last_seen_s = found_s
        self.is_hole = is_hole
        self._looks: Crop | None = crop(model.candidate, window)
        self._gone_s = 0.0
        self._covered_s = 0.0
        self._stillness = Stillness()

    @property
    def is_thing(self) -> bool:
        """It is still as only things are: see `edge.background.stillness`."""
        return self._stillness.is_thing

    def rebase(self) -> None:
        """The light is another: how it looks is learned anew."""
        self._looks = None

    def look(self, picture: Picture, model: PixelModel, occupied: Mask, now_s: float, step_s: float) -> State:
        """Compare a picture with how it looked.

        Returns:
            GONE once that is sure.
        """
        if self._looks is None:
            if model.settling:
                return State.COVERED
            self._looks = crop(picture, self.window)
        if model.gain != 1.0:
            self._looks *= np.float32(model.gain)
        now = crop(picture, self.window)
        visible = self.mask & ~occupied[self.window]
        from_looks = distance_of(now, self._looks)
        state = self._state(now, self._looks, from_looks, model, visible)
        if state is State.THERE:
            self.last_seen_s = now_s
            self._stillness.take(float((from_looks > model.level)[visible].mean()), step_s)
            self._gone_s = self._covered_s = 0.0
            self._looks += np.float32(min(1.0, step_s / LOOKS_S)) * (now - self._looks)
            return state
        self._covered_s += step_s
        self._gone_s = self._gone_s + step_s if state is State.GONE else 0.0
        is_gone = self._gone_s >= GONE_S or self._covered_s >= COVERED_S
        return State.GONE if is_gone else State.COVERED

    def _state(self, now: Crop, looks: Crop, from_looks: Plane, model: PixelModel, visible: Mask) -> State:
        if np.count_nonzero(visible) < THERE_SHARE * np.count_nonzero(self.mask):
            return State.COVERED
        background = crop(model.background, self.window)
        from_background = distance_of(now, background)
        known = model.known[self.window]
        as_before = (from_looks <= model.level) & ((from_looks <= from_background) | ~known)
        as_background = (from_background <= model.level) & (from_background < from_looks) & known
        total = np.count_nonzero(visible)
        if np.count_nonzero(as_before & visible) >= THERE_SHARE * total:
            return State.THERE
        holds = (model.age_s[self.window] >= HOLDS_S) & ~as_before
        if np.count_nonzero((as_background | holds) & visible) < GONE_SHARE * total:
            return State.COVERED
        light = now[..., 0][visible]
        like_itself = correlation(light, looks[..., 0][visible])
        like_background = correlation(light, background[..., 0][visible])
        return State.THERE if like_itself >= THERE_TEXTURE and like_itself > like_background else State.GONE

    def told(self, shape: tuple[int, ...]) -> StaticRegion:
        """As rules see it, in shares of a picture of this shape."""
        return StaticRegion(
            region_id=self.number,
            xyxy=box_of(self, shape),
            area=float(np.count_nonzero(self.mask)) / (shape[0] * shape[1]),
            appeared_s=self.appeared_s,
            last_seen_s=self.last_seen_s,
            is_hole=self.is_hole,
        )


def box_of(region: Region, shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Normalised xyxy of a region in a picture of this shape."""
    rows, columns = np.flatnonzero(region.mask.any(axis=1)), np.flatnonzero(region.mask.any(axis=0))
    top, left = region.window[0].start, region.window[1].start
    return (
        (left + int(columns[0])) / shape[1],
        (top + int(rows[0])) / shape[0],
        (left + int(columns[-1]) + 1) / shape[1],
        (top + int(rows[-1]) + 1) / shape[0],
    )
