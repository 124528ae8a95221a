"""Whether this process can do its work now, and the numbers behind it."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from server import migrations
from server.alerts import relay
from server.alerts.service import latest_sequence
from server.db import partitions
from server.errors import ServerError
from server.jobs import queue
from server.services import Services

FEED_LATE: Final = timedelta(seconds=15)
"""Nobody numbers alerts: every relay is dead or hangs."""
FEED_NUMBERS: Final = {
    "feed_sequence": "Newest number of the live feed.",
    "feed_waiting": "Alerts that wait for their number.",
    "feed_lag_seconds": "How long the oldest of them has waited.",
}


JOB_NUMBERS: Final = {
    "jobs_due": "Jobs that could be done now.",
    "jobs_failed": "Jobs that were given up.",
    "jobs_oldest_due_seconds": "How long the oldest job that is due has waited.",
}
PARTITION_NUMBERS: Final = {
    "partition_months_ahead": "Months after this one whose table of revisions is there; -1: this month's is missing.",
    "partition_other_rows": "Revisions in no month's table (counted up to 100,000).",
}


class Readiness:
    """Looks at what this process needs.

    Args:
        parts: Of the server.
    """

    def __init__(self, parts: Services) -> None:
        self._parts = parts
        self._is_migrated = False

    def look(self) -> tuple[HTTPStatus, dict[str, Any]]:
        """200, or 503 with what is wrong."""
        parts = self._parts
        found: dict[str, Any] = {"database": "ok", "revision": "ok", "store": "ok", "feed": "ok"}
        try:
            if not self._is_migrated:
                # A newer release may have migrated it already: what serves until it is replaced stays ready.
                self._is_migrated = migrations.standing(parts.database).is_usable
            numbers = feed_numbers(parts)
            divided = partition_numbers(parts)
        except (ServerError, SQLAlchemyError):
            found |= {"database": "unreachable", "revision": "unknown", "feed": "unknown"}
        except ValueError:
            found["revision"] = "unknown: is it another program's database?"
        else:
            found["feed_lag_s"] = round(numbers["feed_lag_seconds"], 1)
            if not self._is_migrated:
                found["revision"] = "old: run `langan-server migrate`"
            if divided.get("partition_months_ahead", 0) < 0:  # told, and no reason to send nobody here: nothing is lost
                found["partitions"] = "this month's is missing: is a worker running?"
            if numbers["feed_lag_seconds"] > FEED_LATE.total_seconds():
                found["feed"] = "late: is a relay running?"
        try:
            if parts.store.free_bytes() <= 0:
                found["store"] = "full"
        except OSError:
            found["store"] = "unreachable"
        is_ready = all(found[name] == "ok" for name in ("database", "revision", "store", "feed"))
        status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
        return status, {"status": "ready" if is_ready else "not_ready", **found}


def feed_numbers(parts: Services) -> dict[str, float]:
    """The values of `FEED_NUMBERS`.

    Raises:
        Unavailable: The database is not to be had.
    """
    with parts.database.read() as session:
        waiting = relay.waiting(session)
        newest = latest_sequence(session)
    lag = timedelta(0) if waiting.oldest_at is None else max(timedelta(0), parts.clock.utc() - waiting.oldest_at)
    return {"feed_sequence": newest, "feed_waiting": waiting.rows, "feed_lag_seconds": lag.total_seconds()}


def partition_numbers(parts: Services) -> dict[str, float]:
    """The values of `PARTITION_NUMBERS`; none on SQLite.

    Raises:
        Unavailable: The database is not to be had.
    """
    with parts.database.read() as session:
        return partitions.numbers(session, parts.clock.utc())


def job_numbers(parts: Services) -> dict[str, float]:
    """The values of `JOB_NUMBERS`.

    Raises:
        Unavailable: The database is not to be had.
    """
    with parts.database.read() as session:
        depth = queue.depth(session, parts.clock.utc())
    return {"jobs_due": depth.due, "jobs_failed": depth.failed, "jobs_oldest_due_seconds": depth.oldest_due_s}
