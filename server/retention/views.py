"""Pages: how long what is kept, what was deleted last, and holds on incidents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from server.auth.web import current_principal, request_id, require
from server.db.models import Incident
from server.db.work_models import Deletion, Job, LegalHold
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.views import IncidentCard
from server.places.service import PlaceTree
from server.retention import holds
from server.retention.service import enforce
from server.services import services
from server.work_settings import WorkSettings

blueprint = Blueprint("retention", __name__)

_LISTED: Final = 100
_PERIODS: Final = (
    ("false_alarm", "keep_false_alarm_evidence_days"),
    ("evidence", "keep_evidence_days"),
    ("resolved", "keep_resolved_evidence_days"),
    ("incident", "keep_incident_days"),
    ("quarantined", "keep_quarantined_days"),
    ("still", "keep_still_days"),
    ("what_if", "keep_what_if_days"),
    ("feedback", "keep_feedback_days"),
    ("notification", "keep_notification_days"),
    ("audit", "keep_audit_days"),
)
"""Ends of the pages' strings, and settings."""


@dataclass(frozen=True, slots=True)
class Period:
    """How long something is kept."""

    name: str
    days: int
    setting: str


@dataclass(frozen=True, slots=True)
class HoldRow:
    """An incident that is held."""

    incident_id: UUID
    kind: str
    village: str
    reason: str
    placed_at: datetime
    placed_by_name: str


@blueprint.get("/admin/retention")
def overview() -> str:
    """Periods, holds, and what was deleted last in an admin's scope."""
    principal, parts = require(Permission.MANAGE_CAMERAS), services()
    is_of_site = principal.place_id is None
    with parts.database.read() as session:
        job = session.scalar(select(Job).where(Job.unique_key == "retention"))
        deleted, held = _deleted(session, principal), _held(session, principal)
    return render_template(
        "admin/retention.html",
        periods=periods(parts.settings),
        next_at=job.due_at if job is not None else None,
        last_at=job.last_done_at if job is not None else None,
        last_error=job.last_error if job is not None and is_of_site else "",
        deleted=deleted,
        held=held,
        would=enforce(parts, dry_run=True) if is_of_site and "would" in request.args else None,
        may_ask=is_of_site,
    )


@blueprint.post("/incidents/<uuid:incident_id>/hold")
def place_hold(incident_id: UUID) -> BaseResponse:
    """Keep an incident beyond its period."""
    principal, parts = require(Permission.HANDLE_INCIDENTS), services()
    with parts.database.write() as session:
        reason = request.form.get("reason", "")
        holds.place(session, parts.clock, principal, incident_id, reason, request_id=request_id())
    return redirect(url_for("police.incident", incident_id=incident_id, _anchor="hold"), 303)


@blueprint.post("/incidents/<uuid:incident_id>/hold/release")
def release_hold(incident_id: UUID) -> BaseResponse:
    """Let an incident go its usual way again."""
    principal, parts = require(Permission.HANDLE_INCIDENTS), services()
    with parts.database.write() as session:
        reason = request.form.get("reason", "")
        holds.release(session, parts.clock, principal, incident_id, reason, request_id=request_id())
    return redirect(url_for("police.incident", incident_id=incident_id, _anchor="hold"), 303)


@dataclass(frozen=True, slots=True)
class HoldView:
    """What the incident's page shows of its hold."""

    hold: LegalHold | None
    may_change: bool


@blueprint.app_context_processor
def _for_templates() -> dict[str, object]:
    return {"hold_of": _hold_of}


def _hold_of(card: IncidentCard) -> HoldView:
    principal = current_principal()
    with services().database.read() as session:
        hold = holds.active(session, card.id)
    may_change = principal is not None and access.may_here(principal, Permission.HANDLE_INCIDENTS, card.place.path)
    return HoldView(hold, may_change and card.merged_into is None)


def periods(settings: WorkSettings) -> list[Period]:
    """How long what is kept."""
    return [Period(name, getattr(settings, field), f"LANGAN_{field.upper()}") for name, field in _PERIODS]


def _deleted(session: Session, principal: Principal) -> list[Deletion]:
    query = select(Deletion).order_by(Deletion.id.desc()).limit(_LISTED)
    if principal.place_id is not None:
        query = query.where(Deletion.village_id.in_(PlaceTree.read(session).villages_of(principal)))
    return list(session.scalars(query))


def _held(session: Session, principal: Principal) -> list[HoldRow]:
    tree = PlaceTree.read(session)
    rows = session.execute(
        select(LegalHold, Incident.kind, Incident.village_id)
        .join(Incident, Incident.id == LegalHold.incident_id)
        .where(LegalHold.released_at.is_(None), Incident.village_id.in_(tree.villages_of(principal)))
        .order_by(LegalHold.id.desc())
        .limit(_LISTED)
    )
    return [
        HoldRow(
            hold.incident_id,
            kind,
            tree.names(village_id).village,
            hold.reason,
            hold.placed_at,
            hold.placed_by_name,
        )
        for hold, kind, village_id in rows
    ]
