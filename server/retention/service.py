"""Deletes what is over its period: evidence first, then details, incidents, and what was written about them.

Every step works through small transactions; after a crash the next run goes on where this one ended. A file goes only
when every incident that has it is over and none of them is held.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, exists, false, func, insert, not_, or_, select, tuple_, update
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.db.engine import Database
from server.db.feedback_models import Feedback
from server.db.look_models import CameraStill
from server.db.models import EventRecord, EventRevision, EvidenceFile, EvidenceReference, Incident
from server.db.types import Base
from server.db.what_if_models import WhatIf
from server.db.work_models import Deletion, Notification
from server.domain.incident import IncidentState
from server.domain.notices import NoticeState
from server.retention import deletions, holds, months
from server.retention.erasing import erase_events, erase_incidents
from server.retention.policy import RetentionPolicy, What, why
from server.services import Services

log = logging.getLogger(__name__)

_FILES_AT_ONCE: Final = 200
_INCIDENTS_AT_ONCE: Final = 50


@dataclass(slots=True)
class Report:
    """What a run deleted, or would delete."""

    at: datetime
    dry_run: bool
    counts: Counter[str] = field(default_factory=Counter)
    """By `What`: files, incidents, events, rows."""
    bytes: int = 0
    """Of evidence."""
    held: int = 0
    """Incidents that a hold keeps."""


def enforce(parts: Services, *, dry_run: bool = False) -> Report:
    """Delete what is over its period now.

    Args:
        parts: The server.
        dry_run: Only count.

    Raises:
        Unavailable: The database is not to be had now; what was deleted until then is deleted.
    """
    run = _Run(parts, RetentionPolicy.of(parts.settings), dry_run)
    for step in (
        run.evidence,
        run.details,
        run.incidents,
        run.quarantined,
        run.stills,
        run.what_ifs,
        run.months,
        run.notifications,
        run.feedback,
        run.logs,
    ):
        step()
    report = run.report
    if not dry_run and report.counts.total():
        with parts.database.write() as session:
            audit.record(
                session,
                at=parts.clock.utc(),
                actor=None,
                action="retention.run",
                subject="site:1",
                detail={**report.counts, "bytes": report.bytes, "held": report.held},
            )
    log.info("retention", extra={"fields": {**report.counts, "bytes": report.bytes, "dry_run": dry_run}})
    return report


class _Run:
    """One run."""

    def __init__(self, parts: Services, policy: RetentionPolicy, dry_run: bool) -> None:
        self._database: Database = parts.database
        self._parts = parts
        self._policy = policy
        self.report = Report(parts.clock.utc(), dry_run)
        with parts.database.read() as session:
            self.report.held = len(holds.held_ids(session))

    @property
    def _now(self) -> datetime:
        return self.report.at

    def evidence(self) -> None:
        """Take files out of use whose every incident is over."""
        after: tuple[datetime, str] | None = None
        while True:
            with self._database.read() as session:
                query = self._over_files(session)
                if after is not None:
                    query = query.where(tuple_(EvidenceFile.stored_at, EvidenceFile.sha256) > after)
                rows = session.execute(query.limit(_FILES_AT_ONCE)).all()
            if not rows:
                return
            after = (rows[-1].stored_at, rows[-1].sha256)
            if self.report.dry_run:
                self._count(What.EVIDENCE, len(rows), sum(row.size_bytes for row in rows))
                continue
            with self._database.write() as session:
                again = self._over_files(session).where(EvidenceFile.sha256.in_([row.sha256 for row in rows]))
                files = {row.sha256: row.size_bytes for row in session.execute(again)}
                for reason, names in self._reasons(session, list(files)).items():
                    deletions.remove_files(session, {name: files[name] for name in names}, self._now, reason)
            self._count(What.EVIDENCE, len(files), sum(files.values()))

    def details(self) -> None:
        """Empty plates, paths and bodies of events whose evidence is over: they tell as much of a person."""
        already = exists().where(
            Deletion.incident_id == Incident.id, Deletion.what == What.DETAIL, Deletion.at >= Incident.touched_at
        )
        self._each_incident(
            lambda session: and_(self._evidence_over(session), Incident.event_count > 0, not_(already)), self._empty
        )

    def incidents(self) -> None:
        """Delete incidents that are over."""
        self._each_incident(self._incident_over, self._erase)

    def quarantined(self) -> None:
        """Delete events that are in no incident."""
        before = self._before(self._policy.quarantined)
        if before is None:
            return
        condition = and_(EventRecord.incident_id.is_(None), EventRecord.received_at < before)
        if self.report.dry_run:
            self._count_rows(What.QUARANTINED, select(func.count()).select_from(EventRecord).where(condition))
            return
        while True:
            with self._database.write() as session:
                ids = list(session.scalars(select(EventRecord.event_id).where(condition).limit(_FILES_AT_ONCE)))
                if not ids:
                    return
                erase_events(session, ids)
                reason = why("quarantined", self._parts.settings.keep_quarantined_days)
                self._write(session, What.QUARANTINED, "events", reason, len(ids))

    def months(self) -> None:
        """Drop whole months of revisions whose events are gone."""
        if self.report.dry_run:
            return
        for month, rows in months.drop_months(self._parts, self._policy, self._now):
            with self._database.write() as session:
                self._write(session, What.REVISIONS, f"table:{month.table}", why("evidence_over"), rows)

    def stills(self) -> None:
        """Delete stills of cameras that send none any more."""
        before = self._before(self._policy.still)
        if before is not None:
            days = self._parts.settings.keep_still_days
            self._delete(What.STILL, CameraStill, CameraStill.received_at < before, days)

    def what_ifs(self) -> None:
        """Delete configurations that were tried, with what boxes said to them, or never said."""
        before = self._before(self._policy.what_if)
        if before is not None:
            self._delete(What.WHAT_IF, WhatIf, WhatIf.asked_at < before, self._parts.settings.keep_what_if_days)

    def notifications(self) -> None:
        """Delete who was told what."""
        before = self._before(self._policy.notification)
        if before is not None:
            condition = and_(Notification.planned_at < before, Notification.state != NoticeState.PENDING)
            days = self._parts.settings.keep_notification_days
            self._delete(What.NOTIFICATION, Notification, condition, days)

    def feedback(self) -> None:
        """Delete what residents wrote, answered or not."""
        before = self._before(self._policy.feedback)
        if before is not None:
            days = self._parts.settings.keep_feedback_days
            self._delete(What.FEEDBACK, Feedback, Feedback.created_at < before, days)

    def _delete(self, what: What, table: type[Base], condition: ColumnElement[bool], days: int) -> None:
        """Delete rows by their age alone."""
        if self.report.dry_run:
            self._count_rows(what, select(func.count()).select_from(table).where(condition))
            return
        with self._database.write() as session:
            gone = session.execute(delete(table).where(condition)).rowcount  # type: ignore[attr-defined]  # of a cursor result
            self._write(session, what, table.__tablename__, why("age", days), gone)

    def logs(self) -> None:
        """Cut the audit log and the list of deletions."""
        before = self._before(self._policy.audit)
        if before is None:
            return
        if self.report.dry_run:
            with self._database.read() as session:
                self._count(What.AUDIT, self._parts.chain.older_than(session, before))
            return
        with self._database.write() as session:
            gone = self._parts.chain.forget_before(session, before)
            self._write(session, What.AUDIT, "audit_log", why("age", self._parts.settings.keep_audit_days), gone)
            session.execute(delete(Deletion).where(Deletion.at < before))

    def _over_files(self, session: Session) -> Any:
        """Files that are in use and that nothing keeps."""
        # Looked up file by file: a list of all incidents that are over would be made anew for each batch.
        kept = (
            select(EvidenceReference.sha256)
            .join(EventRecord, EventRecord.event_id == EvidenceReference.event_id)
            .outerjoin(Incident, Incident.id == EventRecord.incident_id)
            .where(
                EvidenceReference.sha256 == EvidenceFile.sha256,
                or_(
                    and_(Incident.id.is_not(None), not_(self._evidence_over(session))),
                    and_(Incident.id.is_(None), not_(self._quarantine_over())),
                ),
            )
            .exists()
        )
        return (
            select(EvidenceFile.sha256, EvidenceFile.size_bytes, EvidenceFile.stored_at)
            .where(EvidenceFile.removed_at.is_(None), EvidenceFile.stored_at < self._now - timedelta(days=1), ~kept)
            .order_by(EvidenceFile.stored_at, EvidenceFile.sha256)
        )

    def _evidence_over(self, session: Session) -> ColumnElement[bool]:
        return self._over(session, lambda state: self._policy.evidence[state])

    def _incident_over(self, session: Session) -> ColumnElement[bool]:
        def period(state: IncidentState) -> timedelta | None:
            evidence, incident = self._policy.evidence[state], self._policy.incident
            return None if evidence is None or incident is None else max(evidence, incident)

        return and_(self._over(session, period), Incident.merged_into_id.is_(None))

    def _over(self, session: Session, period: Callable[[IncidentState], timedelta | None]) -> ColumnElement[bool]:
        conditions = [
            and_(Incident.state == state, Incident.touched_at < self._now - days)
            for state in IncidentState
            if (days := period(state)) is not None
        ]
        held = holds.held_ids(session)
        return and_(or_(*conditions) if conditions else false(), Incident.id.not_in(held) if held else not_(false()))

    def _quarantine_over(self) -> ColumnElement[bool]:
        before = self._before(self._policy.quarantined)
        return false() if before is None else EventRecord.received_at < before

    def _reasons(self, session: Session, names: list[str]) -> dict[str, list[str]]:
        """The files by why they go."""
        settings = self._parts.settings
        states = dict(
            session.execute(
                select(EvidenceReference.sha256, func.max(Incident.state))
                .join(EventRecord, EventRecord.event_id == EvidenceReference.event_id)
                .join(Incident, Incident.id == EventRecord.incident_id)
                .where(EvidenceReference.sha256.in_(names))
                .group_by(EvidenceReference.sha256)
            ).all()
        )
        grouped: dict[str, list[str]] = {}
        for name in names:
            match states.get(name):
                case IncidentState.FALSE_ALARM:
                    reason = why("false_alarm", settings.keep_false_alarm_evidence_days)
                case IncidentState.RESOLVED:
                    reason = why("resolved", settings.keep_resolved_evidence_days)
                case None:
                    reason = why("quarantined", settings.keep_quarantined_days)
                case _:
                    reason = why("undecided", settings.keep_evidence_days)
            grouped.setdefault(reason, []).append(name)
        return grouped

    def _each_incident(
        self,
        condition: Callable[[Session], ColumnElement[bool]],
        work: Callable[[Session, list[Incident]], None],
    ) -> None:
        with self._database.read() as session:  # once: to begin anew for each batch would look at all of them each time
            found = list(session.scalars(select(Incident.id).where(condition(session)).order_by(Incident.touched_at)))
        for start in range(0, len(found), _INCIDENTS_AT_ONCE):
            batch = Incident.id.in_(found[start : start + _INCIDENTS_AT_ONCE])
            with self._database.write() if not self.report.dry_run else self._database.read() as session:
                rows = list(session.scalars(select(Incident).where(condition(session), batch)))
                if rows:
                    work(session, rows)

    def _empty(self, session: Session, incidents: list[Incident]) -> None:
        ids = [incident.id for incident in incidents]
        self._count(What.DETAIL, len(ids))
        if self.report.dry_run:
            return
        events = select(EventRecord.event_id).where(EventRecord.incident_id.in_(ids))
        session.execute(update(EventRevision).where(EventRevision.event_id.in_(events)).values(body={}))
        session.execute(update(EventRecord).where(EventRecord.incident_id.in_(ids)).values(plate=None, paths=[]))
        lines = [
            deletions.line(
                What.DETAIL,
                f"incident:{incident.id}",
                self._now,
                why("evidence_over"),
                rows=incident.event_count,
                village_id=incident.village_id,
                incident_id=incident.id,
            )
            for incident in incidents
        ]
        session.execute(insert(Deletion), lines)

    def _erase(self, session: Session, incidents: list[Incident]) -> None:
        self._count(What.INCIDENT, len(incidents))
        if self.report.dry_run:
            return
        reason = why("untouched", self._parts.settings.keep_incident_days)
        lines = [
            deletions.line(
                What.INCIDENT,
                f"incident:{incident.id}",
                self._now,
                reason,
                rows=incident.event_count,
                village_id=incident.village_id,
                incident_id=incident.id,
            )
            for incident in incidents
        ]
        erase_incidents(session, [incident.id for incident in incidents])
        session.execute(insert(Deletion), lines)

    def _write(self, session: Session, what: What, subject: str, reason: str, rows: int) -> None:
        if rows:
            self._count(what, rows)
            session.execute(insert(Deletion), [deletions.line(what, subject, self._now, reason, rows=rows)])

    def _count(self, what: What, number: int, size_bytes: int = 0) -> None:
        if number:
            self.report.counts[what.value] += number
            self.report.bytes += size_bytes

    def _count_rows(self, what: What, query: Any) -> None:
        with self._database.read() as session:
            self._count(what, session.scalar(query) or 0)

    def _before(self, period: timedelta | None) -> datetime | None:
        return None if period is None else self._now - period
