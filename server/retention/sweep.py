"""Makes the store agree with the database: files that are out of use go, and files that nothing speaks of."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import insert, select

from server.db.models import EvidenceFile
from server.db.work_models import Deletion
from server.retention import deletions
from server.retention.policy import What, why
from server.services import Services

log = logging.getLogger(__name__)

_AT_ONCE: Final = 200
_SURELY_ORPHAN: Final = timedelta(days=1)
"""A file that is being received has no row yet."""


def purge_removed(parts: Services) -> int:
    """Let the store go of files that are out of use; gives their number. Goes on where a crash ended it.

    Raises:
        StoreUnavailable: The store does not answer; the rest goes next time.
    """
    purged = 0
    while True:
        with parts.database.read() as session:
            names = list(
                session.scalars(
                    select(EvidenceFile.sha256)
                    .where(EvidenceFile.removed_at.is_not(None), EvidenceFile.purged_at.is_(None))
                    .limit(_AT_ONCE)
                )
            )
        if not names:
            return purged
        for name in names:
            parts.store.remove(name)
        with parts.database.write() as session:
            deletions.purged(session, names, parts.clock.utc())
        purged += len(names)


def sweep(parts: Services) -> int:
    """Remove files that no row speaks of: what a crash left between store and database; gives their number.

    Raises:
        StoreUnavailable: The store does not answer.
    """
    purge_removed(parts)
    removed, now = 0, parts.clock.utc()
    old = (name for name, came_at in parts.store.names() if came_at < now - _SURELY_ORPHAN)
    while names := list(islice(old, _AT_ONCE)):
        removed += _sweep_batch(parts, names, now)
    if removed:
        log.warning("orphans_removed", extra={"fields": {"files": removed}})
    return removed


def _sweep_batch(parts: Services, names: list[str], now: datetime) -> int:
    with parts.database.read() as session:
        known = set(
            session.scalars(
                select(EvidenceFile.sha256).where(EvidenceFile.sha256.in_(names), EvidenceFile.removed_at.is_(None))
            )
        )
    orphans = [name for name in names if name not in known]
    if not orphans:
        return 0
    lines = [deletions.line(What.ORPHAN, name, now, why("orphan"), rows=1) for name in orphans]
    with parts.database.write() as session:
        session.execute(insert(Deletion), lines)
    for name in orphans:
        parts.store.remove(name)
    return len(orphans)
