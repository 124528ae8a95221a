"""Makes OpenVINO models: from ONNX without torch, and INT8 from full precision."""

from __future__ import annotations

import ast
import contextlib
import io
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from edge.detection.model_entry import ModelKind
from edge.detection.openvino_model import read_graph
from edge.detection.yolo import METADATA_NAME
from edge.errors import ModelError

_METADATA_KEYS = ("task", "stride", "imgsz", "names")
_QUANTISED = frozenset({"FakeQuantize", "FakeConvert"})
_LAYERS = frozenset({"Convolution", "GroupConvolution", "MatMul"})
"""Where the arithmetic is: what comes after the last of them costs nothing, and loses most by 8 bits."""


def onnx_to_openvino(onnx: Path, target_xml: Path, input_wh: tuple[int, int] | None) -> tuple[Path, ...]:
    """Convert an ONNX model; what ultralytics wrote into it about its classes goes beside the result.

    Args:
        onnx: The model.
        target_xml: Where the result goes, `.bin` and `metadata.yaml` beside it; its folder exists.
        input_wh: Width and height in pixels to fix the input at; None: as the model says.

    Returns:
        What was written, the `.xml` first.

    Raises:
        ModelError: It is no model that OpenVINO reads, finds no boxes, or cannot take this size.
    """
    import openvino
    from openvino.tools.ovc.error import Error as ConversionError

    try:
        graph = openvino.convert_model(str(onnx))
        if input_wh is not None:
            graph.reshape([1, 3, input_wh[1], input_wh[0]])
        about = _metadata_of(graph)
        if about.get("task", "detect") != "detect":
            raise ModelError(
                f"{onnx}: a model for {about['task']!r}: only 'detect' runs without ultralytics: "
                "keep it as kind ultralytics"
            )
        openvino.save_model(graph, str(target_xml))
    except (RuntimeError, ValueError, TypeError, ConversionError) as error:
        raise ModelError(f"{onnx}: OpenVINO cannot convert this model ({_reason(error)}): export it again") from error
    written = (target_xml, target_xml.with_suffix(".bin"))
    if not about:
        return written
    if input_wh is not None:
        about["imgsz"] = [input_wh[1], input_wh[0]]
    text = io.StringIO()
    YAML(typ="safe", pure=True).dump(about, text)
    metadata = target_xml.with_name(METADATA_NAME)
    metadata.write_text(text.getvalue(), encoding="utf-8")
    return (*written, metadata)


def check_quantisable(model_xml: Path) -> None:
    """Refuse at once what would be refused after minutes of taking pictures.

    Raises:
        ModelError: The model is quantised already or cannot be read, or nncf is not installed.
    """
    try:
        # Its messages go to standard output, which belongs to the command line.
        with contextlib.redirect_stdout(sys.stderr):
            import nncf  # noqa: F401 - whether it is there
    except ImportError as error:
        raise ModelError(f"quantising needs nncf ({error}): pip install 'langan[model-build]'") from error
    if any(node.get_type_name() in _QUANTISED for node in read_graph(model_xml).get_ops()):
        raise ModelError(
            f"{model_xml}: is quantised already: begin with the full-precision model (docs/reference/models.md)"
        )


def quantise(kind: ModelKind, model_xml: Path, inputs: Sequence[NDArray[np.uint8]], target_xml: Path) -> None:
    """Quantise weights and activations to 8 bits; what follows the last convolutions of a YOLO stays as it is.

    Args:
        kind: `nanodet` or `yolo`.
        model_xml: Full precision.
        inputs: Each (input height, input width, 3) uint8, BGR: the activations' ranges are learnt from them.
        target_xml: Where the result goes, its `.bin` beside it; its folder exists.

    Raises:
        ModelError: As `check_quantisable`, or it cannot be quantised.
    """
    check_quantisable(model_xml)
    import nncf
    import openvino

    nncf.set_log_level(logging.ERROR)
    graph = read_graph(model_xml)
    ignored = None
    if kind is ModelKind.YOLO:
        # Boxes (0 to 640) and scores (0 to 1) leave in one tensor: 8 bits for both would erase the scores.
        ignored = nncf.IgnoredScope(names=_after_last_layers(graph), validate=False)
        graph.reshape([1, 3, *inputs[0].shape[:2]])
    dataset = nncf.Dataset(list(inputs), lambda picture: _to_tensor(kind, picture))
    try:
        # MIXED: activations get asymmetric ranges, for a leaky ReLU or a SiLU leaves little below zero.
        with contextlib.redirect_stdout(sys.stderr):
            quantised = nncf.quantize(
                graph, dataset, preset=nncf.QuantizationPreset.MIXED, subset_size=len(inputs), ignored_scope=ignored
            )
        openvino.save_model(quantised, str(target_xml))
    except (RuntimeError, ValueError, nncf.ValidationError, nncf.InternalError, nncf.UnsupportedModelError) as error:
        raise ModelError(f"{model_xml}: cannot be quantised ({_reason(error)}): use it as it is") from error


def _to_tensor(kind: ModelKind, picture: NDArray[np.uint8]) -> NDArray[np.uint8] | NDArray[np.float32]:
    """What the network itself takes: a NanoDet's takes pictures, an export's (1, 3, H, W) float32 RGB in [0, 1]."""
    if kind is ModelKind.NANODET:
        return picture[None]
    rgb = picture[None, :, :, ::-1].transpose(0, 3, 1, 2)
    return np.ascontiguousarray(rgb, np.float32) / np.float32(255)


# Any: OpenVINO's Python binding is not typed.
def _after_last_layers(graph: Any) -> list[str]:
    """Names of the operations between the last convolutions and the outputs."""
    waiting = [result.input_value(0).get_node() for result in graph.get_results()]
    names: set[str] = set()
    while waiting:
        node = waiting.pop()
        kind, name = node.get_type_name(), node.get_friendly_name()
        if kind in _LAYERS or kind in {"Constant", "Parameter"} or name in names:
            continue
        names.add(name)
        waiting += [value.get_node() for value in node.input_values()]
    return sorted(names)


def _metadata_of(graph: Any) -> dict[str, Any]:
    """What ultralytics wrote into an ONNX file, whose properties are texts of Python literals."""
    about = graph.get_rt_info()
    properties = about["framework"] if "framework" in about else {}  # noqa: SIM401 - it has no `get`
    found: dict[str, Any] = {}
    for key in _METADATA_KEYS:
        if key not in properties:
            continue
        text = str(properties[key].astype(str))
        try:
            found[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            found[key] = text
    return found


def _reason(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1].strip()
