"""What stands on the incident page: facts in words, clips, and the timeline of what cameras saw and people did."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.config_loader import load_camera
from contract.event import EventState, EvidenceRole
from server import i18n, wording
from server.audit.service import SYSTEM
from server.db.models import Camera, CameraConfigVersion
from server.domain.access import Principal
from server.domain.copies import CopyState
from server.domain.incident import IncidentAction
from server.domain.views import EventItem, IncidentCard, IncidentDetail, TimelineItem, media_url
from server.police.wall import WallRow, actions_for
from server.storage import copies

MAX_TIMELINE_EVENTS: Final = 40
MAX_CLIPS: Final = 20


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip that can be played or downloaded."""

    url: str
    started_at: datetime
    is_hevc: bool
    file_name: str
    sha256: str
    copy: ClipCopyView | None
    """Of a clip that many browsers cannot play."""


@dataclass(frozen=True, slots=True)
class ClipCopyView:
    """A copy that every browser plays, or what stands in its way."""

    state: str
    """`none`, `asked`, `making`, `made` (on its way), `ready` or `failed`."""
    failure: str = ""
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the timeline."""

    at: datetime
    text: str
    source: str
    """`by-person`, `by-camera` or `by-system`."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """Everything the page shows."""

    row: WallRow
    facts: list[tuple[str, str]]
    zones: list[str]
    plates: list[str]
    """Number plates that were read, with their confidence."""
    confidence: str
    clips: list[Clip]
    clips_absent: str
    """Where there is no clip: `pending`, `gone` or `none`."""
    snapshot_absent: str
    """Where there is no picture: the same."""
    timeline: list[Moment]


def incident_page(session: Session, principal: Principal, detail: IncidentDetail, conflict: str = "") -> IncidentPage:
    """Put an incident into words.

    Args:
        session: For the names of zones.
        principal: Who looks.
        detail: The incident.
        conflict: Why the viewer's last press changed nothing.
    """
    card, newest = detail.card, detail.events[-1] if detail.events else None
    facts = newest.facts if newest is not None else None
    return IncidentPage(
        row=WallRow(card, wording.summary(card.kind, facts), actions_for(principal, card), conflict),
        facts=wording.fact_rows(card.kind, facts) if facts else [],
        zones=_zone_names(session, card.camera_id, {event.zone for event in detail.events if event.zone}),
        plates=_plates(detail),
        confidence=f"{i18n.number(100 * newest.confidence, 0)}\N{NO-BREAK SPACE}%" if newest is not None else "",
        clips=_clips(session, detail),
        clips_absent="none" if card.kind == "camera_offline" else _absent(detail.events, EvidenceRole.CLIP),
        snapshot_absent=_absent(detail.events, EvidenceRole.SNAPSHOT),
        timeline=_timeline(detail),
    )


def _plates(detail: IncidentDetail) -> list[str]:
    """Each plate once, as its surest reading says."""
    best: dict[str, float] = {}
    for event in detail.events:
        if event.plate is not None:
            text, confidence = str(event.plate["text"]), float(event.plate["confidence"])
            best[text] = max(confidence, best.get(text, 0.0))
    return [
        i18n.gettext("plate.read", text=text, confidence=i18n.number(100 * confidence, 0))
        for text, confidence in best.items()
    ]


def _zone_names(session: Session, camera_id: str, zones: set[str]) -> list[str]:
    """What the zones are called in the camera's configuration; their ids when it has been rewritten since."""
    text = session.scalar(
        select(CameraConfigVersion.yaml)
        .join(Camera, Camera.id == CameraConfigVersion.camera_id)
        .where(Camera.id == camera_id, CameraConfigVersion.number == Camera.config_number)
    )
    config = load_camera(text, f"{camera_id}.yaml").config if text is not None and zones else None
    known = config.zones if config is not None else {}
    return sorted(known[zone].name if zone in known else zone for zone in zones)


def _clips(session: Session, detail: IncidentDetail) -> list[Clip]:
    events = detail.events
    hevc = [item.sha256 for event in events for item in event.evidence if item.codec == "hevc"]
    known = copies.statuses(session, hevc) if hevc else {}
    clips = [
        Clip(
            url=item.url,
            started_at=event.started_at,
            is_hevc=item.codec == "hevc",
            file_name=f"{event.kind}-{event.camera_id}-{i18n.local(event.started_at):%Y%m%d-%H%M%S}.mp4",
            sha256=item.sha256,
            copy=_copy_view(detail.card, known.get(item.sha256)) if item.codec == "hevc" else None,
        )
        for event in reversed(events)
        for item in event.evidence
        if item.role is EvidenceRole.CLIP and item.url is not None
    ]
    return clips[:MAX_CLIPS]


def _copy_view(card: IncidentCard, status: copies.CopyStatus | None) -> ClipCopyView:
    if status is not None and status.has_arrived:
        return ClipCopyView("ready", url=media_url(card.id, status.copy_sha256))
    if status is None or (status.state is CopyState.MADE and not status.is_wanted):  # nobody asked, or it was removed
        return ClipCopyView("none")
    return ClipCopyView(status.state.value, status.failure)


def _absent(events: tuple[EventItem, ...], role: EvidenceRole) -> str:
    """Whether evidence of a role is still to come, is gone, or was never announced."""
    items = [item for event in events for item in event.evidence if item.role is role and not item.available]
    if not items:
        is_over = bool(events) and all(event.state is EventState.END for event in events)
        return "none" if is_over else "pending"
    return "gone" if all(item.gone for item in items) else "pending"


def _timeline(detail: IncidentDetail) -> list[Moment]:
    """Newest first: an officer who opens the page wants to know how things stand."""
    moments = [_step(item) for item in detail.timeline]
    for event in detail.events[-MAX_TIMELINE_EVENTS:]:
        kind = i18n.gettext(f"kind.{event.kind}").lower()
        words = {"camera": event.camera_name, "kind": kind}
        moments.append(Moment(event.started_at, i18n.gettext("step.event.start", **words), "by-camera"))
        if event.state is EventState.END and event.ended_at is not None:
            moments.append(Moment(event.ended_at, i18n.gettext("step.event.end", **words), "by-camera"))
    return sorted(moments, key=lambda moment: moment.at, reverse=True)


def _step(item: TimelineItem) -> Moment:
    source = "by-system" if item.actor == SYSTEM else "by-person"
    if item.action is IncidentAction.ESCALATE:
        before, _, after = item.text.partition(" ")
        words = {"before": i18n.gettext(f"severity.{before}"), "after": i18n.gettext(f"severity.{after}")}
        return Moment(item.at, i18n.gettext("step.escalate", **words), source)
    return Moment(item.at, i18n.gettext(f"step.{item.action}", name=item.actor), source, item.text)
