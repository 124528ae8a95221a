"""A small map in one file (PMTiles, version 3), made for tests: plain pictures around a place."""

from __future__ import annotations

import io
import json
import math
import struct
from pathlib import Path

from PIL import Image

_HEADER = "<7sB11QBBBBBBiiiiBii"
_NO_COMPRESSION, _PNG = 1, 2


def write_tiles(path: Path, latitude: float, longitude: float, zooms: range = range(14, 17)) -> Path:
    """Write a raster map of a few hundred metres around a place; gives its path."""
    picture = io.BytesIO()
    Image.new("RGB", (256, 256), (214, 224, 196)).save(picture, "PNG")
    tile = picture.getvalue()
    numbers = sorted(_number(zoom, x, y) for zoom in zooms for x, y in _around(zoom, latitude, longitude))
    gaps = [number - before for before, number in zip([0, *numbers], numbers, strict=False)]
    # The root directory: how many; numbers as differences; runs; lengths; where each begins, plus one: all the same.
    columns = [len(numbers), *gaps, *[1] * len(numbers), *[len(tile)] * len(numbers), *[1] * len(numbers)]
    root, about = b"".join(_varint(value) for value in columns), json.dumps({}).encode()
    begins = (127, 127 + len(root), 127 + len(root) + len(about))
    sizes = [begins[0], len(root), begins[1], len(about), 0, 0, begins[2], len(tile)]
    edges = [round(1e7 * value) for value in (longitude - 0.01, latitude - 0.01, longitude + 0.01, latitude + 0.01)]
    middle = [zooms[0], round(1e7 * longitude), round(1e7 * latitude)]
    counts = [len(numbers), len(numbers), 1]
    kinds = [0, _NO_COMPRESSION, _NO_COMPRESSION, _PNG, zooms[0], zooms[-1]]
    path.write_bytes(
        struct.pack(_HEADER, b"PMTiles", 3, *sizes, *counts, *kinds, *edges, *middle) + root + about + tile
    )
    return path


def _around(zoom: int, latitude: float, longitude: float) -> list[tuple[int, int]]:
    side = 2**zoom
    x = int((longitude + 180) / 360 * side)
    y = int((1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * side)
    return [(x + right, y + down) for right in (-1, 0, 1) for down in (-1, 0, 1)]


def _number(zoom: int, x: int, y: int) -> int:
    """The number of a tile: tiles of all smaller zooms, then along the Hilbert curve."""
    number: int = (4**zoom - 1) // 3
    side = 1 << zoom - 1
    while side > 0:
        right, down = int(x & side > 0), int(y & side > 0)
        number += side * side * ((3 * right) ^ down)
        if down == 0:
            if right == 1:
                x, y = 2**zoom - 1 - x, 2**zoom - 1 - y
            x, y = y, x
        side //= 2
    return number


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])
