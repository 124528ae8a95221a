"""Cameras over RTSP: a real server on loopback that is cut, frozen and brought back (threat 41)."""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.capture.packet_ring import PacketRing
from edge.errors import SourceError, SourceNotFound, SourceRefused, SourceStalled
from edge.evidence.clip import cut_clip
from tests.support.clips import make_clip
from tests.support.rtsp_server import RtspServer, gstreamer_missing
from tests.support.sources import first_frames, live_source

pytestmark = pytest.mark.rtsp
PASSWORD = "b@d/luck:1"
ENCODED = "b%40d%2Fluck%3A1"


@pytest.fixture(scope="module", autouse=True)
def _gstreamer() -> None:
    if reason := gstreamer_missing():
        pytest.skip(reason)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RtspServer]:
    """An open camera with an H.264 stream `main` and an HEVC stream `hevc`."""
    clips = {
        "main": make_clip(tmp_path / "main.mp4", frames=60, fps=20, gop=20),
        "hevc": make_clip(tmp_path / "hevc.mp4", codec="libx265", frames=60, fps=20, gop=20),
    }
    with RtspServer(clips, folder=tmp_path) as running:
        yield running


@pytest.mark.parametrize("name", ["main", "hevc"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_frames_arrive_with_rising_times(server: RtspServer, name: str, transport: str) -> None:
    frames = first_frames(live_source(server.url(name), transport=transport), 15)
    assert [frame.sequence for frame in frames] == list(range(1, 16))
    assert {frame.resolution_wh for frame in frames} == {(320, 240)}
    assert all(a.monotonic_s < b.monotonic_s and a.utc < b.utc for a, b in itertools.pairwise(frames))


@pytest.mark.parametrize("digest", [True, False], ids=["digest", "basic"])
def test_the_right_password_opens_whatever_letters_it_holds(tmp_path: Path, digest: bool) -> None:
    clip = make_clip(tmp_path / "main.mp4", frames=20)
    with RtspServer({"main": clip}, folder=tmp_path, user="an", password=PASSWORD, digest=digest) as server:
        assert first_frames(live_source(server.url("main", user="an", password=ENCODED)), 1)


@pytest.mark.parametrize(("user", "password"), [("an", "wrong-secret"), ("", "")])
def test_wrong_credentials_are_refused_for_good_and_never_shown(tmp_path: Path, user: str, password: str) -> None:
    clip = make_clip(tmp_path / "main.mp4", frames=20)
    with (
        RtspServer({"main": clip}, folder=tmp_path, user="an", password=PASSWORD) as server,
        pytest.raises(SourceRefused, match=r"401.*secrets file") as caught,
    ):
        first_frames(live_source(server.url("main", user=user, password=password)), 1)
    assert caught.value.permanent
    assert "wrong-secret" not in str(caught.value)
    # Not in the traceback either: FFmpeg's own text holds the whole address.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_unknown_path_is_told_as_such(server: RtspServer) -> None:
    with pytest.raises(SourceNotFound, match=r"/nope: the camera knows no such stream.*path") as caught:
        first_frames(live_source(server.url("nope")), 1)
    assert not caught.value.permanent


def test_a_dead_port_is_told_as_such() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: nobody else takes it
        with pytest.raises(SourceNotFound, match="nothing listens there") as caught:
            first_frames(live_source(f"rtsp://127.0.0.1:{unused.getsockname()[1]}/main"), 1)
    assert not caught.value.permanent


def test_a_port_that_never_answers_runs_into_the_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"rtsp://127.0.0.1:{silent.getsockname()[1]}/main"
        with pytest.raises(SourceStalled, match="could not be opened in time"):
            first_frames(live_source(address, open_timeout_s=1.0, read_timeout_s=1.0), 1)


def test_a_camera_that_loses_power_ends_the_stream_with_an_error(server: RtspServer) -> None:
    frames = live_source(server.url("main")).frames()
    next(frames)
    server.stop()
    with pytest.raises(SourceError) as caught:
        list(frames)
    assert not caught.value.permanent


def test_a_camera_that_hangs_runs_into_the_time_out(server: RtspServer) -> None:
    frames = live_source(server.url("main"), read_timeout_s=1.0).frames()
    next(frames)
    server.freeze()
    with pytest.raises(SourceStalled, match="could not be read in time"):
        list(frames)


def test_after_the_cut_the_same_address_works_again(server: RtspServer) -> None:
    address, ring = server.url("main"), PacketRing()
    first = first_frames(live_source(address, ring=ring), 5)
    server.stop()
    with pytest.raises(SourceNotFound):
        first_frames(live_source(address, ring=ring), 1)
    server.start()
    again = first_frames(live_source(address, ring=ring), 5)
    assert again[0].monotonic_s > first[-1].monotonic_s
    assert ring.cut(first[0].monotonic_s, first[-1].monotonic_s) is None  # a clip never spans two connections


def test_closing_ends_the_frames(server: RtspServer) -> None:
    source = live_source(server.url("main"))
    given = 0
    for _ in source.frames():
        given += 1
        source.close()
    assert given == 1


@pytest.mark.parametrize("name", ["main", "hevc"])
def test_a_clip_can_be_cut_from_what_the_camera_sent(server: RtspServer, name: str, tmp_path: Path) -> None:
    ring = PacketRing()
    frames = first_frames(live_source(server.url(name), ring=ring), 50)
    cut = ring.cut(frames[20].monotonic_s, frames[40].monotonic_s)
    assert cut is not None
    info = cut_clip(cut, tmp_path / "cut.mp4")
    replayed = list(live_source("cut.mp4", media=tmp_path, replay_start=frames[0].utc).frames())
    assert len(replayed) == len(cut.packets)
    assert info.duration_s == pytest.approx(replayed[-1].monotonic_s, abs=0.1)
    assert info.start_s <= frames[20].monotonic_s
