"""Times are aware UTC everywhere, and rules and scene never look at a clock."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("contract", "edge", "server")
CLOCKLESS = ("edge/rules", "edge/behaviour", "edge/scene")

_ZONE_ARGUMENTS = {"now": 1, "fromtimestamp": 2}
"""How many positional arguments a call has when the last of them is its zone."""
_NEVER = {"utcnow", "utcfromtimestamp", "today"}
_CLOCKS = {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns", "process_time", "sleep"}


def _imports(tree: ast.Module) -> dict[str, str]:
    """Local name -> what it stands for, such as `dt` -> `datetime.datetime`."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update({(alias.asname or alias.name.split(".")[0]): alias.name for alias in node.names})
        elif isinstance(node, ast.ImportFrom):
            names.update({(alias.asname or alias.name): f"{node.module}.{alias.name}" for alias in node.names})
    return names


def _full_name(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_full_name(node.value, names)}.{node.attr}"
    return ""


def naive_times(source: str) -> Iterator[tuple[int, str]]:
    """Lines that make a time without a zone."""
    tree = ast.parse(source)
    names = _imports(tree)
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Attribute, ast.Call)):
            continue
        name = _full_name(node.func if isinstance(node, ast.Call) else node, names)
        module, _, method = name.rpartition(".")
        if module not in ("datetime.datetime", "datetime.date"):
            continue
        if isinstance(node, ast.Attribute):
            if method in _NEVER:
                yield node.lineno, name
        elif method in _ZONE_ARGUMENTS:
            zones = [keyword.value for keyword in node.keywords if keyword.arg in ("tz", None)]
            zones += node.args[_ZONE_ARGUMENTS[method] - 1 :]
            if module == "datetime.date" or not zones or _is_none(zones[0]):
                yield node.lineno, name


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def clock_reads(source: str) -> Iterator[tuple[int, str]]:
    """Lines that look at a clock, by whatever name it was imported or stored under."""
    tree = ast.parse(source)
    names = _imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            name = _full_name(node, names)
            module, _, method = name.rpartition(".")
            clock = module == "time" and method in _CLOCKS
            if clock or (module in ("datetime.datetime", "datetime.date") and method in {"now", *_NEVER}):
                yield node.lineno, name


def _files(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return found


def test_no_naive_time_is_made() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in _files(*PACKAGES)
        for line, name in naive_times(path.read_text(encoding="utf-8"))
    }
    assert found == set()


def test_rules_and_scene_look_at_no_clock() -> None:
    found = {
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in _files(*CLOCKLESS)
        for line, name in clock_reads(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime\ndatetime.now(None)",
        "from datetime import datetime\ndatetime.now(tz=None)",
        "from datetime import datetime as dt\ndt.utcnow()",
        "import datetime\ndatetime.datetime.now()",
        "import datetime as d\nd.datetime.fromtimestamp(0)",
        "from datetime import datetime\nfield(default_factory=datetime.utcnow)",
        "from datetime import date\ndate.today()",
        "from datetime import date\ndate.fromtimestamp(0, UTC)",
    ],
)
def test_the_scan_finds_naive_times(source: str) -> None:
    assert list(naive_times(source))


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC, datetime\ndatetime.now(UTC)",
        "from datetime import UTC, datetime\ndatetime.now(tz=UTC)",
        "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)",
        "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, tz=UTC)",
        "clock.now()",
    ],
)
def test_the_scan_leaves_aware_times_alone(source: str) -> None:
    assert list(naive_times(source)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "import time as t\nt.monotonic()",
        "from time import monotonic\nmonotonic()",
        "from time import perf_counter as now\nread = now",
        "from datetime import UTC, datetime\ndatetime.now(UTC)",
    ],
)
def test_the_scan_finds_clocks(source: str) -> None:
    assert list(clock_reads(source))
