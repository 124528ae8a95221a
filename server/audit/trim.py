"""Cuts the audit log's oldest rows off once their period is over, so that the rest still proves itself.

The last row that went leaves its number and hash, sealed with the chain's key: `verify` begins there. Whoever cuts
without the key leaves a hole that shows.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from server.db.engine import LOCK_AUDIT, lock
from server.db.models import AuditEntry
from server.db.work_models import AuditBase

_BASE_ID = 1
GENESIS = bytes(32)


def base_of(session: Session, key: bytes) -> tuple[int, bytes, bool]:
    """Where the log begins: number and hash of the row before its first one, and whether their seal is whole."""
    base = session.get(AuditBase, _BASE_ID, populate_existing=True)
    if base is None:
        return 0, GENESIS, True
    return base.sequence, base.hash, hmac.compare_digest(base.seal, _seal(key, base.sequence, base.hash))


def where_it_begins(session: Session) -> tuple[int, bytes]:
    """Number and hash of the row before the log's first one."""
    base = session.get(AuditBase, _BASE_ID, populate_existing=True)
    return (0, GENESIS) if base is None else (base.sequence, base.hash)


def older_than(session: Session, at: datetime) -> int:
    """How many rows are older, the newest row never counted."""
    newest = select(func.max(AuditEntry.sequence)).scalar_subquery()
    query = select(func.count()).select_from(AuditEntry).where(AuditEntry.at < at, AuditEntry.sequence < newest)
    return session.scalar(query) or 0


def forget_before(session: Session, key: bytes, at: datetime) -> int:
    """Delete the rows from the beginning up to the first one that is not older; gives their number.

    The newest row always stays: the next one is chained to it.
    """
    lock(session, LOCK_AUDIT)
    newest = session.scalar(select(func.max(AuditEntry.sequence))) or 0
    first_kept = session.scalar(select(func.min(AuditEntry.sequence)).where(AuditEntry.at >= at)) or newest
    last = session.get(AuditEntry, first_kept - 1)
    if last is None:
        return 0
    base = session.get(AuditBase, _BASE_ID, populate_existing=True)
    before = base.sequence if base is not None else 0
    session.merge(
        AuditBase(id=_BASE_ID, sequence=last.sequence, hash=last.hash, seal=_seal(key, last.sequence, last.hash))
    )
    session.flush()
    gone = last.sequence
    session.execute(delete(AuditEntry).where(AuditEntry.sequence <= gone).execution_options(synchronize_session=False))
    session.expire_all()
    return gone - before


def _seal(key: bytes, sequence: int, last: bytes) -> bytes:
    return hmac.digest(key, b"base %d " % sequence + last, hashlib.sha256)
