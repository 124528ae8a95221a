"""Messages between cameras and the inference process."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.detection.model import MAX_CANDIDATES, Boxes
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


@pytest.mark.parametrize(
    "message",
    [
        Hello("cong_cho", "xe-may", ("person", "motorcycle")),
        Loading(),
        Ready(("người", "xe máy"), (640, 384)),
        Refused("model 'x': không có"),
        Share((640, 384)),
        Ask(2**40),
        Dropped(7),
        Failed(3, "RuntimeError: hết bộ nhớ"),
    ],
)
def test_a_message_arrives_as_it_was_sent(message: Message) -> None:
    assert unpack(pack(message)) == message


@pytest.mark.parametrize("count", [0, 1, MAX_CANDIDATES])
def test_boxes_arrive_as_they_were_found(count: int) -> None:
    random = np.random.default_rng(count)
    boxes = Boxes(
        random.uniform(-5, 700, (count, 4)).astype(np.float32),
        random.random(count).astype(np.float32),
        random.integers(0, 1203, count),
    )
    packet = pack(Found(12, boxes))
    assert len(packet) < MAX_PACKET
    arrived = unpack(packet)
    assert isinstance(arrived, Found)
    assert arrived.number == 12
    np.testing.assert_array_equal(arrived.boxes.xyxy, boxes.xyxy)
    np.testing.assert_array_equal(arrived.boxes.confidence, boxes.confidence)
    np.testing.assert_array_equal(arrived.boxes.class_id, boxes.class_id)
    assert arrived.boxes.xyxy.dtype == np.float32
    assert arrived.boxes.class_id.dtype == np.intp


@given(st.binary(max_size=80))
def test_anything_else_is_refused(packet: bytes) -> None:
    """A packet is a message, or a ValueError: nothing else ends the process that reads it."""
    try:
        message = unpack(packet)
    except ValueError:
        return
    assert type(unpack(pack(message))) is type(message)


@pytest.mark.parametrize(
    "packet", [b"", b"Z", b"A\x01", b"H[1]", b"H{}", b"R[[],[1]]", b"F" + bytes(20), b"S1234", b"Hx"]
)
def test_broken_packets_are_refused(packet: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(packet)
