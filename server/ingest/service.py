"""Takes batches of events: validated one by one, idempotent, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import bindparam, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from contract.event import Event, EventResult, EvidenceRef, EvidenceRole
from server.audit import service as audit
from server.clock import Clock
from server.db.engine import LOCK_VILLAGE, Database, lock
from server.db.models import Camera, EventRecord, EventRevision, EvidenceFile, EvidenceReference, Incident
from server.domain import access
from server.domain.access import Permission, Principal
from server.errors import Unavailable
from server.incidents.grouping import Grouping
from server.places.service import PlaceTree

MAX_AHEAD: Final = timedelta(hours=1)
MAX_AGE: Final = timedelta(days=30)
"""Times outside of these cannot be true: the event is quarantined, kept for an admin to see. So is whatever comes from
a device whose clock is more than `MAX_AHEAD` off in either direction: what is a day late may be true, what is a day
behind is not, and nothing else tells them apart."""
QUARANTINED: Final = "kept in quarantine since it first came. Remedy: set the clock of the edge (NTP)."
_SEE_CONTRACT: Final = "Remedy: send Event v1 as docs/reference/http-api.md has it."
_NUL: Final = b"\\u0000"
_NO_ID: Final = UUID(int=0)
_CAMERA_OWNERS: Final = select(Camera.id, Camera.device_id).where(Camera.id.in_(bindparam("ids", expanding=True)))
_RECORDS: Final = select(EventRecord).where(EventRecord.event_id.in_(bindparam("ids", expanding=True)))


class Verdict(Enum):
    """What became of an event, as a single request would be answered."""

    STORED = auto()
    CONFLICT = auto()
    INVALID = auto()
    FORBIDDEN = auto()


@dataclass(frozen=True, slots=True)
class Taken:
    """The word on one event of a batch."""

    result: EventResult
    verdict: Verdict = Verdict.STORED


@dataclass(frozen=True, slots=True)
class _Parsed:
    event: Event
    body: dict[str, Any]
    digest: bytes


def ingest(
    database: Database,
    clock: Clock,
    zone: ZoneInfo,
    device: Principal,
    bodies: Sequence[dict[str, Any]],
    *,
    clock_offset: timedelta = timedelta(0),
    request_id: str = "",
) -> tuple[Taken, ...]:
    """Store a batch and group it into incidents. When this returns, everything it says is on disk.

    Args:
        database: Where to.
        clock: The time.
        zone: The site's time zone.
        device: The device that sent the batch.
        bodies: Events as they came; each is validated by itself.
        clock_offset: The device's clock minus ours, as it is now.
        request_id: For the audit log.

    Returns:
        One for each body, in order.

    Raises:
        Unavailable: Nothing of the batch was stored; send it again.
    """
    parsed = [_parse(body) for body in bodies]
    events = [item for item in parsed if isinstance(item, _Parsed)]
    try:
        with database.write() as session:
            lock(session, LOCK_VILLAGE, {item.event.village for item in events})
            batch = _Batch(session, clock.utc(), zone, device, clock_offset, request_id, events)
            taken = tuple(batch.take(item) if isinstance(item, _Parsed) else item for item in parsed)
            batch.finish()
            return taken
    except IntegrityError as error:
        # Only a device that sends one event id for two villages at once gets here; the second try sees the first.
        raise Unavailable("two transactions stored the same event", "Send the batch again.") from error


def _parse(body: dict[str, Any]) -> _Parsed | Taken:
    try:
        event = Event.model_validate(body)
        canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except ValidationError as error:
        return _invalid(body, _explain(error))
    except (UnicodeEncodeError, OverflowError, RecursionError):
        return _invalid(body, f"half a letter, an impossible time or too many levels. {_SEE_CONTRACT}")
    if _NUL in canonical:  # no PostgreSQL can store it: the whole batch would fail, again and again
        return _invalid(body, f"a NUL letter in a text. {_SEE_CONTRACT}")
    return _Parsed(event, body, hashlib.sha256(canonical).digest())


def _invalid(body: dict[str, Any], detail: str) -> Taken:
    result = EventResult(
        event_id=_uuid(body.get("event_id")),
        revision=_revision(body.get("revision")),
        status="refused",
        detail=detail,
    )
    return Taken(result, Verdict.INVALID)


def _explain(error: ValidationError) -> str:
    """What is wrong and where; values are not repeated."""
    found = [f"{'.'.join(str(part) for part in item['loc']) or 'event'}: {item['msg']}" for item in error.errors()[:5]]
    return f"{'; '.join(found)[:400]}. {_SEE_CONTRACT}"


def _uuid(value: object) -> UUID:
    try:
        return UUID(value) if isinstance(value, str) else _NO_ID
    except ValueError:
        return _NO_ID


def _revision(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else -1


class _Batch:
    """One transaction's work."""

    def __init__(
        self,
        session: Session,
        now: datetime,
        zone: ZoneInfo,
        device: Principal,
        clock_offset: timedelta,
        request_id: str,
        items: Sequence[_Parsed],
    ) -> None:
        self._session = session
        self._now = now
        self._device = device
        self._clock_offset = clock_offset
        self._request_id = request_id
        self._grouping = Grouping(session, now, zone)
        self._tree = PlaceTree.read(session)
        ids = {item.event.event_id for item in items}
        camera_ids = {item.event.camera_id for item in items}
        self._camera_owners: dict[str, str] = dict(session.execute(_CAMERA_OWNERS, {"ids": list(camera_ids)}).all())
        self._records = {row.event_id: row for row in session.scalars(_RECORDS, {"ids": list(ids)})}
        self._revisions: dict[tuple[UUID, int], tuple[bytes, bool]] = {}
        self._references: set[tuple[UUID, EvidenceRole, str]] = set()
        if self._records:  # most batches hold nothing that came before
            self._read_earlier()
        named = {ref.sha256 for item in items for ref in item.event.evidence}
        kept = select(EvidenceFile.sha256).where(EvidenceFile.sha256.in_(named), EvidenceFile.removed_at.is_(None))
        self._arrived = set(session.scalars(kept)) if named else set()
        self._new_revisions: list[dict[str, Any]] = []
        self._new_references: list[dict[str, Any]] = []

    def _read_earlier(self) -> None:
        """Read what came before of the batch's events."""
        revisions = select(
            EventRevision.event_id, EventRevision.revision, EventRevision.body_sha256, EventRevision.quarantined
        ).where(EventRevision.event_id.in_(self._records))
        for row in self._session.execute(revisions):
            self._revisions[row[0], row[1]] = (row[2], row[3])
        references = select(EvidenceReference.event_id, EvidenceReference.role, EvidenceReference.sha256).where(
            EvidenceReference.event_id.in_(self._records)
        )
        self._references = {(row[0], row[1], row[2]) for row in self._session.execute(references)}
        # Held here so that the session, which holds rows weakly, need not read them again for each event.
        self._incidents = self._session.scalars(
            select(Incident).where(Incident.id.in_({row.incident_id for row in self._records.values()} - {None}))
        ).all()

    def finish(self) -> None:
        """Write what nothing in the batch had to read back."""
        self._session.flush()
        if self._new_revisions:
            self._session.execute(insert(EventRevision), self._new_revisions)
        if self._new_references:
            self._session.execute(insert(EvidenceReference), self._new_references)

    def take(self, item: _Parsed) -> Taken:
        """Store one event, or say why not."""
        event = item.event
        refusal = self._refusal(event)
        if refusal is not None:
            self._audit("event.refuse", event, refusal)
            return Taken(self._result(event, "refused", detail=refusal), Verdict.FORBIDDEN)
        record = self._records.get(event.event_id)
        known = self._revisions.get((event.event_id, event.revision))
        if known is not None and known[0] == item.digest:
            if known[1]:
                return Taken(self._result(event, "quarantined", detail=QUARANTINED))
            return Taken(self._result(event, "duplicate", record))
        if known is not None or (record is not None and not _same_subject(record, event)):
            detail = "this event id and revision came before with another body; the first one stays"
            self._audit("event.conflict", event, detail)
            return Taken(self._result(event, "conflict", record, detail), Verdict.CONFLICT)
        reason = self._impossible_clock(event)
        previous = None if record is None or record.quarantine_reason is not None else record.state
        record = self._store(item, record, reason)
        if reason is not None:
            return Taken(self._result(event, "quarantined", detail=reason))
        if record.revision == event.revision:
            incident = self._grouping.place(record, previous)
        else:
            incident = self._session.get_one(Incident, record.incident_id)
        self._show_known_pictures(incident, event)
        return Taken(self._result(event, "created", record))

    def _refusal(self, event: Event) -> str | None:
        """Why the device may not post this; None when it may."""
        if event.village not in self._tree:
            return f"no village {event.village!r} here. Remedy: run `langan-server places sync` with the site's file."
        path = self._tree.path(event.village)
        if not access.may_here(self._device, Permission.POST_EVENTS, path):
            return f"this device may not post for village {event.village!r}. Remedy: use the device of that village."
        if event.village not in self._tree.villages_in(event.village):
            return f"{event.village!r} is not a village. Remedy: give the camera's village, not its commune."
        owner = self._camera_owners.get(event.camera_id)
        if owner is None:
            self._register(event)
        elif owner != self._device.id:
            return f"camera {event.camera_id!r} belongs to another device. Remedy: give the camera another id."
        return None

    def _register(self, event: Event) -> None:
        """Note a camera whose events came before its configuration: no event waits for that."""
        camera = Camera(
            id=event.camera_id,
            device_id=self._device.id,
            village_id=event.village,
            name=event.camera_id,
            created_at=self._now,
        )
        self._session.add(camera)
        self._session.flush()
        self._camera_owners[camera.id] = self._device.id

    def _impossible_clock(self, event: Event) -> str | None:
        if abs(self._clock_offset) > MAX_AHEAD:
            where = "ahead" if self._clock_offset > timedelta(0) else "behind"
            off_h = abs(self._clock_offset) / timedelta(hours=1)
            return f"the device's clock is {off_h:.1f} h {where} now. Remedy: set the clock of the edge (NTP)."
        latest = max(event.observed_at, event.ended_at or event.observed_at)
        if latest > self._now + MAX_AHEAD:
            return f"the device's clock is ahead: {latest.isoformat()}. Remedy: set the clock of the edge (NTP)."
        if event.started_at < self._now - MAX_AGE:
            return f"older than {MAX_AGE.days} days: {event.started_at.isoformat()}. Remedy: set the clock of the edge."
        return None

    def _store(self, item: _Parsed, record: EventRecord | None, reason: str | None) -> EventRecord:
        event = item.event
        if record is None:
            record = EventRecord(
                event_id=event.event_id, received_at=self._now, quarantine_reason=reason, **_fields(event)
            )
            if reason is not None:
                self._session.add(record)  # one that is grouped is added there
            self._records[event.event_id] = record
        elif reason is None and (record.quarantine_reason is not None or event.revision > record.revision):
            for name, value in _fields(event).items():
                setattr(record, name, value)
            record.quarantine_reason = None
        self._new_revisions.append(
            {
                "event_id": event.event_id,
                "revision": event.revision,
                "body_sha256": item.digest,
                "body": item.body,
                "device_id": self._device.id,
                "received_at": self._now,
                "quarantined": reason is not None,
            }
        )
        self._revisions[event.event_id, event.revision] = (item.digest, reason is not None)
        for reference in event.evidence:
            self._refer(event.event_id, reference)
        return record

    def _refer(self, event_id: UUID, reference: EvidenceRef) -> None:
        key = (event_id, reference.role, reference.sha256)
        if key not in self._references:
            self._references.add(key)
            self._new_references.append({"event_id": event_id, **reference.model_dump()})

    def _show_known_pictures(self, incident: Incident, event: Event) -> None:
        """A later revision may name a picture that has already arrived."""
        for reference in event.evidence:
            if reference.sha256 in self._arrived:
                show_picture(incident, reference.role, reference.sha256)

    def _audit(self, action: str, event: Event, detail: str) -> None:
        audit.record(
            self._session,
            at=self._now,
            actor=self._device,
            action=action,
            subject=f"event:{event.event_id}",
            detail={"revision": event.revision, "camera": event.camera_id, "village": event.village, "why": detail},
            request_id=self._request_id,
        )

    @staticmethod
    def _result(event: Event, status: Any, record: EventRecord | None = None, detail: str | None = None) -> EventResult:
        incident_id = str(record.incident_id) if record is not None and record.incident_id is not None else None
        return EventResult(
            event_id=event.event_id, revision=event.revision, status=status, incident_id=incident_id, detail=detail
        )


def show_picture(incident: Incident, role: EvidenceRole, sha256: str) -> bool:
    """Let an incident's card show a picture that has arrived; tells whether the card changed."""
    if role is EvidenceRole.SNAPSHOT and incident.snapshot_sha256 != sha256:
        incident.snapshot_sha256 = sha256
        return True
    if role is EvidenceRole.SNAPSHOT_REDACTED and incident.redacted_sha256 != sha256:
        incident.redacted_sha256 = sha256
        return True
    return False


def _same_subject(record: EventRecord, event: Event) -> bool:
    """Revisions of one event speak of the same thing."""
    return (record.kind, record.camera_id, record.village_id, record.spot) == (
        event.kind,
        event.camera_id,
        event.village,
        event.spot,
    )


def _fields(event: Event) -> dict[str, Any]:
    return {
        "revision": event.revision,
        "kind": event.kind,
        "camera_id": event.camera_id,
        "village_id": event.village,
        "spot": event.spot,
        "zone": event.zone,
        "state": event.state,
        "started_at": event.started_at,
        "observed_at": event.observed_at,
        "ended_at": event.ended_at,
        "confidence": event.confidence,
        "facts": event.facts.model_dump(mode="json"),
        "paths": [path.model_dump(mode="json") for path in event.paths],
        "plate": event.plate.model_dump(mode="json") if event.plate is not None else None,
        "config_version": event.config_version,
    }
