"""Numbers the feed after commit, on PostgreSQL: one elected relay moves alerts from their outbox to the feed.

    transactions, at once: alert_outbox <- rows      commit
    the relay, one round:  alert_outbox -> alerts    commit      doorbell

Why no reader misses an alert (docs/design/live-feed.md has the whole argument): a row leaves the outbox by being
deleted, not by a cursor that passes its id, so one that commits late is found in a later round; and rounds exclude
each other by a lock that is held until their commit, so numbers become visible in rising order.
"""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from server.db.engine import LOCK_FEED, LOCK_RELAY, Database, lock, try_lock
from server.db.feed_models import UnnumberedAlert
from server.db.models import Alert
from server.errors import ServerError

log = logging.getLogger(__name__)

BATCH: Final = 1000
LOOK_S: Final = 0.05
"""The elected relay looks so often for what other processes wrote; its own process's commits wake it at once."""
STAND_BY_S: Final = 1.0
"""The others try so often to be elected: so long may the feed stand still when the elected one dies."""

_ANY: Final = select(UnnumberedAlert.id).limit(1)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has not got its number yet."""

    rows: int
    oldest_at: datetime | None


def number(session: Session) -> int:
    """Give the waiting alerts their numbers: one round, in the transaction of `session`.

    Safe with any number of relays at once: each round waits for the one before it to be committed.

    Returns:
        How many there were, at most `BATCH`.
    """
    lock(session, LOCK_FEED)
    first = select(UnnumberedAlert.id).order_by(UnnumberedAlert.id).limit(BATCH).scalar_subquery()
    taken = session.execute(
        delete(UnnumberedAlert)
        .where(UnnumberedAlert.id.in_(first))
        .returning(
            UnnumberedAlert.id,
            UnnumberedAlert.incident_id,
            UnnumberedAlert.village_id,
            UnnumberedAlert.change,
            UnnumberedAlert.at,
            UnnumberedAlert.decision,
            UnnumberedAlert.silence_id,
            UnnumberedAlert.inhibited_by_id,
        ),
        execution_options={"synchronize_session": False},
    ).all()
    if taken:
        # Transactions about one incident exclude each other, so among the rows of one round ids tell their order.
        columns = ("incident_id", "village_id", "change", "at", "decision", "silence_id", "inhibited_by_id")
        rows = [{name: getattr(row, name) for name in columns} for row in sorted(taken, key=lambda row: row.id)]
        session.execute(insert(Alert), rows)
        session.info["feed_written"] = True
    return len(taken)


def waiting(session: Session) -> Waiting:
    """What has not got its number yet: the relay's lag, for monitoring."""
    rows, oldest = session.execute(select(func.count(), func.min(UnnumberedAlert.at))).one()
    return Waiting(rows, oldest)


class FeedRelay:
    """Numbers the feed while it is the elected one; stands by otherwise.

    The election is a lock within a transaction that stays open (and idle, without a snapshot): it ends with its
    connection, whatever happened to the process, and holds through a pooler that gives connections out by transaction.
    It only saves work: two relays that both think they are elected number nothing twice and nothing out of order.

    Args:
        database: Where the feed is. Does nothing on SQLite: its one writer numbers alerts itself.
        on_numbers: Called after each round that was committed: the doorbell.
    """

    def __init__(self, database: Database, on_numbers: Callable[[], None]) -> None:
        self._database = database
        self._on_numbers = on_numbers
        self._woken = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.is_elected = False

    def start(self) -> None:
        """Stand for election."""
        if self._database.dialect == "sqlite" or self._thread is not None:
            return
        self._thread = threading.Thread(target=self._run, name="feed-relay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; a round in progress is finished."""
        self._stop.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def wake(self, session: Session) -> None:
        """Look now: a hook after commit."""
        if session.info.pop("alerts_waiting", False):
            self._woken.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with self._database.read() as election:
                    if try_lock(election, LOCK_RELAY):
                        self._lead(election)
            except (ServerError, SQLAlchemyError) as error:
                log.warning("feed_relay_interrupted", extra={"fields": {"cause": type(error).__name__}})
            finally:
                self.is_elected = False
            self._stop.wait(STAND_BY_S)

    def _lead(self, election: Session) -> None:
        log.info("feed_relay_elected")
        self.is_elected = True
        while not self._stop.is_set():
            self._woken.clear()
            # Asked on the connection that holds the election: an error here is how its loss is noticed.
            if election.scalar(_ANY) is not None:
                self.round()
                continue
            self._woken.wait(LOOK_S)

    def round(self) -> int:
        """Number what waits now; gives how many."""
        with self._database.write() as session:
            count = number(session)
        if count:
            self._on_numbers()
        return count


def serve(relay: FeedRelay) -> None:
    """Be a relay and nothing else until SIGTERM or Ctrl-C."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda _signal, _frame: stop.set())
    relay.start()
    stop.wait()
    relay.stop()
