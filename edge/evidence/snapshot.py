"""Draws what a rule saw: thin lines over the picture, and its facts in a bar below it, where they hide nothing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from contract.geometry import Point
from contract.snapshot import PictureSize, with_picture_size
from edge.types import Track

JPEG_QUALITY = 88
_Colour = tuple[int, int, int]
_ZONE_COLOUR = (60, 200, 255)  # BGR: amber, seen on asphalt and on grass
_TRACK_COLOUR = (70, 70, 255)
_PATH_COLOUR = (255, 200, 60)
_OUTLINE_COLOUR = (20, 20, 20)
_BAR_COLOUR = (38, 30, 24)
_TEXT_COLOUR = (245, 245, 245)
_FONT = "sans"
"""OpenCV's built-in TrueType font; it holds all Vietnamese letters."""
_FONT_WEIGHT = 400
_LINE_SHARE = 0.04
"""Height of a line of text, as a share of the picture's height, within bounds that stay readable."""
_CORNER_SHARE = 0.25
_MIN_LINE_PX, _MAX_LINE_PX = 16, 34
_WIDEST_FULL_SIZE = 16 / 9
"""Width by height; two pictures beside each other are shown smaller."""


def draw_snapshot(
    image: NDArray[np.uint8],
    *,
    zones: Sequence[Sequence[Point]] = (),
    tracks: Sequence[Track] = (),
    paths: Sequence[Sequence[Point]] = (),
    caption: Sequence[str] = (),
) -> bytes:
    """Draw a snapshot.

    Args:
        image: (H, W, 3) uint8, BGR; not changed. For residents: already redacted.
        zones: Polygons of the zones involved, normalised.
        tracks: The tracks involved: their boxes, or only the corners of boxes that are held or predicted.
        paths: Ground points of the tracks in order of time, normalised.
        caption: Lines of text (camera, local time, facts) below the picture, in any Latin script.

    Returns:
        A JPEG, higher than the picture by the bar of text; its first segment says where the picture ends.
    """
    height, width = image.shape[:2]
    bar = _text_bar(caption, width, height) if caption else image[:0]
    whole = np.vstack((image, bar))
    canvas = whole[:height]
    stroke = max(1, round(height / 540))
    for zone in zones:
        _line(canvas, zone, _ZONE_COLOUR, stroke, closed=True)
    for path in paths:
        _line(canvas, path, _PATH_COLOUR, stroke, closed=False)
        if path:
            _dot(canvas, path[-1], stroke)
    for track in tracks:
        _box(canvas, track, stroke)
    done, encoded = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise ValueError(f"a picture of shape {image.shape} cannot be written as JPEG")
    return with_picture_size(bytes(encoded), PictureSize(width, height, width, whole.shape[0]))


def _box(canvas: NDArray[np.uint8], track: Track, stroke: int) -> None:
    x1, y1, x2, y2 = track.xyxy
    if track.detected:
        _line(canvas, [(x1, y1), (x2, y1), (x2, y2), (x1, y2)], _TRACK_COLOUR, stroke, closed=True)
        return
    reach_x, reach_y = (x2 - x1) * _CORNER_SHARE, (y2 - y1) * _CORNER_SHARE
    for x, inward_x in ((x1, reach_x), (x2, -reach_x)):
        for y, inward_y in ((y1, reach_y), (y2, -reach_y)):
            _line(canvas, [(x + inward_x, y), (x, y), (x, y + inward_y)], _TRACK_COLOUR, stroke)


def _pixels(canvas: NDArray[np.uint8], points: Sequence[Point]) -> NDArray[np.int32]:
    limits = (canvas.shape[1] - 1, canvas.shape[0] - 1)
    inside = np.clip(np.asarray(points, np.float64).reshape(-1, 2), 0.0, 1.0)
    return np.asarray(np.round(inside * limits), np.int32)


def _line(
    canvas: NDArray[np.uint8],
    points: Sequence[Point],
    colour: tuple[int, int, int],
    stroke: int,
    *,
    closed: bool = False,
) -> None:
    """Draw a thin line with a dark edge, seen on light and dark ground alike."""
    if len(points) > 1:
        pixels = [_pixels(canvas, points)]
        cv2.polylines(canvas, pixels, closed, _OUTLINE_COLOUR, stroke + 2, cv2.LINE_AA)
        cv2.polylines(canvas, pixels, closed, colour, stroke, cv2.LINE_AA)


def _dot(canvas: NDArray[np.uint8], point: Point, stroke: int) -> None:
    x, y = (int(value) for value in _pixels(canvas, [point])[0])
    cv2.circle(canvas, (x, y), stroke * 3, _OUTLINE_COLOUR, cv2.FILLED, cv2.LINE_AA)
    cv2.circle(canvas, (x, y), stroke * 2, _PATH_COLOUR, cv2.FILLED, cv2.LINE_AA)


def _text_bar(caption: Sequence[str], width: int, height: int) -> NDArray[np.uint8]:
    """Draw lines of text; a line that is too wide is broken between words."""
    shrinks_by = max(1.0, width / height / _WIDEST_FULL_SIZE)  # on a page, which is as wide as a usual picture
    line_px = round(min(_MAX_LINE_PX, max(_MIN_LINE_PX, height * _LINE_SHARE)) * shrinks_by)
    size, pad = round(line_px * 0.72), line_px // 2
    font = cv2.FontFace(_FONT)
    lines = [part for line in caption for part in _wrap(_printable(line), width - 2 * pad, font, size)]
    bar = np.full((line_px * len(lines) + 2 * pad, width, 3), _BAR_COLOUR, np.uint8)
    for index, line in enumerate(lines):
        baseline = pad + line_px * index + round(line_px * 0.76)
        cv2.putText(bar, line, (pad, baseline), _TEXT_COLOUR, font, size, _FONT_WEIGHT)
    return bar


def _printable(line: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in line).split())


def _wrap(line: str, width: int, font: cv2.FontFace, size: int) -> list[str]:
    def fits(text: str) -> bool:
        return bool(cv2.getTextSize((0, 0), text, (0, 0), font, size, _FONT_WEIGHT)[2] <= width)

    lines = [""]
    for word in line.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if fits(longer) or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
