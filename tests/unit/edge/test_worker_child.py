"""One child process is kept running whatever happens: with real processes."""

from __future__ import annotations

import errno
import multiprocessing.forkserver
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from edge.workers import child as child_module
from edge.workers.child import Child
from edge.workers.messages import Death
from tests.support import children


class House:
    """A child, and all that was heard of it."""

    def __init__(self, target: Callable[[Connection, Any], None], silence_s: float = 30.0) -> None:
        self.heard: list[object] = []
        self.deaths: list[Death] = []
        self.fail_at_death = False
        self.fail_at: object = object()
        self.child = Child(
            "test",
            target,
            lambda: ("born", len(self.deaths)),
            on_start=lambda: None,
            on_message=self._hear,
            on_death=self._die,
            silence_s=silence_s,
        )

    def _hear(self, message: object) -> None:
        if message == self.fail_at:
            raise ZeroDivisionError("a defect in the listener")
        self.heard.append(message)

    def _die(self, death: Death) -> None:
        self.deaths.append(death)
        if self.fail_at_death:
            raise ZeroDivisionError("a defect where a death is met")

    def pid(self) -> int:
        until(lambda: self.child.pid is not None)
        return self.child.pid or 0


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., House]]:
    monkeypatch.setattr("edge.backoff.Backoff.failed", lambda _: 0.01)
    made: list[House] = []

    def make_house(target: Callable[[Connection, Any], None] = children.echo, silence_s: float = 30.0) -> House:
        made.append(House(target, silence_s))
        made[-1].child.start()
        return made[-1]

    yield make_house
    for house in made:
        house.child.ask_to_stop()
        house.child.join(time.monotonic() + 2)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_it_hears_and_answers_and_leaves_when_asked(make: Callable[..., House]) -> None:
    house = make()
    until(lambda: house.heard == [("born", 0)])
    assert house.child.send("hello")
    until(lambda: house.heard[1:] == ["hello"])
    pid = house.pid()
    house.child.ask_to_stop()
    house.child.join(time.monotonic() + 20)
    assert not is_alive(pid)
    assert (house.child.pid, house.child.restarts) == (None, 0)
    assert [death.reason for death in house.deaths] == ["it ended with status 0"]
    assert house.child.send("anybody?") is False


def test_one_that_crashes_is_started_again_and_its_signal_is_told(make: Callable[..., House]) -> None:
    house = make()
    until(lambda: house.heard)
    house.child.send("crash")
    until(lambda: ("born", 1) in house.heard)
    assert [death.reason for death in house.deaths] == ["it was killed by SIGABRT"]
    assert house.child.restarts == 1


def test_what_it_said_before_it_hung_is_heard_and_it_is_killed(make: Callable[..., House]) -> None:
    house = make(silence_s=1.0)
    until(lambda: house.heard)
    pid = house.pid()
    os.kill(pid, signal.SIGSTOP)
    until(lambda: ("born", 1) in house.heard)
    assert not is_alive(pid)
    assert house.deaths[0].reason == "it said nothing for 1 s"


def test_one_that_stops_in_the_middle_of_a_message_is_killed_and_started_again(make: Callable[..., House]) -> None:
    house = make(children.stutter, silence_s=1.0)
    until(lambda: ("born", 1) in house.heard)
    assert house.deaths[0].reason == "it stopped in the middle of a message for 1 s"


def test_one_that_cannot_even_be_killed_holds_up_no_other(
    make: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "_REAP_S", 0.1)
    stuck = House(children.linger)
    # What a process does that waits for a camera's driver: it takes the signal, and goes on waiting.
    monkeypatch.setattr(stuck.child, "_kill", lambda: None)
    stuck.child.start()
    until(lambda: stuck.heard)
    pid = stuck.heard[0]
    assert isinstance(pid, int)
    try:
        until(lambda: stuck.child.pid is None)
        other = make()
        until(lambda: other.heard)
        other.child.send("crash")
        until(lambda: ("born", 1) in other.heard)
        stuck.child.ask_to_stop()
        stuck.child.join(time.monotonic())
        assert is_alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)
    until(lambda: stuck.deaths)


def test_one_that_does_not_listen_holds_nobody_up(make: Callable[..., House], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "_SEND_S", 1)
    house = make(children.deaf)
    until(lambda: house.heard)
    pid = house.pid()
    while house.child.send("x" * 100_000):
        pass
    until(lambda: house.child.restarts >= 1)
    assert not is_alive(pid)


def test_one_that_cannot_be_started_is_tried_again(
    make: Callable[..., House], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    start = child_module._start_deaf_to_signals
    tries: list[int] = []

    def start_at_the_third_try(process: Any) -> None:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(errno.EMFILE, "Too many open files")
        start(process)

    monkeypatch.setattr(child_module, "_start_deaf_to_signals", start_at_the_third_try)
    handles = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counts, no paths
    house = make()
    until(lambda: house.heard)
    assert [death.reason for death in house.deaths] == ["it could not be started (OSError)"] * 2
    assert "Too many open files" in caplog.text
    house.child.ask_to_stop()
    house.child.join(time.monotonic() + 20)
    assert len(os.listdir("/proc/self/fd")) <= handles + 6, "the fork server's own at most"  # noqa: PTH208


def test_a_defect_of_the_main_process_leaves_no_child_without_a_listener(
    make: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    house = make()
    until(lambda: house.heard)
    house.fail_at, house.fail_at_death = "poison", True
    house.child.send("poison")
    until(lambda: ("born", 1) in house.heard)
    assert house.child.send("hello")
    until(lambda: house.heard[-1] == "hello")
    assert "a defect in the listener" in caplog.text
    assert "a defect where a death is met" in caplog.text


def test_a_killed_fork_server_is_replaced(make: Callable[..., House]) -> None:
    house = make()
    until(lambda: house.heard)
    server = multiprocessing.forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    os.kill(server, signal.SIGKILL)
    until(lambda: not is_alive(server))
    house.child.send("still there?")
    until(lambda: house.heard[-1] == "still there?")
    house.child.send("crash")
    until(lambda: ("born", 1) in house.heard)
    os.kill(house.pid(), signal.SIGSTOP)
    os.kill(house.pid(), signal.SIGKILL)
    until(lambda: ("born", 2) in house.heard)


def test_many_come_and_go_without_leaving_threads_or_handles(make: Callable[..., House]) -> None:
    houses = [make() for _ in range(3)]
    until(lambda: all(house.heard for house in houses))
    handles, threads = len(os.listdir("/proc/self/fd")), threading.active_count()  # noqa: PTH208
    for number in range(1, 6):
        for house in houses:
            house.child.send("crash")
        born = ("born", number)
        until(lambda: all(born in house.heard for house in houses))  # noqa: B023 - called at once
    assert len(os.listdir("/proc/self/fd")) <= handles + 2  # noqa: PTH208
    assert threading.active_count() == threads
