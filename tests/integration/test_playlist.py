"""HLS: a playlist's parts come from its own server only (threats 32 and 35); and decoders that this machine lacks."""

from __future__ import annotations

import http.server
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from edge.attention import Attention
from edge.capture.source_url import SourceKind, parse_source
from edge.errors import SourceError, SourceNotFound, SourceRefused
from tests.support.clips import make_clip
from tests.support.sources import first_frames, live_source, replay_source


class Files(http.server.BaseHTTPRequestHandler):
    """Serves `server.files`, and notes what was asked for."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        body = self.server.files.get(self.path)  # type: ignore[attr-defined]
        self.send_response(404 if body is None else 302 if body == b"away" else 200)
        if body == b"away":
            self.send_header("Location", "/live0.ts")
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        pass


@pytest.fixture
def camera(tmp_path: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    clip = make_clip(tmp_path / "clip.mp4", frames=60, fps=10)
    with (
        av.open(str(clip)) as source,
        av.open(
            str(tmp_path / "live.m3u8"), "w", format="hls", options={"hls_time": "2", "hls_list_size": "0"}
        ) as output,
    ):
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.size:
                packet.stream = stream
                output.mux(packet)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.files = {f"/{path.name}": path.read_bytes() for path in tmp_path.glob("live*")}  # type: ignore[attr-defined]
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def url(server: http.server.ThreadingHTTPServer, name: str) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/{name}"


def test_a_playlist_of_the_camera_itself_is_played(camera: http.server.ThreadingHTTPServer) -> None:
    frames = first_frames(live_source(url(camera, "live.m3u8")), 30)
    steps = [later.monotonic_s - before.monotonic_s for before, later in itertools.pairwise(frames)]
    assert steps == [pytest.approx(0.1, abs=0.02)] * 29  # at its own speed, though segments come at once


@pytest.mark.parametrize(
    "hostile",
    [
        "file:///etc/passwd",
        "/dev/video0",
        "concat:a.ts|b.ts",
        "http://169.254.169.254/latest.ts",
        "http://localhost:{port}/live0.ts",
        "http://127.0.0.1:9/live0.ts",
        "https://127.0.0.1:{port}/live0.ts",
        "crypto+http://127.0.0.1:{port}/live0.ts",
        "http://a:b@127.0.0.1:{port}/live0.ts",
    ],
)
@pytest.mark.parametrize("nested", [False, True], ids=["segment", "playlist"])
def test_a_hostile_playlist_leads_nowhere(camera: http.server.ThreadingHTTPServer, hostile: str, nested: bool) -> None:
    hostile = hostile.format(port=camera.server_address[1])
    if nested:
        text = f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{hostile.replace('.ts', '.m3u8')}\n"
    else:
        text = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{hostile}\n#EXT-X-ENDLIST\n"
    camera.files["/bad.m3u8"] = text.encode()  # type: ignore[attr-defined]
    with pytest.raises(SourceError) as told:
        first_frames(live_source(url(camera, "bad.m3u8")), 1)
    assert "bad.m3u8" in str(told.value)
    # As the name of a nested playlist, a path means one on the same server.
    assert set(camera.asked) <= {"/bad.m3u8", "/dev/video0"}  # type: ignore[attr-defined]


def test_a_redirect_is_not_followed(camera: http.server.ThreadingHTTPServer) -> None:
    camera.files["/moved.m3u8"] = b"away"  # type: ignore[attr-defined]
    with pytest.raises(SourceNotFound, match=r"302.*replaced"):
        first_frames(live_source(url(camera, "moved.m3u8")), 1)
    assert camera.asked == ["/moved.m3u8"]  # type: ignore[attr-defined]


def test_a_file_that_is_a_playlist_is_no_video(camera: http.server.ThreadingHTTPServer, tmp_path: Path) -> None:
    """Only an address that ends in .m3u8 is read as one, and by our own fetcher."""
    camera.files["/live"] = camera.files["/live.m3u8"]  # type: ignore[attr-defined]
    with pytest.raises(SourceError):
        first_frames(live_source(url(camera, "live")), 1)
    assert not [path for path in camera.asked if path.endswith(".ts")]  # type: ignore[attr-defined]


@pytest.mark.parametrize("decode", ["vaapi", "nvdec", "v4l2m2m", "auto"])
def test_a_decoder_that_is_missing_is_replaced_by_the_cpu_and_told(
    decode: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from edge.capture.hardware import open_decoder

    caplog.set_level("INFO")
    clip = make_clip(tmp_path / "clip.mp4", frames=20)
    with av.open(str(clip)) as container:
        if open_decoder(container.streams.video[0].codec_context, decode)[1] != "cpu":  # type: ignore[arg-type]
            pytest.skip(f"this machine has {decode}")
    source = replay_source(clip, decode=decode, attention=Attention())
    assert len(list(source.frames())) == 20
    assert f"wanted={decode} found=cpu" in caplog.text
    assert (f"decoded by the CPU, as {decode} cannot be used here" in source.trouble) == (decode != "auto")


def test_a_camera_of_this_machine_is_opened_by_its_device_only(tmp_path: Path) -> None:
    address = parse_source("/dev/video77", tmp_path)
    assert address.kind is SourceKind.DEVICE
    with pytest.raises(SourceNotFound, match=r"/dev/video77: .*(plugged in|check)") as told:
        first_frames(live_source("/dev/video77"), 1)
    assert not told.value.permanent  # it may be plugged in later
    for other in ("/dev/sda", "/dev/video0/../sda", "/dev/video", "/dev/video100", "/dev/videos", "/dev/video1 "):
        with pytest.raises(SourceRefused):
            parse_source(other, tmp_path)
