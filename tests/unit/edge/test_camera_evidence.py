"""Pictures of an event: whatever OpenCV says, the event itself goes on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest

from contract.camera_config import CameraConfig
from contract.event import EventState, EvidenceRole
from contract.rules.intrusion import IntrusionFacts
from edge.camera_evidence import CameraEvidence
from edge.errors import EdgeError
from edge.evidence.store import EvidenceFolder
from edge.picture import ArrayPicture
from edge.recorder import Moment
from edge.types import Detections, Frame, Observation, RuleEvent
from tests.edge_fakes import START


@pytest.fixture
def evidence(tmp_path: Path) -> CameraEvidence:
    camera = CameraConfig.model_validate(
        {"camera": {"id": "san", "name": "Sân", "village": "trang-long"}, "inputs": [{"path": "clip.mp4"}]}
    )
    folder = EvidenceFolder(tmp_path / "evidence", 10_000_000)
    return CameraEvidence(camera, ZoneInfo("Asia/Ho_Chi_Minh"), "vi", folder, None)


def moment() -> Moment:
    frame = Frame("san", ArrayPicture(np.full((60, 80, 3), 90, np.uint8)), 10.0, START + timedelta(seconds=10), 1)
    return Moment(frame, Observation("san", 10.0, frame.utc, 80 / 60, ()), Detections.empty())


def event() -> RuleEvent:
    facts = IntrusionFacts(object_class="person", stay_s=1.0, peak_count=1)
    seen = START + timedelta(seconds=10)
    return RuleEvent("intrusion", "san", EventState.START, None, 10.0, seen, 10.0, seen, 0.7, facts)


def test_a_snapshot_and_its_redacted_copy_are_stored(evidence: CameraEvidence) -> None:
    files = evidence.snapshots(moment(), event(), [])
    assert [ref.role for ref, _ in files] == [EvidenceRole.SNAPSHOT, EvidenceRole.SNAPSHOT_REDACTED]
    assert all(path.read_bytes().startswith(b"\xff\xd8") for _, path in files)


@pytest.mark.parametrize("part", ["redact", "draw_snapshot"])
def test_a_picture_that_cannot_be_drawn_is_an_error_that_the_recorder_expects(
    evidence: CameraEvidence, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise cv2.error("(-215:Assertion failed)")

    monkeypatch.setattr(f"edge.camera_evidence.{part}", fail)
    with pytest.raises(EdgeError, match="camera san: no snapshot"):
        evidence.snapshots(moment(), event(), [])
