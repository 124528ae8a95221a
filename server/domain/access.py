"""What each role may do and see. This one pure file decides it; everything else asks here.

role      scope                        may
officer   province, commune, village   watch and handle the incidents of the scope, all their evidence, the live feed;
                                           look through its cameras: the newest still, live for a minute
leader    province, commune, village   read numbers and lists of the scope's incidents (what, where, when, how
                                           handled) and the public log; no picture that residents do not see, no facts
                                           of single events, no plates, no notes: a leader answers for how an area does
                                           and how it is served, and needs nobody's face or number for that
resident  province, commune, village   read the public log of the scope: redacted, delayed, no false alarms; write to
                                           the officers of the scope, and be answered
admin     a place, or the whole site   what an officer may, and cameras, devices, users of the scope; the audit log
                                           only with the whole site
device    a place                      post events and evidence of its own cameras in its scope; read nothing but
                                       its cameras' configuration, and a clip of theirs while a copy of it is wanted
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from contract.event import EvidenceRole
from contract.rules import RULES
from server.domain.incident import IncidentState
from server.domain.views import IncidentCard, PublicIncident


class Role(StrEnum):
    """Who somebody is to the system."""

    OFFICER = "officer"
    LEADER = "leader"
    RESIDENT = "resident"
    ADMIN = "admin"
    DEVICE = "device"


USER_ROLES = (Role.OFFICER, Role.LEADER, Role.RESIDENT, Role.ADMIN)


class Permission(StrEnum):
    """What can be asked for."""

    WATCH_INCIDENTS = "watch_incidents"
    """The wall, the incident page, the live feed."""
    HANDLE_INCIDENTS = "handle_incidents"
    """Acknowledge, dispatch, resolve, note."""
    LOOK_LIVE = "look_live"
    """Stills of cameras, and a live look for a minute."""
    READ_PUBLIC_LOG = "read_public_log"
    WRITE_FEEDBACK = "write_feedback"
    """Write to the officers of one's village, and read what was answered."""
    ANSWER_FEEDBACK = "answer_feedback"
    READ_OVERVIEW = "read_overview"
    """Numbers, and lists of incidents without evidence; reports."""
    MANAGE_REPORTS = "manage_reports"
    """How a place's reports are printed: its letterhead."""
    MANAGE_CAMERAS = "manage_cameras"
    MANAGE_DEVICES = "manage_devices"
    MANAGE_USERS = "manage_users"
    READ_AUDIT = "read_audit"
    POST_EVENTS = "post_events"


_P = Permission
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OFFICER: frozenset(
        {_P.WATCH_INCIDENTS, _P.HANDLE_INCIDENTS, _P.LOOK_LIVE, _P.READ_PUBLIC_LOG, _P.READ_OVERVIEW}
        | {_P.ANSWER_FEEDBACK}
    ),
    Role.LEADER: frozenset({_P.READ_PUBLIC_LOG, _P.READ_OVERVIEW, _P.MANAGE_REPORTS, _P.WRITE_FEEDBACK}),
    Role.RESIDENT: frozenset({_P.READ_PUBLIC_LOG, _P.WRITE_FEEDBACK}),
    Role.ADMIN: frozenset(_P) - {_P.POST_EVENTS, _P.WRITE_FEEDBACK},
    Role.DEVICE: frozenset({_P.POST_EVENTS}),
}

_HANDLED = frozenset({IncidentState.ACKNOWLEDGED, IncidentState.RESOLVED})
EVIDENCE: dict[Role, frozenset[EvidenceRole]] = {
    Role.OFFICER: frozenset(EvidenceRole),
    Role.LEADER: frozenset({EvidenceRole.SNAPSHOT_REDACTED}),
    Role.RESIDENT: frozenset({EvidenceRole.SNAPSHOT_REDACTED}),
    Role.ADMIN: frozenset(EvidenceRole),
    Role.DEVICE: frozenset(),
}
"""Which evidence of an incident that it may see at all a role may open."""


NOT_PUBLIC_KINDS = frozenset(kind for kind, rule in RULES.items() if rule.about_camera)
"""About a camera, not about what it saw. To publish where and since when nobody watches would invite whom it should
deter, and tells residents nothing that happened in their village."""
PUBLIC_KINDS = tuple(kind for kind in RULES if kind not in NOT_PUBLIC_KINDS)


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks: a user in a session, or a device with its token."""

    role: Role
    id: str
    """A user's number, or a device's id."""
    name: str
    place_id: str | None
    """The scope: this place and everything in it. None: the whole site (admins only)."""
    language: str | None = None

    @property
    def actor(self) -> str:
        """How the audit log names it."""
        return f"{'device' if self.role is Role.DEVICE else 'user'}:{self.id}"


@dataclass(frozen=True, slots=True)
class PublicLogPolicy:
    """What the site publishes to residents."""

    delay: timedelta
    """An incident appears this long after it was received: not to lead the curious to a scene."""


def may(principal: Principal, permission: Permission) -> bool:
    """Whether the role has the permission somewhere."""
    if permission is Permission.READ_AUDIT and principal.place_id is not None:
        return False  # the log speaks of every place
    return permission in PERMISSIONS[principal.role]


def covers(principal: Principal, place_path: tuple[str, ...]) -> bool:
    """Whether a place (its ids from the province down) lies in the principal's scope."""
    if principal.place_id is None:
        return principal.role is Role.ADMIN
    return principal.place_id in place_path


def may_here(principal: Principal, permission: Permission, place_path: tuple[str, ...]) -> bool:
    """Whether the principal has the permission in this place."""
    return may(principal, permission) and covers(principal, place_path)


def may_grant(principal: Principal, place_path: tuple[str, ...] | None) -> bool:
    """Whether an admin may give, change or take accounts and devices of a scope (None: the whole site).

    Nobody hands out more than they have.
    """
    if place_path is None:
        return principal.role is Role.ADMIN and principal.place_id is None
    return may_here(principal, Permission.MANAGE_USERS, place_path)


def may_open_evidence(
    principal: Principal, card: IncidentCard, role: EvidenceRole, public: PublicIncident | None
) -> bool:
    """Whether the principal may open a piece of evidence of an incident.

    Args:
        principal: Who asks.
        card: The incident.
        role: What the evidence shows.
        public: What `publish` makes of the incident for residents now; None when it is not public.
    """
    if role not in EVIDENCE[principal.role] or not covers(principal, card.place.path):
        return False
    return may(principal, Permission.WATCH_INCIDENTS) or (public is not None and not card.is_picture_hidden)


def may_fetch_clip(principal: Principal, device_id: str, *, is_copy_wanted: bool) -> bool:
    """Whether a device may have a clip back: one that it sent, while somebody wants a copy of it."""
    return principal.role is Role.DEVICE and principal.id == device_id and is_copy_wanted


def publish(card: IncidentCard, received_at: datetime, now: datetime, policy: PublicLogPolicy) -> PublicIncident | None:
    """Redact an incident for residents; None when it is not (or not yet, or no longer) public."""
    if (
        card.kind in NOT_PUBLIC_KINDS
        or card.state is IncidentState.FALSE_ALARM
        or card.merged_into is not None
        or received_at + policy.delay > now
    ):
        return None
    state = IncidentState.ACKNOWLEDGED if card.state is IncidentState.DISPATCHED else card.state
    return PublicIncident(
        id=card.id,
        kind=card.kind,
        place=card.place,
        started_at=card.first_at.replace(second=0, microsecond=0),
        state=state,
        redacted_sha256=None if card.is_picture_hidden else card.redacted_sha256,
        handled_after=card.acknowledged_after if state in _HANDLED else None,
        is_picture_hidden=card.is_picture_hidden,
    )
