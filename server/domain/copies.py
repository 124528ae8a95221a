"""The life of a playable copy of a clip: asked for by a person, made by the edge, sent as evidence."""

from __future__ import annotations

from enum import StrEnum


class CopyState(StrEnum):
    """How far a copy is."""

    ASKED = "asked"
    """The edge learns of it at its next heartbeat."""
    MAKING = "making"
    MADE = "made"
    """It is ready at the edge; whether it has arrived, the evidence tells."""
    FAILED = "failed"


UNFINISHED = (CopyState.ASKED, CopyState.MAKING)
