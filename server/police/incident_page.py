"""What stands on the incident page: facts in words, clips, and the timeline of what cameras saw and people did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from flask import url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.config_loader import load_camera
from contract.event import EventState, EvidenceRole
from server import i18n, wording
from server.audit.service import SYSTEM
from server.db.incident_models import Silence
from server.db.models import Camera, CameraConfigVersion
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.copies import CopyState
from server.domain.grouping_hints import SplitHint
from server.domain.incident import IncidentAction
from server.domain.silencing import AlertOutcome
from server.domain.views import EventItem, IncidentCard, IncidentDetail, TimelineItem, media_url
from server.incidents import related, service
from server.incidents.related import MergeSuggestion
from server.police import reasons
from server.police.scene import Scene
from server.police.wall import WallRow, actions_for
from server.storage import copies

MAX_TIMELINE_EVENTS: Final = 40
MAX_CLIPS: Final = 20
MAX_CHOSEN_EVENTS: Final = 60
"""As many events are offered one by one when an incident is split; a flood is split by time."""


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
    link: str | None = None
    """The other incident of a merge, a split or an inhibition."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """Why nobody was alerted."""

    outcome: AlertOutcome
    until: datetime | None = None
    name: str = ""
    reason: str = ""
    silence_id: int | None = None
    link: str | None = None
    """The incident about the camera."""


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
    times: list[tuple[str, str]]
    """How long people took, in words."""
    assigned_to_id: int | None
    assignees: list[tuple[int, str]]
    parts: tuple[IncidentCard, ...]
    """What an officer merged into it."""
    merges: list[MergeSuggestion]
    """Likely the same happening."""
    choices: list[IncidentCard]
    """What else could be."""
    split: SplitHint | None
    """Where it may be two."""
    events: list[EventItem]
    """To choose from when it is split, newest first."""
    quiet: Quiet | None
    """What keeps its alerts back."""
    may_group: bool
    """The viewer may assign, merge, split and silence it."""
    similar: list[IncidentCard]
    """At the same spot before."""
    nearby: list[IncidentCard]
    """In the village at about the same time."""
    scene: Scene | None
    """What is drawn over its snapshot."""
    viewers: list[str]
    """Who else has it open."""
    missed: list[Moment]
    """What others did while the viewer decided on an older state."""
    public_url: str | None
    """The picture as residents see it."""


def incident_page(
    session: Session,
    principal: Principal,
    detail: IncidentDetail,
    conflict: str = "",
    missed: Sequence[TimelineItem] = (),
    *,
    scene: Scene | None = None,
    viewers: Sequence[str] = (),
) -> IncidentPage:
    """Put an incident into words.

    Args:
        session: For the names of zones, and what belongs to the incident.
        principal: Who looks.
        detail: The incident.
        conflict: Why the viewer's last press changed nothing.
        missed: What others did meanwhile.
        scene: What is drawn over its snapshot.
        viewers: Who else has it open.
    """
    actions = actions_for(principal, detail.card)
    may_act = access.may_here(principal, Permission.HANDLE_INCIDENTS, detail.card.place.path)
    may_group = may_act and detail.card.merged_into is None
    merges, split = related.suggestions(session, detail.card) if may_group else ([], None)
    hinted = [item.card.id for item in merges]
    card, newest = detail.card, detail.events[-1] if detail.events else None
    facts = newest.facts if newest is not None else None
    return IncidentPage(
        row=WallRow(card, wording.summary(card.kind, facts), actions, conflict),
        facts=wording.fact_rows(card.kind, facts) if facts else [],
        zones=_zone_names(session, card.camera_id, {event.zone for event in detail.events if event.zone}),
        plates=_plates(detail),
        confidence=f"{i18n.number(100 * newest.confidence, 0)}\N{NO-BREAK SPACE}%" if newest is not None else "",
        clips=_clips(session, detail),
        clips_absent="none" if card.kind == "camera_offline" else _absent(detail.events, EvidenceRole.CLIP),
        snapshot_absent=_absent(detail.events, EvidenceRole.SNAPSHOT),
        timeline=_timeline(detail),
        times=_times(detail),
        assigned_to_id=detail.assigned_to_id,
        assignees=service.assignees(session, card.place.village_id) if may_group else [],
        parts=related.parts_of(session, card.id),
        merges=merges,
        choices=related.merge_choices(session, card, hinted) if may_group else [],
        split=split,
        events=list(reversed(detail.events))[:MAX_CHOSEN_EVENTS],
        quiet=_quiet(session, detail),
        may_group=may_group,
        similar=related.similar(session, card),
        nearby=related.nearby(session, card),
        scene=scene,
        viewers=list(viewers),
        missed=[_step(item) for item in missed],
        public_url=media_url(card.id, card.redacted_sha256),
    )


def _times(detail: IncidentDetail) -> list[tuple[str, str]]:
    """How long people took, from the first alert."""
    times = detail.times
    named = (
        ("response.acknowledged", times.to_acknowledged),
        ("response.dispatched", times.to_dispatched),
        ("response.closed", times.to_closed),
    )
    return [(msgid, i18n.format_duration(took.total_seconds())) for msgid, took in named if took is not None]


def _quiet(session: Session, detail: IncidentDetail) -> Quiet | None:
    """What kept its newest alert back."""
    if detail.card.alert is AlertOutcome.INHIBITED:
        return Quiet(detail.card.alert, link=_incident_url(detail.inhibited_by))
    silence = session.get(Silence, detail.silence_id) if detail.silence_id is not None else None
    if detail.card.alert is not AlertOutcome.SILENCED or silence is None:
        return None
    return Quiet(
        detail.card.alert, until=silence.ends_at, name=silence.author_name, reason=silence.reason, silence_id=silence.id
    )


def _incident_url(incident_id: UUID | None) -> str | None:
    return url_for("police.incident", incident_id=incident_id) if incident_id is not None else None


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
    is_remark = item.action not in {IncidentAction.ESCALATE, IncidentAction.ASSIGN, IncidentAction.SILENCE}
    return Moment(
        item.at, _step_words(item), source, reasons.words(item.text) if is_remark else "", _incident_url(item.other_id)
    )


def _step_words(item: TimelineItem) -> str:
    """A step in words; those that carry a word of their own have it in their text."""
    if item.action is IncidentAction.ESCALATE:
        before, _, after = item.text.partition(" ")
        words = {"before": i18n.gettext(f"severity.{before}"), "after": i18n.gettext(f"severity.{after}")}
        return i18n.gettext("step.escalate", **words)
    if item.action is IncidentAction.ASSIGN and not item.text:
        return i18n.gettext("step.assign.nobody", name=item.actor)
    if item.action is IncidentAction.SILENCE and item.text == AlertOutcome.ALERT:
        return i18n.gettext("step.silence.over")
    if item.action is IncidentAction.SILENCE:
        return i18n.gettext("step.silence", why=i18n.gettext(f"alert.{item.text}.why"))
    if item.action is IncidentAction.MERGE and item.actor != SYSTEM:
        return i18n.gettext("step.merge.by", name=item.actor)
    return i18n.gettext(f"step.{item.action}", name=item.actor, who=item.text)
