"""Pictures to calibrate, compare and time models with: images, frames of clips, or what a camera shows now.

Frames become model inputs at once: three hundred pictures of 1920x1080 would need 1.9 GB, their inputs need 0.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detection.letterbox import Letterbox
from edge.errors import ModelError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
CLIP_SUFFIXES = frozenset({".mp4", ".avi", ".mkv", ".mov"})
HELD_OUT = 5
"""One picture of so many is kept from the calibration, to compare with."""

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8, BGR."""


def find_files(sources: Sequence[Path]) -> list[Path]:
    """Every image and clip, folders searched at any depth, each folder in order of path.

    Raises:
        ModelError: A source is missing.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            raise ModelError(f"{source}: no such file or folder: correct the path")
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        found += [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES | CLIP_SUFFIXES]
    return found


def is_clip(path: Path) -> bool:
    """Whether the name is a video's."""
    return path.suffix.lower() in CLIP_SUFFIXES


def read_image(path: Path) -> Picture:
    """Decode an image.

    Raises:
        ModelError: It is none.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ModelError(f"{path}: is no image that OpenCV reads: leave it out")
    return image.astype(np.uint8, copy=False)


def clip_frames(path: Path, count: int) -> Iterator[Picture]:
    """Frames of a clip at equal distances, the first and the last included.

    Raises:
        ModelError: It is no clip.
    """
    clip = cv2.VideoCapture(str(path))
    try:
        length = int(clip.get(cv2.CAP_PROP_FRAME_COUNT))
        if length <= 0:
            raise ModelError(f"{path}: is no clip that OpenCV reads: leave it out")
        for index in np.unique(np.linspace(0, length - 1, count, dtype=int)):
            clip.set(cv2.CAP_PROP_POS_FRAMES, int(index))
            read, frame = clip.read()
            if read:  # the last frames that a container announces are not always there
                yield frame.astype(np.uint8, copy=False)
    finally:
        clip.release()


def sequences(sources: Sequence[Path], limit: int) -> Iterator[Iterator[Picture]]:
    """About `limit` pictures: each clip is a sequence of its own, all images together are one.

    Raises:
        ModelError: A source is missing or unreadable, or there is no picture at all.
    """
    files = find_files(sources)
    clips = [path for path in files if is_clip(path)]
    images = [path for path in files if not is_clip(path)]
    if not files:
        raise ModelError(f"{', '.join(map(str, sources))}: no image or clip there: name a folder that has some")
    share = -(-limit // (len(clips) + bool(images)))
    if images:
        chosen = np.unique(np.linspace(0, len(images) - 1, min(share, len(images)), dtype=int))
        yield (read_image(images[index]) for index in chosen)
    for path in clips:
        yield clip_frames(path, share)


def model_input(picture: Picture, input_wh: tuple[int, int]) -> Picture:
    """A picture as the model sees it: (input height, input width, 3) uint8, BGR."""
    return Letterbox((picture.shape[1], picture.shape[0]), input_wh).apply(picture)


def split(inputs: Sequence[Picture]) -> tuple[list[Picture], list[Picture]]:
    """Pictures to calibrate with, and the last fifth of the sequence to compare with.

    A block of time, not every fifth: neighbours in a clip are nearly the same picture.
    """
    border = len(inputs) - len(inputs) // HELD_OUT
    return list(inputs[:border]), list(inputs[border:])
