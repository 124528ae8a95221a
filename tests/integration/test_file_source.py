"""Clips as cameras and as recordings to replay: whole, broken, cut short, or no video at all."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from edge.capture.packet_ring import PacketRing
from edge.errors import SourceNotFound, SourceUnreadable
from edge.evidence.clip import cut_clip
from tests.edge_fakes import START, FakeClock
from tests.support.clips import make_clip, picture
from tests.support.sources import first_frames, live_source, replay_source


def test_a_replay_gives_every_picture_with_the_clips_own_times(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=25, fps=10, b_frames=2)
    frames = list(replay_source(clip).frames())
    assert [frame.sequence for frame in frames] == list(range(1, 26))
    assert [frame.monotonic_s for frame in frames] == [pytest.approx(index / 10) for index in range(25)]
    assert frames[0].utc == START
    assert frames[20].utc == START + timedelta(seconds=2)
    assert frames[7].resolution_wh == (320, 240)
    assert float(np.abs(frames[7].image.astype(int) - picture(7)).mean()) < 8


def test_two_replays_are_the_same(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=20, b_frames=2)
    one, other = (list(replay_source(clip, fps=4.0).frames()) for _ in range(2))
    assert [(f.monotonic_s, f.utc) for f in one] == [(f.monotonic_s, f.utc) for f in other]
    assert all(np.array_equal(f.image, g.image) for f, g in zip(one, other, strict=True))


@pytest.mark.parametrize(("fps", "rate"), [(25, 5.0), (10, 5.0), (30, 4.0), (12, 5.0), (10, 30.0)])
def test_only_the_frames_that_are_due_are_given(fps: int, rate: float, tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=fps * 4, fps=fps)
    source = replay_source(clip, fps=rate)
    assert len(list(source.frames())) == min(fps, rate) * 4
    assert source.counts.decoded == fps * 4


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "mpeg4"), ("a.mp4", "libx265"), ("a.ts", "libx264"), ("a.mkv", "mjpeg")]
)
def test_other_codecs_and_containers_are_read(name: str, codec: str, tmp_path: Path) -> None:
    frames = list(replay_source(make_clip(tmp_path / name, codec=codec, frames=20)).frames())
    assert [frame.monotonic_s for frame in frames] == [pytest.approx(index / 10, abs=0.001) for index in range(20)]


def test_a_looping_clip_is_a_camera_whose_time_goes_on(tmp_path: Path) -> None:
    clip, clock = make_clip(tmp_path / "clip.mp4", frames=10, fps=10), FakeClock()
    ring = PacketRing()
    frames = first_frames(live_source(clip.name, media=tmp_path, clock=clock, ring=ring, loop=True), 35)
    steps = [after.monotonic_s - before.monotonic_s for before, after in itertools.pairwise(frames)]
    assert steps == [pytest.approx(0.1)] * 34
    assert clock.monotonic_s() - 1000 == pytest.approx(3.4, abs=0.15)  # waited for each picture
    assert frames[30].utc == START + timedelta(seconds=3)
    latest_s = ring.latest_s
    assert latest_s is not None
    assert latest_s == pytest.approx(frames[-1].monotonic_s, abs=0.2)


def test_a_clip_without_loop_ends_by_itself_at_its_own_speed(tmp_path: Path) -> None:
    clip, clock = make_clip(tmp_path / "clip.mp4", frames=20, fps=10), FakeClock()
    assert len(list(live_source(clip.name, media=tmp_path, clock=clock).frames())) == 20
    assert clock.monotonic_s() - 1000 == pytest.approx(1.9, abs=0.11)


def test_privacy_masks_are_black_before_anybody_sees_the_frame(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=5)
    masks = [[(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]]
    for frame in replay_source(clip, privacy_masks=masks).frames():
        assert not frame.image[:, :160].any()
        assert frame.image[:, 162:].any()


def test_a_recording_source_fills_the_ring_without_decoding(tmp_path: Path) -> None:
    clip, ring = make_clip(tmp_path / "clip.mp4", frames=30, gop=10), PacketRing()
    source = replay_source(clip, ring=ring, role="record")
    assert list(source.frames()) == []
    assert source.counts.decoded == 0
    cut = ring.cut(1.5, 2.5)
    assert cut is not None
    assert cut.start_s == pytest.approx(1.0)
    assert cut.stream.codec_name == "h264"


def test_flipped_bytes_cost_some_pictures_but_not_the_rest(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", frames=100, gop=10)
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    for index in range(middle, middle + 4000, 3):
        data[index] ^= 0xFF
    clip.write_bytes(data)
    frames = list(replay_source(clip).frames())
    assert 50 < len(frames) <= 100
    assert frames[-1].monotonic_s == pytest.approx(9.9, abs=0.2)
    assert all(before.monotonic_s < after.monotonic_s for before, after in itertools.pairwise(frames))


def test_packets_that_cannot_be_decoded_are_counted_skipped_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=40, gop=10)
    data = bytearray(clip.read_bytes())
    start = data.find(b"mdat") + 4 + (len(data) - data.find(b"mdat")) // 2
    data[start : start + 3000] = b"\xff" * 3000  # lengths of NAL units that reach beyond the packet
    clip.write_bytes(data)
    source = replay_source(clip)
    frames = list(source.frames())
    assert source.counts.bad_packets > 0
    assert len(frames) >= 20
    assert re.fullmatch(r"clip\.mp4: \d+ of 40 pictures are broken and were left out: record it again", source.trouble)
    assert caplog.text.count("pictures_broken") == 1


def test_a_clip_that_is_broken_throughout_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=300, gop=300)
    data = bytearray(clip.read_bytes())
    start, end = sorted((data.find(b"mdat") + 4, len(data)))
    end = data.find(b"moov") - 4 if data.find(b"moov") > start else end
    data[start:end] = b"\xff" * (end - start)
    clip.write_bytes(data)
    with pytest.raises(SourceUnreadable, match=r"clip\.mp4: .*(in a row are broken|record it again)") as caught:
        list(replay_source(clip).frames())
    assert caught.value.permanent


def test_a_truncated_clip_gives_what_is_there(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.ts", frames=60)
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    assert 20 <= len(list(replay_source(clip).frames())) < 60


def test_a_clip_that_is_shorter_than_its_header_says_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = make_clip(tmp_path / "whole.mkv", frames=100)
    assert list(replay_source(whole).frames())
    assert "clip_cut_short" not in caplog.text
    clip = tmp_path / "clip.mkv"
    clip.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    source = replay_source(clip)
    assert 20 <= len(list(source.frames())) < 80
    assert "clip.mkv: is cut short" in source.trouble
    assert "copy it again" in source.trouble
    assert "clip_cut_short" in caplog.text


def test_a_clip_whose_index_is_cut_off_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4")
    data = clip.read_bytes()
    clip.write_bytes(data[: data.find(b"moov") - 4])
    with pytest.raises(SourceUnreadable, match=r"clip\.mp4: .*cut short.*convert it") as caught:
        list(replay_source(clip).frames())
    assert caught.value.permanent


@pytest.mark.parametrize(
    "content",
    [
        b"just a letter, renamed\n" * 50,
        b"",
        b"#EXTM3U\n#EXTINF:5,\nclip2.mp4\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile clip2.mp4\n",
    ],
    ids=["text", "empty", "playlist", "concat script"],
)
def test_what_is_no_video_is_refused(content: bytes, tmp_path: Path) -> None:
    make_clip(tmp_path / "clip2.mp4", frames=5)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(content)
    with pytest.raises(SourceUnreadable, match="is not a video") as caught:
        list(replay_source(clip).frames())
    assert caught.value.permanent


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"nope\.mp4: no such file") as caught:
        list(replay_source(tmp_path / "nope.mp4").frames())
    assert caught.value.permanent


def test_a_folder_is_no_clip(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    with pytest.raises(SourceUnreadable, match="is a folder"):
        list(replay_source(tmp_path / "clips").frames())


def test_a_change_of_resolution_goes_on_and_begins_the_ring_anew(tmp_path: Path) -> None:
    small = make_clip(tmp_path / "small.ts", frames=20, size=(320, 240)).read_bytes()
    large = make_clip(tmp_path / "large.ts", frames=20, size=(640, 480)).read_bytes()
    (tmp_path / "both.ts").write_bytes(small + large)
    ring = PacketRing()
    frames = list(replay_source(tmp_path / "both.ts", ring=ring).frames())
    assert {frame.resolution_wh for frame in frames} == {(320, 240), (640, 480)}
    assert len(frames) >= 38
    cut = ring.cut(0, 100)
    assert cut is not None
    assert cut.packets[0].is_keyframe
    assert len(cut.packets) == 20  # all of the new size, from its first keyframe on
    cut_clip(cut, tmp_path / "cut.mp4")
    assert {f.resolution_wh for f in replay_source(tmp_path / "cut.mp4").frames()} == {(640, 480)}
    assert cut.start_s == pytest.approx(2.0)
