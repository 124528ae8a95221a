"""Hand-written stand-ins and makers for tests of the edge."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from contract.event import Event, EventState, EvidenceRef, EvidenceRole
from contract.ids import uuid7_from_content
from contract.rules.intrusion import IntrusionFacts

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


class FakeClock:
    """Time that moves only when it is told to, or slept."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed_s = 0.0
        self._lock = threading.Lock()

    def monotonic_s(self) -> float:
        return 1000.0 + self._elapsed_s

    def utc(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed_s)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._elapsed_s += seconds


class WorstRng(random.Random):
    """Draws the upper end: delays without jitter."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def event_id(name: str) -> UUID:
    return uuid7_from_content(START, name)


def make_event(
    name: str = "e", revision: int = 0, state: EventState | None = None, evidence: tuple[EvidenceRef, ...] = ()
) -> Event:
    """An intrusion; revision 0 is its start, later ones are updates unless told otherwise."""
    state = state or (EventState.START if revision == 0 else EventState.UPDATE)
    observed_at = START + timedelta(seconds=revision)
    return Event(
        event_id=event_id(name),
        revision=revision,
        kind="intrusion",
        camera_id="cong_cho",
        village="trang-long",
        spot="cong_cho",
        zone="san",
        state=state,
        started_at=START,
        observed_at=observed_at,
        ended_at=observed_at if state is EventState.END else None,
        confidence=0.8,
        facts=IntrusionFacts(object_class="person", stay_s=float(revision), peak_count=1),
        evidence=evidence,
        config_version="0123456789ab",
    )


def make_media(folder: Path, content: bytes, role: EvidenceRole = EvidenceRole.SNAPSHOT) -> tuple[EvidenceRef, Path]:
    """A file and the reference to it."""
    import hashlib

    sha256 = hashlib.sha256(content).hexdigest()
    path = folder / sha256
    path.write_bytes(content)
    is_clip = role is EvidenceRole.CLIP
    return (
        EvidenceRef(
            role=role,
            sha256=sha256,
            media_type="video/mp4" if is_clip else "image/jpeg",
            size_bytes=len(content),
            codec="h264" if is_clip else None,
        ),
        path,
    )
