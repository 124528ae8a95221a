"""Fixtures that several files of tests of the edge share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.ids import uuid7_from_content
from edge.recorder import Recorder
from tests.support.house import House
from tests.support.recording import FakeEvidence, ListSink, camera


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    import edge.backoff

    # Retries are tested without waiting; the delays have a test of their own.
    monkeypatch.setattr(edge.backoff.Backoff, "failed", lambda *_: 0.01)
    house = House()
    yield house
    house.supervisor.stop()


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


@pytest.fixture
def evidence(tmp_path: Path) -> FakeEvidence:
    return FakeEvidence(tmp_path)


@pytest.fixture
def recorder(sink: ListSink, evidence: FakeEvidence) -> Recorder:
    return Recorder(camera(), "v1", sink, evidence, uuid7_from_content)
