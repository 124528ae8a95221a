"""The whole edge as a process: events reach the server, whatever is killed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.edge_server import IDENTITY, PRIVATE_KEY, EdgeServer
from tests.support.rtsp_server import RtspServer, gstreamer_missing

ROOT = Path(__file__).resolve().parents[2]
SITE = """
site: {name: Xã Nhơn Lộc, timezone: Asia/Ho_Chi_Minh}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""
CAMERA = """
camera: {id: san, name: Sân nhà văn hóa, village: trang-long}
inputs: [{path: vtest.mp4, loop: true}]
objects: {track: [person], filters: {person: {min_score: 0.45}}}
zones: {san: {name: Sân, coordinates: [[0, 0], [1, 0], [1, 1], [0, 1]]}}
rules: [{kind: intrusion, zones: [san], min_duration_s: 0.5}]
evidence: {pre_s: 1, post_s: 1}
"""
DEAD = """
camera: {id: hong, name: Camera hỏng, village: trang-long}
inputs: [{path: "rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@127.0.0.1:9/x"}]
"""
PASSWORD = "hunter2-secret"


class Edge:
    """Starts, stops and kills `langan-edge run`, by the command `prefix` if there is one."""

    def __init__(self, folder: Path, prefix: Sequence[str] = ()) -> None:
        self.folder, self.prefix = folder, prefix
        self.log = folder / "edge.log"
        self.process: subprocess.Popen[bytes] | None = None
        cameras = folder / "config" / "cameras"
        cameras.mkdir(parents=True)
        (folder / "config" / "site.yaml").write_text(SITE, "utf-8")
        (cameras / "san.yaml").write_text(CAMERA, "utf-8")
        (cameras / "hong.yaml").write_text(DEAD, "utf-8")
        (folder / "config" / "media").mkdir()
        shutil.copy(ROOT / "configs" / "demo" / "media" / "vtest.mp4", folder / "config" / "media")
        (folder / "secrets.env").write_text(f"LANGAN_CAM_USER=viewer\nLANGAN_CAM_PASSWORD={PASSWORD}\n", "utf-8")

    def start(self, url: str) -> None:
        options = ["run", "--config", self.folder / "config", "--data", self.folder / "data", "--workers", "2"]
        options += ["--env-file", self.folder / "secrets.env"]
        IDENTITY.write(self.folder / "data")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "edge.cli", *map(str, options)],
                env={**os.environ, "LANGAN_SERVER_URL": url},
                stdout=log,
                stderr=log,
                cwd=ROOT,
                start_new_session=True,
            )

    def workers(self) -> dict[str, int]:
        """Camera id to the id of the process that runs it now."""
        text = self.log.read_text("utf-8")
        cameras = dict(re.findall(r"worker_made worker=(\S+) cameras=(\S+)", text))
        pids = dict(re.findall(r"child_started child=(\S+) pid=(\d+)", text))
        return {cameras[name]: int(pid) for name, pid in pids.items() if name in cameras}

    def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(90)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def until(self, condition: Callable[[], bool], limit_s: float = 150.0) -> None:
        assert self.process is not None
        deadline = time.monotonic() + limit_s
        while not condition():
            assert self.process.poll() is None, self.log.read_text("utf-8")
            assert time.monotonic() < deadline, f"it never happened:\n{self.log.read_text('utf-8')}"
            time.sleep(0.05)


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    edge = Edge(tmp_path)
    yield edge
    if edge.process is not None and edge.process.poll() is None:
        edge.process.kill()
        edge.process.wait()


@pytest.fixture
def server() -> Iterator[EdgeServer]:
    with EdgeServer() as server:
        yield server


def revisions_by_event(server: EdgeServer) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for key in server.events:
        found[key[0]].append(server.bodies[key])
    return found


def has_clip(server: EdgeServer) -> bool:
    return any(ref["role"] == "clip" for body in server.bodies.values() for ref in body["evidence"])


def test_a_kill_and_a_dead_server_lose_and_double_nothing(edge: Edge, tmp_path: Path) -> None:
    with EdgeServer() as first:
        port = first.port
        edge.start(first.url)
        edge.until(lambda: has_clip(first))
    # The server is dead; the edge watches on, and is killed.
    edge.until(lambda: "delivery_failed" in edge.log.read_text("utf-8"))
    edge.end(signal.SIGKILL)
    edge.start(f"http://127.0.0.1:{port}")
    edge.until(lambda: edge.log.read_text("utf-8").count("state=start") >= 2)
    with EdgeServer(port) as back:
        back.events, back.bodies, back.evidence = first.events, first.bodies, first.evidence
        started = sum(body["state"] == "start" for body in back.bodies.values())
        edge.until(lambda: sum(body["state"] == "start" for body in back.bodies.values()) > started)
        assert edge.end(signal.SIGTERM) == 0
        for event_id, bodies in revisions_by_event(back).items():
            assert [body["revision"] for body in bodies] == list(range(len(bodies))), event_id
            assert bodies[-1]["state"] == "end", "what the kill left open was ended at the next start"
        referred = {ref["sha256"] for body in back.bodies.values() for ref in body["evidence"]}
        assert referred == set(back.evidence), "every file followed its event"


def test_one_dead_camera_is_told_without_its_password_and_the_other_watches_on(edge: Edge, server: EdgeServer) -> None:
    edge.start(server.url)
    edge.until(lambda: "source_failed camera=hong" in edge.log.read_text("utf-8"))
    edge.until(lambda: bool(server.events))
    assert edge.end(signal.SIGINT) == 0
    text = edge.log.read_text("utf-8")
    assert PASSWORD not in text
    assert PRIVATE_KEY not in text
    assert {body["camera_id"] for body in server.bodies.values()} == {"san"}
    assert server.heartbeats
    assert {status["camera_id"] for status in server.heartbeats[-1]["cameras"]} <= {"san", "hong"}


@pytest.mark.rtsp
@pytest.mark.skipif(gstreamer_missing() is not None, reason=str(gstreamer_missing()))
def test_a_camera_that_is_cut_and_comes_back_goes_on_with_its_event(
    edge: Edge, server: EdgeServer, tmp_path: Path
) -> None:
    clip = ROOT / "configs" / "demo" / "media" / "vtest.mp4"
    with RtspServer({"main": clip}, folder=tmp_path, user="viewer", password=PASSWORD) as camera:
        path = f"rtsp://{{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}}@127.0.0.1:{camera.port}/main"
        text = CAMERA.replace("{path: vtest.mp4, loop: true}", f'{{path: "{path}"}}')
        (edge.folder / "config" / "cameras" / "san.yaml").write_text(text, "utf-8")
        wrong = text.replace("id: san,", "id: sai_mat_khau,").replace("LANGAN_CAM_PASSWORD", "LANGAN_CAM_USER")
        (edge.folder / "config" / "cameras" / "hong.yaml").write_text(wrong, "utf-8")
        edge.start(server.url)
        edge.until(lambda: has_clip(server))
        camera.stop()
        edge.until(lambda: "source_failed camera=san" in edge.log.read_text("utf-8"))
        camera.start()
        counted = len(server.events)
        edge.until(lambda: len(server.events) > counted)
        assert edge.end(signal.SIGTERM) == 0
    log = edge.log.read_text("utf-8")
    assert "camera_away" not in log
    assert log.count("state=start") == 1, "the event went on through the cut"
    assert "error=SourceRefused" in log
    assert PASSWORD not in log
    (bodies,) = revisions_by_event(server).values()
    assert [body["revision"] for body in bodies] == list(range(len(bodies)))
    assert bodies[-1]["state"] == "end"


def test_sighup_reads_the_folder_again_and_a_mistake_leaves_the_last_good_configuration(
    edge: Edge, server: EdgeServer
) -> None:
    edge.start(server.url)
    edge.until(lambda: bool(server.events))
    camera = edge.folder / "config" / "cameras" / "san.yaml"
    camera.write_text("camera: {id: san", "utf-8")
    edge.signal(signal.SIGHUP)
    edge.until(lambda: "reloaded" in edge.log.read_text("utf-8"))
    assert "camera_removed" not in edge.log.read_text("utf-8")
    camera.write_text(CAMERA.replace("Sân nhà", "Sân sau nhà"), "utf-8")
    before = edge.log.read_text("utf-8").count("camera_started camera=san")
    edge.signal(signal.SIGHUP)
    edge.until(lambda: edge.log.read_text("utf-8").count("camera_started camera=san") == before + 1)
    assert edge.log.read_text("utf-8").count("camera_started camera=hong") == 1
    assert edge.end(signal.SIGTERM) == 0


def statuses(server: EdgeServer) -> dict[str, tuple[str, str]]:
    """Camera id to health and message of the latest heartbeat."""
    if not server.heartbeats:
        return {}
    return {status["camera_id"]: (status["health"], status["message"]) for status in server.heartbeats[-1]["cameras"]}


def test_a_camera_whose_file_is_wrong_from_the_start_is_told_to_the_admin_and_begins_once_mended(
    edge: Edge, server: EdgeServer
) -> None:
    file = edge.folder / "config" / "cameras" / "hong.yaml"
    file.write_text(CAMERA.replace("id: san,", "id: hong,").replace("zones: [san]", "zones: [sann]"), "utf-8")
    edge.start(server.url)
    edge.until(lambda: "hong" in statuses(server))
    health, message = statuses(server)["hong"]
    assert health == "refused"
    assert "hong.yaml:6: rules[0].zones[0]: unknown zone 'sann': use one of: san" in message
    file.write_text(CAMERA.replace("id: san,", "id: hong,"), "utf-8")
    edge.signal(signal.SIGHUP)
    edge.until(lambda: "camera_started camera=hong" in edge.log.read_text("utf-8"))
    edge.until(lambda: statuses(server)["hong"] == ("ok", ""))
    assert edge.end(signal.SIGTERM) == 0


def test_an_edge_without_a_valid_camera_takes_what_the_admin_writes_at_the_server(
    edge: Edge, server: EdgeServer
) -> None:
    (edge.folder / "config" / "cameras" / "hong.yaml").unlink()
    (edge.folder / "config" / "cameras" / "san.yaml").write_text("camera: {id: san, oh: [", "utf-8")
    edge.start(server.url)
    edge.until(lambda: "san" in statuses(server))
    assert statuses(server)["san"][0] == "refused"
    assert "no_camera" in edge.log.read_text("utf-8")
    server.pulled = {"san": CAMERA}
    edge.until(lambda: statuses(server)["san"][0] == "ok")
    assert "san.yaml:1: " in statuses(server)["san"][1], "its own file is still wrong"
    assert edge.end(signal.SIGTERM) == 0


def test_a_second_edge_on_the_same_data_is_refused(edge: Edge, server: EdgeServer) -> None:
    edge.start(server.url)
    edge.until(lambda: bool(server.heartbeats))
    command = ["run", "--config", edge.folder / "config", "--data", edge.folder / "data"]
    second = subprocess.run(
        [sys.executable, "-m", "edge.cli", *map(str, command)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=60,
    )
    assert second.returncode == 1
    assert "another process uses this outbox" in second.stderr
    assert edge.end(signal.SIGTERM) == 0


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def group_of(leader: int) -> list[int]:
    """Every living process of a group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == leader and fields[0] != "Z":
            found.append(int(folder.name))
    return found


def test_workers_of_a_killed_main_process_end_at_once_and_a_new_one_takes_over(edge: Edge, server: EdgeServer) -> None:
    edge.start(server.url)
    edge.until(lambda: bool(server.events))
    workers = edge.workers()
    assert set(workers) == {"san", "hong"}
    assert all(is_alive(pid) for pid in workers.values())
    assert edge.process is not None
    group = edge.process.pid
    assert len(group_of(group)) > 2
    edge.end(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while group_of(group):
        assert time.monotonic() < deadline, "a process outlives its main process"
        time.sleep(0.02)
    started = len(revisions_by_event(server))
    edge.start(server.url)
    edge.until(lambda: len(revisions_by_event(server)) > started)
    assert edge.end(signal.SIGTERM) == 0
    for event_id, bodies in revisions_by_event(server).items():
        assert [body["revision"] for body in bodies] == list(range(len(bodies))), event_id
        assert bodies[-1]["state"] == "end"


def test_a_killed_worker_costs_its_own_camera_a_moment_and_the_other_nothing(edge: Edge, server: EdgeServer) -> None:
    other = CAMERA.replace("id: san,", "id: ben,")
    (edge.folder / "config" / "cameras" / "hong.yaml").write_text(other, "utf-8")
    edge.start(server.url)

    def starts(camera_id: str) -> list[str]:
        return [
            body["event_id"]
            for body in server.bodies.values()
            if body["camera_id"] == camera_id and body["revision"] == 0
        ]

    edge.until(lambda: bool(starts("san") and starts("ben")))
    before = edge.workers()
    os.kill(before["ben"], signal.SIGKILL)
    edge.until(lambda: edge.workers()["ben"] != before["ben"])
    edge.until(lambda: len(starts("ben")) > 1)
    assert edge.workers()["san"] == before["san"]
    assert edge.end(signal.SIGTERM) == 0
    for event_id, bodies in revisions_by_event(server).items():
        assert [body["revision"] for body in bodies] == list(range(len(bodies))), event_id
        assert bodies[-1]["state"] == "end"
    log = edge.log.read_text("utf-8")
    assert "orphan_ended camera=ben" in log
    assert "orphan_ended camera=san" not in log


def test_a_signal_to_the_whole_group_stops_in_order_and_no_process_shows_a_secret(
    edge: Edge, server: EdgeServer
) -> None:
    edge.start(server.url)
    edge.until(lambda: bool(server.events))
    assert edge.process is not None
    workers = list(edge.workers().values())
    for pid in workers:
        assert PASSWORD not in Path(f"/proc/{pid}/environ").read_text("utf-8", "replace")
        command = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
        assert PASSWORD not in command
        assert PRIVATE_KEY not in command
    os.killpg(edge.process.pid, signal.SIGTERM)
    assert edge.process.wait(60) == 0
    assert not any(is_alive(pid) for pid in workers)
    assert all(bodies[-1]["state"] == "end" for bodies in revisions_by_event(server).values())
    assert "child_died" not in edge.log.read_text("utf-8")
