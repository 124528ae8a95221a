"""Places in the database: synchronised from site.yaml, read as names and scopes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.config_loader import load_site
from contract.site_config import SiteConfig
from server.audit import service as audit
from server.clock import Clock
from server.db.models import Place, SiteDocument
from server.domain.access import Principal, Role
from server.domain.views import PlaceNames
from server.errors import InvalidInput, NotFound

_DOCUMENT_ID = 1
_TREE = "place_tree"
_PLACES = select(Place.id, Place.kind, Place.name, Place.parent_id)
_RANK = {"province": 0, "commune": 1, "village": 2}


def sync(session: Session, clock: Clock, text: str, file_name: str, actor: Principal | None = None) -> SiteConfig:
    """Take the places (and schedules) of a site.yaml over. A place that is no longer named stays: incidents lie there.

    Raises:
        InvalidInput: The file is wrong; `issues` name the lines.
    """
    result = load_site(text, file_name)
    if result.config is None:
        raise InvalidInput(
            "\n".join(str(issue) for issue in result.errors),
            "Correct the lines and synchronise again.",
            [
                {"file": i.file, "line": i.line, "path": i.path, "message": i.message, "remedy": i.remedy}
                for i in result.errors
            ],
        )
    known = {row.id: row for row in session.scalars(select(Place))}  # held, so that none is asked for by itself
    ranked = sorted(result.config.places, key=lambda item: _RANK[item.kind])
    for last, place in zip([*ranked[:1], *ranked], ranked, strict=False):
        if last.kind != place.kind:
            session.flush()  # those that lie around them come first
        latitude, longitude = place.location or (None, None)
        row = known.get(place.id)
        if row is not None and row.kind != place.kind:
            raise InvalidInput(
                f"place {place.id!r} is a {row.kind} here and a {place.kind} in {file_name}",
                "Give the new place another id.",
            )
        session.merge(
            Place(
                id=place.id,
                kind=place.kind,
                name=place.name,
                parent_id=place.parent,
                latitude=latitude,
                longitude=longitude,
                contact=place.contact,
            )
        )
    session.flush()
    session.info.pop(_TREE, None)
    session.merge(SiteDocument(id=_DOCUMENT_ID, yaml=text, synced_at=clock.utc()))
    audit.record(
        session,
        at=clock.utc(),
        actor=actor,
        action="places.sync",
        subject="site:1",
        detail={"places": sorted(p.id for p in result.config.places)},
    )
    return result.config


def site_config(session: Session) -> SiteConfig | None:
    """The site.yaml that was synchronised last; None before the first time."""
    document = session.get(SiteDocument, _DOCUMENT_ID)
    return None if document is None else parsed(document.yaml)


@lru_cache(maxsize=2)
def parsed(text: str) -> SiteConfig | None:
    """What a site.yaml that was synchronised says; a province's takes seconds to read, so it is read once."""
    return load_site(text, "site.yaml").config


class PlaceRow(NamedTuple):
    """A place without its position."""

    id: str
    kind: str
    name: str
    parent_id: str | None


class PlaceTree:
    """All places at one moment. Small (a commune has a few dozen villages), so it is read whole."""

    def __init__(self, places: Iterable[PlaceRow]) -> None:
        self._places = {place.id: place for place in places}
        self._paths: dict[str, tuple[str, ...]] = {}

    @classmethod
    def read(cls, session: Session) -> PlaceTree:
        """Read it; a session, which sees one state of the database, reads it once."""
        tree: PlaceTree | None = session.info.get(_TREE)
        if tree is None:
            tree = session.info[_TREE] = cls(PlaceRow._make(row) for row in session.execute(_PLACES))
        return tree

    @staticmethod
    def hold(session: Session, tree: PlaceTree) -> None:
        """Let a session go by a tree that is known to be the one of its moment."""
        session.info[_TREE] = tree

    def __contains__(self, place_id: str) -> bool:
        return place_id in self._places

    def path(self, place_id: str) -> tuple[str, ...]:
        """Ids from the province down to the place.

        Raises:
            NotFound: There is no such place.
        """
        if place_id in self._paths:
            return self._paths[place_id]
        path: list[str] = []
        current: str | None = place_id
        while current is not None:
            place = self._places.get(current)
            if place is None or current in path:
                raise NotFound(f"no place {place_id!r}", "Add it to site.yaml and run `langan-server places sync`.")
            path.insert(0, current)
            current = place.parent_id
        self._paths[place_id] = tuple(path)
        return self._paths[place_id]

    def is_village(self, place_id: str) -> bool:
        """Whether this is a village that there is."""
        place = self._places.get(place_id)
        return place is not None and place.kind == "village"

    def names(self, village_id: str) -> PlaceNames:
        """The names on the way down to a village."""
        path = self.path(village_id)
        by_kind = {self._places[item].kind: self._places[item].name for item in path}
        return PlaceNames(
            path,
            village=by_kind.get("village", self._places[village_id].name),
            commune=by_kind.get("commune", ""),
            province=by_kind.get("province", ""),
        )

    def all(self) -> list[PlaceRow]:
        """Every place, provinces first, then by name."""
        return sorted(self._places.values(), key=lambda place: (_RANK[place.kind], place.name))

    def children(self, place_id: str | None) -> list[str]:
        """The places directly in a place, by name; None: the provinces."""
        return [place.id for place in self.all() if place.parent_id == place_id]

    def place(self, place_id: str) -> PlaceRow:
        """A place.

        Raises:
            NotFound: There is none.
        """
        if place_id not in self._places:
            raise NotFound(f"no place {place_id!r}", "Choose one of the list.")
        return self._places[place_id]

    def villages_in(self, place_id: str | None) -> list[str]:
        """The villages of a scope; None is the whole site."""
        villages = [place.id for place in self._places.values() if place.kind == "village"]
        return sorted(v for v in villages if place_id is None or place_id in self.path(v))

    def villages_of(self, principal: Principal) -> list[str]:
        """The villages that lie in a principal's scope."""
        if principal.place_id is None and principal.role is not Role.ADMIN:
            return []
        return self.villages_in(principal.place_id)
