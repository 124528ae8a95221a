"""Asks the silences whether an incident may be told now. The answer is kept with the notification."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from server.db.models import Incident
from server.domain.silencing import AlertOutcome
from server.silences import service as silences


@dataclass(frozen=True, slots=True)
class Quiet:
    """The word of the silences at one moment."""

    silenced: bool
    decision: str


def ask(session: Session, incident: Incident, now: datetime, zone: ZoneInfo) -> Quiet:
    """Whether the incident is to be kept quiet, and by what."""
    word = silences.decide(session, incident, now, zone)
    if word.outcome is AlertOutcome.SILENCED:
        return Quiet(silenced=True, decision=f"silenced by {word.silence_id}")
    if word.outcome is AlertOutcome.INHIBITED:
        return Quiet(silenced=True, decision=f"inhibited by {word.inhibited_by}")
    return Quiet(silenced=False, decision=word.outcome.value)
