"""The torch-free detector: a NanoDet model in OpenVINO's format, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.detection.letterbox import Letterbox
from edge.detection.nanodet import BINS, SIDES, HeadLevel, decode
from edge.detection.nms import keep_by_class
from edge.errors import ModelError
from edge.types import Detections, Frame

STRIDES = (8, 16, 32)

MAX_CANDIDATES = 1000
"""A picture with more cells above the threshold keeps the most confident, so that suppression stays quick."""


class OpenVinoDetector:
    """Finds objects with a NanoDet model whose input is (1, H, W, 3) uint8 BGR, normalised inside the graph."""

    def __init__(
        self,
        model_xml: Path,
        class_names: Sequence[str],
        *,
        score_threshold: float,
        nms_iou: float = 0.5,
        threads: int,
    ) -> None:
        """Load and compile.

        Args:
            model_xml: OpenVINO IR; its weights lie beside it as `.bin`.
            class_names: Names in the order of the model's outputs.
            score_threshold: Less confident boxes are left out.
            nms_iou: Overlap above which the less confident of two boxes of a class goes.
            threads: CPU threads for one inference.

        Raises:
            ModelError: The files cannot be read, or are no NanoDet with these classes.
        """
        self._class_names = tuple(class_names)
        self._score_threshold = score_threshold
        self._nms_iou = nms_iou
        compiled = _compile(model_xml, threads)
        self._input_wh = _check_interface(compiled, model_xml, len(self._class_names))
        self._request = compiled.create_infer_request()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Every class the model knows."""
        return self._class_names

    @property
    def input_wh(self) -> tuple[int, int]:
        """The model input's size in pixels."""
        return self._input_wh

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """One `Detections` for each frame, in order, most confident first, in pixels of that frame.

        Frames go one by one: on a CPU a batch takes as long as its frames (measured), and only delays the first answer.
        """
        return [self._detect_one(frame) for frame in frames]

    def _detect_one(self, frame: Frame) -> Detections:
        letterbox = Letterbox(frame.resolution_wh, self._input_wh)
        levels = self._infer(letterbox.apply(frame.image))
        found = decode(levels, self._input_wh, self._score_threshold)
        strongest = np.argsort(-found.confidence, kind="stable")[:MAX_CANDIDATES]
        xyxy = letterbox.to_picture(found.xyxy[strongest])
        confidence, class_id = found.confidence[strongest], found.class_id[strongest]
        # A box wholly in the black border has no area left in the picture.
        inside = np.flatnonzero((xyxy[:, 2:] > xyxy[:, :2]).all(axis=1))
        keep = inside[keep_by_class(xyxy[inside], confidence[inside], class_id[inside], self._nms_iou)]
        return Detections(xyxy[keep], confidence[keep], tuple(self._class_names[index] for index in class_id[keep]))

    def _infer(self, model_input: NDArray[np.uint8]) -> dict[int, HeadLevel]:
        self._request.infer({0: model_input[None]})
        # Views of the request's own memory: valid until the next inference, which cannot start before decoding ends.
        output = {name: self._request.get_tensor(name).data[0] for name in _output_names()}
        return {stride: HeadLevel(output[f"cls{stride}"], output[f"box{stride}"]) for stride in STRIDES}


def _output_names() -> list[str]:
    return [f"{part}{stride}" for part in ("cls", "box") for stride in STRIDES]


# Any: OpenVINO's Python binding is not typed.
def _compile(model_xml: Path, threads: int) -> Any:
    try:
        import openvino
    except ImportError as error:
        raise ModelError(f"{model_xml}: OpenVINO is not installed: pip install 'langan[edge]'") from error
    config = {
        # OpenVINO chooses bf16 on some CPUs, where it measured 30-50 % slower for this INT8 model.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        # Camera processes share the cores: the scheduler, not the library, decides who runs where.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        return openvino.Core().compile_model(str(model_xml), "CPU", config)
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise ModelError(f"{model_xml}: OpenVINO cannot load this model ({reason}): install it again") from error


def _check_interface(compiled: Any, model_xml: Path, class_count: int) -> tuple[int, int]:
    """The input's width and height, after checking that this is the kind of model that `decode` understands."""
    remedy = "list it in manifest.yaml with its own kind and classes, or build it as models/README.md says"
    model_input = compiled.input(0)
    shape = tuple(model_input.partial_shape.to_shape()) if model_input.partial_shape.is_static else ()
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3 or model_input.element_type.get_type_name() != "u8":
        raise ModelError(
            f"{model_xml}: expected one input (1, height, width, 3) uint8, got {model_input.partial_shape} "
            f"{model_input.element_type.get_type_name()}: {remedy}"
        )
    height, width = shape[1], shape[2]
    names = {name for output in compiled.outputs for name in output.get_names()}
    for stride in STRIDES:
        cells = -(-height // stride) * -(-width // stride)
        for name, channels in ((f"cls{stride}", class_count), (f"box{stride}", SIDES * BINS)):
            if name not in names:
                raise ModelError(f"{model_xml}: has no output {name}, so it is no NanoDet model: {remedy}")
            got = tuple(compiled.output(name).shape)
            if got != (1, cells, channels):
                raise ModelError(
                    f"{model_xml}: output {name}: expected shape (1, {cells}, {channels}), got {got}: {remedy}"
                )
    return width, height
