"""New static regions in real pictures: bags laid onto the frames of fixed cameras are found, and little else is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.background.static_regions import StaticRegions
from edge.picture import ArrayPicture
from edge.types import Frame, StaticRegion, Track
from tests.support import ground_scenes as gs
from tests.support.sources import replay_source

pytestmark = pytest.mark.clips
CLIPS = Path(__file__).parents[3] / "shared" / "clips"
Image = NDArray[np.uint8]
LAID_S, TAKEN_S = 12.0, 38.0


@cache
def frames_of(name: str, seconds: float) -> list[tuple[float, Image]]:
    """Two pictures a second at the scenes' size."""
    clip = CLIPS / name
    if not clip.exists():
        pytest.skip(f"{clip} is missing")
    source, frames = replay_source(clip, fps=2.0), []
    for frame in source.frames():
        frames.append((frame.monotonic_s, np.asarray(cv2.resize(frame.image, gs.SIZE), np.uint8)))
        if frame.monotonic_s >= seconds:
            source.close()
    return frames


def show(
    name: str, seconds: float, things: tuple[gs.Draw, ...], passer: Track | None = None
) -> dict[float, tuple[StaticRegion, ...]]:
    """The regions at each time, with things laid down and taken away again; `passer` is there when they are."""
    background, seen = StaticRegions(), {}
    for index, (at_s, image) in enumerate(frames_of(name, seconds)):
        canvas = image.astype(np.float32)
        if LAID_S <= at_s < TAKEN_S:
            for thing in things:
                thing(canvas)
        picture = ArrayPicture(np.clip(canvas, 0, 255).astype(np.uint8))
        tracks = (passer,) if passer is not None and LAID_S - 3.0 <= at_s < LAID_S + 1.0 else ()
        seen[at_s] = background.look(Frame("cam", picture, at_s, gs.START, index), tracks)
    return seen


def at(regions: tuple[StaticRegion, ...], x: float, y: float) -> list[StaticRegion]:
    """Those around a point in pixels that are no hole."""
    x, y = x / gs.WIDTH, y / gs.HEIGHT
    return [r for r in regions if r.xyxy[0] <= x <= r.xyxy[2] and r.xyxy[1] <= y <= r.xyxy[3] and not r.is_hole]


@pytest.mark.parametrize(
    ("name", "x", "y", "colour", "passed"),
    [
        ("vtest.avi", 120, 300, (40, 40, 160), False),  # red on the lawn
        ("vtest.avi", 250, 200, (60, 60, 60), False),  # dark on the path where people walk
        ("rfmanz_night.mp4", 380, 280, (25, 25, 25), False),  # by infrared light
        ("rfmanz_night.mp4", 260, 230, (130, 130, 130), True),  # plain grey on grey: only if somebody was there
    ],
)
def test_a_bag_on_real_ground_is_found_and_seen_to_go(
    name: str, x: int, y: int, colour: tuple[int, int, int], passed: bool
) -> None:
    passer = gs.track_of(1, x + 30, y + 5, 90) if passed else None
    seen = show(name, 50.0, (gs.thing(x, y, 22, 24, colour, 8.0),), passer)
    with_it = [at(regions, x, y - 11) for at_s, regions in seen.items() if 24.0 <= at_s <= 37.0]
    assert sum(len(found) == 1 for found in with_it) >= 0.8 * len(with_it)
    (region,) = {found[0].region_id: found[0] for found in with_it if found}.values()
    assert LAID_S - 0.6 <= region.appeared_s <= LAID_S + 6.0
    assert all(not at(regions, x, y - 11) for at_s, regions in seen.items() if at_s > 43.0 or at_s < LAID_S)


@pytest.mark.parametrize(("name", "most"), [("rfmanz_night.mp4", 1), ("nasr_parking.mp4", 0)])
def test_where_nothing_is_left_hardly_anything_is_found(name: str, most: int) -> None:
    ids = {r.region_id for regions in show(name, 50.0, ()).values() for r in regions if not r.is_hole}
    assert len(ids) <= most
