"""What the stream process asks the database: one reader for all its clients. Runs in threads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy.orm import Session

from server.alerts import service as alerts
from server.auth import service as auth
from server.domain import access
from server.domain.access import Permission, Principal, Role
from server.domain.views import card_json
from server.incidents import queries
from server.places.service import PlaceTree
from server.services import Services
from server.stream.audience import RECENT, Message

BATCH: Final = 200
"""Alerts of one look: fewer than may wait for one client, which is sent nothing before all are handed out."""
MAX_MISSED: Final = 2000
"""Alerts that somebody who comes back is sent at once; for the rest they come back again."""
EVERYBODY: Final = Principal(Role.ADMIN, "stream", "stream", None)
"""The feed is read once for all; who gets which message is decided by each one's own scope."""


@dataclass(frozen=True, slots=True)
class News:
    """What one look at the database brought."""

    messages: list[Message]
    reached: int
    paths: dict[str, tuple[str, ...]]
    """The ids from the province down, by village, for the villages of `messages`."""
    is_more: bool


@dataclass(frozen=True, slots=True)
class Welcome:
    """What somebody who connects is told first."""

    principal: Principal
    villages: frozenset[str]
    """Of the scope."""
    messages: list[Message] = field(default_factory=list)
    """What was missed, where the database had to be asked ..."""
    reached: int = 0
    """... and the number up to which it was."""
    is_more: bool = False
    """More was missed than is sent at once."""
    is_set_back: bool = False
    """The position never was: the database was restored from a backup since. `reached` is the newest number."""


class Reader:
    """Reads the feed and the rights.

    Args:
        parts: Of the server.
    """

    def __init__(self, parts: Services) -> None:
        self._parts = parts

    def begin(self) -> tuple[int, News]:
        """The newest messages for those who come back, and the number after which they are complete."""
        with self._parts.database.read() as session:
            newest = alerts.latest_sequence(session)
            floor = position = max(0, newest - RECENT)
            messages: list[Message] = []
            while position < newest:
                found, position = _messages(session, position, None)
                messages += found
            return floor, News(messages, position, {}, is_more=False)

    def look(self, position: int) -> News:
        """What is new after a position."""
        with self._parts.database.read() as session:
            messages, reached = _messages(session, position, None)
            tree = PlaceTree.read(session) if messages else None
            paths = {} if tree is None else {m.village_id: tree.path(m.village_id) for m in messages}
        return News(messages, reached, paths, is_more=len(messages) >= BATCH // 2)

    def rights(self, hashes: Iterable[bytes]) -> dict[bytes, Principal]:
        """Who of those with these token hashes may watch now."""
        parts = self._parts
        with parts.database.read() as session:
            found = auth.principals_of_sessions(session, parts.clock, parts.session_policy, hashes)
        return {token_hash: who for token_hash, who in found.items() if may_watch(who)}

    def welcome(self, token: str, position: int | None) -> Welcome | None:
        """Who holds a token (None: nobody), and what they missed since a position before what memory holds."""
        parts = self._parts
        with parts.database.read() as session:
            found = auth.principal_of_session(session, parts.clock, parts.session_policy, token)
            if found is None:
                return None
            principal = found[0]
            if not may_watch(principal):
                return Welcome(principal, frozenset())
            villages = PlaceTree.read(session).villages_of(principal)
            messages: list[Message] = []
            if position is None:
                return Welcome(principal, frozenset(villages))
            newest = alerts.latest_sequence(session)
            if newest < position:
                return Welcome(principal, frozenset(villages), reached=newest, is_set_back=True)
            while position < newest and len(messages) < MAX_MISSED:
                more, position = _messages(session, position, villages)
                messages += more
            return Welcome(principal, frozenset(villages), messages, position, is_more=position < newest)


def may_watch(principal: Principal) -> bool:
    """Whether somebody may follow the feed of some place."""
    has_scope = principal.place_id is not None or access.covers(principal, ())
    return has_scope and access.may(principal, Permission.WATCH_INCIDENTS)


def _messages(session: Session, position: int, villages: list[str] | None) -> tuple[list[Message], int]:
    """The feed after a position, a batch of it, and the new position."""
    items, reached = alerts.read_after(session, position, villages, BATCH)
    if not items:
        return [], reached
    cards = queries.cards_by_id(session, EVERYBODY, [item.incident_id for item in items])
    messages = []
    for item in items:
        card = cards.get(item.incident_id)
        if card is not None:
            data = json.dumps({"change": item.change, **card_json(card)}, ensure_ascii=False, separators=(",", ":"))
            payload = f"id: {item.sequence}\nevent: alert\ndata: {data}\n\n".encode()
            messages.append(Message(item.sequence, card.place.village_id, payload))
    return messages, reached
