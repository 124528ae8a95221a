"""Which tests run beside each other when several processes share them: `make test` on most machines (pytest-xdist).

A file's tests run in one process, in their order, as they would alone. Exceptions:

- `WHOLE_EDGES` hold real time with a server, an edge and its model: one after the other, and first: they take longest.
- Each test of the files in `WAITING` may run in any process: what they do is mostly waiting for a fault to be noticed.
  They are begun before the rest, too, so that they wait at the same time as each other and not beside heavy work.
- Pages in a browser (the rest of `e2e`) share one server and one browser.
"""

from __future__ import annotations

import os
from typing import Any

import psutil

WHOLE_EDGES = frozenset(
    {
        "tests/e2e/test_demo.py",
        "tests/e2e/test_nothing_is_lost.py",
        "tests/e2e/test_playable_copy.py",
        "tests/e2e/test_rtsp_to_incident.py",
        "tests/integration/test_bench_edge.py",
        "tests/integration/test_edge_monitoring.py",
        "tests/integration/test_edge_process.py",
    }
)
WAITING = frozenset({"tests/integration/test_camera_faults.py", "tests/integration/test_network_faults.py"})
_MOST_PROCESSES = 8
"""More do not help: the whole edges, one after the other, take longer than what is left for each of so many."""
_MEMORY_EACH = 1_500_000_000
"""Bytes: a process with the models and servers that it starts."""


def lane_of(nodeid: str) -> str:
    """Tests of one lane run in one process, in their order."""
    file = nodeid.partition("::")[0]
    if file in WHOLE_EDGES:
        return "whole edges"
    if file in WAITING:
        return nodeid
    return "pages" if file.startswith("tests/e2e/") else file


def turn_of(nodeid: str) -> int:
    """Tests of a lower turn are begun before those of a higher one."""
    file = nodeid.partition("::")[0]
    return 0 if file in WHOLE_EDGES else 1 if file in WAITING else 2


def processes(*, some_tests: bool) -> int:
    """How many processes share the tests; 0: this one runs them itself.

    Args:
        some_tests: Not all tests were asked for, but files, names or words: others would begin longer than they help.
    """
    if some_tests:
        return 0
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    room = int(psutil.virtual_memory().available) // _MEMORY_EACH
    return max(1, min(cores + 1, room, _MOST_PROCESSES))  # one more than cores: there is much waiting


def scheduler(config: Any, log: Any) -> Any:
    """What hands lanes to processes, in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    made = LoadScopeScheduling(config, log)
    made._split_scope = lane_of
    return made
