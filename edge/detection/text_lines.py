"""Reads the letters of one line of text: a recognition network (PP-OCR, CTC) that the wheel `rapidocr` carries.

Only the network is used: the wheel's own code may fetch models, and nothing here goes into the network.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detection.openvino_model import compile_graph, read_graph
from edge.errors import ModelError

HEIGHT = 48
"""Of a line, in pixels: what the network was made for."""
WIDEST = 640
_BLANK = 0
_REMEDY = "pip install --no-deps rapidocr, or switch plates off"
"""Without what the wheel asks for: that would put a second OpenCV over ours."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a line of text says."""

    text: str
    confidences: tuple[float, ...]
    """Of each letter, in [0, 1]."""


def recognition_network() -> Path:
    """Where the wheel keeps its network.

    Raises:
        ModelError: It is not installed.
    """
    found = importlib.util.find_spec("rapidocr")
    folders = [] if found is None else list(found.submodule_search_locations or ())
    networks = [path for folder in folders for path in sorted(Path(folder, "models").glob("*_rec_*.onnx"))]
    if not networks:
        raise ModelError(f"reading number plates needs the recognition network of rapidocr: {_REMEDY}")
    return networks[0]


class LineReader:
    """Reads lines of text in a given alphabet. One thread uses it.

    Args:
        alphabet: The letters that may come out; the network knows thousands.
        network: The ONNX file; its letters stand in it. None: `recognition_network()`.
        threads: CPU threads.

    Raises:
        ModelError: The network is not installed, or is another kind of file.
    """

    def __init__(self, alphabet: str, network: Path | None = None, *, threads: int = 1) -> None:
        path = network or recognition_network()
        graph = read_graph(path)
        letters = _letters(graph, path)
        self._letters = letters
        self._allowed = np.array([_BLANK, *(number for number, letter in letters.items() if letter in alphabet)])
        missing = sorted(set(alphabet) - set(letters.values()))
        if missing:
            raise ModelError(f"{path}: does not know {' '.join(missing)}: {_REMEDY}")
        self._compiled = compile_graph(graph, path, threads=threads)

    def read(self, image: NDArray[np.uint8]) -> Line:
        """Read one line.

        Args:
            image: (H, W, 3) uint8, BGR, the line and little else.
        """
        height, width = image.shape[:2]
        if height == 0 or width == 0:
            return Line("", ())
        # Widths in steps: the network is prepared once for each shape.
        wide = int(np.clip(np.ceil(width * HEIGHT / height / 32), 1, WIDEST // 32)) * 32
        line = np.full((HEIGHT, wide, 3), 127, np.uint8)
        shown = min(wide, max(1, round(width * HEIGHT / height)))
        line[:, :shown] = cv2.resize(image, (shown, HEIGHT), interpolation=cv2.INTER_LINEAR)
        tensor = (line.astype(np.float32) / 127.5 - 1.0).transpose(2, 0, 1)[None]
        scores = np.asarray(self._compiled(tensor)[0])[0][:, self._allowed]
        best = scores.argmax(axis=1)
        text, confidences, before = "", [], 0
        for step, choice in enumerate(best.tolist()):
            if choice not in {before, 0}:
                text += self._letters[int(self._allowed[choice])]
                confidences.append(min(1.0, float(scores[step, choice])))
            before = choice
        return Line(text, tuple(confidences))


# Any: OpenVINO's Python binding is not typed.
def _letters(graph: object, path: Path) -> dict[int, str]:
    """The network's letters by the number of its output; 0 is the blank."""
    about = graph.get_rt_info()  # type: ignore[attr-defined]
    framework = about["framework"] if "framework" in about else {}  # noqa: SIM401 - it has no `get`
    if "character" not in framework:
        raise ModelError(f"{path}: is no recognition network with its letters: {_REMEDY}")
    return dict(enumerate(str(framework["character"].astype(str)).splitlines(), start=1))
