"""From a real RTSP camera with a password to an incident, through a cut of the stream."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.e2e.test_nothing_is_lost import CAMERA, rows
from tests.support.edge import DEMO_MEDIA, RunningEdge
from tests.support.rtsp_server import RtspServer, gstreamer_missing
from tests.support.server import SITE, RunningServer

pytestmark = pytest.mark.rtsp
PASSWORD = "mat-khau-camera-7"


@pytest.fixture(autouse=True)
def _needs_gstreamer() -> None:
    reason = gstreamer_missing()
    if reason:
        pytest.skip(reason)


def health(server_folder: Path) -> str:
    return str(rows(server_folder, "SELECT health FROM cameras WHERE id = 'san'")[0][0])


def wait_for_health(server_folder: Path, wanted: str, timeout_s: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_s
    while health(server_folder) != wanted:
        assert time.monotonic() < deadline, f"health is {health(server_folder)}, not {wanted}"
        time.sleep(0.5)


@pytest.mark.timeout(300)
def test_threat_41_a_cut_stream_comes_back_and_its_incident_goes_on(tmp_path: Path) -> None:
    config = tmp_path / "config"
    (config / "cameras").mkdir(parents=True)
    (config / "site.yaml").write_text(SITE, encoding="utf-8")
    with (
        RtspServer({"san": DEMO_MEDIA / "vtest.mp4"}, folder=tmp_path, user="xem", password=PASSWORD) as camera,
        RunningServer(tmp_path / "server") as server,
    ):
        address = f"rtsp://{{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}}@127.0.0.1:{camera.port}/san"
        text = CAMERA.replace("{path: vtest.mp4, loop: true}", json.dumps({"path": address}))
        (config / "cameras" / "san.yaml").write_text(text, encoding="utf-8")
        edge = RunningEdge(
            tmp_path,
            config=config,
            server_url=server.url,
            code=server.enrolment_code("box", "trang-long"),
            secrets={"LANGAN_CAM_USER": "xem", "LANGAN_CAM_PASSWORD": PASSWORD},
        )
        with edge:
            edge.wait_for_log(r"kind=intrusion \S+ state=start")
            wait_for_health(tmp_path / "server", "ok")
            camera.stop()
            cut = edge.wait_for_log(r"source_failed camera=san")
            wait_for_health(tmp_path / "server", "reconnecting")
            camera.start()
            wait_for_health(tmp_path / "server", "ok")
            edge.wait_for_log(r"event camera=san", after=cut, timeout_s=90)
            assert edge.stop() == 0
        kinds = rows(tmp_path / "server", "SELECT kind, count(*) FROM incidents GROUP BY kind")
        assert ("intrusion", 1) in kinds
        clips = rows(tmp_path / "server", "SELECT count(*) FROM evidence_files WHERE media_type = 'video/mp4'")
        assert int(str(clips[0][0])) >= 1
        for text in (edge.log(), server.log()):
            assert PASSWORD not in text
