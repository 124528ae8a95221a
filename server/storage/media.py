"""Tells what a file is from its first bytes, before anything decodes it. What we cannot name is refused."""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from server.errors import InvalidInput

MAX_SIDE_PX: Final = 8192
"""A JPEG wider or higher than this is a bomb: no camera of ours makes one."""
MAX_PIXELS: Final = 36_000_000
"""Nor one of more: 8K is 33 million. Who looks at it decodes 4 bytes a pixel."""
MP4_BRANDS: Final = frozenset(
    {b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"dash", b"M4V "}
)
_START_OF_FRAME: Final = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_MAX_SEGMENTS: Final = 512
_TOP_LEVEL_BOXES: Final = frozenset(
    {
        b"ftyp",
        b"moov",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"moof",
        b"mfra",
        b"sidx",
        b"styp",
        b"udta",
        b"meta",
        b"uuid",
    }
)


def detect_media_type(file: BinaryIO, size_bytes: int) -> str:
    """Tell `image/jpeg` or `video/mp4` from the content, and that it is whole.

    Raises:
        InvalidInput: It is neither, is cut off, or claims an absurd size.
    """
    file.seek(0)
    head = file.read(12)
    if head[:3] == b"\xff\xd8\xff":
        _check_jpeg(file, size_bytes)
        return "image/jpeg"
    if len(head) == 12 and head[4:8] == b"ftyp":
        _check_mp4(file, size_bytes)
        return "video/mp4"
    raise InvalidInput("the file is neither a JPEG nor an MP4", "Send JPEG pictures and MP4 clips.")


def jpeg_size(file: BinaryIO, size_bytes: int) -> tuple[int, int]:
    """Width and height of a whole JPEG, in pixels; nothing is decoded.

    Raises:
        InvalidInput: It is none, is cut off, or claims an absurd size.
    """
    file.seek(0)
    if file.read(3) != b"\xff\xd8\xff":
        raise InvalidInput("the file is not a JPEG", "Send a JPEG picture.")
    return _check_jpeg(file, size_bytes)


def _check_jpeg(file: BinaryIO, size_bytes: int) -> tuple[int, int]:
    """Walk the markers to the frame header, and tell its size; decode nothing."""
    file.seek(-2, 2)
    if file.read(2) != b"\xff\xd9":
        raise InvalidInput(
            "the JPEG is cut off or has something behind its end", "Send the whole picture, and only it."
        )
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        marker = file.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:
            break
        if marker[1] == 0xFF:
            file.seek(-1, 1)
            continue
        if marker[1] in _WITHOUT_LENGTH:
            continue
        raw = file.read(2)
        length = struct.unpack(">H", raw)[0] if len(raw) == 2 else 0
        if length < 2 or file.tell() + length > size_bytes:
            break
        if marker[1] in _START_OF_FRAME:
            return _check_frame(file.read(5))
        if marker[1] in {0xDA, 0xD9}:
            break
        file.seek(length - 2, 1)
    raise InvalidInput("the JPEG has no readable frame header", "Send the picture again; the file is damaged.")


def _check_frame(header: bytes) -> tuple[int, int]:
    if len(header) < 5:
        raise InvalidInput("the JPEG is cut off", "Send the whole picture.")
    height, width = struct.unpack(">HH", header[1:5])
    if not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX and width * height <= MAX_PIXELS):
        raise InvalidInput(
            f"the JPEG says it is {width} x {height} pixels",
            f"Send at most {MAX_SIDE_PX} a side, and {MAX_PIXELS} in all.",
        )
    return width, height


def _check_mp4(file: BinaryIO, size_bytes: int) -> None:
    """Walk the top-level boxes: a known brand, a movie header, and sizes that add up to the file."""
    position, kinds = 0, set()
    for _ in range(100_000):
        if position == size_bytes:
            break
        file.seek(position)
        header = file.read(16)
        if len(header) < 8:
            raise InvalidInput("the MP4 is cut off", "Send the whole clip.")
        size, kind = struct.unpack(">I4s", header[:8])
        if size == 1 and len(header) == 16:
            size = struct.unpack(">Q", header[8:16])[0]
        elif size == 0:
            size = size_bytes - position
        if size < 8 or position + size > size_bytes or kind not in _TOP_LEVEL_BOXES:
            raise InvalidInput("the MP4 is damaged, cut off or has something else inside", "Send the whole clip.")
        if kind == b"ftyp" and position == 0:
            file.seek(8)
            if file.read(4) not in MP4_BRANDS:
                raise InvalidInput("the MP4's brand is unknown", "Send a plain MP4 (isom, mp42) clip.")
        kinds.add(kind)
        position += size
    if b"moov" not in kinds or not kinds & {b"mdat", b"moof"}:
        raise InvalidInput("the MP4 has no movie in it", "Send the whole clip.")
