"""The hash-chained audit log: every change by a person, and every refusal that matters.

Each row's hash is HMAC-SHA256(key, previous hash | row), so a row cannot be edited, removed or inserted without the key
and go unseen. The head row seals number and hash of the newest row with the same key, so cutting the last rows off
shows too. Whoever puts an old copy of the whole database back is not seen: backups are compared outside.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.audit import trim
from server.db.engine import LOCK_AUDIT, lock
from server.db.models import AuditEntry, AuditHead
from server.domain.access import Principal

_PENDING = "pending_audit"
_HEAD_ID = 1
SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class AuditFault:
    """The first row at which the chain is broken."""

    sequence: int
    reason: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What `verify` found."""

    rows: int
    fault: AuditFault | None


@dataclass(frozen=True, slots=True)
class _Pending:
    at: datetime
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: str
    request_id: str


def record(
    session: Session,
    *,
    at: datetime,
    actor: Principal | None,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
    request_id: str = "",
) -> None:
    """Add a row to the log when the transaction commits.

    Args:
        session: Of `Database.write`.
        at: The time of the change.
        actor: Who; None for the system itself.
        action: A stable word such as `incident.acknowledge`.
        subject: What it was done to: `incident:<id>`.
        detail: JSON-ready facts; never a secret.
        request_id: Of the HTTP request, where there is one.
    """
    canonical = json.dumps(detail or {}, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    name, who = (actor.name, actor.actor) if actor is not None else (SYSTEM, SYSTEM)
    pending: list[_Pending] = session.info.setdefault(_PENDING, [])
    pending.append(_Pending(at.astimezone(UTC), who, name, action, subject[:140], canonical, request_id))


class AuditChain:
    """Writes what a transaction recorded, and checks the whole."""

    def __init__(self, secret_key: str) -> None:
        self._key = hmac.digest(secret_key.encode(), b"langan audit chain", hashlib.sha256)

    def write_pending(self, session: Session) -> None:
        """Append the transaction's rows to the chain: a hook at its end."""
        pending: list[_Pending] = session.info.pop(_PENDING, [])
        if not pending:
            return
        lock(session, LOCK_AUDIT)
        head = session.get(AuditHead, _HEAD_ID, populate_existing=True)
        if head is None:
            head = AuditHead(id=_HEAD_ID, sequence=0, hash=b"")
            session.add(head)
        last = session.get(AuditEntry, head.sequence)
        sequence, previous = head.sequence, last.hash if last is not None else trim.GENESIS
        for item in pending:
            entry = AuditEntry(
                sequence=sequence + 1,
                at=item.at,
                actor=item.actor,
                actor_name=item.actor_name,
                action=item.action,
                subject=item.subject,
                detail=item.detail,
                request_id=item.request_id,
            )
            entry.hash = self._hash(previous, entry)
            session.add(entry)
            sequence, previous = entry.sequence, entry.hash
        head.sequence, head.hash = sequence, self._seal(sequence, previous)
        session.flush()

    def verify(self, session: Session) -> AuditReport:
        """Walk the chain and name the first row that was edited, removed or added behind our back.

        Args:
            session: Of `Database.snapshot`: a row that is written meanwhile would look like one that was cut off.
        """
        rows, previous, is_sealed = trim.base_of(session, self._key)
        if not is_sealed:
            return AuditReport(rows, AuditFault(rows + 1, "where the log begins was changed"))
        everything = select(AuditEntry).order_by(AuditEntry.sequence).execution_options(yield_per=1000)
        with closing(session.scalars(everything)) as entries:
            for entry in entries:
                rows += 1
                if entry.sequence != rows:
                    reason = f"row {rows} is missing (the next one is {entry.sequence})"
                    return AuditReport(rows - 1, AuditFault(rows, reason))
                if not hmac.compare_digest(self._hash(previous, entry), entry.hash):
                    return AuditReport(rows, AuditFault(entry.sequence, f"row {entry.sequence} was changed"))
                previous = entry.hash
        head = session.get(AuditHead, _HEAD_ID)
        known = head.sequence if head is not None else 0
        sealed = head is None or hmac.compare_digest(head.hash, self._seal(rows, previous))
        if known != rows or not sealed:
            reason = f"the log ends at row {rows}, but {known} rows were written"
            return AuditReport(rows, AuditFault(min(rows, known) + 1, reason))
        return AuditReport(rows, None)

    def older_than(self, session: Session, at: datetime) -> int:
        """How many rows `forget_before` would delete."""
        return trim.older_than(session, at)

    def forget_before(self, session: Session, at: datetime) -> int:
        """Delete the oldest rows; what stays still proves itself. Gives their number."""
        return trim.forget_before(session, self._key, at)

    def _seal(self, sequence: int, last: bytes) -> bytes:
        """What only the holder of the key can say: the log ends here."""
        return hmac.digest(self._key, b"head %d " % sequence + last, hashlib.sha256)

    def _hash(self, previous: bytes, entry: AuditEntry) -> bytes:
        fields = [
            entry.sequence,
            entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            entry.actor,
            entry.actor_name,
            entry.action,
            entry.subject,
            entry.detail,
            entry.request_id,
        ]
        return hmac.digest(self._key, previous + json.dumps(fields, ensure_ascii=False).encode(), hashlib.sha256)
