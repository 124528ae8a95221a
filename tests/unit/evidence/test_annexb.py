"""NAL units behind lengths and between start codes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SourceUnreadable
from edge.evidence.annexb import START_CODE, has_parameter_sets, is_annexb, read_record, to_annexb

SPS, PPS = b"\x67\x4d\x40\x1e", b"\x68\xeb\xef\x20"
AVCC = b"\x01\x4d\x40\x1e\xff\xe1\x00\x04" + SPS + b"\x01\x00\x04" + PPS


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.sampled_from([1, 2, 3, 4]))
def test_lengths_become_start_codes(units: list[bytes], length_size: int) -> None:
    packet = b"".join(len(unit).to_bytes(length_size, "big") + unit for unit in units)
    assert to_annexb(packet, length_size) == b"".join(START_CODE + unit for unit in units)


@given(st.binary(max_size=200), st.sampled_from([1, 2, 3, 4]))
def test_any_bytes_are_survived(packet: bytes, length_size: int) -> None:
    assert len(to_annexb(packet, length_size)) <= 5 * len(packet)
    has_parameter_sets("h264", packet)
    has_parameter_sets("hevc", packet)


def test_the_parameter_sets_of_an_mp4_header_are_read() -> None:
    assert read_record("h264", AVCC) == (4, START_CODE + SPS + START_CODE + PPS)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
@given(cut=st.integers(0, len(AVCC) - 1))
def test_a_header_that_is_cut_short_is_an_error_with_a_remedy(codec: str, cut: int) -> None:
    with pytest.raises(SourceUnreadable, match="record the file again"):
        read_record("h264" if codec == "h264" else "hevc", AVCC[:cut])


def test_mp4_headers_and_start_codes_are_told_apart() -> None:
    assert not is_annexb(AVCC)
    assert is_annexb(START_CODE + SPS)
    assert is_annexb(None)


def test_parameter_sets_count_only_before_the_picture() -> None:
    access_unit_delimiter, picture = START_CODE + b"\x09\xf0", b"\x00\x00\x01\x65\x88"
    assert has_parameter_sets("h264", access_unit_delimiter + START_CODE + SPS + picture)
    assert not has_parameter_sets("h264", picture + START_CODE + SPS)
    assert has_parameter_sets("hevc", START_CODE + b"\x40\x01\x0c" + START_CODE + b"\x26\x01")
