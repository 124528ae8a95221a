"""The inference process ends when a model hangs: only a fresh one can search again."""

from __future__ import annotations

import multiprocessing
import threading
from types import SimpleNamespace

import pytest

from edge.inference import process
from edge.workers.messages import Report


@pytest.mark.parametrize(("longest_s", "exits"), [(process.HUNG_S - 1, []), (process.HUNG_S + 1, [process.HUNG])])
def test_a_model_that_hangs_ends_the_process(
    longest_s: float, exits: list[int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exited: list[int] = []
    monkeypatch.setattr(process, "os", SimpleNamespace(_exit=exited.append))
    server = SimpleNamespace(longest_s=longest_s, figures=lambda: {"models_loaded": 1.0})
    ours, theirs = multiprocessing.Pipe()
    stopped = threading.Event()
    stopped.set()
    process._report(theirs, server, stopped)  # type: ignore[arg-type]
    assert isinstance(report := ours.recv(), Report)
    assert report.figures == {"models_loaded": 1.0}
    assert exited == exits
    assert ("model_hung" in caplog.text) is bool(exits)
