"""The frames that wait between the reader and the pipeline."""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from edge.capture.frame_queue import MOST, FrameQueue
from edge.picture import ArrayPicture
from edge.types import Frame
from tests.edge_fakes import START


def frame(sequence: int, wh: tuple[int, int] = (2, 2)) -> Frame:
    # One pixel seen many times: a large picture costs nothing.
    picture: NDArray[np.uint8] = np.broadcast_to(np.zeros(3, np.uint8), (wh[1], wh[0], 3))
    return Frame("cam", ArrayPicture(picture), float(sequence), START, sequence)


def taken(queue: FrameQueue) -> list[int]:
    got = []
    while (item := queue.get(0)) is not None:
        got.append(item.sequence)
    return got


def test_a_pipeline_that_is_held_up_for_a_moment_misses_no_frame() -> None:
    """What an event's pictures take: three frames come meanwhile, at five a second and 0.6 s."""
    queue, seen = FrameQueue(), []
    for sequence in range(1, 9):
        queue.put(frame(sequence))
        if not 3 <= sequence <= 5:  # held up
            seen += taken(queue)
    assert seen == list(range(1, 9))
    assert queue.dropped == 0


def test_the_oldest_go_where_the_box_is_too_slow_and_are_counted() -> None:
    queue = FrameQueue()
    for sequence in range(1, MOST + 4):
        queue.put(frame(sequence))
    assert taken(queue) == list(range(4, MOST + 4))
    assert queue.dropped == 3


def test_of_very_large_pictures_only_the_newest_waits() -> None:
    queue = FrameQueue()
    for sequence in (1, 2, 3):
        queue.put(frame(sequence, (3840, 2160)))
    assert taken(queue) == [3]
    queue.put(frame(4, (7680, 4320)))
    assert taken(queue) == [4]


def test_a_patient_reader_waits_for_room() -> None:
    queue = FrameQueue()
    for sequence in range(MOST):
        queue.put(frame(sequence))
    reader = threading.Thread(target=lambda: queue.put(frame(MOST), patience_s=30.0))
    reader.start()
    first = queue.get(0)
    reader.join(30)
    assert first is not None
    assert [first.sequence, *taken(queue)] == list(range(MOST + 1))
    assert queue.dropped == 0


def test_patience_ends_when_the_queue_is_closed() -> None:
    queue = FrameQueue()
    for sequence in range(MOST):
        queue.put(frame(sequence))
    reader = threading.Thread(target=lambda: queue.put(frame(MOST), patience_s=60.0))
    reader.start()
    began_s = time.monotonic()
    queue.close()
    reader.join(30)
    assert not reader.is_alive()
    assert time.monotonic() - began_s < 30
    assert taken(queue) == list(range(MOST))


def test_a_waiting_reader_gets_a_frame_put_by_another_thread() -> None:
    queue, got = FrameQueue(), []
    reader = threading.Thread(target=lambda: got.append(queue.get(30)))
    reader.start()
    queue.put(frame(7))
    reader.join(30)
    assert [item.sequence for item in got if item] == [7]


def test_closing_wakes_a_waiting_reader() -> None:
    queue, got = FrameQueue(), []
    reader = threading.Thread(target=lambda: got.append(queue.get(None)))
    reader.start()
    queue.close()
    reader.join(30)
    assert got == [None]
    assert queue.closed


def test_the_last_frame_can_be_taken_after_closing_but_no_new_one_comes() -> None:
    queue = FrameQueue()
    queue.put(frame(1))
    queue.close()
    queue.put(frame(2))
    assert taken(queue) == [1]
