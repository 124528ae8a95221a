"""The slot of one frame between the reader and the pipeline."""

from __future__ import annotations

import threading

import numpy as np

from edge.capture.latest_frame import LatestFrame
from edge.picture import ArrayPicture
from edge.types import Frame
from tests.edge_fakes import START


def frame(sequence: int) -> Frame:
    return Frame("cam", ArrayPicture(np.zeros((2, 2, 3), np.uint8)), float(sequence), START, sequence)


def test_only_the_newest_frame_waits_and_the_dropped_are_counted() -> None:
    slot = LatestFrame()
    for sequence in (1, 2, 3):
        slot.put(frame(sequence))
    newest = slot.get(0)
    assert newest is not None
    assert (newest.sequence, slot.dropped) == (3, 2)
    assert slot.get(0) is None


def test_a_waiting_reader_gets_a_frame_put_by_another_thread() -> None:
    slot, got = LatestFrame(), []
    reader = threading.Thread(target=lambda: got.append(slot.get(30)))
    reader.start()
    slot.put(frame(7))
    reader.join(30)
    assert [item.sequence for item in got if item] == [7]


def test_closing_wakes_a_waiting_reader() -> None:
    slot, got = LatestFrame(), []
    reader = threading.Thread(target=lambda: got.append(slot.get(None)))
    reader.start()
    slot.close()
    reader.join(30)
    assert got == [None]
    assert slot.closed


def test_the_last_frame_can_be_taken_after_closing_but_no_new_one_comes() -> None:
    slot = LatestFrame()
    slot.put(frame(1))
    slot.close()
    slot.put(frame(2))
    last = slot.get(0)
    assert last is not None
    assert last.sequence == 1
