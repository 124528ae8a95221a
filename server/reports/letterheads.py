"""What printed reports of a place carry beside the numbers: agency, number, who signs, who gets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Final, Self

from sqlalchemy.orm import Session

from server.audit import service as audit
from server.clock import Clock
from server.db.report_models import Letterhead
from server.domain import access
from server.domain.access import Permission, Principal
from server.errors import Forbidden, InvalidInput, NotFound
from server.places.service import PlaceTree

MOST: Final = {"sign": 40, "town": 80, "signer": 120, "recipients": 1000}
_MOST_OTHER: Final = 160


@dataclass(frozen=True, slots=True)
class Head:
    """A letterhead; what is empty is printed as dots to fill in by hand."""

    superior: str = ""
    agency: str = ""
    sign: str = ""
    town: str = ""
    authority: str = ""
    office: str = ""
    signer: str = ""
    recipients: str = ""

    @classmethod
    def read(cls, form: Mapping[str, str]) -> Self:
        """Read it from a form.

        Raises:
            InvalidInput: A field is too long.
        """
        values = {}
        for item in fields(cls):
            text = "".join(letter for letter in form.get(item.name, "") if letter == "\n" or letter >= " ").strip()
            most = MOST.get(item.name, _MOST_OTHER)
            if len(text) > most:
                raise InvalidInput(f"{item.name} has {len(text)} characters", f"Keep it to {most}.")
            values[item.name] = text if item.name == "recipients" else " ".join(text.split())
        return cls(**values)

    @property
    def recipient_lines(self) -> list[str]:
        """Who gets it, one a line."""
        return [line.strip(" -;.") for line in self.recipients.splitlines() if line.strip(" -;.")]


def letterhead_of(session: Session, place_id: str | None) -> Head:
    """The letterhead of a place; an empty one where nobody has written it."""
    row = session.get(Letterhead, place_id) if place_id is not None else None
    return Head() if row is None else Head(**{item.name: getattr(row, item.name) for item in fields(Head)})


def may_write(session: Session, principal: Principal, place_id: str) -> bool:
    """Whether somebody may write the letterhead of a place."""
    tree = PlaceTree.read(session)
    return place_id in tree and access.may_here(principal, Permission.MANAGE_REPORTS, tree.path(place_id))


def write(
    session: Session, clock: Clock, principal: Principal, place_id: str, head: Head, *, request_id: str = ""
) -> None:
    """Keep a letterhead.

    Raises:
        NotFound: No such place in the scope.
        Forbidden: The role may read reports, not set how they are printed.
    """
    tree = PlaceTree.read(session)
    if place_id not in tree or not access.may_here(principal, Permission.READ_OVERVIEW, tree.path(place_id)):
        raise NotFound("no such place in your area", "Choose one of the list.")
    if not may_write(session, principal, place_id):
        raise Forbidden("officers read reports, leaders and admins set how they are printed", "Ask one of them.")
    session.merge(Letterhead(place_id=place_id, **asdict(head)))
    audit.record(
        session,
        at=clock.utc(),
        actor=principal,
        action="report.letterhead",
        subject=f"place:{place_id}",
        detail={},
        request_id=request_id,
    )
