"""Pictures from which the quantisation learns the range of every activation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detection.letterbox import Letterbox
from models.build.errors import BuildError

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png"}
CLIP_SUFFIXES = {".mp4", ".avi", ".mkv", ".mov"}


def model_inputs(
    sources: Sequence[Path], *, frames_per_clip: int, input_wh: tuple[int, int]
) -> list[NDArray[np.uint8]]:
    """Every image and some frames of every clip, as the detector would see them.

    Args:
        sources: Images, clips, or folders that hold them at any depth.
        frames_per_clip: Taken at equal distances.
        input_wh: The model input's size in pixels.

    Returns:
        (1, height, width, 3) uint8, BGR, each.

    Raises:
        BuildError: A source is missing or unreadable, or there is no picture at all.
    """
    inputs = []
    for path in _files(sources):
        pictures = _clip_frames(path, frames_per_clip) if path.suffix.lower() in CLIP_SUFFIXES else _image(path)
        for picture in pictures:
            letterbox = Letterbox((picture.shape[1], picture.shape[0]), input_wh)
            inputs.append(letterbox.apply(picture)[None])
    if not inputs:
        raise BuildError(f"{', '.join(map(str, sources))}: no image or clip there: give --calibration some")
    return inputs


def _files(sources: Sequence[Path]) -> Iterator[Path]:
    for source in sources:
        if not source.exists():
            raise BuildError(f"{source}: no such file or folder: correct --calibration")
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        yield from (path for path in files if path.suffix.lower() in IMAGE_SUFFIXES | CLIP_SUFFIXES)


def _image(path: Path) -> Iterator[NDArray[np.uint8]]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise BuildError(f"{path}: is no image that OpenCV reads: leave it out")
    yield image.astype(np.uint8, copy=False)


def _clip_frames(path: Path, count: int) -> Iterator[NDArray[np.uint8]]:
    clip = cv2.VideoCapture(str(path))
    try:
        length = int(clip.get(cv2.CAP_PROP_FRAME_COUNT))
        if length <= 0:
            raise BuildError(f"{path}: is no clip that OpenCV reads: leave it out")
        for index in np.linspace(0, length - 1, count, dtype=int):
            clip.set(cv2.CAP_PROP_POS_FRAMES, int(index))
            read, frame = clip.read()
            if read:  # the last frames that a container announces are not always there
                yield frame.astype(np.uint8, copy=False)
    finally:
        clip.release()
