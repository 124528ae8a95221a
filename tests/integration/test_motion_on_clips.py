"""The motion gate on real clips: it opens for people and stays mostly closed in a still night."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.camera_config import MotionConfig
from edge.motion.motion_gate import MotionCounts, MotionGate
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
