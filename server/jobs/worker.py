"""Threads that do what is due: inside `langan-server run`, or alone as `langan-server worker`.

Each thread asks one source of work again and again: jobs, notifications. Whoever is killed leaves its lease; the next
look of any worker takes over. A source that fails is logged and asked again: this is the one supervisor here.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Final

from server.db.engine import unbounded
from server.errors import Unavailable
from server.jobs import queue
from server.jobs.doorbell import POLL_S
from server.jobs.registry import REGISTRY, JobKind
from server.notifications import delivery
from server.services import Services

log = logging.getLogger(__name__)

AFTER_A_FAULT_S: Final = 5.0
STOP_S: Final = 20.0
"""As long as requests in flight are given."""


class Worker:
    """The threads of one process that do work.

    Args:
        parts: The server.
        registry: The kinds of jobs it can do.
    """

    def __init__(self, parts: Services, registry: Mapping[str, JobKind] = REGISTRY) -> None:
        self._parts = parts
        self._registry = registry
        self._leases = {name: kind.lease for name, kind in registry.items()}
        self._name = f"{socket.gethostname()[:40]}:{os.getpid()}"
        self._stop = threading.Event()
        sources: dict[str, Callable[[], bool]] = {
            "jobs": self.do_one_job,
            "notifications": lambda: delivery.work(parts, self._stop),
        }
        self._threads = [
            threading.Thread(target=self._run, args=(name, source), name=name, daemon=True)
            for name, source in sources.items()
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what is being done is finished, or left to the next worker after its lease."""
        self._stop.set()
        self._parts.work.ring()
        for thread in self._threads:
            thread.join(timeout=STOP_S)

    def prepare(self) -> None:
        """Put the regular jobs into the queue. Where no other process can work, take back what a killed one held.

        Raises:
            Unavailable: The database is not to be had now.
        """
        now, zone = self._parts.clock.utc(), self._parts.settings.zone
        with self._parts.database.write() as session:
            if self._parts.settings.is_embedded and self._parts.settings.jobs == "embedded":
                queue.release_all(session)
                delivery.release_all(session)
            for name, kind in self._registry.items():
                if kind.is_regular:
                    queue.schedule(session, name, kind.first_at(now, zone), now)

    def do_one_job(self) -> bool:
        """Do the job that has waited longest; tells whether there was one.

        Raises:
            Unavailable: The database is not to be had now.
        """
        parts = self._parts
        job = queue.claim(parts.database, parts.clock, self._name, self._leases)
        if job is None:
            return False
        kind = self._registry[job.name]
        try:
            with unbounded():
                kind.run(parts, job.arguments)
        except Exception as error:  # the supervisor: no job may end the others
            log.exception("job_failed", extra={"fields": {"job": job.name, "attempts": job.attempts}})
            why = f"{type(error).__name__}: {getattr(error, 'message', '') or 'see the log'}"
            queue.fail(parts.database, parts.clock, job, self._name, why, give_up_after=kind.give_up_after)
            return True
        next_at = kind.next_at(parts.clock.utc(), parts.settings.zone)
        queue.finish(parts.database, parts.clock, job, self._name, next_at=next_at)
        return True

    def _run(self, name: str, source: Callable[[], bool]) -> None:
        prepared = name != "jobs"
        while not self._stop.is_set():
            seen = self._parts.work.rings
            try:
                if not prepared:
                    self.prepare()
                    prepared = True
                if source():
                    continue
            except Unavailable as error:
                log.warning("work_postponed", extra={"fields": {"what": name, "why": error.message}})
                self._stop.wait(AFTER_A_FAULT_S)
            except Exception:
                log.exception("work_failed", extra={"fields": {"what": name}})
                self._stop.wait(AFTER_A_FAULT_S)
            else:
                self._parts.work.wait(seen, POLL_S)


def work_until_told(parts: Services) -> None:
    """Do what is due until SIGTERM or Ctrl-C: the process `langan-server worker`."""
    told = threading.Event()

    def tell(_signal: int, _frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, tell)
    signal.signal(signal.SIGINT, tell)
    worker = Worker(parts)
    worker.start()
    log.info("worker_started", extra={"fields": {"jobs": len(REGISTRY)}})
    told.wait()
    worker.stop()
    parts.hub.close()
    parts.database.close()
