"""A real RTSP server on loopback for tests, which can be cut, frozen and brought back at the same port."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
from av.video.stream import VideoStream

from edge.evidence.annexb import is_annexb, read_record, to_annexb
from tests.support.ports import free_port

SYSTEM_PYTHON = "/usr/bin/python3"
_SCRIPT = Path(__file__).with_name("gst_rtsp_server.py")
_NS_PER_S = 1_000_000_000


@cache
def gstreamer_missing() -> str | None:
    """Say what keeps the RTSP server from running here, or None: the reason of a visible skip."""
    if not Path(SYSTEM_PYTHON).exists():
        return f"{SYSTEM_PYTHON} is missing"
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    done = subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode == 0:
        return None
    packages = "gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-{base,good,bad}"
    return f"GStreamer's RTSP server is missing: apt-get install {packages}"


class RtspServer:
    """Serves H.264 or HEVC files in a loop at `rtsp://127.0.0.1:<port>/<name>`.

    Example:
        with RtspServer({"main": clip}, folder=tmp_path, user="u", password="p") as server:
            source = server.url("main")
            server.stop()    # the camera loses its power
            server.start()   # and is back at the same address
    """

    def __init__(
        self,
        clips: Mapping[str, Path | Sequence[Path]],
        *,
        folder: Path,
        user: str = "",
        password: str = "",
        digest: bool = True,
        certificate: Path | None = None,
        address: str = "127.0.0.1",
        namespace: str = "",
        sound: bool = False,
    ) -> None:
        self._plan: dict[str, Any] = {"user": user, "password": password, "digest": digest, "sound": sound}
        self._plan["port"] = 0 if namespace else free_port()
        self._plan |= {"certificate": str(certificate or ""), "address": address}
        self._folder, self._prefix = folder, ["ip", "netns", "exec", namespace] if namespace else []
        self.serve(clips)
        self._process: subprocess.Popen[str] | None = None

    def serve(self, clips: Mapping[str, Path | Sequence[Path]]) -> None:
        """Play other clips from the next start on; several of one name follow each other in one stream."""
        self._plan["streams"] = {
            f"/{name}": _join(
                [_unpack(clip, self._folder / f"{name}-{index}.units") for index, clip in enumerate(_list(of))]
            )
            for name, of in clips.items()
        }

    @property
    def port(self) -> int:
        """The port; in a network namespace 0 before the first start."""
        return int(self._plan["port"])

    def url(self, name: str, *, user: str = "", password: str = "") -> str:
        """Address of a stream, with credentials when given."""
        credentials = f"{user}:{password}@" if user else ""
        scheme = "rtsps" if self._plan["certificate"] else "rtsp"
        return f"{scheme}://{credentials}{self._plan['address']}:{self.port}/{name}"

    def start(self) -> None:
        """Listen, on the port of the first start."""
        self._process = subprocess.Popen(
            [*self._prefix, SYSTEM_PYTHON, str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._process.stdin as stdin:
            json.dump(self._plan, stdin)
        line = self._process.stdout.readline()
        if not line.strip().isdigit():
            self.stop()
            raise RuntimeError("the RTSP server did not start: its reason stands on standard error")
        self._plan["port"] = int(line)

    def stop(self) -> None:
        """Cut every connection at once, as a loss of power does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None

    def thaw(self) -> None:
        """Go on after `freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def freeze(self) -> None:
        """Stop sending but keep the connections open, as a camera that hangs."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _list(of: Path | Sequence[Path]) -> Sequence[Path]:
    return [of] if isinstance(of, Path) else of


def _join(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """One stream of several, which must have one codec: their units follow each other."""
    whole = dict(parts[0])
    for part in parts[1:]:
        with Path(whole["file"]).open("ab") as file:
            file.write(Path(part["file"]).read_bytes())
        shift = whole["loop_ns"]
        whole["units"] = whole["units"] + [(size, pts + shift, dts + shift) for size, pts, dts in part["units"]]
        whole["loop_ns"] = shift + part["loop_ns"]
    return whole


def _unpack(clip: Path, into: Path) -> dict[str, Any]:
    """Write a clip's access units as Annex B and return their sizes and times."""
    with av.open(str(clip)) as container, into.open("wb") as file:
        stream = container.streams.video[0]
        codec, extradata = stream.codec_context.name, stream.codec_context.extradata or b""
        if codec not in {"h264", "hevc"}:
            raise ValueError(f"{clip}: {codec} cannot be served, only h264 and hevc")
        name: Any = codec
        length_size, headers = (0, extradata) if is_annexb(extradata) else read_record(name, extradata)
        units = []
        for packet in container.demux(stream):
            if not packet.size:
                continue
            data = bytes(packet) if not length_size else to_annexb(bytes(packet), length_size)
            data = headers + data if packet.is_keyframe else data
            file.write(data)
            units.append((len(data), packet.pts, packet.dts))
        return {"codec": codec, "file": str(into), **_times(units, stream)}


def _times(units: list[tuple[int, int | None, int | None]], stream: VideoStream) -> dict[str, Any]:
    tick_ns = float(stream.time_base or 1) * _NS_PER_S
    first = min(dts or 0 for _, _, dts in units)
    frame_ns = _NS_PER_S / float(stream.average_rate or 25)
    times = [
        (size, round(((pts or 0) - first) * tick_ns), round(((dts or 0) - first) * tick_ns)) for size, pts, dts in units
    ]
    return {"units": times, "loop_ns": round(times[-1][2] + frame_ns)}
