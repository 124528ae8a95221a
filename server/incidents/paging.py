"""A page of incidents by keyset, newest first, that costs the same among a thousand and among millions.

What a database makes of `village IN (...) ORDER BY first_at DESC LIMIT 49` depends on what it believes to know: it may
read and sort every incident of the villages. So it is asked in a way that leaves no choice: of the whole site without
its villages, of some villages one by one (an index has each one's newest first), and of many through the newest of all.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, literal_column, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from server.db.incident_models import Incident
from server.errors import InvalidInput

MAX_PAGE: Final = 100
ONE_BY_ONE: Final = 60
"""So many villages are asked one after the other: a district's; beyond, their incidents are a good part of all."""
_NEWEST_FIRST: Final = (Incident.first_at.desc(), Incident.id.desc())


@dataclass(frozen=True, slots=True)
class Villages:
    """Where to look.

    Attributes:
        ids: The villages of the scope.
        is_everywhere: These are all there are.
    """

    ids: frozenset[str]
    is_everywhere: bool


def page(
    session: Session, villages: Villages, conditions: Sequence[ColumnElement[bool]], cursor: str | None, limit: int
) -> tuple[Sequence[Incident], str | None]:
    """The newest incidents of the villages under the conditions, and the cursor of the next page.

    Raises:
        InvalidInput: The cursor is not one of ours.
    """
    limit = max(1, min(limit, MAX_PAGE))
    wanted = [*conditions]
    if cursor is not None:
        wanted.append(tuple_(Incident.first_at, Incident.id) < read_cursor(cursor))
    query = (
        select(Incident)
        .options(joinedload(Incident.camera), joinedload(Incident.handled_by), joinedload(Incident.assigned_to))
        .where(*_condition(session, villages, wanted, limit + 1))
        .order_by(*_NEWEST_FIRST)
        .limit(limit + 1)
    )
    # Looked at once more: a village that was added this moment is in nobody's list yet.
    rows = [row for row in session.scalars(query) if row.village_id in villages.ids]
    return rows[:limit], None if len(rows) <= limit else write_cursor(rows[limit - 1])


def _condition(
    session: Session, villages: Villages, wanted: Sequence[ColumnElement[bool]], most: int
) -> list[ColumnElement[bool]]:
    names = sorted(villages.ids)
    if villages.is_everywhere:
        return [*wanted]
    if len(names) == 1:
        return [Incident.village_id == names[0], *wanted]
    if 1 < len(names) <= ONE_BY_ONE:
        newest = (
            select(Incident.id, Incident.first_at)
            .where(Incident.village_id == name, *wanted)
            .order_by(*_NEWEST_FIRST)
            .limit(most)
            .subquery()
            for name in names
        )
        every = union_all(*(select(part.c.id, part.c.first_at) for part in newest)).subquery()
        best = select(every.c.id).order_by(every.c.first_at.desc(), every.c.id.desc()).limit(most)
        return [Incident.id.in_(best)]
    return [without_index(session, Incident.village_id).in_(names), *wanted]


def without_index(session: Session, column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """A column of incidents that SQLite's planner, which does not know how often a value occurs, is kept from."""
    if session.get_bind().dialect.name != "sqlite":
        return column.expression
    return literal_column(f"+incidents.{column.key}", column.type)


def write_cursor(last: Incident) -> str:
    """Where the page after an incident begins."""
    text = f"{last.first_at.isoformat()} {last.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """What `write_cursor` wrote.

    Raises:
        InvalidInput: It did not.
    """
    try:
        text = base64.urlsafe_b64decode(cursor[:200] + "=" * (-len(cursor[:200]) % 4)).decode()
        first_at, incident_id = text.split(" ")
        return datetime.fromisoformat(first_at).astimezone(UTC), UUID(incident_id)
    except (ValueError, binascii.Error) as error:
        raise InvalidInput("cursor: not one of this server's", "Start again from the first page.") from error
