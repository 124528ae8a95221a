"""Rule events become gapless revisions; evidence may fail, events never do."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from contract.camera_config import CameraConfig
from contract.event import Event, EventState, EvidenceRole, TrackPath
from contract.ids import uuid7_from_content
from contract.rules.intrusion import IntrusionFacts
from edge.errors import DiskFull, EdgeError
from edge.outbox import SqliteOutbox
from edge.picture import ArrayPicture
from edge.recorder import CLIP_PATIENCE_S, MAX_CLIPS_IN_WRITING, ClipJob, EvidenceFile, Moment, Recorder, end_orphans
from edge.types import Detections, Frame, Observation, RuleEvent, Track, TrackId
from tests.edge_fakes import START, FakeClock, make_event, make_media


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
    return CameraConfig.model_validate(
        {
            "camera": {"id": "cong_cho", "name": "Cổng chợ", "village": "trang-long"},
            "inputs": [{"path": "clip.mp4"}],
            "evidence": {"pre_s": 2, "post_s": 3, **evidence},
        }
    )


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


@pytest.fixture
def evidence(tmp_path: Path) -> FakeEvidence:
    return FakeEvidence(tmp_path)


@pytest.fixture
def recorder(sink: ListSink, evidence: FakeEvidence) -> Recorder:
    return Recorder(camera(), "v1", sink, evidence, uuid7_from_content)


def said(state: EventState, at_s: float, key: str = "san", started_s: float = 10.0) -> RuleEvent:
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
    observation = Observation("cong_cho", at_s, START + timedelta(seconds=at_s), 16 / 9, ())
    return Moment(
        Frame("cong_cho", ArrayPicture(np.zeros((4, 4, 3), np.uint8)), at_s, observation.utc, 0),
        observation,
        Detections.empty(),
    )


def observe(recorder: Recorder, at_s: float, x: float, track_id: int = 1, detected: bool = True) -> None:
    track = Track(TrackId(track_id), "person", 0.9, (x, 0.2, x + 0.1, 0.6), 0.0, at_s, detected)
    recorder.history.observe(Observation("cong_cho", at_s, START + timedelta(seconds=at_s), 16 / 9, (track,)))


def test_revisions_count_up_and_keep_the_id(recorder: Recorder, sink: ListSink) -> None:
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.record(0, said(EventState.UPDATE, 20), moment(20))
    recorder.record(0, said(EventState.END, 30), moment(30))
    assert [event.revision for event in sink.events] == [0, 1, 2]
    assert [event.state for event in sink.events] == [EventState.START, EventState.UPDATE, EventState.END]
    assert len({event.event_id for event in sink.events}) == 1
    assert sink.events[-1].ended_at == START + timedelta(seconds=30)
    assert recorder.open_events == 0


def test_times_on_the_wire_are_utc_whatever_zone_the_rules_were_told(recorder: Recorder, sink: ListSink) -> None:
    local = timezone(timedelta(hours=7))
    for state, at_s in ((EventState.START, 12), (EventState.UPDATE, 20)):
        event = said(state, at_s)
        recorder.record(0, replace(event, observed_utc=event.observed_utc.astimezone(local)), moment(at_s))
    assert [event.observed_at.utcoffset() for event in sink.raw] == [timedelta(0)] * 2


def test_simultaneous_events_of_rules_and_keys_are_told_apart(recorder: Recorder, sink: ListSink) -> None:
    for rule_index, key in ((0, "a"), (0, "b"), (1, "a")):
        recorder.record(rule_index, said(EventState.START, 12, key), moment(12))
    recorder.record(1, said(EventState.END, 13, "a"), moment(13))
    recorder.record(0, said(EventState.UPDATE, 14, "a"), moment(14))
    first, second, third, third_end, first_update = sink.events
    assert len({first.event_id, second.event_id, third.event_id}) == 3
    assert (third_end.event_id, third_end.revision) == (third.event_id, 1)
    assert (first_update.event_id, first_update.revision) == (first.event_id, 1)


def test_the_same_key_begins_a_new_event_after_its_end(recorder: Recorder, sink: ListSink) -> None:
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.record(0, said(EventState.END, 13), moment(13))
    recorder.record(0, said(EventState.START, 20, started_s=19), moment(20))
    assert [event.revision for event in sink.events] == [0, 1, 0]
    assert sink.events[0].event_id != sink.events[2].event_id


def test_snapshots_come_with_the_first_revision_and_are_handed_over_once(recorder: Recorder, sink: ListSink) -> None:
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.record(0, said(EventState.UPDATE, 13), moment(13))
    assert [ref.role for ref in sink.events[0].evidence] == [EvidenceRole.SNAPSHOT, EvidenceRole.SNAPSHOT_REDACTED]
    assert [len(media) for media in sink.media] == [2, 0]
    assert sink.events[1].evidence == sink.events[0].evidence, "each revision carries all that is known"


def test_the_clip_comes_once_its_post_roll_is_recorded(
    recorder: Recorder, sink: ListSink, evidence: FakeEvidence
) -> None:
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.cut_due_clips(14.9)
    evidence.recorded_s = 14.9
    recorder.cut_due_clips(15.5)
    assert len(sink.events) == 1, "too early, and then not recorded yet"
    evidence.recorded_s = 15.0
    recorder.cut_due_clips(15.6)
    recorder.cut_due_clips(15.7)
    assert evidence.clips == [(10.0, 15.0)]
    assert [event.state for event in sink.events] == [EventState.START, EventState.UPDATE]
    assert sink.events[1].evidence[-1].role is EvidenceRole.CLIP
    assert len(sink.media[1]) == 1


def test_a_recorded_stream_that_lags_for_long_gives_what_it_has(
    recorder: Recorder, sink: ListSink, evidence: FakeEvidence
) -> None:
    evidence.recorded_s = None
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.cut_due_clips(15 + CLIP_PATIENCE_S - 0.1)
    assert not evidence.clips
    recorder.cut_due_clips(15 + CLIP_PATIENCE_S)
    assert evidence.clips


def test_an_event_that_ends_before_its_clip_ends_at_once_and_again_with_the_clip(
    recorder: Recorder, sink: ListSink
) -> None:
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.record(0, said(EventState.END, 13), moment(13))
    assert sink.events[-1].state is EventState.END
    recorder.cut_due_clips(15.0)
    first_end, second_end = sink.events[1:]
    assert second_end.revision == 2
    assert second_end.state is EventState.END
    assert second_end.ended_at == first_end.ended_at
    assert second_end.evidence[-1].role is EvidenceRole.CLIP
    recorder.cut_all_clips()
    assert len(sink.events) == 3


def test_stopping_cuts_every_clip_from_what_there_is(recorder: Recorder, sink: ListSink) -> None:
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.record(0, said(EventState.END, 12.5), None)
    recorder.cut_all_clips()
    assert sink.events[-1].evidence[-1].role is EvidenceRole.CLIP


class SlowRunner:
    """Writes clips when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[tuple[ClipJob, Future[EvidenceFile]]] = []

    def __call__(self, job: ClipJob) -> Future[EvidenceFile]:
        self.jobs.append((job, Future()))
        return self.jobs[-1][1]

    def work(self) -> None:
        for job, future in self.jobs:
            future.set_result(job())
        self.jobs.clear()


def test_frames_and_revisions_do_not_wait_for_a_clip_that_is_being_written(
    sink: ListSink, evidence: FakeEvidence
) -> None:
    runner = SlowRunner()
    recorder = Recorder(camera(), "v1", sink, evidence, uuid7_from_content, runner)
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.cut_due_clips(15)
    recorder.record(0, said(EventState.UPDATE, 16), moment(16))
    recorder.record(0, said(EventState.END, 17), moment(17))
    assert evidence.clips == [(10.0, 15.0)], "it was cut in time, before the ring forgot it"
    assert [event.state for event in sink.events] == ["start", "update", "end"]
    runner.work()
    recorder.cut_due_clips(18)
    recorder.cut_due_clips(19)
    assert [event.revision for event in sink.events] == [0, 1, 2, 3]
    assert sink.events[-1].state is EventState.END
    assert sink.events[-1].evidence[-1].role is EvidenceRole.CLIP


def test_clips_that_come_faster_than_they_are_written_do_not_pile_up_in_memory(
    sink: ListSink, evidence: FakeEvidence
) -> None:
    jobs: list[Future[EvidenceFile]] = []

    def take(_job: ClipJob) -> Future[EvidenceFile]:
        jobs.append(Future())
        return jobs[-1]

    recorder = Recorder(camera(), "v1", sink, evidence, uuid7_from_content, take)
    for number in range(100):
        at_s = 12.0 + 10 * number
        recorder.record(0, said(EventState.START, at_s, str(number)), moment(at_s))
        recorder.record(0, said(EventState.END, at_s + 1, str(number)), moment(at_s + 1))
        recorder.cut_due_clips(at_s + 5)
    assert len(jobs) == len(evidence.clips) == MAX_CLIPS_IN_WRITING
    assert len(sink.events) == 200, "events wait for no clip"
    jobs[0].set_result(evidence.write(10, 15))
    recorder.cut_due_clips(2000)
    recorder.cut_due_clips(2001)
    assert sink.events[-1].evidence[-1].role is EvidenceRole.CLIP
    assert len(jobs) == MAX_CLIPS_IN_WRITING + 1, "one was written, so the next is cut"


def test_stopping_waits_for_clips_that_are_being_written(sink: ListSink, evidence: FakeEvidence) -> None:
    with ThreadPoolExecutor(1) as pool:
        recorder = Recorder(camera(), "v1", sink, evidence, uuid7_from_content, pool.submit)
        recorder.record(0, said(EventState.START, 12), moment(12))
        recorder.record(0, said(EventState.END, 13), moment(13))
        recorder.finish_clips()
    assert sink.events[-1].evidence[-1].role is EvidenceRole.CLIP


@pytest.mark.parametrize("error", [DiskFull("no room: free space"), OSError(28, "No space left on device")])
def test_failed_evidence_never_loses_the_event(
    recorder: Recorder, sink: ListSink, evidence: FakeEvidence, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    evidence.error = error
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.cut_due_clips(100)
    recorder.record(0, said(EventState.END, 101), moment(101))
    assert [event.state for event in sink.events] == [EventState.START, EventState.END]
    assert [event.revision for event in sink.events] == [0, 1]
    assert sink.events[0].evidence == ()
    assert "what=snapshot" in caplog.text
    assert "what=clip" in caplog.text


def test_a_defect_in_a_clips_job_costs_the_clip_and_never_the_camera(
    sink: ListSink, evidence: FakeEvidence, caplog: pytest.LogCaptureFixture
) -> None:
    with ThreadPoolExecutor(1) as pool:
        recorder = Recorder(camera(), "v1", sink, evidence, uuid7_from_content, pool.submit)
        recorder.record(0, said(EventState.START, 12), moment(12))
        evidence.error = ZeroDivisionError("a defect in the muxer")
        recorder.finish_clips()
        recorder.record(0, said(EventState.END, 101), moment(101))
    assert [event.state for event in sink.events] == [EventState.START, EventState.END]
    (failure,) = [record for record in caplog.records if "what=clip" in record.message]
    assert failure.exc_info is not None, "a defect needs its traceback"


def test_a_clip_that_was_cancelled_while_the_process_stops_is_left_out(sink: ListSink, evidence: FakeEvidence) -> None:
    cancelled: Future[EvidenceFile] = Future()
    cancelled.cancel()
    cancelled.set_running_or_notify_cancel()
    recorder = Recorder(camera(), "v1", sink, evidence, uuid7_from_content, lambda _job: cancelled)
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.finish_clips()
    assert [event.state for event in sink.events] == [EventState.START]


def test_a_clip_of_which_nothing_was_recorded_adds_no_revision(
    recorder: Recorder, sink: ListSink, evidence: FakeEvidence
) -> None:
    evidence.has_clip = False
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.cut_due_clips(20)
    assert len(sink.events) == 1


def test_evidence_can_be_turned_off(sink: ListSink, evidence: FakeEvidence) -> None:
    recorder = Recorder(camera(snapshot=False, clip=False), "v1", sink, evidence, uuid7_from_content)
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.cut_due_clips(100)
    recorder.cut_all_clips()
    assert [event.evidence for event in sink.events] == [()]


def test_an_outbox_that_takes_nothing_more_is_told_and_the_camera_goes_on(
    recorder: Recorder, sink: ListSink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sink.error = DiskFull("full")
    recorder.record(0, said(EventState.START, 12), moment(12))
    assert any(record.levelno == logging.CRITICAL and "event_lost" in record.message for record in caplog.records)
    assert not any(record.message.startswith("event camera=") for record in caplog.records), "it is not on its way"
    sink.error = None
    recorder.record(0, said(EventState.UPDATE, 13), moment(13))
    assert sink.events[-1].revision == 1


def test_an_update_without_a_start_is_told_and_sends_nothing(
    recorder: Recorder, sink: ListSink, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.record(0, said(EventState.UPDATE, 12), moment(12))
    assert sink.events == []
    assert "rule_event_without_start" in caplog.text


def test_a_clock_that_is_set_back_does_not_end_an_event_before_it_began(recorder: Recorder, sink: ListSink) -> None:
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.record(0, said(EventState.END, -3600, started_s=10.0), moment(12))
    assert sink.events[-1].ended_at == sink.events[0].started_at


def test_paths_are_thinned_normalised_and_count_from_the_start(recorder: Recorder, sink: ListSink) -> None:
    for i in range(1000):
        observe(recorder, i / 50, i / 1000)
    recorder.record(0, said(EventState.START, 20, started_s=10.0), moment(20))
    (path,) = sink.events[0].paths
    assert len(path.points) == len(path.offsets_s) == 64
    assert path.offsets_s[0] == -10.0
    assert path.offsets_s[-1] == pytest.approx(9.98)
    assert list(path.offsets_s) == sorted(path.offsets_s)
    assert path.points[0] == (0.05, 0.6)
    assert path.points[-1] == (1.0, 0.6), "a box that reaches out of the picture stays on the wire's scale"


def test_a_held_track_adds_no_points_and_a_track_long_gone_is_forgotten(recorder: Recorder) -> None:
    observe(recorder, 0.0, 0.1)
    observe(recorder, 1.0, 0.1, detected=False)
    path = recorder.history.path(TrackId(1), 0.0)
    assert path is not None
    assert path.offsets_s == (0.0,)
    observe(recorder, 500.0, 0.5, track_id=2)
    assert recorder.history.path(TrackId(1), 0.0) is None
    assert recorder.history.path(TrackId(2), 0.0) is not None


def test_ids_of_a_replay_are_the_same_each_time(evidence: FakeEvidence) -> None:
    ids = []
    for _ in range(2):
        sink = ListSink()
        recorder = Recorder(camera(), "v1", sink, evidence, uuid7_from_content)
        recorder.record(0, said(EventState.START, 12, "a"), moment(12))
        recorder.record(0, said(EventState.START, 12, "b"), moment(12))
        ids.append([event.event_id for event in sink.events])
    assert ids[0] == ids[1]
    assert ids[0][0] != ids[0][1]


def test_what_a_killed_process_left_open_is_ended_where_it_was_last_seen(tmp_path: Path) -> None:
    store = SqliteOutbox(tmp_path / "outbox.sqlite", FakeClock())
    store.put(make_event("open"), [])
    store.put(make_event("open", 1), [])
    store.put(make_event("ended"), [])
    store.put(make_event("ended", 1, EventState.END), [])
    assert end_orphans(store.open_events(), store) == 1
    last = store.pending_events(10)[-1]
    assert (last.event_id, last.revision, last.state) == (make_event("open").event_id, 2, EventState.END)
    assert last.ended_at == make_event("open", 1).observed_at
    assert end_orphans(store.open_events(), store) == 0
    store.close()
