"""Clips come when their post-roll is recorded, are written aside, and never cost the event."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest

from contract.event import EventState, EvidenceRole
from contract.ids import uuid7_from_content
from contract.rules.littering import LitteringFacts
from edge.errors import DiskFull
from edge.metrics import CAMERA_FIGURES
from edge.recorder import CLIP_PATIENCE_S, MAX_CLIPS_IN_WRITING, ClipJob, EvidenceFile, Recorder
from edge.types import RuleEvent
from tests.support.recording import FakeEvidence, ListSink, camera, moment, said


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


def left(at_s: float) -> RuleEvent:
    """Something was thrown away at 10 s."""
    facts = LitteringFacts(
        object_class="person",
        owner_track=1,
        owner_distance_m=0.5,
        object_box=(0.4, 0.5, 0.5, 0.6),
        stay_s=20.0,
        away_s=11.0,
    )
    return replace(said(EventState.START, at_s, key="region-1"), kind="littering", facts=facts)


def test_the_clip_of_what_is_told_late_shows_how_it_began(
    recorder: Recorder, sink: ListSink, evidence: FakeEvidence
) -> None:
    recorder.record(0, left(40.0), moment(40))
    recorder.cut_due_clips(40.1)
    assert evidence.clips == [(8.0, 13.0)]
    assert sink.events[-1].evidence[-1].role is EvidenceRole.CLIP
    recorder.cut_due_clips(60.0)
    assert len(evidence.clips) == 1


def test_and_where_that_is_recorded_no_more_the_moment_of_the_report(
    recorder: Recorder, sink: ListSink, evidence: FakeEvidence
) -> None:
    evidence.has_clip = False
    recorder.record(0, left(40.0), moment(40))
    evidence.has_clip = True
    recorder.cut_due_clips(43.0)
    recorder.cut_due_clips(43.1)
    assert evidence.clips == [(8.0, 13.0), (38.0, 43.0)]
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


def test_events_and_their_clips_are_counted(recorder: Recorder, evidence: FakeEvidence) -> None:
    assert recorder.figures() == {"events_started": 0, "clips_written": 0, "clips_missed": 0}
    recorder.record(0, said(EventState.START, 12, "a"), moment(12))
    recorder.record(0, said(EventState.UPDATE, 13, "a"), moment(13))
    recorder.cut_all_clips()
    evidence.has_clip = False
    recorder.record(0, said(EventState.START, 14, "b"), moment(14))
    recorder.cut_all_clips()
    assert recorder.figures() == {"events_started": 2, "clips_written": 1, "clips_missed": 1}
    assert recorder.figures().keys() <= CAMERA_FIGURES.keys()


def test_evidence_can_be_turned_off(sink: ListSink, evidence: FakeEvidence) -> None:
    recorder = Recorder(camera(snapshot=False, clip=False), "v1", sink, evidence, uuid7_from_content)
    recorder.record(0, said(EventState.START, 12), moment(12))
    recorder.cut_due_clips(100)
    recorder.cut_all_clips()
    assert [event.evidence for event in sink.events] == [()]
