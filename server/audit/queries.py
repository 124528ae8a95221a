"""Reading the audit log: a page by filters, and the whole as lines of JSON. Every question is bounded by an index."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.db.models import AuditEntry

MAX_PAGE: Final = 200
_SUBJECT: Final = re.compile(r"[a-z]{1,20}:\S{0,110}")
_WHO: Final = re.compile(r"(user|device):\S{1,64}|system")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """What an admin chose to see. What cannot be meant counts as not chosen."""

    who: str = ""
    """`user:7`, `device:box-1` or `system`."""
    action: str = ""
    subject: str = ""
    """`incident:<id>`."""
    since: str = ""
    until: str = ""
    """Days as they were typed; the last one counts whole."""

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> Self:
        """Read it from a request's query."""
        who, subject = arguments.get("who", "").strip()[:80], arguments.get("subject", "").strip()[:140]
        return cls(
            who=who if _WHO.fullmatch(who) else "",
            action=arguments.get("action", "")[:60] if arguments.get("action", "").isascii() else "",
            subject=subject if _SUBJECT.fullmatch(subject) else "",
            since=arguments.get("since", "").strip()[:10],
            until=arguments.get("until", "").strip()[:10],
        )

    @property
    def query(self) -> dict[str, Any]:
        """The chosen parts, for an address."""
        chosen = {
            "who": self.who,
            "action": self.action,
            "subject": self.subject,
            "since": self.since,
            "until": self.until,
        }
        return {name: value for name, value in chosen.items() if value}

    @property
    def any(self) -> bool:
        """Whether anything was chosen."""
        return bool(self.query)

    @property
    def has_wrong_day(self) -> bool:
        """Whether a day was typed that is none."""
        return any(text and _day(text) is None for text in (self.since, self.until))


def list_entries(
    session: Session,
    wanted: AuditFilter = AuditFilter(),
    *,
    zone: ZoneInfo | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[AuditEntry]:
    """The newest rows first.

    Args:
        session: Of `Database.read`.
        wanted: Which rows.
        zone: In which its days are meant; UTC when None.
        before: The sequence of the last row of the page before.
        limit: Rows, at most `MAX_PAGE`.
    """
    query = select(AuditEntry).order_by(AuditEntry.sequence.desc()).limit(max(1, min(limit, MAX_PAGE)))
    for column, value in (
        (AuditEntry.actor, wanted.who),
        (AuditEntry.action, wanted.action),
        (AuditEntry.subject, wanted.subject),
    ):
        if value:
            query = query.where(column == value)
    # Rows are written in the order of their times, give or take a clock's correction: days become numbers of rows by
    # the index on time, so that the page is found by the primary key whatever else is asked for.
    since, until = _midnight(_day(wanted.since), zone), _midnight(_day(wanted.until), zone, days=1)
    if since is not None:
        first = session.scalar(
            select(AuditEntry.sequence)
            .where(AuditEntry.at >= since)
            .order_by(AuditEntry.at, AuditEntry.sequence)
            .limit(1)
        )
        if first is None:
            return []
        query = query.where(AuditEntry.sequence >= first)
    if until is not None:
        last = session.scalar(
            select(AuditEntry.sequence)
            .where(AuditEntry.at < until)
            .order_by(AuditEntry.at.desc(), AuditEntry.sequence.desc())
            .limit(1)
        )
        if last is None:
            return []
        query = query.where(AuditEntry.sequence <= last)
    if before is not None:
        query = query.where(AuditEntry.sequence < before)
    return list(session.scalars(query))


def known_actions(session: Session) -> list[str]:
    """The actions that are in the log, by name; each is found by one step of the index, however long the log is."""
    found: list[str] = []
    step = select(func.min(AuditEntry.action))
    while len(found) < MAX_PAGE:
        following = session.scalar(step.where(AuditEntry.action > found[-1]) if found else step)
        if following is None:
            break
        found.append(following)
    return found


def export(session: Session, since: int = 0) -> Iterator[str]:
    """The log as lines of JSON in the order of the chain, with each row's hash."""
    query = select(AuditEntry).where(AuditEntry.sequence > since).order_by(AuditEntry.sequence)
    for row in session.scalars(query.execution_options(yield_per=1000)):
        line = {
            "sequence": row.sequence,
            "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": row.actor,
            "actor_name": row.actor_name,
            "action": row.action,
            "subject": row.subject,
            "detail": json.loads(row.detail),
            "request_id": row.request_id,
            "hash": row.hash.hex(),
        }
        yield json.dumps(line, ensure_ascii=False)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date | None, zone: ZoneInfo | None, days: int = 0) -> datetime | None:
    if day is None or not date(1970, 1, 2) < day < date(9999, 1, 1):
        return None
    return datetime.combine(day + timedelta(days=days), time(), zone or UTC).astimezone(UTC)
