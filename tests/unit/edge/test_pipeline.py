"""A frame's way to the rules: gated frames count as watched time, and the camera can stop and begin again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from contract.camera_config import CameraConfig
from contract.config_loader import LoadedCamera
from contract.event import Event, EventState, TrackPath
from contract.ids import uuid7_from_content
from contract.rules.intrusion import IntrusionFacts
from contract.site_config import SiteConfig
from edge.attention import Attention
from edge.bootstrap import make_pipeline
from edge.no_evidence import NoEvidence
from edge.picture import ArrayPicture
from edge.pipeline import CameraPipeline
from edge.recorder import EvidenceFile, Moment, Recorder
from edge.scene import Scene
from edge.types import Detections, Frame, Observation, RuleEvent, SignalState, Track, TrackId
from tests.edge_fakes import START

SITE = SiteConfig.model_validate(
    {
        "site": {"name": "Xã"},
        "places": [
            {"id": "p", "kind": "province", "name": "P"},
            {"id": "c", "kind": "commune", "name": "C", "parent": "p"},
            {"id": "trang-long", "kind": "village", "name": "V", "parent": "c"},
        ],
    }
)


def camera_config(**more: object) -> CameraConfig:
    return CameraConfig.model_validate(
        {
            "camera": {"id": "cong_cho", "name": "Cổng chợ", "village": "trang-long"},
            "inputs": [{"path": "clip.mp4"}],
            "zones": {"san": {"name": "Sân", "coordinates": [[0, 0], [1, 0], [1, 1], [0, 1]]}},
            **more,
        }
    )


class Gate:
    def __init__(self, searched: set[int]) -> None:
        self.searched = searched
        self.resets = 0
        self.rests = False
        self.woken_s: list[float] = []

    def should_search(
        self,
        frame: Frame,
        tracks: Sequence[Track],  # noqa: ARG002 - the port's signature
        *,
        waiting: bool = False,  # noqa: ARG002 - the port's signature
    ) -> bool:
        return frame.sequence in self.searched

    def may_rest(self, monotonic_s: float, tracks: Sequence[Track], *, waiting: bool = False) -> bool:  # noqa: ARG002 - the port's signature
        return self.rests

    def woken(self, monotonic_s: float) -> None:
        self.woken_s.append(monotonic_s)

    def reset(self) -> None:
        self.resets += 1


class OneTrack:
    """Follows one object; ids go on after a reset."""

    waiting = False

    def __init__(self) -> None:
        self.track_id = 1

    def track(self, at_s: float, detected: bool) -> list[Track]:
        return [Track(TrackId(self.track_id), "person", 0.9, (0.4, 0.2, 0.5, 0.6), 0.0, at_s, detected)]

    def update(self, detections: Detections, frame: Frame) -> list[Track]:
        return self.track(frame.monotonic_s, True) if len(detections) else []

    def hold(self, monotonic_s: float) -> list[Track]:
        return self.track(monotonic_s, False)

    def reset(self) -> None:
        self.track_id += 1


class Listener:
    """A rule that remembers what it saw and starts an event at its third observation."""

    kind = "intrusion"

    def __init__(self) -> None:
        self.seen: list[Observation] = []

    def said(self, state: EventState, observation: Observation) -> RuleEvent:
        return RuleEvent(
            "intrusion", "san", state, "san", self.seen[0].monotonic_s, self.seen[0].utc, observation.monotonic_s,
            observation.utc, 0.9, IntrusionFacts(object_class="person", stay_s=1.0, peak_count=1), (TrackId(1),),
        )  # fmt: skip

    def observe(self, observation: Observation) -> list[RuleEvent]:
        self.seen.append(observation)
        return [self.said(EventState.START, observation)] if len(self.seen) == 3 else []

    def finish(self, observation: Observation | None) -> list[RuleEvent]:
        return [self.said(EventState.END, observation)] if observation and len(self.seen) >= 3 else []


class Asked(NoEvidence):
    """Remembers what it was asked for."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []

    def snapshots(self, moment: Moment, event: RuleEvent, paths: Sequence[TrackPath]) -> list[EvidenceFile]:
        self.moments.append(moment)
        return super().snapshots(moment, event, paths)


class House:
    def __init__(self, searched: set[int]) -> None:
        self.rules: list[Listener] = []
        self.gate = Gate(searched)
        self.events: list[Event] = []
        self.evidence = Asked()
        config = camera_config(
            signals={"den": {"kind": "plan", "phases": [["red", 30], ["green", 30]]}}, objects={"track": ["person"]}
        )
        self.asked: list[int] = []
        self.attention = Attention()
        self.pipeline = CameraPipeline(
            camera=config,
            scene=Scene.from_config(config, SITE),
            make_rules=self.make_rules,
            gate=self.gate,
            detect=self.detect,
            keep=lambda found, _size: found,
            tracker=OneTrack(),
            recorder=Recorder(config, "v1", self, self.evidence, uuid7_from_content),
            attention=self.attention,
        )

    def make_rules(self) -> list[Listener]:
        self.rules.append(Listener())
        return [self.rules[-1]]

    def detect(self, frame: Frame) -> Detections | None:
        self.asked.append(frame.sequence)
        if frame.sequence == 99:
            return None  # the detector stops
        return Detections(np.array([[1, 1, 3, 3]], np.float32), np.array([0.9], np.float32), ("person",))

    def put(self, event: Event, media: Sequence[tuple[str, Path]]) -> None:  # noqa: ARG002 - the port's signature
        self.events.append(event)

    def play(self, *sequences: int) -> None:
        for number in sequences:
            self.pipeline.process(
                Frame(
                    "cong_cho",
                    ArrayPicture(np.zeros((9, 16, 3), np.uint8)),
                    number / 5,
                    START + timedelta(seconds=number / 5),
                    number,
                )
            )


def test_a_gated_frame_reaches_the_rules_as_not_searched() -> None:
    house = House({0, 2})
    house.play(0, 1, 2)
    assert house.asked == [0, 2]
    seen = house.rules[0].seen
    assert [observation.detected for observation in seen] == [True, False, True]
    assert [observation.tracks[0].detected for observation in seen] == [True, False, True]
    assert [observation.monotonic_s for observation in seen] == [0.0, 0.2, 0.4]
    assert house.pipeline.counts.gated == 1
    assert house.pipeline.counts.searched == 2


def test_a_detector_that_gives_no_answer_counts_as_not_searched() -> None:
    house = House({99})
    house.play(99)
    assert [observation.detected for observation in house.rules[0].seen] == [False]


def test_rules_are_told_the_shape_and_the_signals_of_the_picture() -> None:
    house = House({0})
    house.play(0)
    (observation,) = house.rules[0].seen
    assert observation.aspect == pytest.approx(16 / 9)
    assert observation.signals == {"den": SignalState.RED}


def test_an_event_that_starts_on_a_gated_frame_is_redacted_by_the_last_search() -> None:
    house = House({0})
    house.play(0, 1, 2)
    assert [event.state for event in house.events] == [EventState.START]
    (moment,) = house.evidence.moments
    assert len(moment.detections) == 1
    assert not moment.observation.detected


def test_finishing_ends_events_and_a_new_beginning_knows_nothing_of_the_old() -> None:
    house = House(set(range(10)))
    house.play(0, 1, 2)
    house.pipeline.finish()
    assert [event.state for event in house.events] == [EventState.START, EventState.END]
    assert house.gate.resets == 1
    house.play(3, 4)
    assert len(house.events) == 2
    fresh = house.rules[-1]
    assert fresh is not house.rules[0]
    assert [observation.tracks[0].track_id for observation in fresh.seen] == [2, 2]
    house.pipeline.finish()
    house.pipeline.finish()
    assert len(house.events) == 2


def test_the_source_may_rest_as_long_as_the_gate_says_and_not_after_a_loss_or_an_end() -> None:
    house = House({0})
    house.gate.rests = True
    for over in (house.pipeline.stream_ended, house.pipeline.finish):
        house.play(0, 1)
        assert house.attention.idle
        over()
        assert not house.attention.idle
    house.gate.rests = False
    house.play(2)
    assert not house.attention.idle


def test_the_gate_is_told_when_the_source_woke_by_itself() -> None:
    house = House(set())
    house.gate.rests = True
    house.play(0, 1)
    assert house.gate.woken_s == []
    house.attention.wake()
    house.play(2, 3)
    assert house.gate.woken_s == [0.4]


def test_a_camera_file_with_an_impossible_rule_is_refused_when_it_is_built() -> None:
    config = camera_config(rules=[{"kind": "intrusion", "zones": ["nowhere"]}])
    loaded = LoadedCamera(config, "", Path("c.yaml"), "v1")
    with pytest.raises(ValueError, match="nowhere"):
        make_pipeline(
            loaded, SITE, detect=lambda _f: None, evidence=NoEvidence(), sink=House(set()), new_id=uuid7_from_content
        )


@pytest.mark.parametrize("regions", ["off", "motion"])
def test_small_motion_is_looked_at_closely_where_the_camera_asks_for_it(regions: str) -> None:
    loaded = LoadedCamera(camera_config(detect={"regions": regions}), "", Path("c.yaml"), "v1")
    sizes: set[tuple[int, int]] = set()

    def detect(shown: Frame) -> Detections:
        sizes.add(shown.resolution_wh)
        return Detections.empty()

    pipeline = make_pipeline(
        loaded, SITE, detect=detect, evidence=NoEvidence(), sink=House(set()), new_id=uuid7_from_content
    )
    for number in range(60):
        image = np.full((720, 1280, 3), 120, np.uint8)
        left = 400 + 8 * number
        image[300:360, left : left + 60] = 230
        at = timedelta(seconds=number / 5)
        pipeline.process(Frame("cong_cho", ArrayPicture(image), number / 5, START + at, number))
    assert sizes == ({(1280, 720)} if regions == "off" else {(1280, 720), (640, 384)})
