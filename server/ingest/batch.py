"""What becomes of the events of some requests within one transaction, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.event import Event, EvidenceRef, EvidenceRole
from server.audit import service as audit
from server.db.engine import LOCK_VILLAGE, lock
from server.db.models import Camera, Incident
from server.domain import access
from server.domain.access import Permission, Principal
from server.domain.grouping import grouping_key
from server.incidents.grouping import Grouping
from server.ingest import rows
from server.ingest.bodies import Body, Taken, Verdict
from server.ingest.items import Delivery, Item, Key, Known, result_of, same_subject
from server.ingest.pictures import show_picture
from server.ingest.standing import Standing
from server.places.service import PlaceTree

MAX_AHEAD: Final = timedelta(hours=1)
MAX_AGE: Final = timedelta(days=30)
"""Times outside of these cannot be true: the event is quarantined, kept for an admin to see. So is whatever comes from
a device whose clock is more than `MAX_AHEAD` off in either direction: what is a day late may be true, what is a day
behind is not, and nothing else tells them apart."""
QUARANTINED: Final = "kept in quarantine since it first came. Remedy: set the clock of the edge (NTP)."


class Batch:
    """One transaction's work.

    Args:
        session: Of `Database.write`.
        now: The server's time.
        zone: The site's time zone.
        standing: What is kept between transactions.
    """

    def __init__(self, session: Session, now: datetime, zone: ZoneInfo, standing: Standing) -> None:
        self._session, self._now, self._standing = session, now, standing
        self._numbers = standing.enter(session, now)
        self._dialect = session.get_bind().dialect.name
        self._connection = session.connection()
        self._tree = PlaceTree.read(session)
        self._known: dict[UUID, Known] = {}
        self._grouping = Grouping(session, now, zone, self._known, self._write_events)
        self._revisions: dict[Key, tuple[bytes, bool]] = {}
        """Digest, and whether it is in quarantine."""
        self._owners: dict[str, str] = {}
        self._allowed: set[tuple[str, str | None, str, str]] = set()
        """Device, its place, village and camera that go together."""
        self._references: set[tuple[UUID, EvidenceRole, str]] = set()
        self._arrived: set[str] = set()
        self._changed: dict[UUID, Known] = {}
        self._new_revisions: list[dict[str, Any]] = []
        self._new_references: list[dict[str, Any]] = []

    def take(self, deliveries: Sequence[Delivery]) -> list[tuple[Taken, ...] | None]:
        """Store everything, or say why not.

        Returns:
            For each delivery an answer for each of its bodies; None where its device is one no more.
        """
        confirmed = [self._confirmed(delivery) for delivery in deliveries]
        items = [
            [body if isinstance(body, Taken) else Item(delivery, body) for body in delivery.bodies]
            for delivery in confirmed
            if delivery is not None
        ]
        self._prepare([item for some in items for item in some if isinstance(item, Item)])
        answers = iter(
            [tuple(item if isinstance(item, Taken) else self._answer(item) for item in some) for some in items]
        )
        self._finish()
        return [next(answers) if delivery is not None else None for delivery in confirmed]

    def replay(self, delivery: Delivery) -> tuple[Taken, ...] | None:
        """Answer a request of nothing but what is stored, without writing anything; None: it has to be taken.

        Refusals are audited, so that they have to be taken, too.
        """
        confirmed = self._confirmed(delivery)
        bodies = [body for body in delivery.bodies if isinstance(body, Body) and body.has_key]
        if confirmed is None or len(bodies) < len(delivery.bodies):
            return None
        given = {"ids": list({body.event_id for body in bodies}), "revisions": list({body.revision for body in bodies})}
        found = {(row.event_id, row.revision): row for row in self._connection.execute(rows.STORED, given)}
        self._owners = self._standing.owners(self._session, self._numbers, {row.camera_id for row in found.values()})
        answer = []
        for body in bodies:
            key = (body.event_id, body.revision)
            row = found.get(key)
            if row is None or row.body_sha256 != body.digest:
                return None
            if self._refusal_of(confirmed.device, row.village_id, row.camera_id) is not None:
                return None
            answer.append(_duplicate(key, row.quarantined, row.incident_id))
        return tuple(answer)

    def _confirmed(self, delivery: Delivery) -> Delivery | None:
        """The delivery, if its device is enrolled with the same key in this very transaction."""
        believed = delivery.credential
        if believed is None or believed.number == self._numbers["devices"]:
            return delivery
        known = self._standing.read_credential(self._session, delivery.device.id, self._numbers)
        if known is None or known.device.public_key != believed.device.public_key:
            return None
        return replace(delivery, device=known.device.principal)

    # What is read before anything is written: once for all

    def _prepare(self, items: Sequence[Item]) -> None:
        named = {village for item in items if isinstance(village := item.body.raw.get("village"), str)}
        # By what the bodies say: nothing else changes these villages' incidents from now on.
        lock(self._session, LOCK_VILLAGE, {village for village in named if village in self._tree})
        for item in items:
            if not item.body.has_key:
                item.checked = item.body.checked()
        self._read_known({key for item in items if (key := item.key) is not None})
        for item in items:
            if item.checked is None and not self._has(item.body):
                item.checked = item.body.checked()
        events = [item.checked for item in items if isinstance(item.checked, Event)]
        cameras = {event.camera_id for event in events} | {known.camera_id for known in self._known.values()}
        self._owners = self._standing.owners(self._session, self._numbers, cameras)
        if events:
            self._read_for(events)

    def _read_known(self, keys: set[Key]) -> None:
        if not keys:
            return
        given = {"ids": list({key[0] for key in keys}), "revisions": list({key[1] for key in keys})}
        for row in self._connection.execute(rows.KNOWN, given):
            if row.event_id not in self._known:
                self._known[row.event_id] = Known(
                    event_id=row.event_id, kind=row.kind, village_id=row.village_id, spot=row.spot,
                    camera_id=row.camera_id, state=row.state, started_at=row.started_at, observed_at=row.observed_at,
                    ended_at=row.ended_at, incident_id=row.incident_id, came_from_id=row.came_from_id,
                    newest=row.newest, quarantine_reason=row.quarantine_reason,
                )  # fmt: skip
            if row.revision is not None:
                self._revisions[row.event_id, row.revision] = (row.body_sha256, row.quarantined)

    def _has(self, body: Body) -> bool:
        known = self._revisions.get((body.event_id, body.revision))
        return known is not None and known[0] == body.digest

    def _read_for(self, events: Sequence[Event]) -> None:
        """Read what storing these needs."""
        again = [self._known[event.event_id] for event in events if event.event_id in self._known]
        if named := {reference.sha256 for event in events for reference in event.evidence}:
            self._arrived = set(self._connection.scalars(rows.ARRIVED, {"sha256": list(named)}))
            if again:
                found = self._connection.execute(rows.REFERENCES, {"ids": [known.event_id for known in again]})
                self._references = {(row.event_id, row.role, row.sha256) for row in found}
        if ids := {known.incident_id for known in again} - {None}:
            # Held here so that the session, which holds rows weakly, need not read them again for each event.
            self._incidents = self._session.scalars(select(Incident).where(Incident.id.in_(ids))).all()
        self._grouping.look_up(
            grouping_key(event.village, event.kind, event.spot)
            for event in events
            if event.event_id not in self._known and event.village in self._tree
        )

    # One event

    def _answer(self, item: Item) -> Taken:
        if isinstance(item.checked, Taken):
            return item.checked
        if isinstance(item.checked, Event):
            return self._take(item, item.checked)
        key, known = (item.body.event_id, item.body.revision), self._known[item.body.event_id]
        refusal = self._refusal_of(item.delivery.device, known.village_id, known.camera_id)
        if refusal is not None:
            self._audit("event.refuse", item, key, (known.village_id, known.camera_id), refusal)
            return Taken(result_of(key, "refused", detail=refusal), Verdict.FORBIDDEN)
        return _duplicate(key, self._revisions[key][1], known.incident_id)

    def _take(self, item: Item, event: Event) -> Taken:
        """Store one event, or say why not."""
        device, key = item.delivery.device, (event.event_id, event.revision)
        refusal = self._refusal_of(device, event.village, event.camera_id)
        if refusal is not None:
            self._audit("event.refuse", item, key, (event.village, event.camera_id), refusal)
            return Taken(result_of(key, "refused", detail=refusal), Verdict.FORBIDDEN)
        if event.camera_id not in self._owners:
            self._register(device, event)
        known, before = self._known.get(event.event_id), self._revisions.get(key)
        if known is not None and before is not None and before[0] == item.body.digest:
            return _duplicate(key, self._revisions[key][1], known.incident_id)
        if before is not None or (known is not None and not same_subject(known, event)):
            detail = "this event id and revision came before with another body; the first one stays"
            self._audit("event.conflict", item, key, (event.village, event.camera_id), detail)
            return Taken(
                result_of(key, "conflict", known.incident_id if known is not None else None, detail), Verdict.CONFLICT
            )
        reason = self._impossible_clock(item.delivery.clock_offset, event)
        previous = None if known is None or known.quarantine_reason is not None else known.state
        known = self._store(item, event, known, reason)
        if reason is not None:
            return Taken(result_of(key, "quarantined", detail=reason))
        if known.newest == event.revision:
            incident = self._grouping.place(known, previous)
        else:
            incident = self._session.get_one(Incident, known.incident_id)
        for reference in event.evidence:  # a later revision may name a picture that has already arrived
            if reference.sha256 in self._arrived:
                show_picture(incident, reference.role, reference.sha256)
        return Taken(result_of(key, "created", known.incident_id))

    def _refusal_of(self, device: Principal, village_id: str, camera_id: str) -> str | None:
        asked = (device.id, device.place_id, village_id, camera_id)
        if asked not in self._allowed:
            refusal = self._refusal(device, village_id, camera_id)
            if refusal is not None:
                return refusal
            self._allowed.add(asked)
        return None

    def _refusal(self, device: Principal, village_id: str, camera_id: str) -> str | None:
        """Why the device may not post this; None when it may."""
        if village_id not in self._tree:
            return f"no village {village_id!r} here. Remedy: run `langan-server places sync` with the site's file."
        if not access.may_here(device, Permission.POST_EVENTS, self._tree.path(village_id)):
            return f"this device may not post for village {village_id!r}. Remedy: use the device of that village."
        if not self._tree.is_village(village_id):
            return f"{village_id!r} is not a village. Remedy: give the camera's village, not its commune."
        if self._owners.get(camera_id, device.id) != device.id:
            return f"camera {camera_id!r} belongs to another device. Remedy: give the camera another id."
        return None

    def _register(self, device: Principal, event: Event) -> None:
        """Note a camera whose events came before its configuration: no event waits for that."""
        camera = Camera(
            id=event.camera_id,
            device_id=device.id,
            village_id=event.village,
            name=event.camera_id,
            created_at=self._now,
        )
        self._session.add(camera)
        self._session.flush()
        self._owners[camera.id] = device.id

    def _impossible_clock(self, clock_offset: timedelta, event: Event) -> str | None:
        if abs(clock_offset) > MAX_AHEAD:
            where = "ahead" if clock_offset > timedelta(0) else "behind"
            off_h = abs(clock_offset) / timedelta(hours=1)
            return f"the device's clock is {off_h:.1f} h {where} now. Remedy: set the clock of the edge (NTP)."
        latest = max(event.observed_at, event.ended_at or event.observed_at)
        if latest > self._now + MAX_AHEAD:
            return f"the device's clock is ahead: {latest.isoformat()}. Remedy: set the clock of the edge (NTP)."
        if event.started_at < self._now - MAX_AGE:
            return f"older than {MAX_AGE.days} days: {event.started_at.isoformat()}. Remedy: set the clock of the edge."
        return None

    # What is written

    def _store(self, item: Item, event: Event, known: Known | None, reason: str | None) -> Known:
        """Keep a revision, and let the event tell what it tells where it counts."""
        if known is None:
            known = self._known[event.event_id] = Known(
                event_id=event.event_id, kind=event.kind, village_id=event.village, spot=event.spot,
                camera_id=event.camera_id, state=event.state, started_at=event.started_at,
                observed_at=event.observed_at, ended_at=event.ended_at, newest=event.revision,
                quarantine_reason=reason, row=rows.event_row(event), is_stored=False,
            )  # fmt: skip
            self._changed[event.event_id] = known
        elif reason is None and (known.quarantine_reason is not None or event.revision > known.newest):
            known.state, known.newest, known.quarantine_reason = event.state, event.revision, None
            known.started_at, known.observed_at, known.ended_at = event.started_at, event.observed_at, event.ended_at
            known.row = rows.event_row(event)
            self._changed[event.event_id] = known
        self._new_revisions.append(
            {
                "event_id": event.event_id,
                "revision": event.revision,
                "body_sha256": item.body.digest,
                "body": item.body.text,
                "device_id": item.delivery.device.id,
                "received_at": self._now,
                "quarantined": reason is not None,
            }
        )
        self._revisions[event.event_id, event.revision] = (item.body.digest, reason is not None)
        for reference in event.evidence:
            self._refer(event.event_id, reference)
        return known

    def _refer(self, event_id: UUID, reference: EvidenceRef) -> None:
        key = (event_id, reference.role, reference.sha256)
        if key not in self._references:
            self._references.add(key)
            self._new_references.append({"event_id": event_id, **reference.model_dump()})

    def _write_events(self) -> None:
        """Write the events that were stored or changed since the last time."""
        self._session.flush()  # their incidents come first
        changed, self._changed = self._changed, {}
        new, old = [], []
        for known in changed.values():
            row = known.row | {
                "quarantine_reason": known.quarantine_reason,
                "incident_id": known.incident_id,
                "came_from_id": known.came_from_id,
            }
            if known.is_stored:
                del row["event_id"]
                old.append(row | {"known_id": known.event_id})
            else:
                new.append(row | {"received_at": self._now})
                known.is_stored = True
        if new:
            self._connection.execute(rows.add_events(self._dialect), new)
        if old:
            self._connection.execute(rows.change_events(self._dialect), old)

    def _finish(self) -> None:
        self._write_events()
        if self._new_revisions:
            self._connection.execute(rows.add_revisions(self._dialect), self._new_revisions)
        if self._new_references:
            self._connection.execute(rows.ADD_REFERENCES, self._new_references)

    def _audit(self, action: str, item: Item, key: Key, where: tuple[str, str], why: str) -> None:
        (event_id, revision), (village_id, camera_id) = key, where
        audit.record(
            self._session,
            at=self._now,
            actor=item.delivery.device,
            action=action,
            subject=f"event:{event_id}",
            detail={"revision": revision, "camera": camera_id, "village": village_id, "why": why},
            request_id=item.delivery.request_id,
        )


def _duplicate(key: Key, is_quarantined: bool, incident_id: UUID | None) -> Taken:
    if is_quarantined:
        return Taken(result_of(key, "quarantined", detail=QUARANTINED))
    return Taken(result_of(key, "duplicate", incident_id))
