"""How long what is kept. Days come from the settings; the reasons for their defaults stand in docs/guide/privacy.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from server.domain.incident import IncidentState
from server.work_settings import WorkSettings


class What(StrEnum):
    """What is deleted."""

    EVIDENCE = "evidence"
    """Pictures and clips."""
    DETAIL = "detail"
    """Plates, paths and bodies of events as they were sent."""
    INCIDENT = "incident"
    """An incident with its events and timeline."""
    QUARANTINED = "quarantined"
    FEEDBACK = "feedback"
    """What residents wrote, and what they were answered."""
    STILL = "still"
    """The newest still of a camera that sends none any more."""
    WHAT_IF = "what_if"
    """A configuration that an admin tried, and what the box said to it."""
    REVISIONS = "revisions"
    """A month's revisions, emptied long before, of events that are gone."""
    NOTIFICATION = "notification"
    AUDIT = "audit"
    ORPHAN = "orphan"
    """A file in the store that nothing speaks of."""


REASONS = (
    "false_alarm",
    "resolved",
    "undecided",
    "quarantined",
    "evidence_over",
    "untouched",
    "age",
    "room",
    "orphan",
)
"""Why something was deleted; pages say it in words."""


def why(reason: str, days: int | None = None) -> str:
    """A reason as the list of deletions keeps it: `resolved:90`."""
    return reason if days is None else f"{reason}:{days}"


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """Periods; None is for ever."""

    evidence: dict[IncidentState, timedelta | None]
    incident: timedelta | None
    quarantined: timedelta | None
    still: timedelta | None
    what_if: timedelta | None
    feedback: timedelta | None
    notification: timedelta | None
    audit: timedelta | None

    @classmethod
    def of(cls, settings: WorkSettings) -> Self:
        """The periods of the settings."""
        evidence = {state: _days(settings.keep_evidence_days) for state in IncidentState}
        evidence[IncidentState.FALSE_ALARM] = _days(settings.keep_false_alarm_evidence_days)
        evidence[IncidentState.RESOLVED] = _days(settings.keep_resolved_evidence_days)
        return cls(
            evidence=evidence,
            incident=_days(settings.keep_incident_days),
            quarantined=_days(settings.keep_quarantined_days),
            still=_days(settings.keep_still_days),
            what_if=_days(settings.keep_what_if_days),
            feedback=_days(settings.keep_feedback_days),
            notification=_days(settings.keep_notification_days),
            audit=_days(settings.keep_audit_days),
        )

    def evidence_until(self, state: IncidentState, touched_at: datetime) -> datetime | None:
        """When the evidence of an incident is over, counted from when somebody or something last touched it."""
        period = self.evidence[state]
        return None if period is None else touched_at + period

    def incident_until(self, state: IncidentState, touched_at: datetime) -> datetime | None:
        """When an incident is over: never before its evidence."""
        evidence = self.evidence_until(state, touched_at)
        if self.incident is None or evidence is None:
            return None
        return max(touched_at + self.incident, evidence)


def _days(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None
