"""The camera's side against an inference process that does as it is told."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from edge.detection.model import Boxes
from edge.errors import ModelError
from edge.inference import client
from edge.inference.address import listen, new_address
from edge.inference.client import RemoteAsker
from edge.inference.slot import make_slot, open_slot
from edge.inference.wire import (
    MAX_PACKET,
    Ask,
    Dropped,
    Failed,
    Found,
    Hello,
    Loading,
    Message,
    Ready,
    Refused,
    Share,
    pack,
    unpack,
)

HELLO = Hello("cam", "default", ("person",))
PATIENCE_S = 60.0


class Called:
    """One call, as the process hears it."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.connection.settimeout(PATIENCE_S)

    def hear(self) -> Message:
        packet, handles, _, _ = socket.recv_fds(self.connection, MAX_PACKET, 1)
        for handle in handles:
            os.close(handle)
        return unpack(packet)

    def say(self, message: Message) -> None:
        self.connection.send(pack(message))

    def be_ready(self, input_wh: tuple[int, int] = (64, 32)) -> None:
        assert self.hear() == HELLO
        self.say(Loading())
        self.say(Ready(("person",), input_wh))
        assert self.hear() == Share(input_wh)

    def be_asked(self) -> int:
        message = self.hear()
        assert isinstance(message, Ask)
        return message.number


@contextmanager
def process(*lives: Callable[[Called], None]) -> Iterator[str]:
    """An address at which each life answers one call, then dies."""
    address = new_address()
    listener = listen(address)
    listener.settimeout(PATIENCE_S)
    failed: list[BaseException] = []

    def live() -> None:
        try:
            for life in lives:
                connection, _ = listener.accept()
                with connection:
                    life(Called(connection))
        except (AssertionError, OSError, ValueError) as error:  # told to the test below
            failed.append(error)

    thread = threading.Thread(target=live)
    thread.start()
    with listener:
        yield address
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert not failed, failed


def found(number: int, x: float = 5.0) -> Found:
    return Found(number, Boxes(np.array([[x, 0, x + 1, 1]], np.float32), np.ones(1, np.float32), np.zeros(1, np.intp)))


def test_answers_come_to_the_picture_that_was_asked_about() -> None:
    def life(call: Called) -> None:
        call.be_ready()
        call.say(found(call.be_asked()))
        call.say(Dropped(call.be_asked()))

    with process(life) as address:
        asker = RemoteAsker(address, HELLO)
        assert asker.canvas.shape == (32, 64, 3)
        assert asker.class_names == ("person",)
        boxes = asker.ask()
        assert boxes is not None
        assert boxes.xyxy[0, 0] == 5.0
        assert asker.ask() is None


def test_an_answer_that_came_too_late_is_not_taken_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ANSWER_PATIENCE_S", 0.3)
    given_up = threading.Event()

    def life(call: Called) -> None:
        call.be_ready()
        first = call.be_asked()
        assert given_up.wait(PATIENCE_S)
        call.say(found(first, 1.0))
        second = call.be_asked()
        call.say(found(first, 1.0))
        call.say(found(second, 2.0))

    with process(life) as address:
        asker = RemoteAsker(address, HELLO)
        assert asker.ask() is None
        monkeypatch.setattr(client, "ANSWER_PATIENCE_S", PATIENCE_S)
        given_up.set()
        boxes = asker.ask()
        assert boxes is not None
        assert boxes.xyxy[0, 0] == 2.0


def test_a_refused_model_is_an_error_before_the_camera_starts() -> None:
    def life(call: Called) -> None:
        call.hear()
        call.say(Refused("model 'default' does not know person: choose another"))

    with process(life) as address, pytest.raises(ModelError, match="does not know person: choose another"):
        RemoteAsker(address, HELLO)


def test_a_model_that_fails_on_a_picture_is_an_error_and_no_end() -> None:
    def life(call: Called) -> None:
        call.be_ready()
        call.say(Failed(call.be_asked(), "RuntimeError: out of memory"))
        call.say(found(call.be_asked()))

    with process(life) as address:
        asker = RemoteAsker(address, HELLO)
        with pytest.raises(ModelError, match=r"failed on a picture .*out of memory.*: see whether its GPU"):
            asker.ask()
        assert asker.ask() is not None


def test_a_death_drops_searches_until_the_process_is_back() -> None:
    may_return = threading.Event()

    def first(call: Called) -> None:
        call.be_ready()
        call.say(found(call.be_asked()))
        call.be_asked()  # and dies over it

    def second(call: Called) -> None:
        assert may_return.wait(PATIENCE_S)
        call.be_ready()
        while True:
            try:
                call.say(found(call.be_asked(), 9.0))
            except ValueError:  # the camera hung up
                return

    with process(first, second) as address:
        asker = RemoteAsker(address, HELLO)
        assert asker.ask() is not None
        before = asker.canvas
        assert [asker.ask() for _ in range(3)] == [None] * 3
        asker.canvas[:] = 7
        may_return.set()
        boxes = None
        while boxes is None:
            boxes = asker.ask()
        assert boxes.xyxy[0, 0] == 9.0
        assert asker.canvas is not before  # a slot of its own ...
        assert (asker.canvas == 7).all()  # ... with what was drawn when it came back
        asker.close()
        asker.ask()


def test_a_process_that_comes_back_with_another_input_size_is_asked_about_the_next_picture() -> None:
    def first(call: Called) -> None:
        call.be_ready()

    def second(call: Called) -> None:
        call.be_ready((32, 16))
        call.say(found(call.be_asked()))

    with process(first, second) as address:
        asker = RemoteAsker(address, HELLO)
        assert asker.canvas.shape == (32, 64, 3)
        while asker.canvas.shape != (16, 32, 3):
            assert asker.ask() is None
        assert asker.ask() is not None


def test_a_model_that_kills_the_process_each_time_is_refused() -> None:
    def life(call: Called) -> None:
        call.hear()
        call.say(Loading())

    with process(life, life, life) as address, pytest.raises(ModelError, match="did not come up with it: see the log"):
        RemoteAsker(address, HELLO)


def test_deaths_over_other_models_are_not_held_against_this_one() -> None:
    def waits_in_line(call: Called) -> None:
        call.hear()

    with process(*[waits_in_line] * 5, Called.be_ready) as address:
        assert RemoteAsker(address, HELLO).class_names == ("person",)


def test_nonsense_from_the_process_is_a_loss_and_no_crash() -> None:
    def life(call: Called) -> None:
        call.be_ready()
        call.be_asked()
        call.connection.send(b"Fnonsense")

    with process(life) as address:
        assert RemoteAsker(address, HELLO).ask() is None


def test_a_slot_is_shared_memory_of_a_fixed_size() -> None:
    handle, mine = make_slot((64, 32))
    try:
        theirs = open_slot(handle, (64, 32))
        mine[3, 5] = (1, 2, 3)
        assert theirs[3, 5].tolist() == [1, 2, 3]
        with pytest.raises(ValueError, match="are no model input of"):
            open_slot(handle, (64, 33))
        with pytest.raises(PermissionError):
            os.ftruncate(handle, 10)
    finally:
        os.close(handle)


def test_memory_that_could_shrink_under_the_detector_is_no_slot() -> None:
    handle = os.memfd_create("loose", os.MFD_ALLOW_SEALING)
    try:
        os.ftruncate(handle, 64 * 32 * 3)
        with pytest.raises(ValueError, match="must be sealed"):
            open_slot(handle, (64, 32))
    finally:
        os.close(handle)


def test_a_process_that_stops_waits_for_no_model() -> None:
    give_up, refused = threading.Event(), threading.Event()

    def wait_for_it(address: str) -> None:
        with pytest.raises(ModelError, match="not waited for, as the edge stops"):
            RemoteAsker(address, HELLO, give_up)
        refused.set()

    def load_for_ever(called: Called) -> None:
        assert called.hear() == HELLO
        called.say(Loading())
        give_up.set()
        assert refused.wait(PATIENCE_S)

    with process(load_for_ever) as address:
        waiting = threading.Thread(target=wait_for_it, args=(address,))
        waiting.start()
        waiting.join(PATIENCE_S)
    assert refused.is_set()
    with pytest.raises(ModelError, match="as the edge stops"):
        RemoteAsker("\0nobody", HELLO, give_up)
