"""A camera that never answers, told by a real edge process that is killed and stopped meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_server import EdgeServer
from tests.integration.test_edge_process import DEAD, Edge, revisions_by_event


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    edge = Edge(tmp_path)
    cameras = tmp_path / "config" / "cameras"
    (cameras / "san.yaml").unlink()
    (cameras / "hong.yaml").write_text(f"{DEAD}rules: [{{kind: camera_offline, grace_s: 3}}]\n", "utf-8")
    yield edge
    if edge.process is not None and edge.process.poll() is None:
        edge.process.kill()
        edge.process.wait()


def test_an_outage_is_one_event_over_the_edges_own_death_and_ends_with_a_planned_stop(edge: Edge) -> None:
    with EdgeServer() as server:
        edge.start(server.url)
        edge.until(lambda: bool(server.events))
        edge.end(signal.SIGKILL)
        edge.start(server.url)
        edge.until(lambda: "outage_goes_on camera=hong" in edge.log.read_text("utf-8"))
        edge.until(lambda: len(server.events) > 1)
        assert edge.end(signal.SIGTERM) == 0
        (revisions,) = revisions_by_event(server).values()
    assert {body["kind"] for body in revisions} == {"camera_offline"}
    assert [body["state"] for body in revisions if body["state"] != "update"] == ["start", "end"]
    assert [body["revision"] for body in revisions] == list(range(len(revisions)))
    assert all(body["facts"]["last_frame_at"] is None and not body["evidence"] for body in revisions)
