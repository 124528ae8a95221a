"""The page of silences and maintenance windows: what is in force, making one, ending one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from contract.rules import RULES
from server import i18n
from server.auth.web import request_id, require
from server.db.incident_models import Silence
from server.db.models import Camera
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.severity import SEVERITIES, Severity
from server.domain.silencing import ALL_WEEK, Weekly
from server.errors import Conflict, InvalidInput, NotFound
from server.places.service import PlaceTree
from server.services import services
from server.silences import service
from server.silences.service import SilenceDraft, rule_of

blueprint = Blueprint("silences", __name__)

HOURS: Final = (1, 4, 12, 24, 72)
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence as the page shows it."""

    row: Silence
    place: str
    kinds: tuple[str, ...]
    where: tuple[str, ...]
    """Cameras and spots, by name."""
    weekly: str
    phase: str
    """`active`, `waiting` (between two times of the week), `coming` or `over`."""
    may_end: bool


@blueprint.get("/silences")
def page() -> str:
    """What keeps alerts back in somebody's area."""
    return _page(require(Permission.WATCH_INCIDENTS))


@blueprint.post("/silences")
def create() -> BaseResponse:
    """Make a silence."""
    principal = require(Permission.HANDLE_INCIDENTS)
    return _made(principal, _silence_draft)


@blueprint.post("/silences/maintenance")
def create_maintenance() -> BaseResponse:
    """Make a maintenance window."""
    principal = require(Permission.MANAGE_CAMERAS)
    return _made(principal, _maintenance_draft)


@blueprint.post("/silences/<int:silence_id>/end")
def end(silence_id: int) -> BaseResponse:
    """End a silence now."""
    principal, parts = require(Permission.HANDLE_INCIDENTS), services()
    try:
        with parts.database.write() as session:
            service.end(session, parts.clock, parts.settings.zone, principal, silence_id, request_id=request_id())
    except Conflict:
        return make_response(_page(principal, i18n.gettext("silence.over_already")), 409)
    return redirect(url_for("silences.page"), 303)


def _made(principal: Principal, read: Callable[[Session, Principal, datetime], SilenceDraft]) -> BaseResponse:
    parts = services()
    try:
        with parts.database.write() as session:
            made = service.create(
                session,
                parts.clock,
                parts.settings.zone,
                principal,
                read(session, principal, parts.clock.utc()),
                request_id=request_id(),
            )
            silence_id = made.id
    except (InvalidInput, NotFound):
        return make_response(_page(principal, i18n.gettext("silence.incomplete")), 422)
    return redirect(url_for("silences.page", _anchor=f"silence-{silence_id}"), 303)


def _silence_draft(session: Session, principal: Principal, now: datetime) -> SilenceDraft:  # noqa: ARG001 (as below)
    form = request.form
    hours, severity = form.get("hours", type=int, default=0), form.get("up_to", "")
    if hours not in HOURS:
        raise InvalidInput("unknown length of a silence", "Use the form of the page.")
    return SilenceDraft(
        place_id=form.get("place", "")[:63],
        starts_at=now,
        ends_at=now + timedelta(hours=hours),
        reason=form.get("reason", ""),
        kinds=tuple(kind for kind in [form.get("kind", "")] if kind),
        camera_ids=tuple(camera for camera in [form.get("camera", "")[:63]] if camera),
        up_to=Severity(severity) if severity in SEVERITIES else None,
    )


def _maintenance_draft(session: Session, principal: Principal, now: datetime) -> SilenceDraft:
    form = request.form
    cameras = tuple(dict.fromkeys(form.getlist("camera")))
    starts_at = _local_time(form.get("starts_at", "")) or now
    ends_at = _local_time(form.get("ends_at", ""))
    if ends_at is None:
        raise InvalidInput("the end is missing", "Give the end.")
    weekly = None
    if form.get("repeat") == "weekly":
        days = frozenset(int(day) for day in form.getlist("weekday") if day.isdigit()) & ALL_WEEK
        weekly = Weekly(days, _minutes(form.get("from", "")), _minutes(form.get("to", "")))
    return SilenceDraft(
        place_id=_place_of(session, principal, cameras),
        starts_at=starts_at,
        ends_at=ends_at,
        reason=form.get("reason", ""),
        camera_ids=cameras,
        weekly=weekly,
        is_maintenance=True,
    )


def _place_of(session: Session, principal: Principal, cameras: tuple[str, ...]) -> str:
    """The smallest place of the admin's that all cameras lie in."""
    tree = PlaceTree.read(session)
    villages = session.scalars(select(Camera.village_id).where(Camera.id.in_(cameras))).all()
    paths = [tree.path(village) for village in villages if access.covers(principal, tree.path(village))]
    if not paths:
        raise InvalidInput("no camera was chosen", "Choose the cameras that are worked on.")
    shared = [place for place in paths[0] if all(place in path for path in paths)]
    if not shared:
        raise InvalidInput("the cameras lie in several provinces", "Make a window for each province.")
    return shared[-1]


def _local_time(text: str) -> datetime | None:
    """What a `datetime-local` field gives: a time on the site's clocks."""
    if not text:
        return None
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("not a time", "Use the form of the page.") from None
    return naive.replace(tzinfo=services().settings.zone).astimezone(UTC) if naive.tzinfo is None else naive


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (hours.isdigit() and minutes[:2].isdigit() and int(hours) < 24 and int(minutes[:2]) < _MINUTE):
        raise InvalidInput("not a time of the day", "Write it as 22:00.")
    return int(hours) * _MINUTE + int(minutes[:2])


def _page(principal: Principal, problem: str = "") -> str:
    parts = services()
    now, zone = parts.clock.utc(), parts.settings.zone
    with parts.database.read() as session:
        tree = PlaceTree.read(session)
        villages = tree.villages_of(principal)
        cameras = session.execute(
            select(Camera.id, Camera.name, Camera.village_id)
            .where(Camera.village_id.in_(villages), Camera.enabled)
            .order_by(Camera.village_id, Camera.name)
        ).all()
        names = {camera_id: name for camera_id, name, _ in cameras}
        rows = [_row(principal, tree, names, row, now) for row in service.visible(session, principal, now)]
        places = [(place.id, place.name) for place in tree.all() if access.covers(principal, tree.path(place.id))]
        choices = [(camera_id, f"{name} ({tree.names(village).village})") for camera_id, name, village in cameras]
    may_handle = access.may(principal, Permission.HANDLE_INCIDENTS)
    local_now = now.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)
    return render_template(
        "silences/silences.html",
        rows=rows,
        places=places,
        cameras=choices,
        kinds=sorted(((kind, i18n.gettext(f"kind.{kind}")) for kind in RULES), key=lambda item: item[1]),
        severities=[(item.value, i18n.gettext(f"severity.{item}")) for item in SEVERITIES[:-1]],
        hours=[(hours, i18n.ngettext("duration.hours", "duration.hours.many", hours)) for hours in HOURS],
        may_handle=may_handle,
        may_maintain=may_handle and access.may(principal, Permission.MANAGE_CAMERAS),
        weekdays=[(day, i18n.weekday(day)) for day in range(7)],
        local_now=local_now.isoformat(),
        problem=problem,
    )


def _row(principal: Principal, tree: PlaceTree, names: dict[str, str], row: Silence, now: datetime) -> SilenceRow:
    rule = rule_of(row)
    zone = services().settings.zone
    if row.ends_at <= now:
        phase = "over"
    elif row.starts_at > now:
        phase = "coming"
    else:
        phase = "active" if rule.is_active(now, zone) else "waiting"
    needed = Permission.MANAGE_CAMERAS if row.is_maintenance else Permission.HANDLE_INCIDENTS
    place = next((item.name for item in tree.all() if item.id == row.place_id), row.place_id)
    return SilenceRow(
        row=row,
        place=place,
        kinds=tuple(i18n.gettext(f"kind.{kind}") for kind in row.kinds),
        where=tuple(names.get(item, item) for item in (*row.camera_ids, *row.spots)),
        weekly=_weekly_words(rule.weekly),
        phase=phase,
        may_end=row.ends_at > now and access.may_here(principal, needed, tree.path(row.place_id)),
    )


def _weekly_words(weekly: Weekly | None) -> str:
    if weekly is None:
        return ""
    days = ", ".join(i18n.weekday(day) for day in sorted(weekly.weekdays))
    return f"{days}, {_clock(weekly.start)}\N{EN DASH}{_clock(weekly.end)}"


def _clock(minutes: int) -> str:
    return f"{minutes // _MINUTE:02d}:{minutes % _MINUTE:02d}"
