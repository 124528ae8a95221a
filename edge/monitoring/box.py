"""What the box itself tells: its disk, its outbox and evidence, its temperatures, this process."""

from __future__ import annotations

import os
import platform
import re
import resource
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import edge
from edge.evidence.store import EvidenceFolder
from edge.outbox.store import Backlog, SqliteOutbox

SYS = Path("/sys")
_PLAUSIBLE_C = (-60.0, 200.0)
"""Sensors that are not connected say 0 K or 6553.5."""
_MAX_SENSORS = 64
_NAME = re.compile(r"[^A-Za-z0-9_.:-]+")


@dataclass(frozen=True, slots=True)
class Temperature:
    """One sensor now."""

    sensor: str
    celsius: float


@dataclass(frozen=True, slots=True)
class BoxSnapshot:
    """The box now.

    Attributes:
        backlog: What waits in the outbox.
        evidence_files: How many there are.
        evidence_lost: How many were given up for room, since the start, before the server had them.
        beside_bytes: Everything in the data folder but evidence: it counts towards the budget too.
        disk_free_bytes: Of the disk with the data folder.
        disk_bytes: Its size.
        temperatures: Of every sensor that can be read.
        rss_bytes: Of the main process.
        cpu_s: Of the main process.
    """

    backlog: Backlog
    evidence_files: int
    evidence_lost: int
    beside_bytes: int
    disk_free_bytes: int
    disk_bytes: int
    temperatures: tuple[Temperature, ...]
    rss_bytes: int
    cpu_s: float


def read_box(data_dir: Path, store: SqliteOutbox, folder: EvidenceFolder) -> BoxSnapshot:
    """Look at the box."""
    disk = shutil.disk_usage(data_dir)
    return BoxSnapshot(
        backlog=store.backlog(),
        evidence_files=folder.files,
        evidence_lost=folder.lost_files,
        beside_bytes=folder.beside_bytes(),
        disk_free_bytes=disk.free,
        disk_bytes=disk.total,
        temperatures=read_temperatures(),
        rss_bytes=_rss_bytes(),
        cpu_s=time.process_time(),
    )


def read_temperatures(sys: Path = SYS) -> tuple[Temperature, ...]:
    """Every sensor that the kernel offers, thermal zones first; none where it offers none (a virtual machine)."""
    found: dict[str, float] = {}
    for zone in sorted(sys.glob("class/thermal/thermal_zone*")):
        _note(found, _word(zone / "type") or "zone", zone.name.removeprefix("thermal_"), zone / "temp")
    for chip in sorted(sys.glob("class/hwmon/hwmon*")):
        name = _word(chip / "name") or chip.name
        for file in sorted(chip.glob("temp*_input")):
            sensor = file.name.removesuffix("_input")
            _note(found, name, _word(chip / f"{sensor}_label") or f"{chip.name}.{sensor}", file)
    return tuple(Temperature(sensor, celsius) for sensor, celsius in found.items())[:_MAX_SENSORS]


def build_info() -> dict[str, str]:
    """Labels of the running version."""
    return {"version": edge.__version__, "python": platform.python_version(), "machine": platform.machine()}


def _note(found: dict[str, float], chip: str, sensor: str, file: Path) -> None:
    with suppress(OSError, ValueError):  # a sensor that sleeps answers EAGAIN or ENODATA
        celsius = int(file.read_text("ascii").strip()) / 1000
        if _PLAUSIBLE_C[0] < celsius < _PLAUSIBLE_C[1]:
            found.setdefault(_NAME.sub("_", f"{chip}:{sensor}"), celsius)


def _word(file: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return file.read_text("ascii").strip()
    return ""


def _rss_bytes() -> int:
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # its highest: there is no /proc
