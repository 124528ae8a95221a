"""Made pictures of a street with an exact truth: things are put down and taken, people pass, the light changes.

Everything is drawn at 640x360 on a ground with the texture of asphalt and a brick wall, with soft borders and the
sensor's noise, because sharp drawings on plain ground are easier than a camera's pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.background.static_regions import StaticRegions
from edge.picture import ArrayPicture
from edge.types import Frame, StaticRegion, Track, TrackId

SIZE = WIDTH, HEIGHT = 640, 360
START = datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
Image = NDArray[np.uint8]
Canvas = NDArray[np.float32]
Draw = Callable[[Canvas], None]


@cache
def ground(seed: int = 1) -> Canvas:
    """(H, W, 3) float32: asphalt with stains, a kerb, and a brick wall above."""
    rng = np.random.default_rng(seed)
    grey = np.full((HEIGHT, WIDTH), 112.0, np.float32)
    for scale, strength in ((1, 5.0), (4, 6.0), (24, 9.0), (90, 12.0)):
        small = rng.normal(0.0, strength, (HEIGHT // scale + 2, WIDTH // scale + 2)).astype(np.float32)
        grey += cv2.resize(small, SIZE, interpolation=cv2.INTER_CUBIC)
    picture = np.repeat(grey[..., None], 3, axis=2) * np.array([1.0, 1.0, 0.97], np.float32)
    picture[120:126] = 165.0
    for row in range(0, 120, 10):
        for column in range(-(row % 20), WIDTH, 24):
            tone = rng.normal(0.0, 8.0)
            left = max(0, column)
            picture[row + 1 : row + 10, left + 1 : max(left + 1, column + 23)] = np.array([70, 85, 140]) + tone
    return np.asarray(cv2.GaussianBlur(picture, (3, 3), 0), np.float32)


@cache
def _texture(seed: int, strength: float) -> Canvas:
    rng = np.random.default_rng(seed)
    fine = cv2.resize(rng.normal(0.0, strength, (40, 40)).astype(np.float32), (160, 160), interpolation=cv2.INTER_CUBIC)
    return np.repeat(fine[..., None], 3, axis=2)


def _paint(canvas: Canvas, alpha: NDArray[np.float32], colour: Sequence[float], seed: int, strength: float) -> None:
    """Lay a coloured, textured shape over the picture, with a border as soft as a lens makes it."""
    left, top, width, height = cv2.boundingRect((alpha > 0).astype(np.uint8))
    part = (slice(max(0, top - 2), top + height + 2), slice(max(0, left - 2), left + width + 2))
    soft = cv2.GaussianBlur(alpha[part], (3, 3), 0)[..., None]
    texture = np.tile(_texture(seed, strength), (3, 4, 1))[: soft.shape[0], : soft.shape[1]]
    canvas[part] += soft * (np.asarray(colour, np.float32) + texture - canvas[part])


@cache
def _noise(index: int) -> Canvas:
    return np.random.default_rng(index).normal(0.0, 1.0, (HEIGHT, WIDTH, 3)).astype(np.float32)


def thing(
    x: float, y: float, width: float, height: float, colour: Sequence[float] = (60, 140, 200), strength: float = 10.0
) -> Draw:
    """A bag: an ellipse with a handle, its lower edge at (x, y) in pixels."""

    def draw(canvas: Canvas) -> None:
        alpha = np.zeros((HEIGHT, WIDTH), np.float32)
        centre = (round(x), round(y - 0.45 * height))
        cv2.ellipse(alpha, centre, (max(1, round(width / 2)), max(1, round(0.45 * height))), 0, 0, 360, 1.0, -1)
        _paint(canvas, alpha, colour, 5, strength)

    return draw


def person(x: float, y: float, height: float, sway: float = 0.0, colour: Sequence[float] = (70, 50, 40)) -> Draw:
    """Somebody who stands at (x, y), drawn with head, trunk, arms and legs; `sway` moves the upper body, pixels."""

    def draw(canvas: Canvas) -> None:
        unit = height / 8.0
        alpha = np.zeros((HEIGHT, WIDTH), np.float32)
        for side in (-0.5, 0.5):
            cv2.line(
                alpha, _at(x + side * unit, y), _at(x + side * 0.6 * unit + sway, y - 4 * unit), 1.0, _px(0.9 * unit)
            )
            arm = _at(x + 2.2 * side * unit + 1.5 * sway, y - 3.6 * unit)
            cv2.line(alpha, _at(x + 1.4 * side * unit + sway, y - 6.4 * unit), arm, 1.0, _px(0.6 * unit))
        _paint(canvas, alpha, colour, 6, 8.0)
        trunk = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.ellipse(trunk, _at(x + sway, y - 5.2 * unit), (_px(1.0 * unit), _px(1.7 * unit)), 0, 0, 360, 1.0, -1)
        _paint(canvas, trunk, (180, 90, 60), 7, 14.0)
        head = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.circle(head, _at(x + 1.3 * sway, y - 7.4 * unit), _px(0.6 * unit), 1.0, -1)
        _paint(canvas, head, (110, 140, 180), 8, 5.0)

    return draw


def shade(polygon: Sequence[tuple[float, float]], ratio: float = 0.55, blur: int = 5) -> Draw:
    """A shadow (or, above 1, a patch of light) over a polygon in pixels."""

    def draw(canvas: Canvas) -> None:
        alpha = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.fillPoly(alpha, [np.round(np.asarray(polygon)).astype(np.int32)], 1.0)
        soft = cv2.GaussianBlur(alpha, (2 * blur + 1, 2 * blur + 1), 0)[..., None]
        canvas *= 1.0 + soft * (np.float32(ratio) - 1.0)

    return draw


def rain(seed: int, drops: int = 60) -> Draw:
    """Bright streaks, elsewhere in each picture."""

    def draw(canvas: Canvas) -> None:
        rng = np.random.default_rng(seed)
        alpha = np.zeros((HEIGHT, WIDTH), np.float32)
        for left, top, length in rng.integers((0, 0, 10), (WIDTH, HEIGHT, 36), (drops, 3)).tolist():
            cv2.line(alpha, (left, top), (left + 2, top + length), 0.6, 2)
        canvas += alpha[..., None] * (215.0 - canvas)

    return draw


def light(gain: float, grey: bool = False) -> Draw:
    """The exposure; `grey`: as an infrared camera sees, with other brightness for each colour."""

    def draw(canvas: Canvas) -> None:
        if grey:
            canvas[:] = (canvas @ np.array([0.1, 0.2, 0.7], np.float32))[..., None] * np.float32(0.6)
        canvas *= np.float32(gain)

    return draw


def render(things: Iterable[Draw], seed: int, noise: float = 2.5, base: Canvas | None = None) -> Image:
    """Draw the ground and what is on it."""
    canvas = (ground() if base is None else base).copy()
    for item in things:
        item(canvas)
    canvas += np.float32(noise) * np.roll(_noise(seed % 5), (31 * seed % HEIGHT, 57 * seed % WIDTH), axis=(0, 1))
    return np.asarray(np.clip(canvas, 0, 255), np.uint8)


def track_of(track_id: int, x: float, y: float, height: float, class_name: str = "person") -> Track:
    """The track of a drawn person."""
    half = 0.18 * height
    return track_at(track_id, (x - half, y - height, x + half, y), class_name)


def track_at(track_id: int, xyxy_px: tuple[float, float, float, float], class_name: str = "person") -> Track:
    """A track with a box in pixels."""
    x1, y1, x2, y2 = xyxy_px
    box = (x1 / WIDTH, y1 / HEIGHT, x2 / WIDTH, y2 / HEIGHT)
    return Track(TrackId(track_id), class_name, 0.8, box, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Moment:
    """What is drawn at one time, and who is followed."""

    things: tuple[Draw, ...] = ()
    tracks: tuple[Track, ...] = ()


def show(
    background: StaticRegions,
    scene: Callable[[float], Moment],
    times_s: Iterable[float],
    *,
    noise: float = 2.5,
    start_s: float = 5000.0,
    base: Canvas | None = None,
) -> Iterator[tuple[float, tuple[StaticRegion, ...]]]:
    """Let the detector look at a scene; yields each time with the regions there are."""
    for index, at_s in enumerate(times_s):
        moment = scene(at_s)
        image = render(moment.things, index, noise, base)
        utc = START + timedelta(seconds=at_s)
        frame = Frame("cam", ArrayPicture(image), start_s + at_s, utc, index)
        yield at_s, background.look(frame, moment.tracks)


def seconds(until_s: float, fps: float = 2.0, from_s: float = 0.0) -> list[float]:
    """Times of looks."""
    return [from_s + index / fps for index in range(round((until_s - from_s) * fps) + 1)]


def _at(x: float, y: float) -> tuple[int, int]:
    return round(x), round(y)


def _px(length: float) -> int:
    return max(1, round(length))
