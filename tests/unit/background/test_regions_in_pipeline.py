"""Static regions reach the rules through the pipeline, and cost nothing where no rule asks for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from contract.camera_config import CameraConfig
from contract.config_loader import LoadedCamera
from contract.event import Event, EventState
from contract.ids import uuid7_from_content
from contract.rules.abandoned_object import AbandonedObjectFacts
from edge.background.static_regions import StaticRegions
from edge.bootstrap import make_background, make_evidence, make_pipeline
from edge.evidence.store import EvidenceFolder
from edge.picture import ArrayPicture
from edge.pipeline import CameraPipeline
from edge.types import Detections, Frame
from tests.support import ground_scenes as gs
from tests.support.scenes import STREAM_START_S, make_rule, make_site, observation

RULE = {"kind": "abandoned_object", "min_stay_s": 15.0}


def camera(*rules: dict[str, object], **more: object) -> CameraConfig:
    return CameraConfig.model_validate(
        {
            "camera": {"id": "cam", "name": "Máy", "village": "thon"},
            "inputs": [{"path": "clip.mp4"}],
            "rules": rules,
            "evidence": {"snapshot": True, "clip": False},
            **more,
        }
    )


class Sink:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def put(self, event: Event, media: object) -> None:  # noqa: ARG002 - the port
        self.events.append(event)


def pipeline_of(config: CameraConfig, folder: Path, sink: Sink) -> CameraPipeline:
    site = make_site()
    return make_pipeline(
        LoadedCamera(config, "", Path("cam.yaml"), "v1"),
        site,
        detect=lambda _: Detections.empty(),
        evidence=make_evidence(config, site, EvidenceFolder(folder, 50_000_000), None),
        sink=sink,
        new_id=uuid7_from_content,
    )


def watch(pipeline: CameraPipeline, until_s: float, from_s: float = 0.0) -> None:
    """A bag stands there from 10 s on."""
    for index, at_s in enumerate(gs.seconds(until_s, from_s=from_s)):
        image = gs.render([gs.thing(300, 250, 22, 26)] if at_s >= 10.0 else [], index)
        pipeline.process(Frame("cam", ArrayPicture(image), 100.0 + at_s, gs.START + timedelta(seconds=at_s), index))


def test_a_forgotten_bag_is_told_without_any_detection_and_drawn_on_the_snapshot(tmp_path: Path) -> None:
    sink = Sink()
    pipeline = pipeline_of(camera(RULE), tmp_path, sink)
    watch(pipeline, 50.0)
    (start, *_) = sink.events
    assert start.kind == "abandoned_object"
    assert isinstance(start.facts, AbandonedObjectFacts)
    assert start.facts.object_box == pytest.approx((0.45, 0.63, 0.49, 0.7), abs=0.02)
    assert len(start.evidence) == 2
    pipeline.stream_ended()
    watch(pipeline, 70.0, from_s=52.0)
    observation = pipeline.last_moment[0]
    assert observation is not None
    assert [region.region_id for region in observation.static_regions] == [1]
    pipeline.finish()
    assert sink.events[-1].ended_at is not None
    watch(pipeline, 90.0, from_s=72.0)  # begins again: the bag belongs to what it finds
    assert pipeline.last_moment[0] is not None
    assert pipeline.last_moment[0].static_regions == ()


def test_without_such_a_rule_nothing_is_looked_for(tmp_path: Path) -> None:
    plain = camera({"kind": "crowding"})
    assert make_background(plain) is None
    assert make_background(camera(RULE)) is not None
    pipeline = pipeline_of(plain, tmp_path, Sink())
    watch(pipeline, 20.0)
    assert pipeline.last_moment[0] is not None
    assert pipeline.last_moment[0].static_regions == ()


def test_masks_of_the_camera_file_are_left_out(tmp_path: Path) -> None:
    around = [[0.4, 0.5], [0.55, 0.5], [0.55, 0.8], [0.4, 0.8]]
    for more in ({"motion": {"mask": [around]}}, {"privacy": {"masks": [around]}}):
        sink = Sink()
        pipeline = pipeline_of(camera(RULE, **more), tmp_path, sink)
        watch(pipeline, 40.0)
        assert sink.events == []


@pytest.mark.parametrize(("bag", "alerts"), [(True, 1), (False, 0)])
def test_who_drops_a_bag_in_front_of_the_camera_and_walks_off_litters(bag: bool, alerts: int) -> None:
    """Pictures and tracks as they come; without the bag, only somebody who stops, with a shadow, and goes on."""
    rule, background = make_rule("littering"), StaticRegions()

    def scene(at_s: float) -> gs.Moment:
        things = [gs.thing(300, 250, 22, 26)] if bag and at_s >= 20.0 else []
        x = 312.0 + 25.0 * min(0.0, at_s - 20.0) + 30.0 * max(0.0, at_s - 24.0)
        if not -30.0 < x < 670.0:
            return gs.Moment(tuple(things))
        shadow = gs.shade([(x, 252), (x + 60, 247), (x + 62, 253), (x + 2, 258)])
        return gs.Moment((*things, shadow, gs.person(x, 255, 90)), (gs.track_of(1, x, 255, 90),))

    events = []
    for at_s, regions in gs.show(background, scene, gs.seconds(70.0), start_s=STREAM_START_S):
        events += rule.observe(replace(observation(at_s, scene(at_s).tracks), static_regions=regions))
    assert [event.state.value for event in events if event.state is not EventState.UPDATE] == ["start"] * alerts
    assert all(event.track_ids == (1,) for event in events)
