"""Reads from the packets themselves that a camera changed its resolution or profile, without decoding anything."""

from __future__ import annotations

import re

_START = re.compile(rb"\x00\x00\x01")
_SPS = {"h264": 7, "hevc": 33}
_ALL = {"h264": {7, 8}, "hevc": {32, 33, 34}}
_HEAD = 8192
"""Parameter sets stand before the picture, and are short."""


class ParameterSets:
    """Watches the parameter sets of one Annex B stream of H.264 or HEVC."""

    def __init__(self, codec: str) -> None:
        self._codec = codec
        self._sizes: frozenset[bytes] | None = None

    def changed(self, keyframe: bytes) -> bytes | None:
        """Take a keyframe's packet.

        Returns:
            The new parameter sets as Annex B when the sequence parameter sets (size, profile) are not those of the
            keyframe before; else None.
        """
        if self._codec not in _SPS:
            return None
        units = _units(keyframe[:_HEAD])
        sizes = frozenset(unit for unit in units if self._kind(unit) == _SPS[self._codec])
        if not sizes:
            return None
        before, self._sizes = self._sizes, sizes
        if before is None or before == sizes:
            return None
        return b"".join(b"\x00\x00\x00\x01" + unit for unit in units if self._kind(unit) in _ALL[self._codec])

    def _kind(self, unit: bytes) -> int:
        return unit[0] & 0x1F if self._codec == "h264" else unit[0] >> 1 & 0x3F


def _units(data: bytes) -> list[bytes]:
    """NAL units between start codes; the last may be cut off."""
    starts = [match.end() for match in _START.finditer(data)]
    if not starts:
        return []
    ends = [start - 3 for start in starts[1:]] + [len(data)]
    return [unit for start, end in zip(starts, ends, strict=True) if (unit := data[start:end].rstrip(b"\x00"))]
