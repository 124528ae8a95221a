"""H.264 and HEVC packets as Annex B byte streams, so that one way of muxing serves cameras and files alike.

Cameras send NAL units between start codes (Annex B); MP4 files store them behind their lengths, with the parameter
sets apart in an `avcC` or `hvcC` record (ISO/IEC 14496-15). A clip is cut in the middle of a stream, so its first
packet must carry the parameter sets.
"""

from __future__ import annotations

from typing import Literal

from edge.errors import SourceUnreadable

Codec = Literal["h264", "hevc"]
START_CODE = b"\x00\x00\x00\x01"
_H264_PARAMETER_SETS = frozenset({7, 8})
_HEVC_PARAMETER_SETS = frozenset({32, 33, 34})


def is_annexb(extradata: bytes | None) -> bool:
    """Tell whether a stream with this extradata sends Annex B packets (the records of MP4 begin with version 1)."""
    return not extradata or extradata[0] != 1


def to_annexb(packet: bytes, length_size: int) -> bytes:
    """Replace the lengths before NAL units by start codes. A unit that claims more than there is is cut off.

    Args:
        packet: One access unit as stored in MP4.
        length_size: Bytes of each length, 1 to 4.
    """
    parts: list[bytes] = []
    position = 0
    while position + length_size < len(packet):
        size = int.from_bytes(packet[position : position + length_size], "big")
        position += length_size
        parts += (START_CODE, packet[position : position + size])
        position += size
    return b"".join(parts)


def read_record(codec: Codec, extradata: bytes) -> tuple[int, bytes]:
    """Read an `avcC` or `hvcC` record.

    Returns:
        The size of the lengths in packets, and the parameter sets as Annex B.

    Raises:
        SourceUnreadable: The record is cut short.
    """
    try:
        return _read_avcc(extradata) if codec == "h264" else _read_hvcc(extradata)
    except IndexError:
        raise SourceUnreadable(
            f"the {codec} stream's header is cut short: record the file again, or copy it with ffmpeg"
        ) from None


def _read_avcc(record: bytes) -> tuple[int, bytes]:
    length_size = (record[4] & 0x03) + 1
    position, sets = 5, bytearray()
    for mask in (0x1F, 0xFF):  # count of SPS in the low 5 bits, then count of PPS in a byte
        count = record[position] & mask
        position += 1
        position = _take_units(record, position, count, sets)
    return length_size, bytes(sets)


def _read_hvcc(record: bytes) -> tuple[int, bytes]:
    length_size = (record[21] & 0x03) + 1
    arrays, position, sets = record[22], 23, bytearray()
    for _ in range(arrays):
        unit_type = record[position] & 0x3F
        count = record[position + 1] << 8 | record[position + 2]
        taken = bytearray()
        position = _take_units(record, position + 3, count, taken)
        if unit_type in _HEVC_PARAMETER_SETS:
            sets += taken
    return length_size, bytes(sets)


def _take_units(record: bytes, position: int, count: int, into: bytearray) -> int:
    for _ in range(count):
        size = record[position] << 8 | record[position + 1]
        position += 2
        if position + size > len(record):
            raise IndexError
        into += START_CODE + record[position : position + size]
        position += size
    return position


def has_parameter_sets(codec: Codec, packet: bytes) -> bool:
    """Tell whether an Annex B packet carries a sequence parameter set before its picture."""
    wanted = _H264_PARAMETER_SETS if codec == "h264" else _HEVC_PARAMETER_SETS
    position = packet.find(b"\x00\x00\x01")
    while 0 <= position < len(packet) - 3:
        header = packet[position + 3]
        unit_type = header & 0x1F if codec == "h264" else header >> 1 & 0x3F
        if unit_type in wanted:
            return True
        if unit_type <= (5 if codec == "h264" else 31):
            return False  # the picture itself: parameter sets come before it
        position = packet.find(b"\x00\x00\x01", position + 3)
    return False
