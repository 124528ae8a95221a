"""Rain, snow and trees: what is doubtful, and that nobody is hidden by them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contract.camera_config import MotionConfig
from edge.motion.motion_gate import MotionGate, MotionResult
from edge.picture import ArrayPicture
from edge.types import Frame
from tests.edge_fakes import START

WIDTH, HEIGHT = 640, 360
Box = tuple[float, float, float, float]
Picture = NDArray[np.uint8]


class Weather:
    """A dark street at 5 frames a second in which it may rain, snow, or a tree may sway."""

    def __init__(self, kind: str = "") -> None:
        self.gate = MotionGate(MotionConfig())
        self.kind = kind
        self._rng = np.random.default_rng(5)
        self._ground = self._rng.integers(40, 90, (HEIGHT // 8, WIDTH // 8)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        self._index = 0

    def show(self, *things: tuple[int, int, int, int], followed: tuple[Box, ...] = ()) -> MotionResult:
        """Let the gate see a frame; things are x, y, width, height in pixels, bright."""
        grey = self._ground.copy()
        for x, y, width, height in things:
            grey[y : y + height, x : x + width] = 190
        getattr(self, f"_{self.kind or 'clear'}")(grey)
        self._index += 1
        picture = ArrayPicture(np.repeat(grey[..., None], 3, axis=2))
        return self.gate.update(Frame("cam", picture, self._index / 5, START, self._index), followed)

    def last(self, seconds: float) -> list[MotionResult]:
        return [self.show() for _ in range(round(seconds * 5))]

    def _clear(self, grey: Picture) -> None:
        """Nothing falls."""

    def _rain(self, grey: Picture) -> None:
        for _ in range(50):
            x, y = (int(v) for v in self._rng.integers((0, 0), (WIDTH, HEIGHT)))
            cv2.line(grey, (x, y), (x + 2, y + int(self._rng.integers(10, 30))), 160, 2)

    def _snow(self, grey: Picture) -> None:
        for _ in range(60):
            x, y = (int(v) for v in self._rng.integers((0, 0), (WIDTH, HEIGHT)))
            cv2.circle(grey, (x, y), int(self._rng.integers(2, 6)), 170, -1)

    def _tree(self, grey: Picture) -> None:
        if self._rng.random() < 0.6:
            x, y = (int(v) for v in self._rng.integers((440, 40), (470, 60)))
            grey[y : y + 60, x : x + 60] = 150


@pytest.mark.parametrize("kind", ["rain", "snow"])
def test_rain_and_snow_are_doubtful_after_a_while(kind: str) -> None:
    weather = Weather(kind)
    weather.last(25)
    results = weather.last(30)
    assert sum(result.moving for result in results) < 0.2 * len(results)
    assert all(result.doubtful for result in results if not result.moving)


@pytest.mark.parametrize("kind", ["rain", "snow"])
def test_a_motorbike_that_crosses_the_picture_in_a_second_is_seen_in_rain_and_snow(kind: str) -> None:
    weather = Weather(kind)
    weather.last(40)
    seen = [weather.show((x, 180, 90, 60)).moving for x in range(20, 600, 110)]
    assert all(seen)


@pytest.mark.parametrize("kind", ["rain", "snow"])
def test_somebody_who_is_followed_is_motion_however_small_in_the_rain(kind: str) -> None:
    weather = Weather(kind)
    weather.last(40)
    box = (300 / WIDTH, 200 / HEIGHT, 320 / WIDTH, 240 / HEIGHT)
    assert all(weather.show((302, 202, 16, 36), followed=(box,)).moving for _ in range(3))


def test_a_fast_runner_in_clear_weather_is_seen_at_first_sight() -> None:
    weather = Weather()
    weather.last(5)
    assert [weather.show((x, 200, 14, 36)).moving for x in (100, 180, 260)] == [True, True, True]


def test_a_tree_that_sways_for_minutes_becomes_doubtful_and_hides_nobody_beside_it() -> None:
    weather = Weather("tree")
    assert any(result.moving for result in weather.last(20))
    weather.last(120)
    results = weather.last(20)
    assert not any(result.moving for result in results)
    assert any(result.doubtful for result in results)
    assert weather.show((100, 200, 30, 60)).moving


def test_where_somebody_is_followed_nothing_is_taken_for_a_tree() -> None:
    weather = Weather("tree")
    box = (430 / WIDTH, 30 / HEIGHT, 540 / WIDTH, 130 / HEIGHT)
    for _ in range(600):
        result = weather.show(followed=(box,))
    results = [weather.show(followed=(box,)) for _ in range(30)]
    assert any(result.moving for result in results)
    assert not any(result.doubtful for result in (result, *results))


def test_when_the_wind_stops_the_tree_is_forgotten() -> None:
    weather = Weather("tree")
    weather.last(140)
    weather.kind = ""
    weather.last(120)
    assert weather.show((450, 50, 60, 60)).moving


def test_after_the_rain_the_smallest_walker_is_seen_at_once_again() -> None:
    weather = Weather("rain")
    weather.last(40)
    weather.kind = ""
    weather.last(40)
    assert weather.gate.flecks < 3.0
    assert weather.show((300, 200, 14, 36)).moving
