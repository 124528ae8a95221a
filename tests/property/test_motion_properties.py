"""Speeds and crossings for any camera, frame rate and tremble."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from contract.camera_config import LensConfig
from contract.geometry import Point
from edge.behaviour.speed import Tremble, ground_speed, tremble_of
from edge.scene import Scene
from edge.scene.lens import Lens
from edge.types import SignalState, Track
from tests.support.scenes import ASPECT, CALIBRATION, box, make_camera, make_rule, make_site, observation, vehicle

RED = SignalState.RED
LIGHT: dict[str, Any] = {
    "lines": {"vach": {"name": "Vạch", "coordinates": [[0.5, 0.05], [0.5, 0.95]], "into": "phai"}},
    "signals": {"den": {"kind": "plan", "phases": [["red", 30], ["green", 30]]}},
}


@dataclass(frozen=True)
class Place:
    at_s: float
    ground: Point
    plane: Point
    size: float


@dataclass(frozen=True)
class Pole:
    """A camera on a pole over a road that runs away from it."""

    height_m: float
    tilt: float
    focal: float

    def picture(self, x: float, y: float) -> Point:
        depth = y * math.cos(self.tilt) + self.height_m * math.sin(self.tilt)
        down = self.height_m * math.cos(self.tilt) - y * math.sin(self.tilt)
        return (0.5 + self.focal * x / depth / ASPECT, 0.5 + self.focal * down / depth)

    def size(self, y: float) -> float:
        return self.focal * 1.6 / (y * math.cos(self.tilt) + self.height_m * math.sin(self.tilt))


poles = st.builds(Pole, st.floats(5.0, 9.0), st.floats(0.26, 0.45), st.floats(0.9, 1.2))
CORNERS = [(-3.5, 14.0), (3.5, 14.0), (3.5, 35.0), (-3.5, 35.0)]


class Trembling:
    """A box's error as detectors make it: a part that stays, and one that changes (Ornstein and Uhlenbeck)."""

    def __init__(self, tremble: Tremble, rng: random.Random, step_s: float) -> None:
        self._tremble, self._rng = tremble, rng
        self._kept = math.exp(-step_s / tremble.lasts_s)
        self._fixed, self._moving = rng.gauss(0, 1), rng.gauss(0, 1)

    def next(self) -> float:
        self._moving = self._kept * self._moving + math.sqrt(1.0 - self._kept**2) * self._rng.gauss(0, 1)
        stays = self._tremble.stays
        return math.sqrt(stays) * self._fixed + math.sqrt(1.0 - stays) * self._moving


def measure(
    pole: Pole, mps: float, fps: float, rng: random.Random, point_error_m: float, class_name: str = "motorcycle"
) -> Any:
    """The speed of one vehicle that comes nearer, by a calibration that is wrong by so much."""
    tremble = tremble_of(class_name)
    ground = [(x + rng.gauss(0, point_error_m), y + rng.gauss(0, point_error_m)) for x, y in CORNERS]
    calibration: dict[str, Any] = {"image": [pole.picture(*corner) for corner in CORNERS], "ground_m": ground}
    if point_error_m > 0.0:
        calibration["point_error_m"] = point_error_m
    scene = Scene.from_config(make_camera(calibration=calibration), make_site())
    places = []
    across, down_by = Trembling(tremble, rng, 1.0 / fps), Trembling(tremble, rng, 1.0 / fps)
    for index in range(int(2.5 * fps) + 1):
        at_s = index / fps
        y = 38.0 - mps * at_s
        if y < 11.0:
            break
        sigma = tremble.share * pole.size(y) * (1.0 if point_error_m > 0.0 else 0.0)
        x, down = pole.picture(1.5, y)
        seen = (x + sigma * across.next() / ASPECT, down + sigma * down_by.next())
        plane = scene.to_plane(seen, ASPECT)
        assert plane is not None
        places.append(Place(at_s, seen, plane, pole.size(y)))
    return ground_speed(places, scene, ASPECT, class_name)


@given(pole=poles, mps=st.floats(3.0, 20.0), fps=st.floats(3.0, 30.0))
def test_an_exact_way_gives_the_exact_speed(pole: Pole, mps: float, fps: float) -> None:
    speed = measure(pole, mps, fps, random.Random(0), 0.0)
    assert speed is None or speed.kmh == pytest.approx(3.6 * mps, rel=1e-4)


@pytest.mark.parametrize(("class_name", "most_error"), [("motorcycle", 0.06), ("car", 0.06)])
def test_the_interval_holds_the_true_speed_as_often_as_it_says(class_name: str, most_error: float) -> None:
    """95 % are promised; 300 draws of a camera, a calibration good to 0.2 m, a speed and a tremble that stays alike."""
    rng = random.Random(17)
    held, errors = 0, []
    for _ in range(300):
        pole = Pole(rng.uniform(5.0, 9.0), rng.uniform(0.26, 0.45), rng.uniform(0.9, 1.2))
        mps = rng.uniform(6.0, 20.0)
        speed = measure(pole, mps, 5.0, rng, 0.2, class_name)
        assert speed is not None
        held += speed.low_kmh <= 3.6 * mps <= speed.high_kmh
        errors.append(abs(speed.kmh / (3.6 * mps) - 1.0))
    assert 0.92 <= held / 300 <= 0.99
    assert sorted(errors)[int(0.95 * 300)] <= most_error


@given(
    x=st.floats(0.0, 1.0),
    y=st.floats(0.0, 1.0),
    k1=st.floats(-0.2, 0.3),
    k2=st.floats(0.0, 0.1),
    fx=st.floats(0.5, 2.0),
)
def test_a_lens_bends_to_and_fro_everywhere(x: float, y: float, k1: float, k2: float, fx: float) -> None:
    try:
        lens = Lens.from_config(LensConfig(fx=fx, fy=fx * ASPECT, k1=k1, k2=k2))
    except ValueError:
        reject()  # such a lens is refused
    assert lens.distort(lens.undistort((x, y))) == pytest.approx((x, y), abs=1e-6)


@settings(max_examples=40)
@given(
    kmh=st.floats(5.0, 39.0),
    fps=st.floats(2.0, 30.0),
    tremble=st.floats(0.0, 0.004),
    seed=st.integers(0, 2**32 - 1),
)
def test_who_keeps_to_the_limit_is_never_accused(kmh: float, fps: float, tremble: float, seed: int) -> None:
    rule = make_rule("speeding", limit_kmh=40, camera={"calibration": CALIBRATION})
    rng = random.Random(seed)
    for index in range(int(3.0 * fps)):
        x = 0.08 + kmh / 3.6 / 40.0 * index / fps + rng.gauss(0, tremble)
        shown: list[Track] = [vehicle(1, x, 0.5 + rng.gauss(0, tremble))] if x < 0.92 else []
        assert rule.observe(observation(index / fps, shown)) == []


@settings(max_examples=40)
@given(
    kind=st.sampled_from(["red_light", "stop_line"]),
    before_m=st.floats(0.5, 10.0),
    tremble=st.floats(0.0, 0.003),
    fps=st.floats(1.0, 30.0),
    seed=st.integers(0, 2**32 - 1),
)
def test_who_waits_before_the_line_is_never_accused(
    kind: str, before_m: float, tremble: float, fps: float, seed: int
) -> None:
    rule = make_rule(kind, line="vach", signal="den", camera={**LIGHT, "calibration": CALIBRATION})
    rng = random.Random(seed)
    for index in range(int(12.0 * fps)):
        at_s = index / fps
        metres = -before_m + min(0.0, 6.0 * (at_s - 3.0))
        x = 0.5 + (metres - 0.95) / 40.0 + rng.gauss(0, tremble)
        shown = [box(1, "motorcycle", x, 0.5 + rng.gauss(0, tremble), width=0.05, height=0.08)] if x > 0.03 else []
        assert rule.observe(observation(at_s, shown, signals={"den": RED})) == []


@settings(max_examples=40)
@given(mps=st.floats(2.5, 14.0), fps=st.floats(3.0, 30.0), red_s=st.floats(0.8, 8.0))
def test_who_runs_the_light_is_always_told_once(mps: float, fps: float, red_s: float) -> None:
    rule = make_rule("red_light", line="vach", signal="den", camera={**LIGHT, "calibration": CALIBRATION})
    events = []
    for index in range(int(20.0 * fps)):
        at_s = index / fps
        x = 0.5 + (mps * (at_s - 9.0) - 0.95) / 40.0
        shown = [box(1, "motorcycle", x, 0.5, width=0.05, height=0.08)] if 0.04 < x < 0.96 else []
        state = RED if at_s >= 9.0 - red_s - 1.5 / fps else SignalState.GREEN
        events += rule.observe(observation(at_s, shown, signals={"den": state}))
    assert [event.state.value for event in events] == ["start", "end"]
