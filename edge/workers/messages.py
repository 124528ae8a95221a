"""What main process and workers say to each other, pickled, over a pipe that nobody else holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from contract.config_loader import LoadedCamera
from contract.event import CameraStatus, Event
from contract.site_config import SiteConfig
from edge.ports import DetectorSource
from edge.settings import EdgeSettings

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Inference(Protocol):
    """How a worker comes by detectors. Pickled: it names them, and holds none."""

    def open(self) -> DetectorSource:
        """Called once in the worker.

        Raises:
            EdgeError: There are none to be had.
        """
        ...


@dataclass(frozen=True, slots=True)
class OwnInference:
    """Each worker loads its models itself."""

    def open(self) -> DetectorSource:
        """See `Inference`."""
        from edge.bootstrap import Detectors  # heavy: the main process does without it

        return Detectors()


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """What a worker is given at its start: through the pipe of its making, never on a command line."""

    name: str
    settings: EdgeSettings
    scratch_dir: Path
    """Its own folder for files being written, on the evidence folder's disk."""
    log_level: int
    inference: Inference


# From the main process.


@dataclass(frozen=True, slots=True)
class Apply:
    """Watch exactly these cameras. Those that did not change go on untouched, unless the site did."""

    site: SiteConfig
    cameras: Mapping[str, LoadedCamera]


@dataclass(frozen=True, slots=True)
class Stop:
    """End every open event and leave."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To a request: its result, or what to raise."""

    request: int
    value: object = None
    error: Exception | None = None


# From a worker.


@dataclass(frozen=True, slots=True)
class PutEvent:
    """Store an event with its new media; answered once it is in the outbox."""

    request: int
    event: Event
    media: tuple[tuple[str, Path], ...]


@dataclass(frozen=True, slots=True)
class AdoptFile:
    """Move a finished file, synced to the disk, into the evidence folder; answered with its `StoredFile`."""

    request: int
    path: Path
    suffix: str


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """Give up old evidence: the disk has no room for a file; answered with how many bytes that was."""

    request: int
    wanted_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process takes of the machine."""

    rss_bytes: int
    cpu_s: float

    @classmethod
    def of_this_process(cls) -> Usage:
        """Now. Resident memory is 0 where the system does not tell."""
        times = os.times()
        try:
            pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        except OSError:
            pages = 0
        return cls(pages * _PAGE_BYTES, times.user + times.system)


@dataclass(frozen=True, slots=True)
class CameraReport:
    """One camera of a worker."""

    status: CameraStatus
    version: str
    """Of the configuration in force; empty: none is."""
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Report:
    """Each second: it lives, and how it is."""

    usage: Usage
    cameras: Mapping[str, CameraReport]
    figures: Mapping[str, float]
    """Of the process as a whole."""


@dataclass(frozen=True, slots=True)
class Death:
    """How a child process ended, and when it is started again, unless it was to stop."""

    reason: str
    lived_s: float
    retry_in_s: float
