#!/usr/bin/python3
"""An RTSP camera on 127.0.0.1 by GStreamer, run by the system's Python: plays access units again and again.

Needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and gstreamer1.0-plugins-{base,good,bad}. Reads a plan as JSON
from standard input, prints the bound port, serves until it is killed. `tests.support.rtsp_server.RtspServer` starts it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402 - versions must be required before

PAYLOADERS = {
    "h264": "caps=video/x-h264,stream-format=byte-stream,alignment=au ! h264parse config-interval=-1 ! rtph264pay",
    "hevc": "caps=video/x-h265,stream-format=byte-stream,alignment=au ! h265parse config-interval=-1 ! rtph265pay",
}


class LoopFactory(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc] # gi has no types
    """Makes the live pipeline of one path."""

    def __init__(self, stream: dict[str, Any], *, sound: bool) -> None:
        super().__init__()
        self._sound = " audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8" if sound else ""
        self._codec = stream["codec"]
        data = Path(stream["file"]).read_bytes()
        self._units: list[tuple[bytes, int, int]] = []
        position = 0
        for size, pts_ns, dts_ns in stream["units"]:
            self._units.append((data[position : position + size], pts_ns, dts_ns))
            position += size
        self._loop_ns = stream["loop_ns"]
        self.set_shared(False)

    def do_create_element(self, _url: object) -> object:
        """Build the pipeline of one client, which begins at the clip's first keyframe."""
        source = "appsrc name=src is-live=true format=time block=true max-bytes=200000"
        pipeline = Gst.parse_launch(f"( {source} {PAYLOADERS[self._codec]} name=pay0 pt=96{self._sound} )")
        pipeline.get_by_name("src").connect("need-data", self._feed, [0])
        return pipeline

    def _feed(self, source: Any, _wanted: int, position: list[int]) -> None:
        loop, index = divmod(position[0], len(self._units))
        position[0] += 1
        data, pts_ns, dts_ns = self._units[index]
        buffer = Gst.Buffer.new_wrapped(data)
        buffer.pts, buffer.dts = pts_ns + loop * self._loop_ns, dts_ns + loop * self._loop_ns
        source.emit("push-buffer", buffer)


def _protect(server: Any, factories: list[Any], user: str, password: str, *, digest: bool, certificate: str) -> None:
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    if digest:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(user, password, token)
    else:
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    if certificate:
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(certificate))
    server.set_auth(auth)
    for factory in factories:
        permissions = GstRtspServer.RTSPPermissions()
        for name in ("media.factory.access", "media.factory.construct"):
            permissions.add_permission_for_role("viewer", name, True)
        factory.set_permissions(permissions)


def main() -> None:
    """Serve the plan."""
    plan = json.load(sys.stdin)
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address(plan["address"])
    server.set_service(str(plan["port"]))
    factories = []
    for path, stream in plan["streams"].items():
        factories.append(LoopFactory(stream, sound=plan["sound"]))
        server.get_mount_points().add_factory(path, factories[-1])
    if plan["user"]:
        _protect(
            server, factories, plan["user"], plan["password"], digest=plan["digest"], certificate=plan["certificate"]
        )
    if not server.attach(None):
        sys.exit(f"cannot listen on port {plan['port']}: is it in use?")
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
