"""The wall's second view: incidents by place, on a plan of the village or on a map, and as a list of cameras."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Response, render_template, request, send_file
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.rules import RULES
from server.alerts import service as alerts
from server.auth.web import require
from server.db.models import Camera, Incident
from server.domain.access import Permission, Principal
from server.domain.incident import OPEN_STATES, IncidentState
from server.domain.plan import MOST_MARKS, Mark, Plan, draw_plan
from server.domain.severity import SEVERITIES, Severity
from server.domain.views import IncidentCard
from server.errors import NotFound
from server.incidents.queries import IncidentFilter, list_incidents
from server.pages import STREAM_STRINGS, page_strings, village_choices
from server.places.service import PlaceTree
from server.police.views import ALARM_STRINGS, filter_choices, stream_url
from server.police.wall import WallFilter
from server.services import services

blueprint = Blueprint("map", __name__)

MAX_ON_PLAN: Final = MOST_MARKS
"""More marks than this do not fit a sheet: a commune chooses a village, or has a map."""
_SHOWN: Final = 100
_SHOWN_EACH: Final = 4


@dataclass(frozen=True, slots=True)
class CameraPlace:
    """A camera with what is open there."""

    id: str
    name: str
    village: str
    position: tuple[float, float] | None
    count: int
    severity: str
    """Of the worst; empty where nothing is open."""
    cards: tuple[IncidentCard, ...]
    """The newest."""


@blueprint.get("/live/map")
def plan() -> str:
    """Incidents by place: what is open, unless another state is asked for."""
    principal, wanted = require(Permission.WATCH_INCIDENTS), WallFilter.read(request.args)
    with services().database.read() as session:
        position = alerts.latest_sequence(session)
        cameras = _cameras(session, principal, wanted)
        villages = village_choices(session, principal)
    placed = [camera for camera in cameras if camera.position is not None]
    by_village: dict[str, list[CameraPlace]] = defaultdict(list)
    for camera in cameras:
        by_village[camera.village].append(camera)
    return render_template(
        "map/map.html",
        by_village=sorted(by_village.items()),
        marks=_marks(placed),
        too_many=len(placed) > MAX_ON_PLAN,
        plan=_plan(placed),
        on_tiles=[_as_json(camera) for camera in placed] if services().settings.map_tiles else None,
        villages=villages,
        stream_url=stream_url(position),
        strings=page_strings((*STREAM_STRINGS, *ALARM_STRINGS, "map.updated", "map.count", "map.group", "map.failed")),
        **filter_choices(wanted),
    )


@blueprint.get("/live/map/tiles")
def tiles() -> Response:
    """The map's file (PMTiles), of which the page reads the parts that it shows."""
    require(Permission.WATCH_INCIDENTS)
    path = Path(services().settings.map_tiles)
    if not services().settings.map_tiles or not path.is_file():
        raise NotFound("this site has no map", "Name a PMTiles file by LANGAN_MAP_TILES.")
    response = send_file(path.resolve(), mimetype="application/octet-stream", conditional=True)
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _cameras(session: Session, principal: Principal, wanted: WallFilter) -> list[CameraPlace]:
    """Every camera of the scope (and the filter's village), by village and name, with what is open there."""
    tree = PlaceTree.read(session)
    villages = [
        village for village in tree.villages_of(principal) if not wanted.village or wanted.village in tree.path(village)
    ]
    states = (IncidentState(wanted.state),) if wanted.state else tuple(sorted(OPEN_STATES))
    kinds = (wanted.kind,) if wanted.kind else ()
    counted = (
        select(Incident.camera_id, Incident.severity, func.count())
        .where(Incident.village_id.in_(villages), Incident.merged_into_id.is_(None), Incident.state.in_(states))
        .group_by(Incident.camera_id, Incident.severity)
    )
    counts: dict[str, dict[Severity, int]] = defaultdict(dict)
    for camera_id, severity, count in session.execute(counted.where(Incident.kind.in_(kinds or tuple(RULES)))):
        counts[camera_id][severity] = count
    asked = IncidentFilter(states=states, kinds=kinds, place_id=wanted.village or None)
    cards: dict[str, list[IncidentCard]] = defaultdict(list)
    for card in list_incidents(session, principal, asked, limit=_SHOWN).items:
        cards[card.camera_id].append(card)
    rows = session.scalars(select(Camera).where(Camera.village_id.in_(villages)).order_by(Camera.name, Camera.id)).all()
    return [
        CameraPlace(
            id=row.id,
            name=row.name,
            village=tree.names(row.village_id).village,
            position=None if row.latitude is None or row.longitude is None else (row.latitude, row.longitude),
            count=sum(counts[row.id].values()),
            severity=max(counts[row.id], key=lambda severity: list(SEVERITIES).index(severity), default=""),
            cards=tuple(cards[row.id][:_SHOWN_EACH]),
        )
        for row in rows
    ]


def _plan(placed: Sequence[CameraPlace]) -> Plan | None:
    if not placed or len(placed) > MAX_ON_PLAN:
        return None
    return draw_plan([camera.position for camera in placed if camera.position is not None])


def _marks(placed: Sequence[CameraPlace]) -> list[tuple[CameraPlace, Mark]]:
    drawn = _plan(placed)
    return [] if drawn is None else list(zip(placed, drawn.marks, strict=True))


def _as_json(camera: CameraPlace) -> dict[str, Any]:
    return {
        "id": camera.id,
        "name": camera.name,
        "position": camera.position,
        "count": camera.count,
        "severity": camera.severity,
    }
