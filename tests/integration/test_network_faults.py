"""Cables, addresses and frames lost between an edge and its camera, in a network of real kernels (threat 41)."""

from __future__ import annotations

import itertools
import json
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import httpx
import pytest

from contract.event import CameraHealth, HealthReason
from edge.capture.video_source import SourceSettings
from edge.clock import SystemClock
from edge.status import CameraMonitor
from edge.worker import CameraParts, CameraWorker
from tests.edge_server import EdgeServer
from tests.integration.test_camera_faults import BACK_WITHIN_S, Seen, wait_for
from tests.integration.test_edge_process import Edge
from tests.support.clips import make_clip
from tests.support.network import ADDRESSES, CAMERA, EDGE, OTHER, Network, namespaces_refused
from tests.support.rtsp_server import RtspServer, gstreamer_missing
from tests.support.sources import live_source

pytestmark = pytest.mark.netns
FPS = 10.0
USUAL = SourceSettings()
"""With the time-outs of every camera: what is promised is promised of them."""
TOLD_WITHIN_S = USUAL.read_timeout_s + 10.0
"""The read time-out, and room for a machine that does much else."""


@pytest.fixture(scope="module", autouse=True)
def _able() -> None:
    if reason := namespaces_refused() or gstreamer_missing():
        pytest.skip(reason)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as built:
        yield built


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "main.mp4", frames=60, fps=20, gop=20)


class Camera:
    """A real RTSP server in one namespace, and the worker that reads it in the edge's."""

    def __init__(
        self, network: Network, at: str, clip: Path, folder: Path, *, transport: str = "tcp", limit_s: float = 10.0
    ) -> None:
        folder.mkdir()
        self.server = RtspServer({"main": clip}, folder=folder, address=ADDRESSES[at], namespace=network.name(at))
        self.seen = Seen()
        self.monitor = CameraMonitor(at, SystemClock())
        parts = CameraParts(
            at,
            lambda: live_source(
                self.server.url("main"), fps=FPS, transport=transport, open_timeout_s=limit_s, read_timeout_s=limit_s
            ),
            open_recording=None,
            make_pipeline=lambda _monitor: self.seen,
        )

        def inside(_name: str, body: Callable[[], bool]) -> None:
            network.enter(EDGE)
            body()

        self.worker = CameraWorker(parts, self.monitor, SystemClock(), inside)

    def figure(self, name: str) -> float:
        return self.monitor.figures().get(name, 0.0)

    def health(self) -> CameraHealth:
        return self.monitor.health

    def goes_on(self, frames: int = 10) -> None:
        """Wait for further frames."""
        count = len(self.seen.frames)
        wait_for(lambda: len(self.seen.frames) >= count + frames)

    def back_after(self, return_s: float) -> float:
        wait_for(lambda: self.seen.first_after(return_s) > 0)
        return self.seen.first_after(return_s) - return_s

    def __enter__(self) -> Self:
        self.server.start()
        self.worker.start()
        wait_for(lambda: bool(self.seen.frames))
        return self

    def __exit__(self, *_: object) -> None:
        self.worker.ask_to_stop()
        self.worker.join()
        self.server.stop()


def lose(network: Network, fault: str) -> Callable[[], None]:
    """Break the network; the answer mends it."""
    what, _, whose = fault.partition(" of ")
    if what == "black hole":
        network.switch.loss = 1.0
        return lambda: setattr(network.switch, "loss", 0.0)
    if what == "cable":
        network.cable(whose, plugged=False)
        return lambda: network.cable(whose, plugged=True)
    network.address(whose, given=False)
    return lambda: network.address(whose, given=True)


@pytest.mark.parametrize(
    ("fault", "transport"),
    [
        ("black hole", "tcp"),
        ("black hole", "udp"),
        ("cable of camera", "tcp"),
        ("cable of camera", "udp"),
        ("cable of edge", "tcp"),
        ("address of camera", "tcp"),
        ("address of edge", "tcp"),
        ("address of edge", "udp"),
    ],
)
def test_a_lost_camera_is_told_and_back_within_ten_seconds_while_the_other_watches_on(
    network: Network, clip: Path, tmp_path: Path, fault: str, transport: str
) -> None:
    with (
        Camera(network, CAMERA, clip, tmp_path / "lost", transport=transport) as lost,
        Camera(network, OTHER, clip, tmp_path / "other", transport=transport) as other,
    ):
        broken_s = time.monotonic()
        mend = lose(network, fault)
        wait_for(lambda: lost.health() is CameraHealth.RECONNECTING)
        told_s = time.monotonic()
        assert told_s - broken_s < TOLD_WITHIN_S
        status = lost.monitor.report()
        assert status.reason in {HealthReason.STALLED, HealthReason.NOT_FOUND}
        assert "check" in status.message
        assert ADDRESSES[CAMERA] in status.message
        # Attempts fail meanwhile: the return meets the longest delay between two.
        tried = lost.figure("reconnects")
        wait_for(lambda: lost.figure("reconnects") >= tried + 2)
        assert lost.health() is CameraHealth.RECONNECTING
        assert lost.seen.first_after(told_s) == 0.0
        mend()
        mended_s = time.monotonic()
        back_s = lost.back_after(mended_s)
        outage_s = mended_s - broken_s
        lost.goes_on()
        assert lost.health() is CameraHealth.OK
        assert back_s <= BACK_WITHIN_S
        assert other.figure("reconnects") == 0
        assert other.monitor.report().message == ""
        given = sum(broken_s < at_s < mended_s for at_s in other.seen.at_s)
        assert given > outage_s * FPS / 2
        sequences = [frame.sequence for frame in other.seen.frames]
        assert sequences == sorted(set(sequences))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_short_loss_costs_no_connection(network: Network, clip: Path, tmp_path: Path, transport: str) -> None:
    with Camera(network, CAMERA, clip, tmp_path / "lost", transport=transport) as camera:
        for _ in range(3):
            mend = lose(network, "black hole")
            time.sleep(1.0)
            mend()
            assert camera.back_after(time.monotonic()) <= BACK_WITHIN_S
            camera.goes_on()
        assert camera.figure("reconnects") == 0


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_five_losses_leave_no_thread_and_no_file_open(
    network: Network, clip: Path, tmp_path: Path, transport: str
) -> None:
    def held() -> tuple[int, int, int]:
        tasks, files = (len(list(Path(f"/proc/self/{kind}").iterdir())) for kind in ("task", "fd"))
        return threading.active_count(), tasks, files

    with Camera(network, CAMERA, clip, tmp_path / "lost", transport=transport, limit_s=2.0) as camera:
        rounds = []
        for fault in ("black hole", "cable of camera", "cable of edge", "address of camera", "black hole"):
            mend = lose(network, fault)
            wait_for(lambda: camera.health() is CameraHealth.RECONNECTING)
            rounds.append(camera.figure("reconnects"))
            mend()
            assert camera.back_after(time.monotonic()) <= BACK_WITHIN_S
            camera.goes_on()
            if len(rounds) == 1:
                before = held()  # with what the first loss makes once for all
        assert all(earlier < later for earlier, later in itertools.pairwise(rounds))
        wait_for(lambda: all(now <= once for now, once in zip(held(), before, strict=True)))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
@pytest.mark.parametrize(
    ("kind", "amount"), [("loss", 0.1), ("loss", 0.3), ("damage", 0.1), ("damage", 0.3), ("delay_s", 0.2)]
)
def test_a_bad_link_costs_pictures_but_never_the_camera(
    network: Network, clip: Path, tmp_path: Path, kind: str, amount: float, transport: str
) -> None:
    with Camera(network, CAMERA, clip, tmp_path / "bad", transport=transport) as camera:
        camera.goes_on()
        setattr(network.switch, kind, amount)
        camera.goes_on(40)
        spoilt = network.switch.lost + network.switch.damaged
        assert (spoilt > 0) == (kind != "delay_s")
        if kind == "delay_s":
            assert camera.figure("reconnects") == 0
            assert camera.figure("pictures_bad") == camera.figure("packets_bad") == 0
        elif transport == "udp":
            # What was lost is noticed and told with its remedy. (Pictures that refer to it are shown all the same.)
            wait_for(lambda: camera.figure("packets_bad") + camera.figure("pictures_bad") > 0)
            camera.goes_on(1)
            assert "use `transport: tcp`" in camera.monitor.report().message
        else:
            # TCP sent it again. Only a connection that the camera gave up may have ended inside a picture.
            assert camera.figure("packets_bad") == 0
            wait_for(lambda: camera.figure("pictures_bad") <= camera.figure("reconnects"))
        setattr(network.switch, kind, 0.0)
        assert camera.back_after(time.monotonic()) <= BACK_WITHIN_S
        camera.goes_on(20)
        assert camera.health() is CameraHealth.OK
        times = [frame.monotonic_s for frame in camera.seen.frames]
        assert all(earlier < later for earlier, later in itertools.pairwise(times))


CAMERA_FILE = """
camera: {{id: {name}, name: {name}, village: trang-long}}
inputs: [{{path: "{url}"}}]
zones: {{san: {{name: Sân, coordinates: [[0, 0], [1, 0], [1, 1], [0, 1]]}}}}
rules: [{{kind: intrusion, zones: [san], min_duration_s: 0.5}}]
"""


class SeenFromOutside:
    """A running edge as its monitoring and its server see it."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def _get(self, page: str) -> str:
        url = f"http://127.0.0.1:9476/{page}"
        return self._network.inside(EDGE, lambda: httpx.get(url, timeout=30).raise_for_status().text)

    def health(self, camera: str) -> str:
        try:
            text = self._get("metrics")
        except httpx.TransportError:
            return "not yet"
        found = re.search(rf'langan_camera_health{{camera="{camera}",state="(\w+)"}} 1', text)
        return found[1] if found else "unknown"

    def count(self, name: str, camera: str) -> float:
        found = re.search(rf'{name}_total{{camera="{camera}"}} (\S+)', self._get("metrics"))
        assert found is not None, name
        return float(found[1])

    def reasons(self) -> list[dict[str, str]]:
        return list(json.loads(self._get("healthz"))["reasons"])


@pytest.mark.timeout(400)
def test_a_running_edge_tells_of_a_black_hole_and_is_back_within_ten_seconds_of_its_end(
    network: Network, clip: Path, tmp_path: Path
) -> None:
    edge = Edge(tmp_path / "edge", ("ip", "netns", "exec", network.name(EDGE)))
    for file in (edge.folder / "config" / "cameras").iterdir():
        file.unlink()
    with ExitStack() as stack:
        for at in (CAMERA, OTHER):
            (tmp_path / at).mkdir()
            camera = RtspServer({"main": clip}, folder=tmp_path / at, address=ADDRESSES[at], namespace=network.name(at))
            stack.enter_context(camera)
            text = CAMERA_FILE.format(name=at, url=camera.url("main"))
            (edge.folder / "config" / "cameras" / f"{at}.yaml").write_text(text, "utf-8")
        server = stack.enter_context(network.inside(EDGE, EdgeServer))
        edge.start(server.url)
        stack.callback(lambda: edge.process.kill() if edge.process and edge.process.poll() is None else None)
        outside = SeenFromOutside(network)
        edge.until(lambda: {outside.health(at) for at in (CAMERA, OTHER)} == {"ok"}, 120)

        network.switch.loss = 1.0
        edge.until(lambda: outside.health(CAMERA) == "reconnecting")
        assert outside.reasons()
        edge.until(lambda: ("reconnecting", "stalled") in told_of(CAMERA, server))
        given = outside.count("langan_camera_frames_given", OTHER)
        edge.until(lambda: outside.count("langan_camera_frames_given", OTHER) > given + 10)
        network.switch.loss = 0.0
        mended_s = time.monotonic()
        edge.until(lambda: outside.health(CAMERA) == "ok")
        back_s = time.monotonic() - mended_s
        assert back_s <= BACK_WITHIN_S
        assert outside.count("langan_camera_reconnects", CAMERA) > 0
        assert outside.count("langan_camera_reconnects", OTHER) == 0
        edge.until(lambda: told_of(CAMERA, server)[-1][0] == "ok")
        assert {health for health, _ in told_of(OTHER, server)} <= {"starting", "ok"}
        assert edge.end(signal.SIGTERM) == 0


def told_of(camera: str, server: EdgeServer) -> list[tuple[str, str]]:
    """Health and reason of a camera in each heartbeat."""
    return [
        (status["health"], status["reason"])
        for beat in server.heartbeats
        for status in beat["cameras"]
        if status["camera_id"] == camera
    ]
