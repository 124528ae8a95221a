"""Turns the ONNX model into OpenVINO's: pictures go in as they come from a camera, weights and activations are INT8."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import nncf
import numpy as np
import onnx
import openvino
import openvino.opset13 as opset
from numpy.typing import NDArray
from openvino.preprocess import PrePostProcessor

MEAN_BGR = [103.53, 116.28, 123.675]
STD_BGR = [57.375, 57.12, 58.395]
"""What NanoDet's configuration normalises with (the ImageNet statistics, blue first)."""


# The binding of OpenVINO is not typed, so its models are `openvino.Model` to the reader and Any to mypy.
def with_uint8_input(model: onnx.ModelProto) -> openvino.Model:
    """Read the model and put the normalisation inside: the input becomes (1, height, width, 3) uint8, BGR."""
    processor = PrePostProcessor(openvino.Core().read_model(io.BytesIO(model.SerializeToString())))
    picture = processor.input()
    picture.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    picture.model().set_layout(openvino.Layout("NCHW"))
    picture.preprocess().convert_element_type(openvino.Type.f32).mean(MEAN_BGR).scale(STD_BGR)
    return fold_padding(processor.build())


def fold_padding(model: openvino.Model) -> openvino.Model:
    """Let every pooling pad by itself, where the graph pads with minus infinity in a step of its own, as TFJS does.

    The result is the same by definition; the separate step is float only and keeps its neighbours from being INT8: an
    eighth of the model's time.
    """
    for pool in model.get_ordered_ops():
        if pool.get_type_name() != "MaxPool" or pool.input_value(0).get_node().get_type_name() != "Pad":
            continue
        pad = pool.input_value(0).get_node()
        begin, end, value = (pad.input_value(place).get_node().get_data() for place in (1, 2, 3))
        window = pool.get_attributes()
        if value > -np.finfo(np.float32).max or any(begin[:2]) or any(end[:2]) or any(window["pads_begin"]):
            continue
        folded = opset.max_pool(
            pad.input_value(0), window["strides"], [1, 1], begin[2:].tolist(), end[2:].tolist(), window["kernel"],
            window["rounding_type"], "explicit",
        )  # fmt: skip
        for reader in pool.output(0).get_target_inputs():
            reader.replace_source_output(folded.output(0))
    model.validate_nodes_and_infer_types()
    return model


def quantise(model: openvino.Model, inputs: Sequence[NDArray[np.uint8]]) -> openvino.Model:
    """Quantise weights and activations to 8 bits.

    Activations get asymmetric ranges (`MIXED`): a leaky ReLU leaves little below zero.
    """
    return nncf.quantize(model, nncf.Dataset(inputs), preset=nncf.QuantizationPreset.MIXED, subset_size=len(inputs))


def save(model: openvino.Model, model_xml: Path) -> None:
    """Write the model, its few float values at half precision, and its weights beside it as `.bin`."""
    model_xml.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, model_xml, compress_to_fp16=True)
