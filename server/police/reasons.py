"""Reasons that one tap gives: kept as their code, and read by each officer in their own language."""

from __future__ import annotations

from typing import Final

from server import i18n
from server.domain.grouping_hints import HintReason

FALSE_ALARM: Final = (
    "false_alarm.light",
    "false_alarm.animal",
    "false_alarm.allowed",
    "false_alarm.camera",
    "false_alarm.zone",
    "false_alarm.nothing",
)
"""What officers say most often."""
_CODES: Final = frozenset({*FALSE_ALARM, "group.unmerge.reason", *(f"group.hint.{reason}" for reason in HintReason)})


def words(text: str) -> str:
    """A reason as it is read: what somebody wrote stays as it was written."""
    return i18n.gettext(text) if text in _CODES else text
