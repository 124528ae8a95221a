"""Threat 8 at the edge, on a real small disk: media go before any event does, and all recovers by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.event import EventResult, EventState
from edge.errors import DiskFull
from edge.evidence.store import EvidenceFolder, StoredFile
from edge.outbox import PatientOutbox, SqliteOutbox
from tests.edge_fakes import FakeClock, event_id, make_event
from tests.support.disk import fill, fill_more, small_disk_at

MEDIA_BYTES = 100_000


class Box:
    """What of an edge writes to its disk."""

    def __init__(self, data_dir: Path, budget_bytes: int) -> None:
        self.data_dir = data_dir
        self.store = SqliteOutbox(data_dir / "outbox.sqlite", FakeClock())
        self.folder = EvidenceFolder(data_dir / "evidence", budget_bytes, data_dir)
        self.outbox = PatientOutbox(self.store, self.folder.free)
        self.put: list[str] = []

    def put_events(self, count: int) -> None:
        for _ in range(count):
            name = f"n{len(self.put)}"
            self.outbox.put(make_event(name, 1, EventState.END), [])
            self.put.append(name)

    def add_media(self, count: int) -> list[StoredFile]:
        return [self.folder.add_bytes(os.urandom(MEDIA_BYTES), ".jpg") for _ in range(count)]

    def stored(self) -> list[str]:
        ids = {event_id(name): name for name in self.put}
        return [ids[event.event_id] for event in self.store.pending(1_000_000)]

    def settle_all(self) -> None:
        while batch := self.outbox.pending(100):
            self.outbox.settle(
                [EventResult(event_id=item.event_id, revision=item.revision, status="created") for item in batch]
            )

    def all_bytes(self) -> int:
        return sum(path.stat().st_size for path in self.data_dir.rglob("*") if path.is_file())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    with small_disk_at(tmp_path / "disk", "8m") as folder:
        yield folder


def test_threat_08_media_make_room_on_a_full_disk_the_uploaded_first_and_events_stay(disk: Path) -> None:
    box = Box(disk / "data", budget_bytes=1_000_000_000)
    files = box.add_media(20)
    for file in files[10:13]:
        box.folder.mark_uploaded(file.sha256)
    box.put_events(10)
    newest = box.add_media(45)
    there = [file.path.exists() for file in files]
    assert not any(there[10:13]), "the uploaded ones went first"
    kept = [exists for exists, file in zip(there, files, strict=True) if file not in files[10:13]]
    assert kept == sorted(kept), "then the oldest"
    assert not all(kept)
    assert newest[-1].path.exists()
    assert shutil.disk_usage(disk).free >= 8 * 1024 * 1024 // 20 - MEDIA_BYTES, "an event finds room at once"
    assert box.stored() == box.put
    assert box.folder.used_bytes == sum(file.size_bytes for file in {*files, *newest} if file.path.exists())


def test_threat_08_on_a_disk_that_another_program_fills_no_event_is_lost_and_all_recovers(disk: Path) -> None:
    box = Box(disk / "data", budget_bytes=1_000_000_000)
    box.put_events(5)
    box.add_media(10)
    filler = fill(disk)
    box.put_events(500)
    assert box.folder.used_bytes < 10 * MEDIA_BYTES, "media were given up for events"
    while box.outbox.waiting == 0:
        assert len(box.put) < 5000
        box.put_events(100)
        fill_more(filler)  # what is given up for events is eaten at once
    assert box.folder.files == 0, "every medium went before an event had to wait in memory"
    with pytest.raises(DiskFull, match="free space"):
        box.add_media(1)
    waiting = box.outbox.waiting
    assert box.stored() == box.put[:-waiting]
    filler.unlink()
    assert box.outbox.retry() == 0
    assert box.stored() == box.put, "in order"
    (again,) = box.add_media(1)
    assert again.path.exists()
    box.settle_all()
    assert box.store.counts() == (0, 0)
    box.store.close()
    reopened = SqliteOutbox(disk / "data" / "outbox.sqlite", FakeClock())
    assert reopened.counts() == (0, 0)
    reopened.close()


def test_the_outbox_counts_towards_the_budget_and_gives_the_room_back(tmp_path: Path) -> None:
    budget_bytes = 8_000_000
    box = Box(tmp_path / "data", budget_bytes)
    (tmp_path / "data" / "pulled").mkdir()
    (tmp_path / "data" / "pulled" / "cam.yaml").write_bytes(b"x" * 200_000)
    with_few_events = 0
    for _ in range(60):
        box.add_media(1)
        assert box.all_bytes() <= budget_bytes
    with_few_events = box.folder.files
    for _ in range(10):
        box.put_events(300)
        box.add_media(1)
        assert box.all_bytes() <= budget_bytes
    assert box.folder.files < with_few_events - 10, "a backlog of events takes the place of media"
    assert box.stored() == box.put
    box.settle_all()
    for _ in range(60):
        box.add_media(1)
        assert box.all_bytes() <= budget_bytes
    assert box.folder.files > with_few_events - 12, "once it was sent, the room is the media's again"
    box.store.close()


def test_an_outbox_of_an_earlier_edge_learns_to_shrink(tmp_path: Path) -> None:
    import sqlite3

    box = Box(tmp_path, 100_000_000)
    box.put_events(4000)
    box.store.close()
    with sqlite3.connect(tmp_path / "outbox.sqlite") as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
    db.close()
    before = (tmp_path / "outbox.sqlite").stat().st_size
    again = Box(tmp_path, 100_000_000)
    again.put = box.put
    assert again.stored() == box.put
    again.settle_all()
    again.store.close()
    assert (tmp_path / "outbox.sqlite").stat().st_size < before / 2


def test_a_clip_that_is_being_written_counts_once(tmp_path: Path) -> None:
    box = Box(tmp_path, 10_000_000)
    first = box.folder.add_bytes(b"a" * 3_000_000, ".jpg")
    with box.folder.scratch(".mp4") as path:
        path.write_bytes(b"b" * 4_000_000)
        assert box.folder.beside_bytes() >= 4_000_000
        clip = box.folder.add_file(path)
    assert first.path.exists(), "3 MB, 4 MB and the outbox fit into 10 MB"
    assert clip.path.exists()
    assert box.all_bytes() <= 10_000_000
    box.store.close()
