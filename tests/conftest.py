"""Groups of tests that need something a machine may lack, and the promise that CI skips none of them silently.

`LANGAN_REQUIRED_GROUPS=browser,clips,...` makes the run fail when a test of one of these groups was skipped, or when
a group had no test at all.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from edge.logs import OneLineFormatter
from tests.support import lanes

# A timing is never a test, and so neither is how fast examples are drawn on a machine that does much else; and CI must
# tell the same of the same commit, while a developer's runs go on searching.
_PATIENT: Any = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("developer", **_PATIENT)
settings.register_profile("ci", **_PATIENT, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "developer")

# Who runs the tests in the background of a shell ignores Ctrl-C, and so would all that tests start and end with it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_required = {name for name in os.environ.get("LANGAN_REQUIRED_GROUPS", "").split(",") if name}
_ran: set[str] = set()
_skipped: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write the required groups of a test into its report: it may be read in another process."""
    report = yield
    vars(report)["groups"] = sorted({mark.name for mark in item.iter_markers()} & _required)
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note which required groups ran, and which of their tests were skipped; all processes report to the first."""
    groups: list[str] = getattr(report, "groups", [])  # a process that crashed reports without
    if groups and report.skipped:
        _skipped.append(f"{report.nodeid} ({', '.join(groups)})")
    elif report.when == "call":
        _ran.update(groups)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a required group did not run in full."""
    if session.config.option.collectonly or hasattr(session.config, "workerinput"):
        return
    if (_skipped or _required - _ran) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was required and did not run."""
    for name in _skipped:
        terminalreporter.write_line(f"REQUIRED BUT SKIPPED: {name}", red=True)
    for group in sorted(_required - _ran):
        terminalreporter.write_line(f"REQUIRED GROUP WITHOUT A PASSING TEST: {group}", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    items.sort(key=lambda item: lanes.turn_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """What `-n auto` means, unless `PYTEST_XDIST_AUTO_NUM_WORKERS` says it."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    chosen = config.args_source is pytest.Config.ArgsSource.ARGS or bool(config.option.keyword)
    return lanes.processes(some_tests=chosen)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out lanes, unless `--dist` asks for something else."""
    return lanes.scheduler(config, log) if config.getvalue("dist") == "load" else None


@pytest.fixture(autouse=True)
def _own_logging() -> Generator[None, None, None]:
    """What runs inside a test may set up logging for its process (commands, OpenVINO's converter, which changes the
    levels of everybody's handlers): the next test must not inherit that.
    """
    root, httpx = logging.getLogger(), logging.getLogger("httpx")
    levels, hook = (root.level, httpx.level), threading.excepthook
    handlers = {handler: handler.level for handler in root.handlers}
    yield
    for handler in list(root.handlers):
        if isinstance(handler.formatter, OneLineFormatter):
            root.removeHandler(handler)
    for handler, level in handlers.items():
        handler.setLevel(level)
    root.setLevel(levels[0])
    httpx.setLevel(levels[1])
    threading.excepthook = hook
