"""Server and edge killed while real footage raises events: nothing is lost, nothing is doubled."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.edge import RunningEdge
from tests.support.server import SITE, RunningServer

OUTAGE_S = float(os.environ.get("LANGAN_TEST_OUTAGE_S", "15"))
"""How long the server is gone; 600 is what the row of the threats says, and takes as long."""

CAMERA = """\
camera: {id: san, name: Sân, village: trang-long}
inputs: [{path: vtest.mp4, loop: true}]
objects: {track: [person], filters: {person: {min_score: 0.45}}}
zones:
  trai: {name: Trái, coordinates: [[0, 0], [0.33, 0], [0.33, 1], [0, 1]]}
  giua: {name: Giữa, coordinates: [[0.33, 0], [0.66, 0], [0.66, 1], [0.33, 1]]}
  phai: {name: Phải, coordinates: [[0.66, 0], [1, 0], [1, 1], [0.66, 1]]}
  co: {name: Bãi cỏ, coordinates: [[0, 0.5], [0.5, 0.6], [0.99, 0.95], [0, 1]]}
rules:
  - {kind: intrusion, zones: [trai, giua, phai, co], min_duration_s: 1, clear_after_s: 1}
  - {kind: crowding, min_people: 4, min_duration_s: 2, clear_after_s: 2, after_hours: null}
evidence: {pre_s: 1, post_s: 1}
"""


def rows(server_folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{server_folder}/data/langan.sqlite?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def unsent(edge: RunningEdge, server_folder: Path, timeout_s: float = 60.0 + OUTAGE_S) -> set[tuple[UUID, int]]:
    """Wait until the server holds every revision that the edge stored; gives what it lacks at the end of patience."""
    stored = {(UUID(event_id), revision) for event_id, revision in edge.recorded()}
    deadline = time.monotonic() + timeout_s
    while True:
        held = rows(server_folder, "SELECT event_id, revision FROM event_revisions")
        missing = stored - {(UUID(str(event_id)), int(str(revision))) for event_id, revision in held}
        if not missing or time.monotonic() > deadline:
            return missing
        time.sleep(0.5)


@pytest.mark.timeout(300 + 3 * OUTAGE_S)
def test_threats_05_06_09_42_killing_server_and_edge_loses_and_doubles_nothing(tmp_path: Path) -> None:
    config = tmp_path / "config"
    (config / "cameras").mkdir(parents=True)
    (config / "site.yaml").write_text(SITE, encoding="utf-8")
    (config / "cameras" / "san.yaml").write_text(CAMERA, encoding="utf-8")
    with RunningServer(tmp_path / "server") as server:
        code = server.enrolment_code("box", "trang-long")
        edge = RunningEdge(tmp_path, config=config, server_url=server.url, code=code)
        with edge:
            edge.wait_for_log(r"kind=intrusion \S+ state=start")
            time.sleep(4)
            server.stop(signal.SIGKILL)
            before = len(edge.recorded())
            time.sleep(OUTAGE_S)
            assert len(edge.recorded()) > before, "the edge goes on without the server"
            edge.kill()
            edge.start()
            seen = len(edge.log())
            edge.wait_for_log(r"kind=\S+ \S+ state=start", after=seen)
            server.start()
            time.sleep(3)
            edge.kill()
            edge.start()
            edge.wait_for_log(r"camera_started")
            time.sleep(5)
            assert edge.stop() == 0
            assert unsent(edge, tmp_path / "server") == set(), "a graceful stop had time to send everything"
        recorded = edge.recorded()
        assert len(recorded) == len(set(recorded)) >= 10
        # What a killed edge had left open was ended by its next start.
        assert rows(tmp_path / "server", "SELECT DISTINCT state FROM events") == [("end",)]
        # One village, one spot, two kinds, no gap of five minutes: two incidents, however often anything was sent.
        assert rows(tmp_path / "server", "SELECT kind, count(*) FROM incidents GROUP BY kind ORDER BY kind") == [
            ("crowding", 1),
            ("intrusion", 1),
        ]
        assert "event_lost" not in edge.log()
