"""What comes again and again is told now and then."""

from __future__ import annotations

import sys
import threading

from edge.repeats import Repeats
from tests.edge_fakes import FakeClock


def test_a_message_is_told_first_and_then_after_a_while_with_how_often_it_came() -> None:
    clock = FakeClock()
    repeats = Repeats(clock, every_s=60)
    assert repeats.unsaid("a") == 0
    for _ in range(5):
        clock.advance(10)
        assert repeats.unsaid("a") is None
    clock.advance(10)
    assert repeats.unsaid("a") == 5
    clock.advance(60)
    assert repeats.unsaid("a") == 0


def test_another_message_is_told_at_once() -> None:
    repeats = Repeats(FakeClock())
    assert repeats.unsaid("a") == repeats.unsaid("b") == 0
    assert repeats.unsaid("a") is None


def test_messages_that_never_repeat_do_not_fill_the_memory() -> None:
    repeats = Repeats(FakeClock())
    for index in range(1000):
        repeats.unsaid(str(index))
    assert len(repeats._told) < 100


def test_two_threads_of_a_camera_may_tell_at_the_same_time() -> None:
    repeats = Repeats(FakeClock())
    failed: list[threading.ExceptHookArgs] = []

    def tell(name: str) -> None:
        for index in range(30_000):
            repeats.unsaid(f"{name} {index % 40}")

    threads = [threading.Thread(target=tell, args=(name,)) for name in "abcd"]
    before_s, hook = sys.getswitchinterval(), threading.excepthook
    sys.setswitchinterval(1e-6)
    threading.excepthook = failed.append
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before_s)
        threading.excepthook = hook
    assert failed == []
