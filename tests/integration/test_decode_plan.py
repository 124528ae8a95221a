"""Decoding only what is needed: a resting camera, how it wakes, pictures nobody refers to, and a slow box."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.attention import Attention
from edge.capture.video_source import VideoSource
from edge.types import Frame
from tests.edge_fakes import FakeClock
from tests.support.clips import make_clip
from tests.support.scene_clips import make_scene
from tests.support.sources import live_source

FPS = 10.0


def watch(
    clip: Path, *, attention: Attention | None, until_s: float = 1e9, on_frame: Callable[[Frame], None] | None = None,
    clock: FakeClock | None = None, fps: float = 5.0,
) -> tuple[VideoSource, list[float]]:  # fmt: skip
    """Play a clip as a camera; the pipeline that watches it wants to rest from the first frame on.

    Returns:
        The source, and the times of its frames from the clip's start.
    """
    clock = clock or FakeClock()
    source = live_source(clip.name, media=clip.parent, clock=clock, fps=fps, attention=attention)
    times: list[float] = []
    for frame in source.frames():
        times.append(frame.monotonic_s - 1000.0)
        if attention is not None:
            attention.set_idle(True)
        if on_frame is not None:
            on_frame(frame)
        if times[-1] > until_s:
            source.close()
    return source, times


def test_a_quiet_camera_is_decoded_at_its_keyframes_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clip = make_scene(tmp_path / "quiet.mp4", seconds=30)
    source, times = watch(clip, attention=Attention())
    assert times[-8:] == [pytest.approx(14.0 + 2 * index, abs=0.15) for index in range(8)]
    assert source.counts.decoded < 0.3 * source.counts.packets
    assert source.counts.decoded + source.counts.skipped == source.counts.packets
    assert source.counts.wakes == 0
    assert source.figures()["decode_idle"] == 1
    assert caplog.text.count("decodes='keyframes only, as nothing moves'") == 1


@pytest.mark.parametrize(("codec", "b_frames"), [("libx264", 0), ("libx264", 2), ("libx265", 0), ("libx265", 2)])
def test_whoever_walks_in_wakes_it_and_is_seen_from_the_first_step(codec: str, b_frames: int, tmp_path: Path) -> None:
    clip = make_scene(
        tmp_path / "walk.mp4", seconds=26, walks=[(17.1, 23.0)], codec=codec, b_frames=b_frames, fps=int(FPS)
    )
    source, times = watch(clip, attention=Attention())
    assert source.counts.wakes >= 1
    walk = [time_s for time_s in times if 16.2 <= time_s <= 20.0]
    # Every due picture since the last keyframe, once each and in order, though it woke after some of them.
    assert walk == [pytest.approx(16.2 + index / 5, abs=0.11) for index in range(len(walk))]
    assert len(walk) >= 18
    assert not [time_s for time_s in times if 12.2 <= time_s <= 13.8]


def test_the_packets_sizes_wake_it_long_before_the_next_keyframe(tmp_path: Path) -> None:
    clip, clock, attention = (
        make_scene(tmp_path / "w.mp4", seconds=22, walks=[(17.1, 22.0)], noise=0.8),
        FakeClock(),
        Attention(),
    )
    woke_s: list[float] = []

    def note(frame: Frame) -> None:
        if frame.monotonic_s - 1000.0 > 16.5 and not woke_s:
            woke_s.append(clock.monotonic_s() - 1000.0)

    watch(clip, attention=attention, clock=clock, on_frame=note)
    assert woke_s[0] < 17.9


def test_a_keyframe_that_differs_wakes_it_where_packets_say_nothing(tmp_path: Path) -> None:
    """Each packet grows too little, but two seconds later something stands there: its whole group is decoded."""

    def draw(at_s: float, index: int):  # type: ignore[no-untyped-def]
        from tests.support.scene_clips import scene

        image = scene(0.0, (), index, noise=6.0)
        if at_s >= 12.4:  # fades in slowly, below the noise of each step
            image[100:124, 100:116] = image[100:124, 100:116] // 2 + min(100, round((at_s - 12.4) * 60))
        return image

    clip = make_scene(tmp_path / "fade.mp4", seconds=18, draw=draw)
    source, times = watch(clip, attention=Attention())
    assert source.counts.wakes >= 1
    assert [time_s for time_s in times if 12.1 < time_s < 13.9] == [
        pytest.approx(12.2 + index / 5, abs=0.11) for index in range(9)
    ]


def test_the_pipelines_word_wakes_it(tmp_path: Path) -> None:
    clip, attention = make_scene(tmp_path / "quiet.mp4", seconds=20), Attention()

    def look(frame: Frame) -> None:
        if frame.monotonic_s - 1000.0 > 13.9:
            attention.set_idle(False)

    _, times = watch(clip, attention=attention, on_frame=look)
    later = [time_s for time_s in times if time_s > 13.9]
    assert later == [pytest.approx(14.0 + index / 5, abs=0.11) for index in range(len(later))]
    assert len(later) > 25


def test_with_keyframes_far_apart_everything_is_decoded_and_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clip = make_scene(tmp_path / "long.mp4", seconds=40, gop_s=8.0)
    source, _ = watch(clip, attention=Attention())
    assert source.counts.decoded == source.counts.packets == 400
    assert caplog.text.count("keyframes are 8.0 s apart: set the camera") == 1


def test_keyframes_that_stay_away_end_the_rest(tmp_path: Path) -> None:
    """Cameras with a "smart" codec send keyframes more seldom once nothing moves."""
    first, second = make_scene(tmp_path / "a.mp4", seconds=10), make_scene(tmp_path / "b.mp4", seconds=20, gop_s=20.0)
    import av

    with av.open(str(tmp_path / "both.ts"), "w", format="mpegts") as output:
        stream, offset = None, 0.0
        for clip in (first, second):
            with av.open(str(clip)) as part:
                video = part.streams.video[0]
                stream = stream or output.add_stream_from_template(video)
                for packet in part.demux(video):
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        shift = round(offset / float(video.time_base or 1))
                        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                        output.mux(packet)
            offset += 10.0
    source, times = watch(tmp_path / "both.ts", attention=Attention())
    assert len([time_s for time_s in times if 16.0 < time_s < 29.9]) > 60
    assert source.counts.wakes == 0


def test_pictures_that_no_other_refers_to_are_left_out_where_enough_remain(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clip = make_clip(tmp_path / "b.mp4", frames=24 * 20, fps=24, gop=48, b_frames=2)
    attention = Attention()
    source, times = watch(clip, attention=attention, fps=3.0, on_frame=lambda _frame: attention.set_idle(False))
    assert source.counts.decoded < 0.75 * source.counts.packets
    assert "those that others refer to" in caplog.text
    assert len(times) == pytest.approx(60, abs=2)


@pytest.mark.parametrize(
    ("b_frames", "fps", "says"),
    [(0, 3.0, "as all of them are referred to"), (0, 8.0, "every picture of 25 a second'")],
)
def test_where_nothing_is_gained_every_picture_is_decoded(
    b_frames: int, fps: float, says: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    clip = make_scene(tmp_path / "p.mp4", seconds=12, fps=25 if fps < 8 else 12, b_frames=b_frames)
    attention = Attention()
    source, _ = watch(clip, attention=attention, fps=fps, on_frame=lambda _frame: attention.set_idle(False))
    assert source.counts.decoded == source.counts.packets
    assert says.replace("25", "25" if fps < 8 else "12") in caplog.text


def test_a_box_that_is_too_slow_goes_on_at_the_next_keyframe(tmp_path: Path) -> None:
    clip, clock, attention = make_scene(tmp_path / "busy.mp4", seconds=40), FakeClock(), Attention()
    lags: list[float] = []

    def slow(frame: Frame) -> None:
        attention.set_idle(False)
        lags.append(clock.monotonic_s() - frame.monotonic_s)
        clock.advance(0.3)  # each of 5 frames a second costs more than its share

    source, times = watch(clip, attention=attention, clock=clock, on_frame=slow)
    assert source.counts.catch_ups >= 2
    assert max(lags) < 4.0  # without it: 20 s at the end
    assert times[-1] > 35.0
    assert source.counts.decoded + source.counts.skipped == source.counts.packets


def test_of_pictures_that_stand_alone_only_due_ones_are_decoded(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "m.mkv", codec="mjpeg", frames=100, fps=25)
    source, times = watch(clip, attention=Attention())
    assert source.counts.decoded == len(times) == 20
    assert source.counts.skipped == 80
