"""The motion gate on real clips: it opens for people and stays mostly closed in a still night."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from contract.camera_config import MotionConfig
from edge.motion.motion_gate import MotionCounts, MotionGate
from edge.picture import ArrayPicture
from edge.types import Frame
from tests.support.sources import replay_source

pytestmark = pytest.mark.clips
CLIPS = Path(__file__).parents[3] / "shared" / "clips"


def gated(name: str, seconds: float) -> MotionCounts:
    """Counts of the first seconds of a clip at 5 frames a second."""
    clip = CLIPS / name
    if not clip.exists():
        pytest.skip(f"{clip} is missing")
    gate, source = MotionGate(MotionConfig()), replay_source(clip, fps=5.0)
    for frame in source.frames():
        gate.update(frame)
        if frame.monotonic_s >= seconds:
            source.close()
    return gate.counts


@pytest.mark.parametrize("name", ["vtest.avi", "yas_people.mp4", "atharva_cctv.mp4", "adam_demo_traffic.mp4"])
def test_people_and_traffic_open_the_gate_in_every_frame(name: str) -> None:
    counts = gated(name, 20)
    assert counts.moving == counts.frames


def test_an_empty_room_keeps_it_closed_until_somebody_enters() -> None:
    counts = gated("intel_one-by-one-person.mp4", 5.0)
    assert counts.frames == 26
    assert counts.moving <= 4  # the first frames, until the background is known


def test_a_still_infrared_night_keeps_it_mostly_closed() -> None:
    counts = gated("rfmanz_night.mp4", 40)
    assert counts.moving < counts.frames / 2


def rained_on(name: str, seconds: float) -> list[bool]:
    """Whether the gate opens for each frame of a clip in made rain, after it has rained for half a minute."""
    clip = CLIPS / name
    if not clip.exists():
        pytest.skip(f"{clip} is missing")
    rng, gate = np.random.default_rng(2), MotionGate(MotionConfig())
    opened = []
    for frame in replay_source(clip, fps=5.0).frames():
        if frame.monotonic_s > seconds:
            break
        luma = cv2.resize(frame.picture.luma(), (640, round(640 * frame.resolution_wh[1] / frame.resolution_wh[0])))
        drops = luma.copy()
        for x, y, length in rng.integers((0, 0, 10), (640, luma.shape[0], 36), (60, 3)).tolist():
            cv2.line(drops, (x, y), (x + 2, y + length), 220, 2)
        wet = cv2.addWeighted(luma, 0.35, drops, 0.65, 0)
        picture = ArrayPicture(np.repeat(wet[..., None], 3, axis=2))
        result = gate.update(Frame("cam", picture, frame.monotonic_s, frame.utc, frame.sequence))
        if frame.monotonic_s > 30.0:
            opened.append(result.moving)
    return opened


def test_rain_on_an_empty_drive_at_night_keeps_the_gate_mostly_closed() -> None:
    opened = rained_on("rfmanz_night.mp4", 80)
    assert sum(opened) < 0.2 * len(opened)


def test_rain_hides_no_people_in_the_yard() -> None:
    opened = rained_on("vtest.avi", 60)
    assert sum(opened) > 0.9 * len(opened)
