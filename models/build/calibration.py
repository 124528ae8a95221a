"""Pictures from which the quantisation learns the range of every activation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.models.pictures import clip_frames, find_files, is_clip, model_input, read_image
from models.build.errors import BuildError


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
    try:
        for path in find_files(sources):
            pictures = clip_frames(path, frames_per_clip) if is_clip(path) else [read_image(path)]
            inputs += [model_input(picture, input_wh)[None] for picture in pictures]
    except ModelError as error:
        raise BuildError(str(error)) from error
    if not inputs:
        raise BuildError(f"{', '.join(map(str, sources))}: no image or clip there: give --calibration some")
    return inputs
