"""Rule events become gapless revisions; evidence may fail, events never do."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from contract.event import EventState, EvidenceRole
from contract.ids import uuid7_from_content
from edge.errors import DiskFull
from edge.outbox import SqliteOutbox
from edge.recorder import Recorder, end_orphans
from edge.types import TrackId
from tests.edge_fakes import START, FakeClock, make_event
from tests.support.recording import FakeEvidence, ListSink, camera, moment, observe, said


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
