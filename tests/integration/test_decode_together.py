"""Packets that nobody wants to see yet are decoded with the next one that somebody does, and no frame comes later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge.capture.decoder import StreamDecoder
from edge.capture.together import MOST, Together
from tests.edge_fakes import FakeClock
from tests.support.scene_clips import make_scene
from tests.support.sources import live_source

FPS = 20
STEP_S = 1.0 / FPS


def played(clip: Path, fps: float, monkeypatch: pytest.MonkeyPatch) -> tuple[Counter[float], list[tuple[float, float]]]:
    """Play a clip as a camera; how many packets the decoder got at each instant, and each frame's time and arrival."""
    clock = FakeClock()
    decoded: Counter[float] = Counter()
    real = StreamDecoder.pictures

    def noted(self: StreamDecoder, packet: Packet[VideoStream], time_s: float, now_s: float) -> Iterator[VideoFrame]:
        decoded[round(clock.monotonic_s(), 3)] += 1
        return real(self, packet, time_s, now_s)

    monkeypatch.setattr(StreamDecoder, "pictures", noted)
    source = live_source(clip.name, media=clip.parent, clock=clock, fps=fps)
    return decoded, [(frame.monotonic_s, clock.monotonic_s()) for frame in source.frames()]


def test_a_decoder_is_called_for_the_packets_of_each_due_frame_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_scene(tmp_path / "scene.mp4", seconds=6, fps=FPS)
    decoded, frames = played(clip, 5.0, monkeypatch)
    assert len(frames) == 30
    # The last packets of the clip, and the empty one, are decoded without a frame that is due.
    assert sorted(decoded.values(), reverse=True)[:28] == [4] * 28
    assert len(decoded) <= 32
    assert max(came_s - time_s for time_s, came_s in frames) < 0.001


@pytest.mark.parametrize("b_frames", [0, 2])
def test_frames_are_the_same_and_no_later_than_packet_by_packet(
    b_frames: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_scene(tmp_path / "scene.mp4", seconds=6, fps=FPS, b_frames=b_frames)
    _, together = played(clip, 5.0, monkeypatch)
    monkeypatch.setattr(Together, "is_full", True)
    decoded, one_by_one = played(clip, 5.0, monkeypatch)
    assert max(decoded.values()) <= 3  # the last pictures and the drain
    assert [time_s for time_s, _ in together] == [time_s for time_s, _ in one_by_one]
    assert [came_s for _, came_s in together] == pytest.approx([came_s for _, came_s in one_by_one], abs=0.001)


def test_a_camera_that_is_looked_at_seldom_is_decoded_in_handfuls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_scene(tmp_path / "scene.mp4", seconds=6, fps=FPS)
    decoded, frames = played(clip, 0.5, monkeypatch)
    assert max(decoded.values()) == MOST
    assert len(frames) == 4  # at 0, 1.95, 3.95 and 5.95 s


def a_packet(dts: int | None) -> Packet[VideoStream]:
    packet = Packet(b"x")
    packet.dts = dts
    return cast("Packet[VideoStream]", packet)


def test_a_new_count_of_timestamps_is_noticed_before_it_is_given_a_time() -> None:
    together, packet = Together(0.001), a_packet(5000)
    assert not together.begins_anew(packet)
    together.add(packet, 5.0)
    for dts, is_new in ((5040, False), (6000, False), (6001, True), (4999, True), (None, True)):
        assert together.begins_anew(a_packet(dts)) is is_new
    assert together.take() == [(packet, 5.0)]
    assert together.take() == []
