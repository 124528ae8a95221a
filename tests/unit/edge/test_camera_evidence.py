"""Pictures of an event: whatever OpenCV says, the event itself goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contract.camera_config import CameraConfig
from contract.event import EventState, EvidenceRole
from contract.rules.camera_tampered import CameraTamperedFacts, Tampering
from contract.rules.intrusion import IntrusionFacts
from edge.camera_evidence import CameraEvidence
from edge.errors import EdgeError
from edge.evidence.store import EvidenceFolder
from edge.picture import ArrayPicture
from edge.recorder import Moment
from edge.sightings import Sightings
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


@pytest.mark.parametrize("before", [None, np.full((30, 40, 3), 200, np.uint8)], ids=["unknown", "known"])
def test_a_tampered_camera_is_shown_before_and_after_without_a_public_copy(
    evidence: CameraEvidence, before: NDArray[np.uint8] | None
) -> None:
    facts = CameraTamperedFacts(
        tampering=Tampering.COVERED,
        stay_s=6.0,
        detail_before=6.0,
        detail_after=0.1,
        sharpness_before=1.0,
        sharpness_after=1.0,
        match_before_share=0.9,
        match_after_share=0.0,
    )
    tampered = replace(event(), kind="camera_tampered", facts=facts)
    ((ref, path),) = evidence.snapshots(replace(moment(), view_before=before), tampered, [])
    assert ref.role is EvidenceRole.SNAPSHOT
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape[1] == (80 if before is None else 162)
    if before is not None:
        assert picture[20, 20].mean() > 190
        assert picture[20, 140].mean() < 100


@pytest.mark.parametrize(("detected", "hidden"), [(True, False), (False, True)])
def test_a_picture_of_which_nothing_is_known_is_hidden_entirely_in_public(
    evidence: CameraEvidence, detected: bool, hidden: bool
) -> None:
    known = moment()
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[:, ::2] = 255
    frame = replace(known.frame, picture=ArrayPicture(picture))
    observed = replace(known.observation, detected=detected)
    _, (_, path) = evidence.snapshots(Moment(frame, observed, Detections.empty(), Sightings()), event(), [])
    drawn = cv2.imread(str(path))
    assert drawn is not None
    assert (float(drawn[10:40].std()) < 30.0) is hidden
