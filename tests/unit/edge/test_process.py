"""What the whole process tells the admin, without starting it."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from contract.event import EventResult
from edge.process import EdgeProcess
from edge.settings import EdgeSettings
from tests.edge_fakes import make_event

SITE = """
site: {name: Xã Nhơn Lộc}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""
CAMERA = "camera: {id: cong_cho, name: Cổng chợ, village: trang-long, enabled: false}\ninputs: [{path: clip.mp4}]\n"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[EdgeProcess]:
    (tmp_path / "cameras").mkdir()
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    (tmp_path / "cameras" / "cong_cho.yaml").write_text(CAMERA, "utf-8")
    process = EdgeProcess(EdgeSettings(tmp_path, tmp_path / "data", tmp_path), 1_000_000)
    process._pool.apply(process._site, process._config.cameras)
    yield process
    process._shut_down()


def message(process: EdgeProcess) -> str:
    (status,) = process._statuses()
    return status.message


def test_the_main_process_loads_nothing_that_decodes_or_searches() -> None:
    """It would hold some 45 MB for nothing, and a library that crashes would end every camera."""
    told = subprocess.run(
        [sys.executable, "-c", "import sys, edge.process; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.split()
    assert "edge.workers.pool" in told
    assert not {"cv2", "av", "openvino", "ultralytics", "torch", "edge.bootstrap"} & set(told)


def test_a_disk_that_is_nearly_full_is_told_with_every_camera_and_logged_once(
    process: EdgeProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert message(process) == "camera.enabled is false"
    monkeypatch.setattr("edge.process.shutil.disk_usage", lambda _path: SimpleNamespace(free=3_000_000))
    caplog.set_level(logging.WARNING)
    for _ in range(3):
        assert "the edge's disk is full (3 MB left), evidence is given up: free space on it" in message(process)
    assert caplog.text.count("disk_low") == 1


def test_a_disk_that_fails_is_told_and_what_waits_is_stored_when_it_can_be(
    process: EdgeProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.process.shutil.disk_usage", lambda _path: SimpleNamespace(free=3_000_000_000))
    process._store._db.execute("PRAGMA query_only = ON")  # as on a disk that is mounted read-only now
    process._outbox.put(make_event(), [])
    assert "the edge's disk cannot be written, 1 events wait in memory: check it" in message(process)
    process._store._db.execute("PRAGMA query_only = OFF")
    process._store_waiting()  # no server is set: no sender does so
    assert process._outbox.waiting == 0
    assert process._store.counts()[0] == 1
    assert "cannot be written" not in message(process)


def test_a_reload_says_that_a_new_server_needs_a_restart(
    process: EdgeProcess, caplog: pytest.LogCaptureFixture
) -> None:
    site = process._settings.config_dir / "site.yaml"
    caplog.set_level(logging.WARNING)
    process._read_again()
    assert "server_url_ignored" not in caplog.text
    site.write_text(site.read_text("utf-8") + 'server: {url: "https://elsewhere.example"}\n', "utf-8")
    process._read_again()
    assert "server_url_ignored in_force=None remedy='restart the edge'" in caplog.text


def test_events_that_the_server_refused_are_told_with_their_camera(process: EdgeProcess) -> None:
    event = make_event()
    process._store.put(event, [])
    refused = EventResult(event_id=event.event_id, revision=0, status="refused", detail="no village 'x' here")
    process._store.settle([refused])
    assert "the server refused 1 events (no village 'x' here)" in message(process)
    assert "langan-edge outbox retry" in message(process)
