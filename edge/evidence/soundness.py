"""Tells from the first bytes of compressed pictures whether they may be broken, without decoding them.

Damage that reaches a packet (lost fragments, bad sectors) nearly always breaks the framing of its NAL units or the
head of a slice. What is looked at (ITU-T H.264 7.3.1 to 7.3.3, H.265 7.3.1 to 7.3.6):

    forbidden bit, type, layer | first slice of its picture? | intra slices in an IDR? | known picture parameter set?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.evidence.annexb import Codec

_START = b"\x00\x00\x01"
_HEAD_BYTES = 24
"""More than the numbers that are read can take."""
_H264_SLICES = frozenset({1, 5})
_H264_IDR = 5
_H264_INTRA = frozenset({2, 4, 7, 9})
_H264_SLICE_TYPES = range(10)
_HEVC_SLICES = frozenset({*range(10), *range(16, 22)})
_HEVC_IRAP = range(16, 24)


def seem_sound(codec: Codec, packets: Sequence[bytes]) -> bool:
    """Whether nothing about these pictures is strange.

    Args:
        codec: Of the packets.
        packets: Annex B access units in decode order; the first one is a keyframe.
    """
    read = _read_h264 if codec == "h264" else _read_hevc
    known: set[int] = set()
    for packet in packets:
        try:
            used = {found for unit in _units(packet) if (found := read(unit)) is not None}
            begins = next(_starts_picture(codec, unit) for unit in _units(packet) if read(unit) is not None)
        except (_StrangeError, StopIteration):
            return False
        if not begins or (known and not used <= known):
            return False
        known |= used
    return bool(known)


class _StrangeError(Exception):
    """No encoder writes this."""


def _units(packet: bytes) -> Iterator[bytes]:
    """The first bytes of each NAL unit, its header included."""
    if not packet.startswith((_START, b"\x00" + _START)):
        raise _StrangeError
    position = packet.find(_START)
    while position >= 0:
        head = packet[position + 3 : position + 3 + _HEAD_BYTES]
        yield head.replace(b"\x00\x00\x03", b"\x00\x00")  # emulation prevention
        position = packet.find(_START, position + 3)


def _read_h264(unit: bytes) -> int | None:
    """Id of the picture parameters that a slice uses; None: no slice."""
    if len(unit) < 2 or unit[0] & 0x80:
        raise _StrangeError
    unit_type = unit[0] & 0x1F
    if unit_type not in _H264_SLICES:
        return None
    bits = _Bits(unit, 1)
    bits.unsigned()  # first macroblock
    slice_type = bits.unsigned()
    if slice_type not in _H264_SLICE_TYPES or (unit_type == _H264_IDR and slice_type not in _H264_INTRA):
        raise _StrangeError
    return bits.unsigned()


def _read_hevc(unit: bytes) -> int | None:
    """As `_read_h264`."""
    if len(unit) < 3 or unit[0] & 0x81 or unit[1] & 0xF8 or not unit[1] & 0x07:
        raise _StrangeError
    unit_type = unit[0] >> 1
    if unit_type not in _HEVC_SLICES:
        return None
    bits = _Bits(unit, 2)
    bits.skip(1 + (unit_type in _HEVC_IRAP))
    return bits.unsigned()


def _starts_picture(codec: Codec, unit: bytes) -> bool:
    """H.264: the first macroblock is 0, coded as a 1; HEVC: first_slice_segment_in_pic_flag."""
    return bool(unit[1 if codec == "h264" else 2] & 0x80)


class _Bits:
    """Reads bits of a NAL unit."""

    def __init__(self, data: bytes, first_byte: int) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * (len(data) - first_byte)

    def skip(self, count: int) -> None:
        """Leave bits out."""
        self._left -= count

    def unsigned(self) -> int:
        """Exp-Golomb code ue(v) (H.264 9.1)."""
        zeros = 0
        while self._take(1) == 0:
            zeros += 1
        return (1 << zeros) - 1 + self._take(zeros)

    def _take(self, count: int) -> int:
        if count > self._left:
            raise _StrangeError
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)
