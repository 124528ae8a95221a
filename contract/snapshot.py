"""The remark in a snapshot's JPEG that tells the picture from the bar of text below it.

A snapshot is higher than the camera's picture: facts stand in a bar below. Whoever draws paths and zones onto the
picture, or shows it without its bar, has to know where it ends. The edge writes that as the file's first segment, a
JPEG comment; a reader that does not know it shows the whole file, as ever.
"""

from __future__ import annotations

import re
import struct
from typing import Final, NamedTuple

_START: Final = b"\xff\xd8"
_COMMENT: Final = b"\xff\xfe"
_WORDS: Final = re.compile(rb"langan picture (\d{1,5})x(\d{1,5}) of (\d{1,5})x(\d{1,5})")


class PictureSize(NamedTuple):
    """Sizes in pixels: the camera's picture, and the whole file with its bar of text."""

    width: int
    height: int
    whole_width: int
    whole_height: int

    def fits(self, whole_width: int, whole_height: int) -> bool:
        """Whether the remark speaks of a file of this size: somebody may have scaled it since."""
        return (self.whole_width, self.whole_height) == (whole_width, whole_height)


def with_picture_size(jpeg: bytes, size: PictureSize) -> bytes:
    """The same JPEG with the remark as its first segment.

    Raises:
        ValueError: It is no JPEG.
    """
    if not jpeg.startswith(_START):
        raise ValueError("not a JPEG: a snapshot's picture size can be written into nothing else")
    words = f"langan picture {size.width}x{size.height} of {size.whole_width}x{size.whole_height}".encode()
    return _START + _COMMENT + struct.pack(">H", len(words) + 2) + words + jpeg[2:]


def read_picture_size(head: bytes) -> PictureSize | None:
    """What the beginning of a snapshot's file (some 100 bytes) says; None where it says nothing, or nonsense."""
    if not head.startswith(_START + _COMMENT) or len(head) < 6:
        return None
    length = struct.unpack(">H", head[4:6])[0]
    found = _WORDS.fullmatch(head[6 : 4 + length])
    if found is None:
        return None
    size = PictureSize(*(int(number) for number in found.groups()))
    is_sound = 0 < size.width == size.whole_width and 0 < size.height <= size.whole_height
    return size if is_sound else None
