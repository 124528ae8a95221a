"""What cheap cameras and bad networks do, from a real RTSP server through a proxy of our own (threat 41)."""

from __future__ import annotations

import itertools
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.capture.packet_ring import PacketRing
from edge.capture.still_picture import StillPicture
from edge.capture.video_source import VideoSource
from edge.clock import SystemClock
from edge.errors import SourceError, SourceStalled
from edge.evidence.clip import cut_clip
from edge.status import CameraMonitor
from edge.types import Frame
from edge.worker import CameraParts, CameraWorker
from tests.edge_fakes import START
from tests.support.clips import make_clip
from tests.support.faulty_proxy import FaultyProxy
from tests.support.rtsp_server import RtspServer, gstreamer_missing
from tests.support.scene_clips import make_scene, scene
from tests.support.sources import first_frames, live_source

pytestmark = pytest.mark.rtsp
CODECS = {"h264": "libx264", "hevc": "libx265"}
BACK_WITHIN_S = 10.0


@pytest.fixture(scope="module", autouse=True)
def _gstreamer() -> None:
    if reason := gstreamer_missing():
        pytest.skip(reason)


@pytest.fixture(params=list(CODECS))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RtspServer]:
    """A camera whose stream `main` changes, in H.264 and in H.265."""
    clip = make_clip(tmp_path / "main.mp4", codec=CODECS[request.param], frames=60, fps=20, gop=20)
    with RtspServer({"main": clip}, folder=tmp_path) as running:
        yield running


def take(frames: Iterator[Frame], until: Callable[[Frame], bool], limit: int = 1000) -> list[Frame]:
    taken = []
    for frame in itertools.islice(frames, limit):
        taken.append(frame)
        if until(frame):
            return taken
    pytest.fail(f"not within {limit} frames")


def test_damaged_packets_cost_pictures_but_never_the_camera(server: RtspServer) -> None:
    with FaultyProxy(server.port) as proxy:
        source = live_source(proxy.url("main"))
        frames = source.frames()
        take(frames, lambda frame: frame.sequence >= 10)
        proxy.damage = 0.3
        # One is enough: of H.265's damage FFmpeg tells very little.
        take(frames, lambda _frame: source.counts.bad_packets + source.counts.bad_pictures >= 1)
        assert "pictures are broken" in source.trouble
        proxy.damage = 0.0
        healthy = take(frames, lambda _frame: True)[0].sequence
        after = take(frames, lambda frame: frame.sequence >= healthy + 40)
        source.close()
    assert all(before.monotonic_s < later.monotonic_s for before, later in itertools.pairwise(after))


@pytest.mark.parametrize("shift_s", [3600.0, -3600.0, 3.0])
def test_a_camera_that_sets_its_clock_goes_on_in_even_steps(server: RtspServer, shift_s: float) -> None:
    with FaultyProxy(server.port) as proxy:
        source = live_source(proxy.url("main"))
        frames = source.frames()
        before = take(frames, lambda frame: frame.sequence >= 20)
        proxy.shift_s = shift_s
        after = take(frames, lambda frame: frame.sequence >= 60)
        now_s = time.monotonic()
        source.close()
    times = [frame.monotonic_s for frame in (*before, *after)]
    steps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert min(steps) > 0
    assert max(steps) < 3.5  # a jump below 5 s cannot be told from a stall; a larger one leaves no trace
    assert times[-1] <= now_s


def test_silence_on_an_open_connection_is_a_stall(server: RtspServer) -> None:
    with FaultyProxy(server.port) as proxy:
        frames = live_source(proxy.url("main"), read_timeout_s=1.0).frames()
        next(frames)
        proxy.deaf = True
        with pytest.raises(SourceStalled, match="could not be read in time"):
            list(frames)


def test_silence_over_udp_is_a_stall(server: RtspServer) -> None:
    frames = live_source(server.url("main"), transport="udp", read_timeout_s=1.0).frames()
    next(frames)
    server.freeze()
    with pytest.raises(SourceStalled):
        list(frames)


def test_a_frozen_picture_is_given_up_with_a_remedy_and_again_when_it_comes_back(tmp_path: Path) -> None:
    still = make_scene(tmp_path / "still.mp4", seconds=1, gop_s=1.0, draw=lambda _at_s, _index: scene(0.0, (), 1))
    watch = StillPicture(3.0)
    with RtspServer({"main": still}, folder=tmp_path) as camera:
        with pytest.raises(
            SourceStalled, match=r"frozen for \d s though it goes on sending: restart the camera"
        ) as told:
            list(live_source(camera.url("main"), still=watch).frames())
        assert not told.value.permanent
        again = live_source(camera.url("main"), still=watch)
        with pytest.raises(SourceStalled, match="frozen"):
            list(again.frames())
        assert again.counts.given == 0


def test_a_moving_picture_is_never_frozen(server: RtspServer) -> None:
    assert len(first_frames(live_source(server.url("main"), still=StillPicture(1.0)), 80)) == 80


@pytest.mark.parametrize("codec", list(CODECS.values()))
@pytest.mark.parametrize("role", ["detect", "record"])
def test_a_new_resolution_in_one_stream_needs_no_reconnection(codec: str, role: str, tmp_path: Path) -> None:
    clips = [
        make_clip(tmp_path / f"{size[0]}.mp4", codec=codec, frames=30, fps=20, gop=10, size=size)
        for size in ((320, 240), (640, 480))
    ]
    ring = PacketRing()
    with RtspServer({"main": clips}, folder=tmp_path) as camera:
        source = live_source(camera.url("main"), ring=ring, role=role)
        if role == "detect":
            large = itertools.count()
            seen = take(source.frames(), lambda frame: frame.resolution_wh == (640, 480) and next(large) == 5)
            assert seen[0].resolution_wh == (320, 240)
            source.close()
        else:
            _record_until(source, lambda: ring.stream is not None and ring.stream.width == 0)
    assert source.counts.bad_packets == 0
    cut = ring.cut(0.0, time.monotonic())
    assert cut is not None  # one size only, from its first keyframe on
    cut_clip(cut, tmp_path / "cut.mp4")
    replayed = live_source("cut.mp4", media=tmp_path, replay_start=START).frames()
    assert {frame.resolution_wh for frame in replayed} == {(640, 480)}


def _record_until(source: VideoSource, done: Callable[[], bool]) -> None:
    thread = threading.Thread(target=lambda: list(source.frames()))
    thread.start()
    wait_for(done)
    wait_for(lambda before=source.counts.packets: source.counts.packets > before + 5)  # type: ignore[misc]
    source.close()
    thread.join(20)
    assert not thread.is_alive()


def test_another_codec_and_size_at_the_same_address_are_taken_up_by_the_same_worker(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "first.mp4", frames=60, fps=20, gop=20)
    other = make_clip(tmp_path / "other.mp4", codec="libx265", frames=60, fps=20, gop=20, size=(640, 480))
    ring = PacketRing()
    with RtspServer({"main": first}, folder=tmp_path) as camera, running(camera.url("main"), ring=ring) as seen:
        wait_for(lambda: bool(seen.frames))
        camera.stop()
        camera.serve({"main": other})
        camera.start()
        returned_s = time.monotonic()
        wait_for(lambda: seen.frames[-1].resolution_wh == (640, 480))
        assert ring.stream is not None
        assert ring.stream.codec_name == "hevc"
        assert seen.first_after(returned_s) - returned_s < BACK_WITHIN_S


@pytest.mark.parametrize("gone_s", [0.5, 12.0])
def test_a_camera_is_back_within_ten_seconds_of_its_streams_return(server: RtspServer, gone_s: float) -> None:
    with running(server.url("main")) as seen:
        wait_for(lambda: bool(seen.frames))
        server.stop()
        time.sleep(gone_s)
        server.start()
        returned_s = time.monotonic()
        wait_for(lambda: seen.first_after(returned_s) > 0)
        assert seen.first_after(returned_s) - returned_s < BACK_WITHIN_S


class Seen:
    """What a worker's pipeline was given. Implements `edge.worker.Pipeline`."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.at_s: list[float] = []

    def process(self, frame: Frame) -> None:
        self.at_s.append(time.monotonic())
        self.frames.append(frame)

    def first_after(self, time_s: float) -> float:
        return next((at_s for at_s in self.at_s if at_s > time_s), 0.0)

    def idle(self, now_s: float) -> None:
        pass

    def stream_ended(self) -> None:
        pass

    def finish(self) -> None:
        pass

    def figures(self) -> dict[str, float]:
        return {}


class running:  # noqa: N801 - reads as a statement
    """A camera's worker with a real source, without supervisor."""

    def __init__(self, url: str, *, ring: PacketRing | None = None) -> None:
        self.seen = Seen()
        parts = CameraParts(
            "cam", lambda: live_source(url, ring=ring), open_recording=None, make_pipeline=lambda _monitor: self.seen
        )

        def once(_name: str, body: Callable[[], bool]) -> None:
            body()

        self.worker = CameraWorker(parts, CameraMonitor("cam", SystemClock()), SystemClock(), once)

    def __enter__(self) -> Seen:
        self.worker.start()
        return self.seen

    def __exit__(self, *_: object) -> None:
        self.worker.ask_to_stop()
        self.worker.join()


def wait_for(done: Callable[[], bool], limit_s: float = 150.0) -> None:
    until_s = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > until_s:
            pytest.fail(f"not within {limit_s:.0f} s")
        time.sleep(0.02)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1, as cheap cameras make for themselves."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run(command, check=True, capture_output=True)
    both.write_text(cert.read_text() + key.read_text())
    return both


def test_rtsps_takes_a_cameras_own_certificate_unless_it_is_to_be_verified(
    tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "main.mp4", frames=40)
    with RtspServer({"main": clip}, folder=tmp_path, user="an", password="pw", certificate=certificate) as camera:
        address = camera.url("main", user="an", password="pw")
        assert address.startswith("rtsps://")
        assert first_frames(live_source(address), 2)
        with pytest.raises(SourceError) as refused:
            first_frames(live_source(address, verify_tls=True), 1)
        assert "pw" not in str(refused.value)
        assert "certificate" in str(refused.value)
        # A site that signs its cameras' certificates makes its authority known to the machine.
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ssl.get_default_verify_paths().cafile == str(certificate)
        assert first_frames(live_source(address, verify_tls=True), 1)


def test_a_name_is_looked_up_once_and_the_connection_goes_there(
    server: RtspServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second answer for the same name would lead elsewhere."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, *arguments: object, **named: object) -> object:
        asked.append(host)
        return real("127.0.0.1", *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    # FFmpeg's own look-up of this name fails, as it is nobody's.
    address = server.url("main").replace("127.0.0.1", "camera.invalid")
    assert first_frames(live_source(address), 1)
    assert asked == ["camera.invalid"]
