"""The ring of compressed packets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.packet_ring import PacketRing, StoredPacket, StreamInfo

STREAM = StreamInfo("h264", 640, 360)


def packet(time_s: float, *, key: bool = False, size: int = 10) -> StoredPacket:
    return StoredPacket(bytes(size), None, time_s, key)


def filled(seconds: int, *, max_seconds: float = 100.0, max_bytes: int = 10_000) -> PacketRing:
    """Ten packets a second from 0 on, a keyframe each second."""
    ring = PacketRing(max_seconds, max_bytes)
    ring.restart(STREAM)
    for index in range(seconds * 10):
        ring.append(packet(index / 10, key=index % 10 == 0))
    return ring


def test_a_cut_begins_at_the_keyframe_before_its_start() -> None:
    cut = filled(10).cut(3.5, 6.2)
    assert cut is not None
    assert (cut.start_s, cut.end_s, cut.packets[0].is_keyframe, cut.stream) == (3.0, 6.2, True, STREAM)
    assert len(cut.packets) == 33


def test_a_cut_from_before_the_ring_begins_with_its_oldest_keyframe() -> None:
    cut = filled(10, max_seconds=4).cut(0.0, 8.0)
    assert cut is not None
    assert cut.start_s == 6.0


@pytest.mark.parametrize(("start_s", "end_s"), [(20.0, 30.0), (-9.0, -1.0)])
def test_a_time_that_the_ring_does_not_hold_gives_nothing(start_s: float, end_s: float) -> None:
    assert filled(10).cut(start_s, end_s) is None


def test_the_ring_is_bounded_in_seconds_and_drops_whole_groups() -> None:
    cut = filled(60, max_seconds=5).cut(0, 100)
    assert cut is not None
    assert cut.packets[0].is_keyframe
    assert 4.0 <= cut.end_s - cut.start_s <= 5.0


def test_a_camera_that_never_sends_another_keyframe_stays_within_the_bytes() -> None:
    ring = PacketRing(1000, 500)
    ring.restart(STREAM)
    ring.append(packet(0, key=True))
    for index in range(1, 200):
        ring.append(packet(index / 10))
    assert ring.size_bytes <= 500
    ring.append(packet(30, key=True))
    cut = ring.cut(0, 100)
    assert cut is not None
    assert cut.start_s == 30


def test_packets_before_the_first_keyframe_are_not_kept() -> None:
    ring = PacketRing()
    ring.restart(STREAM)
    ring.append(packet(0))
    assert ring.size_bytes == 0
    assert ring.latest_s is None


def test_a_reconnection_forgets_the_stream_before() -> None:
    ring = filled(5)
    ring.restart(STREAM)
    assert ring.cut(0, 5) is None


def test_reordered_packets_up_to_the_end_are_all_taken() -> None:
    ring = PacketRing()
    ring.restart(STREAM)
    for time_s in (0.0, 0.3, 0.1, 0.2, 0.6, 0.4, 0.5):
        ring.append(packet(time_s, key=time_s == 0.0))
    cut = ring.cut(0.0, 0.2)
    assert cut is not None
    assert [item.time_s for item in cut.packets] == [0.0, 0.3, 0.1, 0.2]


@given(
    st.lists(st.tuples(st.floats(0, 2), st.booleans(), st.integers(1, 400)), max_size=80),
    st.floats(0.5, 10),
    st.integers(100, 2000),
)
def test_the_bounds_hold_and_a_cut_can_always_be_decoded(
    steps: list[tuple[float, bool, int]], max_seconds: float, max_bytes: int
) -> None:
    ring, now_s = PacketRing(max_seconds, max_bytes), 0.0
    ring.restart(STREAM)
    for wait_s, key, size in steps:
        now_s += wait_s
        ring.append(packet(now_s, key=key, size=size))
        assert ring.size_bytes <= max_bytes
        cut = ring.cut(-1, now_s)
        if cut is not None:
            assert cut.packets[0].is_keyframe
            assert cut.end_s - cut.start_s <= max_seconds
            assert sum(len(item.data) for item in cut.packets) == ring.size_bytes
