"""A running edge as Prometheus, a health check and systemd see it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.edge_server import IDENTITY, PRIVATE_KEY, EdgeServer
from tests.integration.test_edge_process import PASSWORD, ROOT, Edge


@pytest.fixture
def server() -> Iterator[EdgeServer]:
    with EdgeServer() as running:
        yield running


def until(truth: Callable[[], bool], log: Path, seconds: float = 90.0) -> None:
    deadline_s = time.monotonic() + seconds
    while not truth():
        if time.monotonic() > deadline_s:
            pytest.fail(f"it never came true:\n{log.read_text('utf-8')[-4000:]}")
        time.sleep(0.1)


def test_a_running_edge_is_seen_from_outside(tmp_path: Path, server: EdgeServer) -> None:
    edge = Edge(tmp_path / "edge")
    notified: list[str] = []
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(tmp_path / "notify"))
    systemd.setblocking(False)

    def heard(line: str) -> bool:
        while True:
            try:
                notified.append(systemd.recv(4096).decode())
            except BlockingIOError:
                return any(re.match(line, message) for message in notified)

    command = [sys.executable, "-m", "edge.cli", "run", "--config", str(edge.folder / "config")]
    command += ["--data", str(edge.folder / "data"), "--env-file", str(edge.folder / "secrets.env")]
    environment = {
        **os.environ,
        "LANGAN_SERVER_URL": server.url,
        "NOTIFY_SOCKET": str(tmp_path / "notify"),
        "WATCHDOG_USEC": "2000000",
    }
    IDENTITY.write(edge.folder / "data")
    with edge.log.open("wb") as log:
        process = subprocess.Popen([*command, "--http", "127.0.0.1:0"], env=environment, cwd=ROOT, stderr=log)
    try:
        until(lambda: heard("READY=1"), edge.log)
        found = re.search(r"monitoring port=(\d+)", edge.log.read_text("utf-8"))
        assert found is not None
        url = f"http://127.0.0.1:{found[1]}"

        def samples() -> dict[tuple[str, str], float]:
            text = httpx.get(f"{url}/metrics", timeout=30).raise_for_status().text
            assert PASSWORD not in text
            assert PRIVATE_KEY not in text
            return {
                (sample.name, sample.labels.get("camera") or sample.labels.get("worker") or ""): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
                if "state" not in sample.labels
            }

        until(lambda: samples().get(("langan_camera_fps_in", "san"), 0.0) > 0, edge.log)
        until(lambda: samples().get(("langan_evidence_bytes", ""), 0.0) > 0, edge.log)
        until(lambda: samples().get(("langan_camera_fps_inferred", "san"), 0.0) > 0, edge.log)
        told = samples()
        workers = [name for metric, name in told if metric == "langan_worker_up"]
        assert workers
        assert all(told["langan_worker_resident_memory_bytes", name] > 1_000_000 for name in workers)
        assert told["langan_data_other_bytes", ""] > 0
        health = httpx.get(f"{url}/healthz", timeout=30)
        assert health.status_code == 200
        assert (health.json()["status"], health.json()["cameras"]) == ("degraded", 2)
        assert any("camera hong is reconnecting" in reason["message"] for reason in health.json()["reasons"])
        until(lambda: heard("WATCHDOG=1"), edge.log)
        until(lambda: heard(r"STATUS=1 of 2 cameras are well"), edge.log)
        process.send_signal(signal.SIGHUP)
        until(lambda: heard(r"RELOADING=1\nMONOTONIC_USEC=\d+$"), edge.log)
        until(lambda: notified.count("READY=1") + heard("never") >= 2, edge.log)
        process.terminate()
        until(lambda: heard("STOPPING=1"), edge.log)
        assert process.wait(60) == 0
        assert [line for line in notified if line in {"READY=1", "STOPPING=1"}] == ["READY=1", "READY=1", "STOPPING=1"]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        systemd.close()


def test_an_address_that_is_none_is_told_before_anything_starts(tmp_path: Path) -> None:
    edge = Edge(tmp_path / "edge")
    for text, status in (("9476", 2), ("203.0.113.1:9476", 1)):
        command = ["run", "--config", str(edge.folder / "config"), "--data", str(tmp_path / "data"), "--http", text]
        done = subprocess.run(
            [sys.executable, "-m", "edge.cli", *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=ROOT,
        )
        assert done.returncode == status
        assert f"--http {text}: cannot listen there" in done.stderr or "write HOST:PORT" in done.stderr
