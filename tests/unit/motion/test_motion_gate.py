"""The motion gate on scenes made on the spot: noise, light, small movers, masks."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from contract.camera_config import MotionConfig
from edge.motion.motion_gate import MotionGate, MotionResult
from edge.picture import ArrayPicture
from edge.types import Frame
from tests.edge_fakes import START

WIDTH, HEIGHT = 640, 360
Picture = NDArray[np.uint8]


class Scene:
    """A street at 5 frames a second: textured ground, sensor noise, lamps and things."""

    def __init__(self, gate: MotionGate, noise: float = 3.0) -> None:
        self._gate, self._noise = gate, noise
        self._rng = np.random.default_rng(7)
        self._ground = self._rng.integers(70, 150, (HEIGHT // 8, WIDTH // 8)).repeat(8, 0).repeat(8, 1).astype(float)
        self._index = 0

    def show(self, *things: tuple[int, int, int, int], light: float = 1.0, lift: float = 0.0) -> MotionResult:
        """Let the gate see a frame; things are x, y, width, height in pixels, darker than the ground."""
        grey = self._ground * light + lift
        for x, y, width, height in things:
            grey[y : y + height, x : x + width] = 20
        grey = grey + self._rng.normal(0, self._noise, grey.shape)
        image = np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
        self._index += 1
        return self._gate.update(Frame("cam", ArrayPicture(image), self._index / 5, START, self._index))

    def settle(self, frames: int = 25, light: float = 1.0) -> None:
        for _ in range(frames):
            self.show(light=light)


def street(config: MotionConfig | None = None, noise: float = 3.0) -> Scene:
    scene = Scene(MotionGate(config or MotionConfig()), noise)
    scene.settle()
    return scene


def test_the_first_frame_counts_as_moving_as_nothing_is_known_yet() -> None:
    assert Scene(MotionGate(MotionConfig())).show().moving


@pytest.mark.parametrize("noise", [0.0, 3.0, 10.0, 25.0])
def test_noise_is_no_motion(noise: float) -> None:
    scene = street(noise=noise)
    assert not any(scene.show().moving for _ in range(40))


@pytest.mark.parametrize("noise", [3.0, 10.0])
def test_a_small_person_who_walks_is_motion_and_stands_in_its_region(noise: float) -> None:
    scene = street(noise=noise)
    for x in range(100, 200, 10):
        result = scene.show((x, 200, 14, 36))
        assert result.moving
        left, top, right, bottom = result.regions[0]
        assert left <= (x + 7) / WIDTH <= right
        assert top <= 218 / HEIGHT <= bottom


def test_what_stands_still_becomes_background() -> None:
    scene = street()
    results = [scene.show((300, 100, 60, 60)).moving for _ in range(150)]
    assert all(results[:5])
    assert not any(results[-25:])


def test_a_lamp_that_goes_on_is_learned_and_not_motion_for_ever() -> None:
    scene = street()
    assert scene.show(light=1.6).light_changed
    after = [scene.show(light=1.6) for _ in range(20)]
    assert not any(result.moving for result in after[5:])
    assert scene.show((300, 100, 30, 60), light=1.6).moving


def test_a_cloud_is_no_motion_and_hides_none() -> None:
    scene = street()
    assert not any(scene.show(lift=-step * 0.8).moving for step in range(40))
    assert scene.show((300, 100, 30, 60), lift=-32).moving


def test_a_light_that_flickers_now_and_then_is_counted() -> None:
    gate = MotionGate(MotionConfig())
    scene = Scene(gate)
    for _ in range(3):
        scene.settle()
        scene.settle(light=1.7)
    assert gate.counts.light_changes == 5


def test_motion_behind_a_mask_says_nothing() -> None:
    left_half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    scene = street(MotionConfig(mask=(left_half,)))
    assert not scene.show((100, 100, 60, 60)).moving
    assert scene.show((500, 100, 60, 60)).moving


def test_the_smallest_area_is_a_share_of_the_picture() -> None:
    thing = (300, 100, 32, 36)  # half a hundredth
    assert street(MotionConfig(min_area=0.003)).show(thing).moving
    assert not street(MotionConfig(min_area=0.01)).show(thing).moving


def test_a_change_of_resolution_is_learned_anew() -> None:
    gate = MotionGate(MotionConfig())
    for index, shape in enumerate([(360, 640, 3), (360, 640, 3), (480, 640, 3)]):
        result = gate.update(Frame("cam", ArrayPicture(np.full(shape, 90, np.uint8)), index * 1.0, START, index))
    assert result.moving
    assert result.light_changed


def test_frames_and_movers_are_counted() -> None:
    gate = MotionGate(MotionConfig())
    scene = Scene(gate)
    scene.settle(30)
    quiet = gate.counts.moving
    scene.show((300, 100, 60, 60))
    assert (gate.counts.frames, gate.counts.moving) == (31, quiet + 1)
