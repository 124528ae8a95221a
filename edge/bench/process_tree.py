"""CPU time and memory of a process and all its descendants, as Linux counts them in /proc."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_BYTES_PER_KB = 1024


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """One process until now.

    Attributes:
        cpu_s: User and system time of its threads, without its children.
        pss_bytes: Memory, each shared page divided by the number of processes that share it: sums over processes.
    """

    cpu_s: float
    pss_bytes: int


def look_at(root_pid: int) -> dict[int, ProcessUse]:
    """A process and its descendants now, by id; those that end meanwhile are left out."""
    found: dict[int, ProcessUse] = {}
    for pid in _members(root_pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            found[pid] = ProcessUse(_cpu_s(pid), _pss_bytes(pid))
    return found


def cpu_between(
    before: dict[int, ProcessUse], after: dict[int, ProcessUse], pids: Collection[int] | None = None
) -> float:
    """CPU seconds between two looks; a process that is new counts from its start.

    Args:
        before: The first look.
        after: The second.
        pids: Only these processes; None: all.
    """
    return sum(
        use.cpu_s - (before[pid].cpu_s if pid in before else 0.0)
        for pid, use in after.items()
        if pids is None or pid in pids
    )


def _members(root_pid: int) -> list[int]:
    parents: dict[int, int] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
    members = [root_pid]
    for pid in members:  # grows while it is walked
        members += [child for child, parent in parents.items() if parent == pid]
    return members


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the state on; the name before them may hold anything."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _cpu_s(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _pss_bytes(pid: int) -> int:
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * _BYTES_PER_KB
    return 0
