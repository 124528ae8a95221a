"""Where the audit log stood at some time, written down outside of the database.

The chain shows every change by somebody without the site's secret key. Who has the key, or puts an old copy of the
whole database back, is caught by an anchor: number and hash of a row as they were once told in a log line, in the
daily report and in `audit-anchors.jsonl` of the data folder.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.audit import trim
from server.audit.service import AuditFault
from server.clock import Clock
from server.db.engine import Database
from server.db.models import AuditEntry

log = logging.getLogger(__name__)

FILE: Final = "audit-anchors.jsonl"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The newest row of the log at some time."""

    sequence: int
    hash: str
    """64 hexadecimal digits."""
    at: datetime

    def __str__(self) -> str:
        """As people write it down, and as `audit verify --anchor` reads it."""
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def read(cls, text: str, at: datetime) -> Anchor:
        """Read it back.

        Raises:
            ValueError: It is none.
        """
        number, _, digest = text.strip().partition(":")
        if not number.isdigit() or len(number) > 18 or len(digest) != 64 or set(digest) - set("0123456789abcdef"):
            raise ValueError(f"{text[:90]!r} is no anchor: write NUMBER:HASH as `langan-server audit head` prints it")
        return cls(int(number), digest, at)


def head(session: Session, clock: Clock) -> Anchor:
    """Where the log stands now; row 0 is the beginning."""
    row = session.scalar(select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(1))
    sequence, digest = (row.sequence, row.hash) if row is not None else (0, trim.GENESIS)
    return Anchor(sequence, digest.hex(), clock.utc())


def anchor_head(database: Database, clock: Clock, folder: Path) -> Anchor:
    """Write down outside of the database where the log stands; gives it for reports and e-mails.

    Args:
        database: The log's.
        clock: The time.
        folder: The data folder.

    Raises:
        OSError: The file cannot be written; the log line was.
    """
    with database.read() as session:
        found = head(session, clock)
    log.info("audit_head", extra={"fields": {"sequence": found.sequence, "hash": found.hash}})
    line = {"at": found.at.astimezone(UTC).isoformat(), "sequence": found.sequence, "hash": found.hash}
    descriptor = os.open(folder / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "a", encoding="ascii") as file:
        file.write(json.dumps(line) + "\n")
    return found


def kept_anchors(folder: Path) -> list[Anchor]:
    """What `anchor_head` wrote on this machine; empty where it never did.

    Raises:
        ValueError: A line is not one of ours; the message names it.
    """
    path, found = folder / FILE, []
    if not path.exists():
        return []
    for number, text in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        try:
            line = json.loads(text)
            at = datetime.fromisoformat(line["at"])
            found.append(Anchor.read(f"{line['sequence']}:{line['hash']}", at))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path}:{number}: this is no anchor: somebody changed the file") from error
    return found


def check(session: Session, anchors: Iterable[Anchor]) -> AuditFault | None:
    """The first anchored row that is not in the log any more as it was.

    Rows that were cut off because their period is over are passed over; the last of them is known by its hash.
    """
    base = trim.where_it_begins(session)
    for anchor in sorted(anchors, key=lambda item: item.sequence):
        if anchor.sequence < base[0]:
            continue
        row = session.get(AuditEntry, anchor.sequence)
        digest = base[1] if anchor.sequence == base[0] else None if row is None else row.hash
        told = f"row {anchor.sequence}, written down on {anchor.at:%Y-%m-%d %H:%M} UTC,"
        if digest is None:
            reason = f"{told} is missing: rows were cut off, or an old copy of the database was put back"
            return AuditFault(anchor.sequence, reason)
        if not hmac.compare_digest(digest.hex(), anchor.hash):
            return AuditFault(anchor.sequence, f"{told} is another one now: the log was written anew")
    return None
