"""Jobs in the database: done once, again after a crash, given up and shown; regular ones come again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from server.db.work_models import Job
from server.jobs import queue
from server.jobs.registry import REGISTRY, JobKind
from server.jobs.worker import Worker
from server.services import Services
from tests.support.village import Village


class Work:
    """A kind of job that notes what it did, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.done: list[Mapping[str, Any]] = []
        self.failures = failures

    def run(self, _parts: Services, arguments: Mapping[str, Any]) -> None:
        if self.failures:
            self.failures -= 1
            raise ValueError("a secret that must not be kept: geheim")
        self.done.append(arguments)


def write(village: Village, name: str = "it", **more: Any) -> None:
    with village.parts.database.write() as session:
        queue.enqueue(session, name, {"n": 1}, at=village.clock.utc(), **more)


def jobs(village: Village) -> list[Job]:
    with village.parts.database.read() as session:
        return list(session.scalars(select(Job)))


def test_a_job_is_done_once_and_goes(village: Village) -> None:
    work = Work()
    worker = Worker(village.parts, {"it": JobKind(work.run)})
    write(village)
    assert worker.do_one_job()
    assert not worker.do_one_job()
    assert work.done == [{"n": 1}]
    assert jobs(village) == []


def test_a_job_of_a_transaction_that_failed_is_never_done(village: Village) -> None:
    def write_and_fail() -> None:
        with village.parts.database.write() as session:
            queue.enqueue(session, "it", at=village.clock.utc())
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()
    assert jobs(village) == []


def test_two_workers_never_have_one_job(village: Village) -> None:
    for _ in range(20):
        write(village)
    work = Work()
    lock, started = threading.Lock(), threading.Barrier(4)

    def run(parts: Services, arguments: Mapping[str, Any]) -> None:
        with lock:
            work.run(parts, arguments)

    def drain() -> None:
        worker = Worker(village.parts, {"it": JobKind(run)})
        started.wait(10)
        # On PostgreSQL a row that another worker is taking is passed over: asked again until all are gone.
        while jobs(village):
            worker.do_one_job()

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(work.done) == 20


def test_threat_07_the_job_of_a_worker_that_died_is_done_by_the_next(village: Village) -> None:
    write(village)
    parts = village.parts
    assert queue.claim(parts.database, parts.clock, "dead", {"it": timedelta(minutes=10)}) is not None
    work = Work()
    worker = Worker(parts, {"it": JobKind(work.run)})
    assert not worker.do_one_job()
    village.clock.advance(minutes=11)
    assert worker.do_one_job()
    assert len(work.done) == 1


def test_who_lost_its_lease_cannot_end_the_other_s_job(village: Village) -> None:
    write(village)
    parts, leases = village.parts, {"it": timedelta(minutes=10)}
    slow = queue.claim(parts.database, parts.clock, "slow", leases)
    village.clock.advance(minutes=11)
    assert queue.claim(parts.database, parts.clock, "other", leases) is not None
    assert slow is not None
    queue.finish(parts.database, parts.clock, slow, "slow", next_at=None)
    assert len(jobs(village)) == 1


def test_a_job_that_fails_comes_again_later_and_is_given_up_at_last(village: Village) -> None:
    work = Work(failures=9)
    worker = Worker(village.parts, {"it": JobKind(work.run, give_up_after=3)})
    write(village)
    for _ in range(3):
        assert worker.do_one_job()
        assert not worker.do_one_job()
        village.clock.advance(hours=1)
    assert not worker.do_one_job()
    [job] = jobs(village)
    assert job.due_at is None
    assert "ValueError" in job.last_error
    assert "geheim" not in job.last_error
    with village.parts.database.read() as session:
        assert queue.depth(session, village.clock.utc()) == queue.Depth(due=0, failed=1, oldest_due_s=0.0)


def test_a_regular_job_comes_again_even_after_failures(village: Village) -> None:
    work = Work(failures=1)
    worker = Worker(village.parts, {"it": JobKind(work.run, every=timedelta(minutes=5))})
    worker.prepare()
    worker.prepare()
    assert len(jobs(village)) == 1
    assert worker.do_one_job()
    village.clock.advance(minutes=1)
    assert worker.do_one_job()
    assert len(work.done) == 1
    assert not worker.do_one_job()
    village.clock.advance(minutes=5)
    assert worker.do_one_job()
    assert len(work.done) == 2


def test_a_night_that_the_server_was_off_is_made_up_for(village: Village) -> None:
    work = Work()
    worker = Worker(village.parts, {"it": JobKind(work.run, daily_at=time(2, 30))})
    worker.prepare()
    village.clock.advance(days=3)
    assert worker.do_one_job()
    assert not worker.do_one_job()
    [job] = jobs(village)
    assert job.due_at is not None
    assert job.due_at.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).time() == time(2, 30)
    assert timedelta() < job.due_at - village.clock.utc() < timedelta(days=1)


def test_the_threads_do_what_is_written_and_survive_what_fails(village: Village) -> None:
    done = threading.Event()

    def run(_parts: Services, arguments: Mapping[str, Any]) -> None:
        if arguments.get("bad"):
            raise PermissionError("evidence/ab")
        done.set()

    worker = Worker(village.parts, {"it": JobKind(run)})
    worker.start()
    try:
        with village.parts.database.write() as session:
            queue.enqueue(session, "it", {"bad": True}, at=village.clock.utc())
        write(village)
        assert done.wait(30)
    finally:
        worker.stop()


def test_work_that_is_unique_stands_in_the_queue_once(village: Village) -> None:
    for _ in range(3):
        write(village, unique_key="report:2026")
    assert len(jobs(village)) == 1


def test_every_regular_job_runs_on_an_empty_server(village: Village) -> None:
    worker = Worker(village.parts, REGISTRY)
    worker.prepare()
    village.clock.advance(days=1)
    for _ in range(len(REGISTRY)):
        worker.do_one_job()
    assert [job.last_error for job in jobs(village)] == [""] * len([k for k in REGISTRY.values() if k.is_regular])
    assert all(job.last_done_at is not None for job in jobs(village))
