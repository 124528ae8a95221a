"""Asks the silences whether an incident may be told now. The answer is kept with the notification."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from server.db.models import Incident
from server.domain.silencing import AlertDecision, AlertOutcome
from server.silences import service as silences


@dataclass(frozen=True, slots=True)
class Quiet:
    """The word of the silences at one moment."""

    silenced: bool
    decision: str
    ends: bool = False
    """A silence or a maintenance window keeps it quiet: what is still new when that is over is told then. What came
    from a camera in trouble is not: it may never have happened."""


def ask(session: Session, incidents: Sequence[Incident], now: datetime, zone: ZoneInfo) -> dict[UUID, Quiet]:
    """Whether incidents are to be kept quiet, and by what; by the incident's id."""
    return {incident.id: _quiet(word) for incident, word in silences.decide_all(session, incidents, now, zone)}


def _quiet(word: AlertDecision) -> Quiet:
    if word.outcome is AlertOutcome.SILENCED:
        return Quiet(silenced=True, decision=f"silenced by {word.silence_id}", ends=True)
    if word.outcome is AlertOutcome.INHIBITED:
        return Quiet(silenced=True, decision=f"inhibited by {word.inhibited_by}")
    return Quiet(silenced=False, decision=word.outcome.value)
