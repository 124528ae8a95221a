"""Evidence clips: cut from packets, whole, playable, quick to start."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.capture.packet_ring import PTS_PER_S, PacketCut, PacketRing, StoredPacket
from edge.errors import SourceUnreadable
from edge.evidence.clip import _decode_times, cut_clip
from tests.support.clips import make_clip, picture
from tests.support.sources import replay_source

LEFT_HALF = [[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]]


def recorded(clip: Path, start_s: float, end_s: float) -> PacketCut:
    """What the ring holds of a clip that was played."""
    ring = PacketRing()
    list(replay_source(clip, ring=ring, role="record").frames())
    cut = ring.cut(start_s, end_s)
    assert cut is not None
    return cut


def decoded(path: Path) -> tuple[list[float], list[NDArray[Any]], str]:
    """Times and BGR pictures of a clip, and its codec."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        return (
            [frame.time or 0.0 for frame in frames],
            [f.to_ndarray(format="bgr24") for f in frames],
            stream.codec.name,
        )


def starts_fast(path: Path) -> bool:
    """The index comes before the pictures, and there are no fragments."""
    data, position, boxes = path.read_bytes(), 0, []
    while position < len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        boxes.append(data[position + 4 : position + 8])
        assert size >= 8, "a size of 0 or 1 is for files larger than ours"
        position += size
    assert position == len(data)
    return boxes.count(b"moov") == boxes.count(b"mdat") == 1 and boxes.index(b"moov") < boxes.index(b"mdat")


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize("container", ["mp4", "ts"], ids=["lengths", "start codes"])
def test_a_copied_clip_begins_with_the_keyframe_and_holds_the_pictures(
    b_frames: int, container: str, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / f"clip.{container}", frames=80, fps=10, gop=10, b_frames=b_frames)
    info = cut_clip(recorded(clip, 3.5, 6.5), tmp_path / "cut.mp4")
    times, images, codec = decoded(info.path)
    assert (codec, info.codec, starts_fast(info.path)) == ("h264", "h264", True)
    assert info.start_s == pytest.approx(3.0)
    assert info.duration_s == pytest.approx(3.5, abs=0.31)
    assert times == [pytest.approx(0.1 * index, abs=0.001) for index in range(len(times))]
    assert times[-1] == pytest.approx(info.duration_s, abs=0.001)
    assert float(np.abs(images[0].astype(int) - picture(30)).mean()) < 8
    assert float(np.abs(images[-1].astype(int) - picture(30 + len(images) - 1)).mean()) < 8


def test_hevc_is_copied_or_made_playable_everywhere(tmp_path: Path) -> None:
    cut = recorded(make_clip(tmp_path / "clip.mp4", codec="libx265", frames=40), 0, 4)
    copied = cut_clip(cut, tmp_path / "copied.mp4")
    encoded = cut_clip(cut, tmp_path / "encoded.mp4", copy_hevc=False)
    assert starts_fast(copied.path)
    assert starts_fast(encoded.path)
    assert (copied.codec, decoded(copied.path)[2], len(decoded(copied.path)[0])) == ("hevc", "hevc", 40)
    assert (encoded.codec, decoded(encoded.path)[2], len(decoded(encoded.path)[0])) == ("h264", "h264", 40)


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "mpeg4"), ("a.mkv", "mjpeg")])
def test_other_codecs_become_h264(name: str, codec: str, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / name, codec=codec, frames=40, size=(322, 242))
    info = cut_clip(recorded(clip, 1.0, 3.0), tmp_path / "cut.mp4")
    times, images, made = decoded(info.path)
    assert (made, starts_fast(info.path), images[0].shape) == ("h264", True, (242, 322, 3))
    assert times == [pytest.approx(0.1 * index, abs=0.001) for index in range(len(times))]
    assert len(times) >= 21


def test_wide_and_quick_video_is_made_smaller_when_encoded(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=60, fps=30, size=(1920, 1080), gop=30)
    info = cut_clip(recorded(clip, 0, 2), tmp_path / "cut.mp4", LEFT_HALF)
    times, images, _ = decoded(info.path)
    assert images[0].shape == (720, 1280, 3)
    assert len(times) == 30
    assert times[-1] == pytest.approx(info.duration_s, abs=0.001)


def test_privacy_masks_are_burned_into_every_picture(tmp_path: Path) -> None:
    cut = recorded(make_clip(tmp_path / "clip.mp4", frames=30), 0, 3)
    info = cut_clip(cut, tmp_path / "cut.mp4", LEFT_HALF)
    for image in decoded(info.path)[1]:
        assert image[:, :152].max() < 12
        assert image[:, 168:].mean() > 60


def broken(cut: PacketCut, index: int, data: bytes) -> PacketCut:
    packets = list(cut.packets)
    packets[index] = dataclasses.replace(packets[index], data=data)
    return dataclasses.replace(cut, packets=tuple(packets))


@pytest.mark.parametrize("masks", [[], LEFT_HALF], ids=["copied", "encoded"])
@pytest.mark.parametrize("data", [b"", b"\x00\x00\x00\x01\x65\xff\xff", b"\xff" * 500])
def test_a_corrupt_packet_costs_pictures_but_not_the_clip(
    masks: list[list[tuple[float, float]]], data: bytes, tmp_path: Path
) -> None:
    cut = broken(recorded(make_clip(tmp_path / "clip.mp4", frames=40), 0, 4), 14, data)
    info = cut_clip(cut, tmp_path / "cut.mp4", masks)
    times, _, _ = decoded(info.path)
    assert len(times) >= 25
    assert times[-1] == pytest.approx(3.9, abs=0.1)


def test_a_first_keyframe_that_is_broken_loses_only_what_needs_it(tmp_path: Path) -> None:
    cut = broken(recorded(make_clip(tmp_path / "clip.ts", frames=40), 0, 4), 0, b"\x00\x00\x00\x01\x65\xff\xff")
    assert len(decoded(cut_clip(cut, tmp_path / "cut.mp4").path)[0]) >= 25


def test_a_cut_without_any_picture_is_an_error(tmp_path: Path) -> None:
    cut = recorded(make_clip(tmp_path / "clip.mp4", frames=10), 0, 1)
    nothing = dataclasses.replace(
        cut, packets=tuple(dataclasses.replace(packet, data=b"\xff" * 20) for packet in cut.packets)
    )
    for masks in ([], LEFT_HALF):
        with pytest.raises(SourceUnreadable, match="no picture"):
            cut_clip(nothing, tmp_path / "cut.mp4", masks)


@pytest.mark.parametrize(
    "stamp",
    [lambda _index: None, lambda _index: 7, lambda index: index * PTS_PER_S * 100, lambda index: -index * 9000],
    ids=["missing", "all the same", "far apart", "falling"],
)
def test_timestamps_that_make_no_sense_are_replaced_by_arrival(stamp: Any, tmp_path: Path) -> None:
    cut = recorded(make_clip(tmp_path / "clip.mp4", frames=30), 0, 3)
    packets = tuple(dataclasses.replace(packet, pts=stamp(index)) for index, packet in enumerate(cut.packets))
    info = cut_clip(PacketCut(cut.stream, packets), tmp_path / "cut.mp4")
    times, _, _ = decoded(info.path)
    assert times == [pytest.approx(0.1 * index, abs=0.001) for index in range(30)]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=50, unique=True))
def test_decode_times_rise_and_never_come_after_the_presentation(times: list[int]) -> None:
    decode = _decode_times(times)
    assert len(decode) == len(times)
    assert all(before < after for before, after in itertools.pairwise(decode))
    assert all(dts <= pts for dts, pts in zip(decode, times, strict=True))


def test_decode_times_of_pictures_in_order_are_their_own() -> None:
    assert _decode_times([0, 10, 20]) == [0, 10, 20]
    assert _decode_times([0, 30, 10, 20]) == [-10, 0, 10, 20]


def test_packets_of_the_ring_hold_no_part_of_ffmpeg() -> None:
    assert {field.type for field in dataclasses.fields(StoredPacket)} == {"bytes", "int | None", "float", "bool"}
