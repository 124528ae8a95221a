"""Tries configurations that an admin has changed over this box's stored observations, and tells what would differ.

    wish (heartbeat's answer) -> task, signed by the server -> child: `langan-edge replay --against --observations`
        -> how many events appear, vanish and change -> told to the server

The observations stay here. One at a time, at the lowest priority; nothing is kept through a restart: the server asks
again.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError

from contract.config_loader import LoadedCamera
from contract.device_api import RunningConfigs, WhatIfEvent, WhatIfReport, WhatIfTask
from edge.errors import DeliveryError
from edge.observations.log import FOLDER, SUFFIX
from edge.outbox.link import NotOurServer, Rejected, ServerLink
from edge.outbox.sender import IDLE_S, SenderThread
from edge.ports import Clock

log = logging.getLogger(__name__)

LIMIT_S = 600.0
"""A day of a busy street takes a minute or two of one slow core."""
UNKNOWN_THERE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
_MAX_SAID = 900
_TOLD = 100
_MAX_ANSWER = 64_000_000


class WhatIfRunner(SenderThread):
    """Tries configurations in a thread that waits for a child process.

    Args:
        link: The server.
        clock: Measures the time that `stop` may take.
        data_dir: Has the observations.
        site_file: The site.yaml that is in force.
        in_force: A camera as it runs now; None: it is not this box's.
        limit_s: What takes longer is given up.
    """

    name = "what-if"

    def __init__(
        self,
        link: ServerLink,
        clock: Clock,
        *,
        data_dir: Path,
        site_file: Path,
        in_force: Callable[[str], LoadedCamera | None],
        limit_s: float = LIMIT_S,
    ) -> None:
        super().__init__(link, clock)
        self._data_dir, self._site_file, self._in_force, self._limit_s = data_dir, site_file, in_force, limit_s
        self._waiting: dict[UUID, None] = {}
        self._working: UUID | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._wishes_lock = threading.Lock()

    def want(self, wishes: Sequence[UUID]) -> None:
        """Take the server's list, as it is now."""
        with self._wishes_lock:
            self._waiting = {wish: None for wish in wishes if wish != self._working}
        if self._waiting:
            self.wake()

    def is_empty(self) -> bool:
        """It can always wait for the next start."""
        return True

    def step(self) -> float:
        """Try one.

        Raises:
            EdgeError: The server was not reached; it asks again.
        """
        with self._wishes_lock:
            wish = next(iter(self._waiting), None)
            if wish is None:
                return IDLE_S
            del self._waiting[wish]
            self._working = wish
        try:
            with suppress(Rejected):  # nobody waits for it any more
                task = self._fetch(wish)
                self._tell(wish, WhatIfReport(state="working"))
                report = self._try(task)
                log.info("what_if camera=%s state=%s why=%r", task.camera_id, report.state, report.why)
                self._tell(wish, report)
        finally:
            self._working = None
        return 0.0

    def stop(self, drain_s: float = 0.0) -> None:
        """End the thread and what it tries."""
        self._stop.set()
        child = self._child
        if child is not None:
            child.kill()
        super().stop(drain_s)

    def _fetch(self, wish: UUID) -> WhatIfTask:
        path = f"/api/v1/what-if/{wish}"
        response = self._link.request("GET", path, rejections=UNKNOWN_THERE)
        self._link.check_signed(path, response)
        try:
            return WhatIfTask.model_validate_json(response.content)
        except ValidationError as error:
            raise NotOurServer(f"{self._link.url}{path}: not a configuration to try", permanent=True) from error

    def _tell(self, wish: UUID, report: WhatIfReport) -> None:
        put_json(self._link, f"/api/v1/what-if/{wish}", report)

    def _try(self, task: WhatIfTask) -> WhatIfReport:
        now = self._in_force(task.camera_id)
        stored = self._data_dir / FOLDER / task.camera_id
        if now is None or not any(stored.glob(f"*{SUFFIX}")):
            return WhatIfReport(state="nothing_stored")
        try:
            with tempfile.TemporaryDirectory(dir=self._data_dir, prefix="what-if-") as scratch:
                new, old = Path(scratch, "new"), Path(scratch, "old")
                self._write(new, task.camera_id, task.yaml)
                self._write(old, task.camera_id, now.text)
                return self._compare(task.camera_id, new, old, stored)
        except OSError as error:
            return WhatIfReport(state="failed", why=f"cannot be written ({error.strerror})")

    def _write(self, folder: Path, camera_id: str, text: str) -> None:
        (folder / "cameras").mkdir(parents=True)
        shutil.copyfile(self._site_file, folder / "site.yaml")
        (folder / "cameras" / f"{camera_id}.yaml").write_text(text, "utf-8")

    def _compare(self, camera_id: str, new: Path, old: Path, stored: Path) -> WhatIfReport:
        """Run the child to its end.

        Raises:
            DeliveryError: We are to stop: the server asks again.
        """
        nice = [path, "-n", "19"] if (path := shutil.which("nice")) else []
        command = [
            *nice, sys.executable, "-m", "edge.cli", "replay", "--config", str(new), "--against", str(old),
            "--observations", str(stored), "--camera", camera_id, "--json",
        ]  # fmt: skip
        with (
            tempfile.TemporaryFile() as told,
            tempfile.TemporaryFile() as said,
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=told, stderr=said) as child,
        ):
            self._child = child
            try:
                if self._stop.is_set():
                    child.kill()
                child.wait(self._limit_s)
            except subprocess.TimeoutExpired:
                child.kill()
                return WhatIfReport(state="failed", why=f"not finished after {self._limit_s:.0f} s")
            finally:
                self._child = None
            if self._stop.is_set() and child.returncode != 0:
                raise DeliveryError("stopped while a configuration was tried: it is tried after the next start")
            told.seek(0)
            said.seek(0)
            words = said.read().decode("utf-8", "replace").strip()
            if child.returncode != 0:
                return WhatIfReport(state="failed", why=words[-_MAX_SAID:] or f"status {child.returncode}")
            (comparison,) = json.loads(told.read(_MAX_ANSWER))["comparisons"]
        return _report(comparison)


def tell_running(link: ServerLink, running: RunningConfigs) -> None:
    """Tell which configuration each camera runs.

    Raises:
        DeliveryError: It was not taken; an older server does not know the question (`Rejected`).
    """
    put_json(link, "/api/v1/cameras/running", running)


def put_json(link: ServerLink, path: str, body: BaseModel) -> None:
    """Send a message of the contract. Errors as `ServerLink.request`."""
    content, headers = body.model_dump_json().encode(), {"Content-Type": "application/json"}
    link.request("PUT", path, content=content, headers=headers, rejections=UNKNOWN_THERE)


def _report(comparison: dict[str, Any]) -> WhatIfReport:
    """The answer for the server: events without their ways, which nobody needs to judge a number."""
    appear, vanish = comparison["appear"], comparison["vanish"]
    return WhatIfReport(
        state="done",
        first=comparison["first"],
        last=comparison["last"],
        observations=comparison["observations"],
        same=len(comparison["same"]),
        changed=len(comparison["changed"]),
        appearing=len(appear),
        vanishing=len(vanish),
        appear=tuple(_event(event) for event in appear[:_TOLD]),
        vanish=tuple(_event(event) for event in vanish[:_TOLD]),
        notes=tuple(note[:300] for note in comparison["notes"][:20]),
    )


def _event(event: dict[str, Any]) -> WhatIfEvent:
    names = ("kind", "zone", "started_at", "ended_at", "facts")
    return WhatIfEvent.model_validate({name: event[name] for name in names})
