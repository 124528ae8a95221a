"""The places that an admin may choose in a form."""

from __future__ import annotations

from dataclasses import dataclass

from server.domain import access
from server.domain.access import Principal
from server.places.service import PlaceTree


@dataclass(frozen=True, slots=True)
class PlaceChoice:
    """A place of the admin's scope; `depth` is 0 for the province."""

    id: str
    name: str
    depth: int


def place_choices(tree: PlaceTree, principal: Principal) -> list[PlaceChoice]:
    """The places of the scope in the order of the tree: each below the one it lies in."""
    inside = [place for place in tree.all() if access.covers(principal, tree.path(place.id))]
    names = {place.id: place.name for place in tree.all()}
    inside.sort(key=lambda place: [names[part] for part in tree.path(place.id)])
    return [PlaceChoice(place.id, place.name, len(tree.path(place.id)) - 1) for place in inside]
