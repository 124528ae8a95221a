"""Lets requests that come at once share a transaction, and so one wait for the disk.

    request A --> leads: takes what waits, [A]          BEGIN ... COMMIT   answers A
    request B --> waits                                                    is told to lead: [B, C, D]
    request C --> waits                                                    ...
    request D --> waits

Nobody waits for company: a request that finds no leader leads at once, alone. Each is answered after its commit, as if
it had had a transaction of its own. One in which something fails is rolled back as a whole, and each of its requests
is tried again in a transaction of its own: what is wrong with one is told to nobody else.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.exc import IntegrityError

from server.clock import Clock
from server.db.engine import Database
from server.errors import NotAuthenticated, ServerError, Unavailable
from server.ingest.batch import Batch
from server.ingest.bodies import Body, Taken, Verdict
from server.ingest.items import Delivery
from server.ingest.recent import Recent
from server.ingest.standing import Standing

log = logging.getLogger(__name__)

MAX_EVENTS: Final = 256
"""In one transaction, unless a single request has more: others want to write, too."""


@dataclass(slots=True, eq=False)
class _Request:
    """A request's events, until they are answered.

    Attributes:
        delivery: The events.
        woken: Set when it is answered, or has to do something itself.
        group: Those whom it leads, itself first; empty where it does not.
        answer: None: not answered yet, or to be stored by itself.
        error: Why it cannot be served.
    """

    delivery: Delivery
    woken: threading.Event = field(default_factory=threading.Event)
    group: list[_Request] = field(default_factory=list)
    answer: tuple[Taken, ...] | None = None
    error: ServerError | None = None


class Intake:
    """Where the events of all of a process's requests go.

    Args:
        database: Where to.
        clock: The time.
        zone: The site's time zone.
    """

    def __init__(self, database: Database, clock: Clock, zone: ZoneInfo) -> None:
        self._database, self._clock, self._zone = database, clock, zone
        self.standing = Standing(zone)
        self._recent = Recent()
        self._guard = threading.Lock()
        self._queue: deque[_Request] = deque()
        # SQLite has one writer. On PostgreSQL one transaction is prepared while another one waits for the disk.
        self._free_leaders = 1 if database.dialect == "sqlite" else 2

    def take(self, delivery: Delivery) -> tuple[Taken, ...]:
        """Store a request's events. When this returns, everything it says is on disk.

        Raises:
            Unavailable: Nothing of it was stored; send it again.
            NotAuthenticated: The device was revoked since its signature was checked, or has another key.
        """
        replayed = self._replayed(delivery)
        if replayed is not None:
            return replayed
        mine = _Request(delivery)
        with self._guard:
            if self._free_leaders:
                self._free_leaders -= 1
                mine.group.append(mine)
            else:
                self._queue.append(mine)
        if not mine.group:
            mine.woken.wait()
        if mine.group:
            self._lead(mine)
        if mine.answer is None and mine.error is None:  # something was wrong with the group
            self._serve([mine])
        if mine.error is not None:
            raise mine.error
        return mine.answer or ()

    def _replayed(self, delivery: Delivery) -> tuple[Taken, ...] | None:
        """The answer to what came before as a whole: it waits for no other request, and nothing is written."""
        bodies = delivery.bodies
        if not bodies or not all(isinstance(body, Body) and self._recent.has(body.digest) for body in bodies):
            return None
        with self._database.read() as session:
            return Batch(session, self._clock.utc(), self._zone, self.standing).replay(delivery)

    def _lead(self, mine: _Request) -> None:
        """Serve a group; then let the first of those who have come meanwhile lead."""
        try:
            if len(mine.group) == 1:
                self._serve([mine])
            else:
                self._store_together(mine.group)
        finally:
            self._hand_over()
            for other in mine.group:
                other.woken.set()

    def _store_together(self, group: list[_Request]) -> None:
        try:
            self._serve(group)
        except Unavailable as error:
            for request in group:
                request.error = error
        except Exception:  # each is tried by itself then: what is wrong is raised there, to the one whom it concerns
            log.warning("ingest_group_divided", exc_info=True, extra={"fields": {"requests": len(group)}})

    def _hand_over(self) -> None:
        with self._guard:
            if not self._queue:
                self._free_leaders += 1
                return
            group = [self._queue.popleft()]
            events = len(group[0].delivery.bodies)
            while self._queue and events + len(self._queue[0].delivery.bodies) <= MAX_EVENTS:
                group.append(self._queue.popleft())
                events += len(group[-1].delivery.bodies)
        group[0].group.extend(group)
        group[0].woken.set()

    def _serve(self, group: list[_Request]) -> None:
        """Store what some requests brought, in one transaction, and give them their answers."""
        try:
            with self._database.write() as session:
                batch = Batch(session, self._clock.utc(), self._zone, self.standing)
                answers = batch.take([request.delivery for request in group])
        except IntegrityError as error:
            if len(group) > 1:
                raise
            # A device sends one event id for two villages at once, or two a new camera: the second try sees the first.
            raise Unavailable("two transactions stored the same event", "Send the batch again.") from error
        for request, answer in zip(group, answers, strict=True):
            request.answer = answer
            self._remember(request.delivery, answer or ())
            if answer is None:
                request.error = NotAuthenticated("this device is not enrolled, or was revoked", "Enrol it again.")

    def _remember(self, delivery: Delivery, answer: Sequence[Taken]) -> None:
        for body, taken in zip(delivery.bodies, answer, strict=False):
            if isinstance(body, Body) and taken.verdict is Verdict.STORED:
                self._recent.add(body.digest)
