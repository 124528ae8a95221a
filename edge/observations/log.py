"""Keeps the observations of a camera's last hours beside the outbox, never at the camera's expense.

    pipeline thread --> a minute in memory --> writer thread --> DATA/observations/CAMERA/20260301T080000Z.lao

A file holds at most an hour and is only ever appended to. A power cut loses the minute in memory and perhaps the torn
end of a file, which the reader leaves out. A disk that is full or slow loses minutes, which are counted; nothing waits.
"""

from __future__ import annotations

import logging
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from pathlib import Path

from contract.camera_config import ObservationsConfig
from edge.observations.codec import Block, encode
from edge.types import Observation

log = logging.getLogger(__name__)

FOLDER = "observations"
SUFFIX = ".lao"
NAME_FORMAT = "%Y%m%dT%H%M%SZ"
BLOCK_S = 60.0
BLOCK_OBSERVATIONS = 2000
"""A minute at 30 frames a second is 1800."""
FILE_S = 3600.0
MAX_WAITING = 4
"""Minutes that wait for a slow disk; more are given up."""
FINISH_S = 5.0
"""How long a camera that stops waits for its last minute."""


class ObservationLog:
    """Stores what one camera's rules saw. `add` and `finish` are called by its pipeline's thread.

    Args:
        camera_id: Whose.
        root: `DATA/observations`; made when it does not exist.
        config: How much is kept.
    """

    def __init__(self, camera_id: str, root: Path, config: ObservationsConfig) -> None:
        self._camera_id = camera_id
        self._folder = root / camera_id
        self._config = config
        self._waiting: list[Observation] = []
        self._fresh = True
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=f"{camera_id}-observations")
        self._jobs: deque[Future[None]] = deque()
        self._file: Path | None = None
        self._file_start: datetime | None = None
        self._lost = 0
        self._failing = False
        self._used_bytes = 0

    def add(self, observation: Observation) -> None:
        """Keep an observation; costs an append, and once a minute a hand-over."""
        first = self._waiting[0] if self._waiting else observation
        elapsed_s = observation.monotonic_s - first.monotonic_s
        if not 0.0 <= elapsed_s < BLOCK_S or len(self._waiting) >= BLOCK_OBSERVATIONS:
            self._hand_over()
        self._waiting.append(observation)

    def finish(self) -> None:
        """The rules end their events and will begin anew: write what there is."""
        self._hand_over()
        wait(self._jobs, FINISH_S)
        self._fresh = True

    def figures(self) -> dict[str, float]:
        """By the names of `edge.metrics`; may be asked by another thread."""
        return {"observations_bytes": float(self._used_bytes), "observations_lost": float(self._lost)}

    def _hand_over(self) -> None:
        if not self._waiting:
            return
        block = Block(self._camera_id, self._fresh, tuple(self._waiting))
        self._waiting = []
        while self._jobs and self._jobs[0].done():
            error = self._jobs.popleft().exception()
            if error is not None:  # a defect of ours: told, and never worth the camera's pipeline
                log.error("observations_failed camera=%s cause=%r", self._camera_id, str(error), exc_info=error)
        if len(self._jobs) >= MAX_WAITING:
            self._lose(block, "the disk is too slow")
            return  # `fresh` stays with the next block
        self._fresh = False
        self._jobs.append(self._writer.submit(self._write, block))

    def _lose(self, block: Block, cause: str) -> None:
        self._lost += len(block.observations)
        if not self._failing:
            self._failing = True
            log.warning("observations_lost camera=%s cause=%r", self._camera_id, cause)

    def _write(self, block: Block) -> None:
        """Append a block; runs in the writer's thread."""
        try:
            data = encode(block)
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(len(data), block.observations[-1].utc)
            path = self._file_for(block.observations[0].utc)
            path.touch(mode=0o600)  # the ways of people are for nobody else on this machine
            with path.open("ab") as file:
                file.write(data)
        except (OSError, OverflowError, ValueError) as error:
            self._file = None  # what follows a torn block begins in a file of its own
            self._lose(block, getattr(error, "strerror", None) or str(error))
            return
        self._used_bytes += len(data)
        self._failing = False

    def _file_for(self, utc: datetime) -> Path:
        limit_bytes = self._config.max_mb * 1_000_000 / 8
        if self._file is not None and self._file_start is not None:
            age_s = (utc - self._file_start).total_seconds()
            if 0.0 <= age_s < FILE_S and self._file.exists() and self._file.stat().st_size < limit_bytes:
                return self._file
        start, path = utc, self._folder / (utc.astimezone(UTC).strftime(NAME_FORMAT) + SUFFIX)
        while path.exists():  # another process wrote in this second, or the clock went back: files keep their order
            start += timedelta(seconds=1)
            path = self._folder / (start.astimezone(UTC).strftime(NAME_FORMAT) + SUFFIX)
        self._file, self._file_start = path, start
        return path

    def _make_room(self, needed_bytes: int, now: datetime) -> None:
        """Delete the oldest files beyond the age limit or the budget."""
        oldest = (now.astimezone(UTC) - timedelta(hours=self._config.keep_h, seconds=FILE_S)).strftime(NAME_FORMAT)
        files = sorted(self._folder.glob(f"*{SUFFIX}"))
        sizes = {path: path.stat().st_size for path in files}
        used = sum(sizes.values())
        for path in files:
            if path.stem >= oldest and used + needed_bytes <= self._config.max_mb * 1_000_000:
                break
            path.unlink(missing_ok=True)
            used -= sizes[path]
        self._used_bytes = used


def forget_observations(folder: Path) -> int:
    """Delete a camera's stored observations: storing was turned off. Returns how many files there were.

    Raises:
        OSError: The folder cannot be changed.
    """
    files = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    for path in files:
        path.unlink()
    return len(files)
