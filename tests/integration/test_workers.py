"""Worker processes are killed, stopped, crashed and told new things; the outbox tells what became of the events."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from contract.camera_config import CameraConfig
from contract.event import CameraHealth, Event, EventState, HealthReason
from edge.errors import DiskFull, ModelError
from edge.inference.entry import SharedInference
from edge.settings import EdgeSettings
from edge.status import CameraSnapshot
from edge.workers import process as process_module
from edge.workers.entry import run_worker
from edge.workers.messages import Answer, Apply, PutEvent, Report, Stop, WorkerSetup
from edge.workers.process import ORPHANED
from tests.support.disk import fill, small_disk_at
from tests.support.fixed_inference import FixedInference, FixedSearcher
from tests.support.worker_village import (
    MEDIA,
    PATIENCE_S,
    Village,
    camera,
    check_nothing_is_lost_or_doubled,
    is_alive,
    site,
    until,
)


@pytest.fixture
def make_village(tmp_path: Path) -> Iterator[Callable[..., Village]]:
    made: list[Village] = []

    def make(workers: int, silence_s: float = 20.0) -> Village:
        made.append(Village(tmp_path, workers, silence_s))
        return made[-1]

    yield make
    for village in made:
        village.pool.stop(30.0)
        village.store.close()


def test_a_killed_worker_restarts_its_cameras_only_and_its_events_are_ended(
    make_village: Callable[..., Village],
) -> None:
    village = make_village(workers=2)
    village.apply(camera("a"), camera("b"))
    until(lambda: village.open("a") and village.open("b"))
    other, killed = village.worker_of("a"), village.worker_of("b")
    assert other.name != killed.name
    (event_a,), (event_b,) = village.open("a"), village.open("b")
    (scratch,) = (village.folder / "evidence" / "tmp").glob(f"{killed.name}.*")
    (scratch / "half-a-clip.mp4").write_bytes(b"half")
    told: list[CameraSnapshot] = []
    watching = threading.Event()

    def watch() -> None:
        while not watching.wait(0.01):
            told.append(village.camera("b"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    os.kill(village.pid_of("b"), signal.SIGKILL)
    until(lambda: village.worker_of("b").restarts == 1 and village.open("b") and village.open("b") != [event_b])
    watching.set()
    watcher.join()
    down = [camera.status for camera in told if camera.status.health is CameraHealth.RECONNECTING]
    assert down
    assert down[0].reason is HealthReason.DEFECT
    assert "its process died (it was killed by SIGKILL" in down[0].message
    assert not (scratch / "half-a-clip.mp4").exists()
    until(lambda: village.camera("b").status.health is CameraHealth.OK)
    assert [event.event_id for event in village.open("a")] == [event_a.event_id], "the other's event goes on"
    now = village.worker_of("a")
    assert (now.pid, now.restarts) == (other.pid, 0)
    village.pool.stop(30.0)
    check_nothing_is_lost_or_doubled(village, "a", 1)
    check_nothing_is_lost_or_doubled(village, "b", 2)
    ended = village.revisions("b")[str(event_b.event_id)][-1]
    assert ended.ended_at == village.revisions("b")[str(event_b.event_id)][-2].observed_at


def test_evidence_of_a_worker_lies_in_the_one_budgeted_folder(make_village: Callable[..., Village]) -> None:
    village = make_village(workers=1)
    village.apply(camera("a"))
    until(lambda: village.open("a"))
    files = list(village.evidence._root.glob("??/*.jpg"))
    (start,) = [event for history in village.revisions("a").values() for event in history if event.revision == 0]
    assert {path.stem for path in files} == {ref.sha256 for ref in start.evidence}
    assert village.evidence.used_bytes == sum(path.stat().st_size for path in files) > 0
    assert village.store.media_paths() == set(files)
    (scratch,) = (village.folder / "evidence" / "tmp").iterdir()
    assert list(scratch.iterdir()) == []


def test_a_worker_whose_event_cannot_be_stored_hears_so_and_watches_on(
    make_village: Callable[..., Village], monkeypatch: pytest.MonkeyPatch
) -> None:
    village = make_village(workers=1)
    refused: list[Event] = []

    def refuse(event: Event, media: Sequence[tuple[str, Path]]) -> None:
        refused.append(event)
        raise DiskFull("no room for an event: free space")

    monkeypatch.setattr(village.store, "put", refuse)
    village.apply(camera("a"))
    until(lambda: refused)
    searched = village.searched("a")
    until(lambda: village.searched("a") > searched + 5)
    assert village.worker_of("a").restarts == 0
    village.pool.stop(30.0)
    assert refused[-1].state is EventState.END, "it goes on to tell of the event: the next revision may find room"


def test_a_worker_whose_disk_is_full_has_old_evidence_given_up_for_new(tmp_path: Path) -> None:
    with small_disk_at(tmp_path / "disk", "8m") as disk:
        village = Village(disk, workers=1)
        try:
            old = [village.evidence.add_bytes(os.urandom(200_000), ".jpg") for _ in range(5)]
            filler = fill(disk)
            village.apply(camera("a"))
            until(lambda: village.open("a"))
            files = {path.stem for path in village.evidence._root.glob("??/*.jpg")}
            (event,) = village.open("a")
            assert {ref.sha256 for ref in event.evidence} <= files
            assert event.evidence, "the event has its pictures"
            assert not old[0].path.exists(), "the oldest went for them"
            filler.unlink()
        finally:
            village.pool.stop(30.0)
            village.store.close()


def test_a_camera_whose_worker_keeps_dying_is_left_alone_in_one_and_told(
    make_village: Callable[..., Village], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.backoff.Backoff.failed", lambda _: 0.05)
    village = make_village(workers=1)
    village.apply(camera("a"), camera("b"), camera("c"), camera("bad", model="crash"))
    until(lambda: village.worker_of("bad").cameras == ("bad",))
    until(lambda: all(village.open(name) for name in "abc"))
    pids = {name: village.pid_of(name) for name in "abc"}
    events = {name: [event.event_id for event in village.open(name)] for name in "abc"}
    restarts = village.worker_of("bad").restarts
    until(lambda: village.worker_of("bad").restarts > restarts + 2)
    assert {name: village.pid_of(name) for name in "abc"} == pids, "it takes nobody with it any more"
    assert {name: [event.event_id for event in village.open(name)] for name in "abc"} == events
    until(lambda: "it has one of its own now" in village.camera("bad").status.message)
    assert "SIGSEGV" in village.camera("bad").status.message
    assert village.camera("a").status.message == ""
    village.apply(camera("a"), camera("b"), camera("c"), camera("bad", model="crash"), camera("new"))
    assert village.worker_of("new").cameras != ("bad", "new"), "nobody is put beside it"
    assert "bad" not in village.worker_of("new").cameras


def test_a_worker_that_hangs_is_killed_and_started_again(make_village: Callable[..., Village]) -> None:
    village = make_village(workers=2, silence_s=4.0)
    village.apply(camera("a"), camera("b"))
    until(lambda: village.open("a") and village.open("b"))
    hung, other = village.pid_of("b"), village.pid_of("a")
    os.kill(hung, signal.SIGSTOP)
    until(lambda: village.worker_of("b").restarts == 1)
    assert not is_alive(hung)
    until(lambda: village.camera("b").status.health is CameraHealth.OK)
    assert village.pid_of("a") == other


def test_a_reload_touches_only_the_camera_that_changed(make_village: Callable[..., Village]) -> None:
    village = make_village(workers=1)
    village.apply(camera("a"), camera("b"))
    until(lambda: village.open("a") and village.open("b"))
    (event_a,), (event_b,) = village.open("a"), village.open("b")
    pid = village.pid_of("a")
    searched = village.searched("a")
    village.apply(camera("a"), camera("b", name="Sân sau"))
    until(lambda: village.open("b") and village.open("b")[0].event_id != event_b.event_id)
    until(lambda: village.searched("a") > searched)
    assert [event.event_id for event in village.open("a")] == [event_a.event_id]
    assert village.pid_of("a") == village.pid_of("b") == pid
    village.apply(camera("a"))
    until(lambda: not village.open("b"))
    assert [status.camera_id for status in village.pool.statuses()] == ["a"]
    village.pool.stop(30.0)
    check_nothing_is_lost_or_doubled(village, "a", 1)
    check_nothing_is_lost_or_doubled(village, "b", 2)


def test_a_version_that_cannot_run_leaves_the_last_good_one_even_after_a_death(
    make_village: Callable[..., Village],
) -> None:
    village = make_village(workers=1)
    village.apply(camera("a"))
    until(lambda: village.camera("a").status.health is CameraHealth.OK)
    village.apply(camera("a", model="missing"))
    refused = f"version {camera('a').version} stays in force: model 'missing' is unknown"
    until(lambda: refused in village.camera("a").status.message)
    os.kill(village.pid_of("a"), signal.SIGKILL)
    until(lambda: village.worker_of("a").restarts == 1 and refused in village.camera("a").status.message)
    until(lambda: village.camera("a").status.health is CameraHealth.OK)


def test_signals_to_the_whole_group_leave_workers_to_the_main_process(make_village: Callable[..., Village]) -> None:
    village = make_village(workers=1)
    village.apply(camera("a"))
    until(lambda: village.searched("a") > 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(village.pid_of("a"), number)
    searched = village.searched("a")
    until(lambda: village.searched("a") > searched + 5)
    assert village.worker_of("a").restarts == 0


def test_a_stop_ends_every_event_and_every_process(make_village: Callable[..., Village]) -> None:
    village = make_village(workers=2)
    village.apply(camera("a"), camera("b"))
    until(lambda: village.open("a") and village.open("b"))
    pids = [village.pid_of("a"), village.pid_of("b")]
    village.pool.stop(30.0)
    assert not any(is_alive(pid) for pid in pids)
    check_nothing_is_lost_or_doubled(village, "a", 1)
    check_nothing_is_lost_or_doubled(village, "b", 1)
    village.apply(camera("a"))
    assert [worker.pid for worker in village.pool.workers()] == [None, None], "nothing begins afterwards"


def test_a_worker_that_does_not_stop_in_time_is_killed_and_its_events_are_ended(
    make_village: Callable[..., Village],
) -> None:
    village = make_village(workers=1)
    village.apply(camera("a"))
    until(lambda: village.open("a"))
    pid = village.pid_of("a")
    os.kill(pid, signal.SIGSTOP)
    village.pool.stop(0.5)
    assert not is_alive(pid)
    check_nothing_is_lost_or_doubled(village, "a", 1)


def test_a_worker_that_cannot_read_what_it_is_told_ends_rather_than_waits(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    setup = WorkerSetup("w", EdgeSettings(tmp_path, tmp_path, MEDIA), tmp_path / "w", logging.INFO, FixedInference())
    worker = context.Process(target=run_worker, args=(theirs, setup), daemon=True)
    worker.start()
    theirs.close()
    assert isinstance(ours.recv(), Report)
    ours.send_bytes(b"nothing that was pickled")
    worker.join(PATIENCE_S)
    assert worker.exitcode == ORPHANED


class LateInference(FixedInference):
    """Has no model at first."""

    refusals = 0

    def worker_for(self, camera: CameraConfig) -> FixedSearcher:
        if type(self).refusals < 3:
            type(self).refusals += 1
            raise ModelError("no such model: fetch it")
        return super().worker_for(camera)


def test_a_camera_whose_model_was_missing_begins_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_module, "AGAIN_S", 0.1)
    ours, theirs = multiprocessing.Pipe()
    setup = WorkerSetup("w", EdgeSettings(tmp_path, tmp_path, MEDIA), tmp_path / "w", logging.INFO, LateInference())
    worker = process_module.WorkerProcess(theirs, setup)
    running = threading.Thread(target=worker.run)
    running.start()
    told: list[CameraHealth] = []

    def is_well() -> bool:
        message = ours.recv()
        if isinstance(message, PutEvent):
            ours.send(Answer(message.request))
        elif isinstance(message, Report):
            told.extend(report.status.health for report in message.cameras.values())
        return CameraHealth.OK in told

    try:
        ours.send(Apply(site(), {"a": camera("a")}))
        until(is_well)
        assert LateInference.refusals == 3
    finally:
        ours.send(Stop())
        while running.is_alive():
            if ours.poll(0.1):
                is_well()
        ours.close()


def _private_bytes() -> int:
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty:"))


def collect(connection: Connection, _: object) -> None:
    """What a full collection makes private of what is shared with the fork server."""
    process_module.prepare((), logging.INFO)
    before = _private_bytes()
    gc.collect()
    connection.send(_private_bytes() - before)


def test_what_workers_share_stays_shared_through_a_full_collection() -> None:
    context = multiprocessing.get_context("forkserver")
    ours, theirs = context.Pipe()
    worker = context.Process(target=collect, args=(theirs, None), daemon=True)
    worker.start()
    assert ours.recv() < 6_000_000
    worker.join(PATIENCE_S)


def test_a_worker_that_waits_for_a_model_can_be_stopped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    village = Village(tmp_path, workers=1, inference=SharedInference("\0nobody-answers-here"))
    village.apply(camera("a"))
    until(lambda: village.camera("a").status.health is CameraHealth.STARTING and village.worker_of("a").rss_bytes)
    village.pool.stop(60.0)
    village.store.close()
    assert "child_killed" not in caplog.text
