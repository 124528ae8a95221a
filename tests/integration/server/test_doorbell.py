"""The doorbell against a real Redis or Valkey: it only hurries, and its loss delays for a moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.alerts.doorbell import FeedBell, check_url
from tests.support.ports import free_port
from tests.support.redis import RunningRedis, find_server

pytestmark = pytest.mark.redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RunningRedis]:
    program = find_server()
    if program is None:
        pytest.skip("no Redis or Valkey here: install the package redis-server or valkey-server")
    made = RunningRedis(program, tmp_path)
    made.start()
    yield made
    made.stop()


class Ears:
    """Counts rings."""

    def __init__(self) -> None:
        self._heard = threading.Condition()
        self.rings = 0

    def __call__(self) -> None:
        with self._heard:
            self.rings += 1
            self._heard.notify_all()

    def wait_beyond(self, count: int) -> None:
        with self._heard:
            assert self._heard.wait_for(lambda: self.rings > count, 30), f"no ring after {count}"


def test_a_ring_reaches_every_listener(redis: RunningRedis) -> None:
    ringer, one, two = FeedBell(redis.url), FeedBell(redis.url), FeedBell(redis.url.replace("redis://", "valkey://"))
    ears = (Ears(), Ears())
    try:
        for bell, ear in zip((one, two), ears, strict=True):
            bell.listen(ear)
            ear.wait_beyond(0)  # once it is connected
        counts = [ear.rings for ear in ears]
        ringer.ring()
        for ear, count in zip(ears, counts, strict=True):
            ear.wait_beyond(count)
    finally:
        for bell in (ringer, one, two):
            bell.close()


def test_a_listener_finds_the_doorbell_again_and_looks_for_what_it_missed(redis: RunningRedis) -> None:
    bell, ear = FeedBell(redis.url), Ears()
    try:
        bell.listen(ear)
        ear.wait_beyond(0)
        redis.stop()
        deadline = time.monotonic() + 30
        while bell.is_heard:
            assert time.monotonic() < deadline, "the loss goes unnoticed"
            time.sleep(0.01)
        count = ear.rings
        redis.start()
        ear.wait_beyond(count)
    finally:
        bell.close()


def test_threat_10_nobody_waits_for_a_doorbell_that_is_lost() -> None:
    bell = FeedBell(f"redis://127.0.0.1:{free_port()}/0")
    began_s = time.thread_time()
    for _ in range(10_000):  # after the first failure it is left alone for a while
        bell.ring()
    assert time.thread_time() - began_s < 5
    bell.close()


@pytest.mark.parametrize("url", ["", "redis://h:6379/0", "rediss://h/0", "valkey://h/0", "unix:///run/redis.sock"])
def test_addresses_of_a_doorbell_are_taken(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize("url", ["http://h", "127.0.0.1:6379", "postgresql://h/x"])
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="redis://HOST"):
        check_url(url)
