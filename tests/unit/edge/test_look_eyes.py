"""A worker shows a camera while it is asked to, and does nothing at all while nobody asks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.attention import Attention
from edge.look.eyes import Eyes, draw
from edge.look.messages import Glance, Purpose, Shown
from edge.look.relay import look_at
from edge.types import Frame
from tests.edge_fakes import START, FakeClock

STILL = Glance("cong", Purpose.STILL, 1280, 512 * 1024, 82, 30.0, 30.0, once=True)


class CountedPicture:
    """A picture that counts who looks at it; `gate` holds a scaling up."""

    def __init__(self, width: int = 1920, height: int = 1080) -> None:
        self.resolution_wh = width, height
        self.asked: list[tuple[int, int]] = []
        self.gate = threading.Event()
        self.gate.set()

    def bgr(self) -> NDArray[np.uint8]:
        raise AssertionError("the whole picture is never converted")

    def luma(self) -> NDArray[np.uint8]:
        raise AssertionError("brightness is the detector's")

    def resized(self, width: int, height: int) -> NDArray[np.uint8]:
        raise AssertionError(f"{width} x {height}: what is kept for the detector is not ours")

    def scaled(self, width: int, height: int) -> NDArray[np.uint8]:
        self.asked.append((width, height))
        assert self.gate.wait(10)
        return np.full((height, width, 3), 90, np.uint8)


def frame(picture: CountedPicture, camera: str = "cong") -> Frame:
    return Frame(camera, picture, 0.0, START, 1)


class Worker:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.attention = Attention()
        self.sent: queue.Queue[Shown] = queue.Queue()
        self.eyes = Eyes(self.sent.put, self.clock)
        self.see = self.eyes.of("cong", self.attention)

    def shown(self) -> Shown:
        return self.sent.get(timeout=10)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.eyes.close()


def test_nothing_is_done_while_nobody_asks(worker: Worker) -> None:
    picture, threads = CountedPicture(), threading.active_count()
    for _ in range(1000):
        worker.see(frame(picture))
    assert picture.asked == []
    assert worker.eyes.is_idle
    assert threading.active_count() == threads
    assert worker.sent.empty()


def test_a_look_gives_two_pictures_a_second_and_ends_by_itself(worker: Worker) -> None:
    worker.eyes.ask(look_at("cong", 10.0))
    count = 0
    for _ in range(30 * 5):  # half a minute of a camera with five pictures a second
        worker.see(frame(CountedPicture()))
        while True:
            try:
                worker.sent.get(timeout=0.05 if count < 20 else 0.001)
            except queue.Empty:
                break
            count += 1
        worker.clock.advance(0.2)
    assert 18 <= count <= 21
    assert not worker.attention._watched


def test_a_camera_that_rests_decodes_every_picture_while_somebody_looks(worker: Worker) -> None:
    worker.attention.set_idle(True)
    seen = [worker.attention.rests]
    for glance in (look_at("cong", 10.0), look_at("cong", 0.0), STILL):  # a keyframe is good enough for a still
        worker.eyes.ask(glance)
        seen.append(worker.attention.rests)
    assert seen == [True, False, True, True]
    assert worker.attention.idle  # the pipeline's own word stands: the rules notice nothing


def test_a_camera_that_is_exchanged_meanwhile_is_still_looked_at(worker: Worker) -> None:
    worker.eyes.ask(look_at("cong", 10.0))
    fresh = Attention()
    fresh.set_idle(True)
    worker.eyes.of("cong", fresh)
    assert not fresh.rests


def test_what_is_slow_is_let_go_and_never_piled_up(worker: Worker) -> None:
    slow = CountedPicture()
    slow.gate.clear()
    worker.eyes.ask(look_at("cong", 60.0))
    worker.see(frame(slow))
    for _ in range(20):
        worker.clock.advance(0.5)
        worker.see(frame(slow))  # none of these is taken, and none of them waits
    slow.gate.set()
    worker.shown()
    assert len(slow.asked) == 1
    assert worker.sent.empty()


def test_a_still_is_one_picture_of_the_camera_that_was_asked_for(worker: Worker) -> None:
    worker.eyes.ask(STILL)
    worker.see(frame(CountedPicture(), camera="another"))
    assert worker.sent.empty()
    picture = CountedPicture()
    worker.see(frame(picture))
    shown = worker.shown()
    assert (shown.camera_id, shown.purpose, shown.utc) == ("cong", Purpose.STILL, START)
    image = cv2.imdecode(np.frombuffer(shown.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape == (720, 1280, 3)
    for _ in range(3):
        worker.clock.advance(31.0)
        worker.see(frame(picture))
    assert len(picture.asked) == 1
    assert worker.sent.empty()


@pytest.mark.parametrize(
    ("size", "drawn"),
    [((1920, 1080), (640, 360)), ((720, 1280), (360, 640)), ((352, 288), (352, 288)), ((3, 3), (2, 2))],
)
def test_pictures_are_made_smaller_and_never_larger(size: tuple[int, int], drawn: tuple[int, int]) -> None:
    picture = CountedPicture(*size)
    assert draw(frame(picture), look_at("cong", 1.0)) is not None
    assert picture.asked == [drawn]


def test_a_picture_over_its_bytes_is_made_poorer_or_left_out() -> None:
    class Noise(CountedPicture):
        def scaled(self, width: int, height: int) -> NDArray[np.uint8]:
            return np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)

    def glance(max_bytes: int) -> Glance:
        return Glance("cong", Purpose.LOOK, 640, max_bytes, 70, 0.5, 1.0)

    rich = draw(frame(Noise()), glance(10**9))
    assert rich is not None
    poor = draw(frame(Noise()), glance(len(rich) - 1))
    assert poor is not None
    assert len(poor) < len(rich)
    assert draw(frame(Noise()), glance(1000)) is None
