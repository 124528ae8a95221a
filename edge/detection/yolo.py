"""YOLO models exported to OpenVINO, without ultralytics: what the graph needs around it, and its boxes.

An export takes (N, 3, H, W) RGB in [0, 1] and says, for each of its anchor points, the box as centre and size in pixels
of the input and one score for each class (YOLOv8 to YOLO11: no objectness, scores are sigmoid already).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from edge.detection.model import Boxes
from edge.errors import ModelError

METADATA_NAME = "metadata.yaml"
STRIDE = 32
_REMEDY = "export it with ultralytics as format openvino (task detect, without nms), or list it with its own kind"


class YoloHead:
    """Implements `edge.detection.openvino_model.Head`.

    Args:
        score_threshold: Less confident boxes are left out.
    """

    def __init__(self, score_threshold: float) -> None:
        self._score_threshold = score_threshold

    def decode(self, outputs: Sequence[NDArray[np.float32]]) -> Boxes:
        """See `Head`. The first output is (4 + classes, anchors) float32."""
        scores = outputs[0][4:]
        # One pass for the best score; which class it was matters only for the few that reach the threshold.
        anchors = np.flatnonzero(scores.max(axis=0) >= self._score_threshold)
        chosen = outputs[0][:, anchors].T  # (n, 4 + classes), a copy
        centre, half = chosen[:, :2], chosen[:, 2:4] / 2
        class_id = chosen[:, 4:].argmax(axis=1)
        confidence = np.ascontiguousarray(chosen[np.arange(len(anchors)), 4 + class_id], np.float32)
        return Boxes(np.hstack([centre - half, centre + half]).astype(np.float32), confidence, class_id)


# Any: OpenVINO's Python binding is not typed.
def adapt_graph(graph: Any, model_xml: Path, input_wh: tuple[int, int] | None, class_count: int) -> Any:
    """Give an export the input of every model here, (1, H, W, 3) uint8 BGR: conversion costs less inside the graph.

    Args:
        graph: As read.
        model_xml: Where it was read from: for messages.
        input_wh: The size to run at; None: as exported.
        class_count: How many classes it must have.

    Raises:
        ModelError: It is no such export, or cannot run at this size.
    """
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    shape = graph.input(0).partial_shape if len(graph.inputs) == 1 else None
    if shape is None or len(shape) != 4 or shape[1].is_dynamic or shape[1].get_length() != 3:
        raise ModelError(f"{model_xml}: expected one input (1, 3, height, width), got {shape}: {_REMEDY}")
    width, height = input_wh or _exported_size(shape, model_xml)
    if width % STRIDE or height % STRIDE:
        raise ModelError(f"{model_xml}: input_wh [{width}, {height}]: both must be multiples of {STRIDE}: correct them")
    try:
        graph.reshape([1, 3, height, width])
        prepared = PrePostProcessor(graph)
        prepared.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC")).set_color_format(ColorFormat.BGR)
        prepared.input().model().set_layout(Layout("NCHW"))
        prepared.input().preprocess().convert_element_type(Type.f32).convert_color(ColorFormat.RGB).scale(255.0)
        adapted = prepared.build()
    except RuntimeError as error:
        reason = (str(error).strip().splitlines() or ["no reason given"])[-1]
        remedy = "leave input_wh out, or export it with dynamic=True"
        raise ModelError(f"{model_xml}: cannot run at {width}x{height} ({reason}): {remedy}") from error
    _check_output(adapted, model_xml, (width, height), class_count)
    return adapted


def class_names_of(model_xml: Path) -> tuple[str, ...]:
    """The class names that ultralytics wrote beside an export.

    Raises:
        ModelError: There are none, or they cannot be read.
    """
    path = model_xml.with_name(METADATA_NAME)
    remedy = "write classes into manifest.yaml, in the order of the model's outputs"
    try:
        names = _metadata(path).get("names")
    except (OSError, UnicodeDecodeError, YAMLError, AttributeError) as error:
        raise ModelError(f"{path}: the class names cannot be read ({type(error).__name__}): {remedy}") from error
    if not isinstance(names, dict) or sorted(names) != list(range(len(names))) or not names:
        raise ModelError(f"{path}: names: must list every class by its number from 0: {remedy}")
    return tuple(str(names[number]) for number in range(len(names)))


def _exported_size(shape: Any, model_xml: Path) -> tuple[int, int]:
    if shape.is_static:
        return int(shape[3].get_length()), int(shape[2].get_length())
    try:
        height, width = (int(side) for side in _metadata(model_xml.with_name(METADATA_NAME))["imgsz"])
    except (OSError, UnicodeDecodeError, YAMLError, LookupError, TypeError, ValueError) as error:
        raise ModelError(f"{model_xml}: does not say its input's size: write input_wh into manifest.yaml") from error
    return width, height


def _metadata(path: Path) -> Any:
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


def _check_output(graph: Any, model_xml: Path, input_wh: tuple[int, int], class_count: int) -> None:
    width, height = input_wh
    anchors = sum((width // stride) * (height // stride) for stride in (8, 16, 32))
    got = graph.output(0).partial_shape
    if got.is_dynamic or tuple(got.to_shape()) != (1, 4 + class_count, anchors):
        raise ModelError(
            f"{model_xml}: expected output (1, {4 + class_count}, {anchors}) for {class_count} classes, got {got}: "
            f"name as many classes as it has, or {_REMEDY}"
        )
