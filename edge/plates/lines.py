"""Reads a plate's lines with the recognition network, which is loaded when the first plate is read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.detection.text_lines import LineReader
from edge.plates.formats import ALPHABET


class PlateLines:
    """Implements `edge.plates.reader.ReadLine`. One thread uses it."""

    def __init__(self) -> None:
        self._reader: LineReader | None = None

    def __call__(self, image: NDArray[np.uint8], /) -> tuple[str, float]:
        """See `ReadLine`.

        Raises:
            ModelError: The network is not installed.
        """
        if self._reader is None:
            self._reader = LineReader(ALPHABET)
        line = self._reader.read(image)
        return line.text, min(line.confidences, default=0.0)
