"""Turns the ONNX model into OpenVINO's: pictures go in as they come from a camera, weights and activations are INT8."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import nncf
import numpy as np
import onnx
import openvino
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
    return processor.build()


def quantise(model: openvino.Model, inputs: Sequence[NDArray[np.uint8]]) -> openvino.Model:
    """Quantise weights and activations to 8 bits.

    Activations get asymmetric ranges (`MIXED`): a leaky ReLU leaves little below zero.
    """
    return nncf.quantize(model, nncf.Dataset(inputs), preset=nncf.QuantizationPreset.MIXED, subset_size=len(inputs))


def save(model: openvino.Model, model_xml: Path) -> None:
    """Write the model, its few float values at half precision, and its weights beside it as `.bin`."""
    model_xml.parent.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, model_xml, compress_to_fp16=True)
