"""Snapshots as small as the cards that show them, without the bar of text below the picture.

They are made when somebody first asks and held in memory, never on a disk: a picture whose time is over is then gone
with its file, and nothing has to go and find its copies. Who may see the snapshot is asked anew each time.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import closing
from typing import Final

from PIL import Image, UnidentifiedImageError

from contract.snapshot import read_picture_size
from server.storage.store import Readable

WIDTH_PX: Final = 640
"""As wide as a card on a phone of twofold density."""
QUALITY: Final = 68
MEDIA_TYPE: Final = "image/webp"
HEAD_BYTES: Final = 256
"""The remark about the picture's size is the first thing in the file."""


class Thumbnails:
    """Makes and remembers small pictures; safe for threads.

    Args:
        max_bytes: What is remembered at most; those not asked for the longest go first.
        at_once: Decoding takes 4 bytes a pixel of the reduced picture; so many pictures at a time.
    """

    def __init__(self, max_bytes: int = 24 * 1024 * 1024, at_once: int = 2) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._lock = threading.Lock()
        self._decoders = threading.BoundedSemaphore(at_once)

    def of(self, sha256: str, opened: Callable[[], Readable]) -> bytes | None:
        """The small picture of a stored snapshot, as WebP.

        Args:
            sha256: The snapshot.
            opened: Opens its file; called only when it is not remembered.

        Returns:
            None where the file is no picture that can be read.
        """
        with self._lock:
            if sha256 in self._kept:
                self._kept.move_to_end(sha256)
                return self._kept[sha256]
        with self._decoders, closing(opened()) as file:
            made = shrink(file.read())
        if made is not None:
            self._keep(sha256, made)
        return made

    def _keep(self, sha256: str, made: bytes) -> None:
        with self._lock:
            self._bytes += len(made) - len(self._kept.get(sha256, b""))
            self._kept[sha256] = made
            while self._bytes > self._max_bytes and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped)


def shrink(jpeg: bytes) -> bytes | None:
    """A snapshot as a WebP of at most `WIDTH_PX`, cut to the picture itself; None when it cannot be read."""
    size = read_picture_size(jpeg[:HEAD_BYTES])
    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as image:
            whole_width, whole_height = image.size
            image.draft("RGB", (WIDTH_PX, max(1, whole_height * WIDTH_PX // whole_width)))  # decodes at 1/2, 1/4, 1/8
            picture = image.convert("RGB")
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, SyntaxError):
        return None
    if size is not None and size.fits(whole_width, whole_height):
        picture = picture.crop((0, 0, picture.width, round(picture.height * size.height / whole_height)))
    if picture.width > WIDTH_PX:
        picture = picture.resize((WIDTH_PX, max(1, round(picture.height * WIDTH_PX / picture.width))), reducing_gap=2.0)
    output = io.BytesIO()
    picture.save(output, "WEBP", quality=QUALITY, method=2)
    return output.getvalue()
