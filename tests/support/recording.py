"""What stands around a recorder: an outbox that is a list, and small files for pictures and clips."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from contract.camera_config import CameraConfig
from contract.event import Event, EventState, EvidenceRole, TrackPath
from contract.rules.intrusion import IntrusionFacts
from edge.errors import EdgeError
from edge.picture import ArrayPicture
from edge.recorder import ClipJob, EvidenceFile, Moment, Recorder
from edge.types import Detections, Frame, Observation, RuleEvent, Track, TrackId
from tests.edge_fakes import START, make_media


class ListSink:
    """Remembers revisions; can be told to fail."""

    def __init__(self) -> None:
        self.raw: list[Event] = []
        self.events: list[Event] = []
        self.media: list[list[tuple[str, Path]]] = []
        self.error: EdgeError | None = None

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:
        if self.error is not None:
            raise self.error
        self.raw.append(event)
        # Through the wire and back: what the server reads must satisfy the contract.
        self.events.append(Event.model_validate_json(event.model_dump_json()))
        self.media.append(list(media))


class FakeEvidence:
    """Small files instead of pictures; can be told to fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error: Exception | None = None
        self.recorded_s: float | None = 1e9
        self.clips: list[tuple[float, float]] = []
        self.has_clip = True

    def snapshots(
        self,
        moment: Moment,  # noqa: ARG002 - the port's signature
        event: RuleEvent,
        paths: Sequence[TrackPath],  # noqa: ARG002 - the port's signature
    ) -> list[EvidenceFile]:
        if self.error:
            raise self.error
        return [
            make_media(self.folder, f"shot {event.key}".encode(), EvidenceRole.SNAPSHOT),
            make_media(self.folder, f"redacted {event.key}".encode(), EvidenceRole.SNAPSHOT_REDACTED),
        ]

    def recorded_until_s(self) -> float | None:
        return self.recorded_s

    def clip(self, start_s: float, end_s: float) -> ClipJob | None:
        self.clips.append((start_s, end_s))
        return (lambda: self.write(start_s, end_s)) if self.has_clip else None

    def write(self, start_s: float, end_s: float) -> EvidenceFile:
        if self.error:
            raise self.error
        return make_media(self.folder, f"clip {start_s} {end_s}".encode(), EvidenceRole.CLIP)


def camera(**evidence: object) -> CameraConfig:
    """A camera with `evidence` as given."""
    return CameraConfig.model_validate(
        {
            "camera": {"id": "cong_cho", "name": "Cổng chợ", "village": "trang-long"},
            "inputs": [{"path": "clip.mp4"}],
            "evidence": {"pre_s": 2, "post_s": 3, **evidence},
        }
    )


def said(state: EventState, at_s: float, key: str = "san", started_s: float = 10.0) -> RuleEvent:
    """What a rule tells."""
    return RuleEvent(
        kind="intrusion",
        key=key,
        state=state,
        zone="san",
        started_s=started_s,
        started_utc=START + timedelta(seconds=started_s),
        observed_s=at_s,
        observed_utc=START + timedelta(seconds=at_s),
        confidence=0.7,
        facts=IntrusionFacts(object_class="person", stay_s=max(0.0, at_s - started_s), peak_count=1),
        track_ids=(TrackId(1),),
    )


def moment(at_s: float) -> Moment:
    """A frame and what was seen on it: nothing."""
    observation = Observation("cong_cho", at_s, START + timedelta(seconds=at_s), 16 / 9, ())
    return Moment(
        Frame("cong_cho", ArrayPicture(np.zeros((4, 4, 3), np.uint8)), at_s, observation.utc, 0),
        observation,
        Detections.empty(),
    )


def observe(recorder: Recorder, at_s: float, x: float, track_id: int = 1, detected: bool = True) -> None:
    """Let the recorder see one person."""
    track = Track(TrackId(track_id), "person", 0.9, (x, 0.2, x + 0.1, 0.6), 0.0, at_s, detected)
    recorder.history.observe(Observation("cong_cho", at_s, START + timedelta(seconds=at_s), 16 / 9, (track,)))
