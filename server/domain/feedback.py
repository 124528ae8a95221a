"""What residents may write about, and what becomes of it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final


class About(StrEnum):
    """What somebody writes about."""

    PICTURE = "picture"
    """Somebody or something in a picture of the log is not covered. Officers see these first."""
    ENTRY = "entry"
    """An entry of the log is wrong or unclear."""
    CAMERA = "camera"
    """A camera, its place or its purpose."""
    IDEA = "idea"
    """What should be done in the village."""
    OTHER = "other"


class FeedbackState(StrEnum):
    """What became of it."""

    NEW = "new"
    ANSWERED = "answered"
    DECLINED = "declined"
    """Answered with why it will not be dealt with; never shown to others."""


MAX_TEXT: Final = 2000
A_DAY: Final = 5
"""As much may one account write in a day: enough for people, tiresome for a program."""
DAY: Final = timedelta(days=1)
