"""What time does to the monthly partitions of PostgreSQL: months are made ahead, settled, and dropped.

A month is *settled* once the evidence of everything in it is over: its bodies are empty then, and its table is written
anew to give the disk back. It is *dropped* once its incidents are past their period, too; what a hold or an open
incident keeps moves to the partition of old ids first. SQLite has no months, and all of this does nothing there.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import text

from server.db import partitions
from server.db.partitions import Month
from server.retention.policy import RetentionPolicy
from server.services import Services

log = logging.getLogger(__name__)

KEPT_AT_MOST: Final = 10_000
"""A month that still holds more revisions than this is not dropped: the others go one by one."""
_MARGIN: Final = timedelta(days=2)
"""An incident lasts beyond the month in which its event began."""
_SETTLED: Final = "settled"
"""The comment of a partition that was written anew."""


def keep_months(parts: Services) -> list[Month]:
    """Make the months ahead, settle those that are over; gives those that were made.

    Raises:
        Unavailable: The database is not to be had now.
    """
    now = parts.clock.utc()
    with parts.database.write() as session:
        made = partitions.add_months(session, now)
        numbers = partitions.numbers(session, now)
    if made:
        log.info("months_made", extra={"fields": {"months": [month.table for month in made]}})
    if numbers.get("partition_other_rows"):
        log.warning("revisions_outside_of_months", extra={"fields": {"rows": numbers["partition_other_rows"]}})
    _settle(parts, now)
    return made


def drop_months(parts: Services, policy: RetentionPolicy, now: datetime) -> list[tuple[Month, int]]:
    """Drop the oldest months; of one with much to keep only rows go. Gives the months with the rows that went."""
    periods = [policy.incident, *policy.evidence.values()]
    longest = max((period for period in periods if period is not None), default=None)
    if longest is None or policy.incident is None:
        return []
    with parts.database.read() as session:
        known = partitions.months(session)
    went: list[tuple[Month, int]] = []
    can_drop = True  # oldest first: `before` ends where the first month begins
    for month in known[:-1]:
        if month.ends_at > now - longest - _MARGIN:
            break
        with parts.database.write() as session:
            rows = partitions.drop_month(session, month, KEPT_AT_MOST) if can_drop else None
            if rows is None:
                can_drop, rows = False, partitions.delete_gone(session, month)
                log.info("month_not_dropped", extra={"fields": {"month": month.table, "kept_over": KEPT_AT_MOST}})
        went.append((month, rows))
    return went


def _settle(parts: Services, now: datetime) -> None:
    periods = list(RetentionPolicy.of(parts.settings).evidence.values())
    longest = max((period for period in periods if period is not None), default=None)
    if longest is None or None in periods:
        return  # some bodies stay for ever
    with parts.database.read() as session:
        over = [
            month.table
            for month in partitions.months(session)
            if month.ends_at < now - longest - _MARGIN
            and session.scalar(text("SELECT obj_description(to_regclass(:name))"), {"name": month.table}) != _SETTLED
        ]
    if not over:
        return
    with parts.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for name in over:
            connection.execute(text(f"VACUUM (FULL, ANALYZE) {name}"))
            connection.execute(text(f"COMMENT ON TABLE {name} IS '{_SETTLED}'"))
            log.info("month_settled", extra={"fields": {"month": name}})
