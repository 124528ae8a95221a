"""The outbox file: nothing is lost, nothing is sent twice, order holds."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from contract.event import Event, EventResult, EventState, EvidenceRef
from edge.errors import DiskFull, OutboxError
from edge.outbox import PatientOutbox, SqliteOutbox
from tests.edge_fakes import FakeClock, event_id, make_event, make_media

Media = Sequence[tuple[str, Path]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteOutbox]:
    outbox = SqliteOutbox(tmp_path / "data" / "outbox.sqlite", FakeClock())
    yield outbox
    outbox.close()


def result(name: str, revision: int = 0, status: str = "created", detail: str | None = None) -> EventResult:
    return EventResult.model_validate(
        {"event_id": event_id(name), "revision": revision, "status": status, "detail": detail}
    )


def keys(events: list[Event]) -> list[tuple[object, int]]:
    return [(event.event_id, event.revision) for event in events]


def put_until_full(outbox: SqliteOutbox, name: str, evidence: tuple[EvidenceRef, ...] = (), media: Media = ()) -> None:
    for i in range(1000):
        try:
            outbox.put(make_event(f"{name}{i}", evidence=evidence), media)
        except DiskFull as error:
            assert "free space" in str(error)  # noqa: PT017 - which of the puts fails depends on SQLite's pages
            return
    pytest.fail("the disk never got full")


def fill_up(outbox: SqliteOutbox) -> None:
    """From now on SQLite finds the disk full."""
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count = {pages}")
    put_until_full(outbox, "filler")


def make_room(outbox: SqliteOutbox) -> None:
    outbox._db.execute("PRAGMA max_page_count = 1000000")


def test_an_event_comes_back_as_it_was_put(store: SqliteOutbox) -> None:
    event = make_event()
    store.put(event, [])
    assert store.pending_events(10) == [event]


def test_events_keep_the_order_in_which_they_were_put(store: SqliteOutbox) -> None:
    events = [make_event("b"), make_event("a"), make_event("b", 1), make_event("a", 1), make_event("b", 2)]
    for event in events:
        store.put(event, [])
    assert keys(store.pending_events(100)) == keys(events)
    assert keys(store.pending_events(2)) == keys(events[:2])


@pytest.mark.parametrize("status", ["created", "duplicate", "quarantined"])
def test_what_the_server_took_is_deleted(store: SqliteOutbox, status: str) -> None:
    store.put(make_event("a"), [])
    store.put(make_event("b"), [])
    store.settle([result("a", status=status)])
    assert keys(store.pending_events(10)) == [(event_id("b"), 0)]
    assert store.dead_events() == []


@pytest.mark.parametrize("status", ["conflict", "refused"])
def test_what_the_server_refuses_is_kept_with_its_reason_and_told(
    store: SqliteOutbox, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    event = make_event("a")
    store.put(event, [])
    store.settle([result("a", status=status, detail="unknown camera")])
    assert store.pending_events(10) == []
    (dead,) = store.dead_events()
    assert Event.model_validate_json(dead.body) == event
    assert (dead.status, dead.reason) == (status, "unknown camera")
    assert "unknown camera" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR


def test_a_result_for_an_unknown_event_changes_nothing(store: SqliteOutbox) -> None:
    store.put(make_event("a"), [])
    store.settle([result("b"), result("a", revision=1)])
    assert store.counts() == (1, 0)


def test_media_wait_until_an_event_that_refers_to_them_was_taken(store: SqliteOutbox, tmp_path: Path) -> None:
    ref, path = make_media(tmp_path, b"jpeg")
    store.put(make_event("a", evidence=(ref,)), [(ref.sha256, path)])
    assert store.pending_media(10) == []
    assert store.counts() == (1, 1)
    store.settle([result("a")])
    (media,) = store.pending_media(10)
    assert (media.sha256, media.path, media.media_type, media.size_bytes) == (ref.sha256, path, "image/jpeg", 4)
    store.media_done(ref.sha256)
    assert store.counts() == (0, 0)


def test_media_of_a_refused_event_are_not_uploaded_unless_a_later_revision_is_taken(
    store: SqliteOutbox, tmp_path: Path
) -> None:
    ref, path = make_media(tmp_path, b"jpeg")
    store.put(make_event("a", evidence=(ref,)), [(ref.sha256, path)])
    store.put(make_event("a", 1, evidence=(ref,)), [])
    store.settle([result("a", 0, "refused")])
    assert store.pending_media(10) == []
    store.settle([result("a", 1)])
    assert [media.sha256 for media in store.pending_media(10)] == [ref.sha256]


def test_media_that_are_no_evidence_of_the_event_are_a_defect(store: SqliteOutbox, tmp_path: Path) -> None:
    ref, path = make_media(tmp_path, b"jpeg")
    with pytest.raises(ValueError, match="not among the evidence"):
        store.put(make_event("a"), [(ref.sha256, path)])
    assert store.counts() == (0, 0)


def test_a_file_that_failed_lets_the_others_go_first(store: SqliteOutbox, tmp_path: Path) -> None:
    first, first_path = make_media(tmp_path, b"1")
    second, second_path = make_media(tmp_path, b"2")
    store.put(make_event("a", evidence=(first, second)), [(first.sha256, first_path), (second.sha256, second_path)])
    store.settle([result("a")])
    store.media_failed(first.sha256)
    assert [media.sha256 for media in store.pending_media(2)] == [second.sha256, first.sha256]


def test_events_without_an_end_are_known_after_a_restart(store: SqliteOutbox) -> None:
    store.put(make_event("open"), [])
    store.put(make_event("open", 1), [])
    store.put(make_event("ended"), [])
    store.put(make_event("ended", 1, EventState.END), [])
    store.settle([result("open"), result("open", 1)])
    store.close()
    again = SqliteOutbox(store.path, FakeClock())
    assert again.open_events() == [make_event("open", 1)]
    again.close()


def test_a_full_disk_is_told_and_stores_nothing_by_halves(store: SqliteOutbox, tmp_path: Path) -> None:
    fill_up(store)
    ref, path = make_media(tmp_path, b"jpeg")
    put_until_full(store, "more", (ref,), [(ref.sha256, path)])
    events, media = store.counts()
    make_room(store)
    store.put(make_event("later"), [])
    assert store.counts() == (events + 1, media)
    assert len(store.pending_events(10_000)) == events + 1


def test_a_patient_outbox_gives_up_media_first_and_then_keeps_events_in_order_until_there_is_room(
    store: SqliteOutbox,
) -> None:
    fill_up(store)
    stored = store.counts()[0]
    asked: list[int] = []
    left = [4_000_000, 0]

    def free_space(size_bytes: int) -> int:
        asked.append(size_bytes)
        return left.pop(0) if left else 0

    woken: list[bool] = []
    patient = PatientOutbox(store, free_space, lambda: woken.append(True))
    names = [f"n{i}" for i in range(30)]
    for name in names:
        patient.put(make_event(name), [])
    assert len(asked) > 2, "media were given up"
    assert patient.retry() > 0, "some events wait in memory"
    make_room(store)
    assert patient.retry() == 0
    assert len(woken) == 30
    assert keys(store.pending_events(10_000))[stored:] == [(event_id(name), 0) for name in names]


def test_a_disk_that_cannot_be_written_loses_no_event_and_stops_nobody(
    store: SqliteOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    patient = PatientOutbox(store, lambda _size: pytest.fail("room would not help"))
    patient.put(make_event("a"), [])
    store._db.execute("PRAGMA query_only = ON")  # as on a disk that failed and is mounted read-only now
    patient.put(make_event("b"), [])
    patient.put(make_event("unfit"), [("0" * 64, store.path)])
    patient.put(make_event("c"), [])
    assert patient.retry() == patient.waiting == 3
    assert "outbox_failed waiting=3" in caplog.text
    assert keys(patient.pending_events(10)) == [(event_id("a"), 0)], "what is stored can be sent meanwhile"
    store._db.execute("PRAGMA query_only = OFF")
    assert patient.retry() == 0
    assert keys(patient.pending_events(10)) == [(event_id(name), 0) for name in "abc"]
    assert "event_unfit" in caplog.text


def test_an_event_that_can_never_be_stored_does_not_stand_in_the_way_of_others(
    store: SqliteOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    patient = PatientOutbox(store, lambda _size: 0)
    patient.put(make_event("a"), [])
    patient.put(make_event("a"), [])  # as after a commit that failed, and had come to the disk after all
    assert "event_twice" in caplog.text
    with pytest.raises(ValueError, match="not among the evidence"):
        patient.put(make_event("b"), [("0" * 64, store.path)])
    patient.put(make_event("c"), [])
    assert patient.retry() == patient.waiting == 0
    assert keys(store.pending_events(10)) == [(event_id("a"), 0), (event_id("c"), 0)]


def test_a_full_disk_never_keeps_the_outbox_full(store: SqliteOutbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting needs room: the reserve gives it, and is filled again afterwards."""
    reserve = store.path.with_name("outbox.sqlite.reserve")
    kept_bytes = reserve.stat().st_size
    store.put(make_event("a"), [])
    settle_all = store._settle_all
    freed: list[bool] = []

    def on_a_full_disk(results: Sequence[EventResult]) -> None:
        freed.append(not reserve.exists())
        if reserve.exists():
            raise DiskFull("no room: free space")
        settle_all(results)

    monkeypatch.setattr(store, "_settle_all", on_a_full_disk)
    store.settle([result("a")])
    assert freed == [False, True]
    assert store.counts() == (0, 0)
    assert reserve.stat().st_size == kept_bytes > 0


def test_a_disk_without_room_for_the_reserve_still_takes_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outbox.sqlite.reserve").mkdir()  # cannot be written, as on a full disk
    outbox = SqliteOutbox(tmp_path / "outbox.sqlite", FakeClock())
    outbox.put(make_event(), [])
    outbox.settle([result("e")])
    assert outbox.counts() == (0, 0)
    assert "no_reserve" in caplog.text
    outbox.close()


def test_a_second_edge_on_the_same_outbox_is_refused(store: SqliteOutbox) -> None:
    store.put(make_event(), [])
    with pytest.raises(OutboxError, match="another process uses this outbox"):
        SqliteOutbox(store.path, FakeClock())


@pytest.mark.parametrize("damage", ["not_sqlite", "torn_page"])
def test_a_corrupt_file_is_set_aside_and_work_goes_on(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "outbox.sqlite"
    if damage == "not_sqlite":
        path.write_bytes(b"\x00power cut\xff" * 1000)
    else:
        healthy = SqliteOutbox(path, FakeClock())
        for i in range(200):
            healthy.put(make_event(f"e{i}"), [])
        healthy.close()
        content = bytearray(path.read_bytes())
        content[4096 * 3 : 4096 * 12] = b"\xa5" * (4096 * 9)
        path.write_bytes(content)
    damaged = path.read_bytes()
    outbox = SqliteOutbox(path, FakeClock())
    outbox.put(make_event(), [])
    assert outbox.counts() == (1, 0)
    outbox.close()
    (kept,) = tmp_path.glob("outbox.sqlite.corrupt-*Z")
    assert kept.read_bytes() == damaged
    assert "outbox_corrupt" in caplog.text
    assert str(kept) in caplog.text


def test_a_newer_format_is_refused_not_overwritten(store: SqliteOutbox) -> None:
    store.close()
    with sqlite3.connect(store.path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(OutboxError, match="format 99"):
        SqliteOutbox(store.path, FakeClock())


def test_a_folder_that_cannot_be_made_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutboxError, match="--data"):
        SqliteOutbox(tmp_path / "file" / "outbox.sqlite", FakeClock())


def test_revived_events_are_sent_again_in_order_and_their_files_wait_for_them(
    store: SqliteOutbox, tmp_path: Path
) -> None:
    ref, path = make_media(tmp_path, b"jpeg")
    other, other_path = make_media(tmp_path, b"of an event that stays dead")
    lone, lone_path = make_media(tmp_path, b"refused by itself")
    store.put(make_event("a", evidence=(ref,)), [(ref.sha256, path)])
    store.put(make_event("a", 1, EventState.END, evidence=(ref,)), [])
    store.put(make_event("b", evidence=(other,)), [(other.sha256, other_path)])
    store.put(make_event("c", evidence=(lone,)), [(lone.sha256, lone_path)])
    store.settle([result("a", 0, "refused"), result("a", 1, "refused"), result("b", 0, "conflict"), result("c")])
    store.media_refused(lone.sha256, "too large")
    assert {file for file, _ in store.refused_media()} == {path, other_path, lone_path}
    store.put(make_event("d"), [])
    store.revive([dead for dead in store.dead_events() if dead.status == "refused"])
    assert keys(store.pending_events(10)) == [(event_id("d"), 0), (event_id("a"), 0), (event_id("a"), 1)]
    assert [dead.event_id for dead in store.dead_events()] == [event_id("b")]
    assert [media.sha256 for media in store.pending_media(10)] == [lone.sha256], "its event was taken long ago"
    assert [file for file, _ in store.refused_media()] == [other_path]
    store.settle([result("a")])
    assert {media.sha256 for media in store.pending_media(10)} == {lone.sha256, ref.sha256}


def test_refusals_are_counted_by_camera_with_the_last_reason(store: SqliteOutbox) -> None:
    assert store.refused_by_camera() == {}
    for name in "ab":
        store.put(make_event(name), [])
    store.settle([result("a", 0, "refused", "first"), result("b", 0, "refused", "first")])
    assert store.refused_by_camera() == {"cong_cho": (2, "first")}
