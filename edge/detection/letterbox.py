"""Fits a picture into a model's input without changing its shape, and maps boxes back.

resolution_wh                input_wh
+-----------+                +-----------------+
|  picture  |   scale, pad   |###+---------+###|
|           |  ----------->  |###| picture |###|
+-----------+                +-----------------+
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.picture import ArrayPicture
from edge.types import Picture


@dataclass(frozen=True, slots=True)
class Letterbox:
    """How pictures of one resolution lie in a model's input: scaled to fit, centred, the rest filled with black.

    Attributes:
        resolution_wh: The picture's size in pixels.
        input_wh: The model input's size in pixels.
    """

    resolution_wh: tuple[int, int]
    input_wh: tuple[int, int]

    @property
    def scaled_wh(self) -> tuple[int, int]:
        """The picture's size inside the input; at least one pixel a side."""
        (width, height), (input_width, input_height) = self.resolution_wh, self.input_wh
        scale = min(input_width / width, input_height / height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    @property
    def offset_xy(self) -> tuple[int, int]:
        """Where the picture's top left corner lies in the input."""
        width, height = self.scaled_wh
        return (self.input_wh[0] - width) // 2, (self.input_wh[1] - height) // 2

    def draw(self, picture: Picture, canvas: NDArray[np.uint8]) -> None:
        """Draw the picture into a model input.

        Args:
            picture: Of `resolution_wh`; asked for the size that it has in the input, never for the whole.
            canvas: (input height, input width, 3) uint8; written over as a whole, BGR.
        """
        width, height = self.scaled_wh
        x, y = self.offset_xy
        canvas[:y] = 0
        canvas[y + height :] = 0
        canvas[y : y + height, :x] = 0
        canvas[y : y + height, x + width :] = 0
        canvas[y : y + height, x : x + width] = picture.resized(width, height)

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Draw an (H, W, 3) uint8 array of `resolution_wh` into a new model input."""
        canvas = np.empty((self.input_wh[1], self.input_wh[0], 3), np.uint8)
        self.draw(ArrayPicture(image), canvas)
        return canvas

    def to_picture(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map boxes from the model's input back to the picture, and cut them at its edges.

        Args:
            xyxy: (N, 4) float32, pixels of the input.

        Returns:
            (N, 4) float32, pixels of the picture.
        """
        offset, scale = self._offset_and_scale()
        limit = np.array(self.resolution_wh * 2, np.float32)
        boxes: NDArray[np.float32] = np.clip((xyxy - offset) / scale, 0, limit)
        return boxes

    def to_input(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map boxes from the picture to the model's input: the inverse of `to_picture`."""
        offset, scale = self._offset_and_scale()
        boxes: NDArray[np.float32] = xyxy * scale + offset
        return boxes

    def _offset_and_scale(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # Rounding to whole pixels scales width and height by slightly different factors; each axis keeps its own.
        scale = np.array(self.scaled_wh, np.float32) / np.array(self.resolution_wh, np.float32)
        return np.tile(np.array(self.offset_xy, np.float32), 2), np.tile(scale, 2)
