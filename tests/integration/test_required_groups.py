"""What CI promises: no required group of tests is skipped silently, however many processes share the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import lanes

ROOT = Path(__file__).resolve().parents[2]
HOOKS = """
from tests.conftest import pytest_runtest_logreport, pytest_runtest_makereport, pytest_sessionfinish
from tests.conftest import pytest_terminal_summary
"""
TESTS = """
import pytest

@pytest.mark.{runs}
def test_runs():
    pass

@pytest.mark.{skips}
def test_skips():
    pytest.skip("not here")

def test_more():
    assert {holds}
"""


def run(folder: Path, processes: int, runs: str, skips: str, *, holds: bool = True) -> tuple[int, list[str]]:
    """Status and last lines of a run that requires the groups `browser` and `rtsp`."""
    (folder / "conftest.py").write_text(HOOKS, "utf-8")
    (folder / "test_some.py").write_text(TESTS.format(runs=runs, skips=skips, holds=holds), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(processes), str(folder)]
    done = subprocess.run(
        [*command, "-W", "ignore::pytest.PytestUnknownMarkWarning"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "LANGAN_REQUIRED_GROUPS": "browser,rtsp"},
        capture_output=True,
        text=True,
        check=False,
        timeout=150,
    )
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("processes", [0, 2])
def test_a_required_group_that_was_skipped_or_has_no_test_fails_the_run(tmp_path: Path, processes: int) -> None:
    status, said = run(tmp_path, processes, runs="browser", skips="rtsp")
    assert status == 1
    assert "REQUIRED BUT SKIPPED: test_some.py::test_skips (rtsp)" in said
    assert "REQUIRED GROUP WITHOUT A PASSING TEST: rtsp" in said
    assert "REQUIRED GROUP WITHOUT A PASSING TEST: browser" not in said
    assert said[-1].startswith("2 passed, 1 skipped in ")


@pytest.mark.parametrize("processes", [0, 2])
def test_what_is_not_required_may_be_skipped(tmp_path: Path, processes: int) -> None:
    (tmp_path / "test_both.py").write_text(TESTS.format(runs="browser", skips="clips", holds=True), "utf-8")
    status, said = run(tmp_path, processes, runs="rtsp", skips="netns")
    assert (status, [line for line in said if "REQUIRED" in line]) == (0, [])
    status, said = run(tmp_path, processes, runs="rtsp", skips="netns", holds=False)
    assert (status, [line for line in said if "REQUIRED" in line]) == (1, [])


def test_lanes_name_files_that_are_there() -> None:
    named = lanes.WHOLE_EDGES | lanes.WAITING
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_a_files_tests_stay_together_but_for_those_that_wait() -> None:
    unit = "tests/unit/rules/test_crowding.py"
    assert lanes.lane_of(f"{unit}::test_a[x::y]") == lanes.lane_of(f"{unit}::test_b") == unit
    waiting = "tests/integration/test_network_faults.py"
    assert lanes.lane_of(f"{waiting}::test_a[x]") != lanes.lane_of(f"{waiting}::test_a[y]")
    pages = {lanes.lane_of(f"tests/e2e/test_{page}.py::test_a") for page in ("police_pages", "every_page")}
    edges = {lanes.lane_of(f"{name}::test_a") for name in lanes.WHOLE_EDGES}
    assert (len(pages), len(edges)) == (1, 1)
    assert pages != edges
    order = ["tests/e2e/test_demo.py", waiting, "tests/e2e/test_every_page.py"]
    assert [lanes.turn_of(f"{name}::test_a") for name in order] == [0, 1, 2]


def test_some_tests_need_no_further_process() -> None:
    assert lanes.processes(some_tests=True) == 0
    assert 1 <= lanes.processes(some_tests=False) <= 8
