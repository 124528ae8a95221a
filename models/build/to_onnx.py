"""Translates NanoDet-g from TensorFlow.js to ONNX.

TensorFlow's graph switches between the orders NCHW and NHWC at every convolution. ONNX wants NCHW throughout, so
tensors stay NCHW here, and a TensorFlow transpose only changes what TensorFlow *calls* the axes: `Tensor.axes`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.build.errors import BuildError
from models.build.tfjs import Graph, Node

INPUT = "images"
OUTPUTS = {
    "Identity": "cls8",
    "Identity_1": "cls16",
    "Identity_2": "cls32",
    "Identity_3": "box8",
    "Identity_4": "box16",
    "Identity_5": "box32",
}
"""What TensorFlow's anonymous outputs are: sigmoid scores (80 classes) and distance logits (4 x 11) by stride."""

ORIGINAL_SIDE = 416
"""The published graph's input is 416x416; its coarsest features have 1/32 of that."""

OPSET = 13


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value in the ONNX graph.

    Attributes:
        name: Its name there, where four-dimensional values are NCHW.
        axes: TensorFlow's order of the axes: "NCHW" or "NHWC"; "NCL" and "NLC" once height and width have become one.
    """

    name: str
    axes: str

    def onnx_axis(self, tensorflow_axis: int) -> int:
        """Where ONNX has an axis that TensorFlow counts in its own order."""
        return ("NCHW" if len(self.axes) == 4 else "NCL").index(self.axes[tensorflow_axis])


class Translator:
    """Walks the TensorFlow graph once and writes the ONNX graph."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._tensors: dict[str, Tensor] = {}
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._feature_side = ORIGINAL_SIDE // 32
        self._by_op: dict[str, Callable[[Node], Tensor]] = {
            "Placeholder": self._placeholder,
            "Transpose": self._transpose,
            "Pad": self._pad,
            "PadV2": self._pad,
            "Conv2D": self._convolution,
            "Add": self._add,
            "LeakyRelu": self._leaky_relu,
            "Sigmoid": self._sigmoid,
            "MaxPool": self._max_pool,
            "ConcatV2": self._concat,
            "ResizeBilinear": self._resize,
            "Reshape": self._reshape,
            "Identity": self._output,
        }

    def model(self, input_wh: tuple[int, int]) -> onnx.ModelProto:
        """The whole model for one picture of this size: (1, 3, height, width) float32, normalised.

        Raises:
            BuildError: The graph has an operation that NanoDet-g does not have.
        """
        for node in self._graph.nodes:
            self._translate(node)
        width, height = input_wh
        graph = helper.make_graph(
            self._nodes,
            "nanodet-g",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [1, 3, height, width])],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, None, None]) for name in OUTPUTS.values()],
            self._initializers,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _translate(self, node: Node) -> None:
        if node.op in {"Const", "AddV2", "SparseToDense"}:
            return  # AddV2 and SparseToDense compute the shapes of reshapes, which `_reshape` needs not
        if node.op == "SplitV":
            self._split(node)
        elif node.op in self._by_op:
            self._tensors[node.name] = self._by_op[node.op](node)
        else:
            raise BuildError(f"{node.name}: unknown operation {node.op}: this is not the NanoDet-g graph")

    def _placeholder(self, _: Node) -> Tensor:
        return Tensor(INPUT, "NCHW")

    def _transpose(self, node: Node) -> Tensor:
        source, order = self._tensors[node.inputs[0]], self._constant(node, 1).tolist()
        axes = "".join(source.axes[axis] for axis in order)
        if len(axes) == 4:
            return Tensor(source.name, axes)
        # The graph's last step, which the outputs keep: (1, channels, cells) -> (1, cells, channels).
        return self._emit("Transpose", node, [source.name], axes, perm=order)

    def _pad(self, node: Node) -> Tensor:
        source = self._tensors[node.inputs[0]]
        before_after = np.zeros((len(source.axes), 2), np.int64)
        for axis, pads in enumerate(self._constant(node, 1)):
            before_after[source.onnx_axis(axis)] = pads
        value = self._constant(node, 2) if node.op == "PadV2" else np.float32(0)
        inputs = [source.name, self._initializer(node, "pads", before_after.T.reshape(-1))]
        inputs.append(self._initializer(node, "value", np.asarray(value, np.float32)))
        return self._emit("Pad", node, inputs, source.axes)

    def _convolution(self, node: Node) -> Tensor:
        source = self._spatial_source(node)
        weights = self._constant(node, 1).transpose(3, 2, 0, 1)  # height, width, in, out -> out, in, height, width
        inputs = [source.name, self._initializer(node, "weights", weights)]
        return self._emit("Conv", node, inputs, source.axes, strides=node.integers("strides")[1:3])

    def _max_pool(self, node: Node) -> Tensor:
        source = self._spatial_source(node)
        window = {"kernel_shape": node.integers("ksize")[1:3], "strides": node.integers("strides")[1:3]}
        return self._emit("MaxPool", node, [source.name], source.axes, **window)

    def _add(self, node: Node) -> Tensor:
        source = self._tensors[node.inputs[0]]
        if node.inputs[1] in self._graph.constants:
            bias = self._constant(node, 1)
            if source.axes != "NHWC" or bias.ndim != 1:
                raise BuildError(f"{node.name}: not a bias for channels: this is not the NanoDet-g graph")
            return self._emit(
                "Add", node, [source.name, self._initializer(node, "bias", bias.reshape(1, -1, 1, 1))], "NHWC"
            )
        other = self._tensors[node.inputs[1]]
        if other.axes != source.axes:
            raise BuildError(f"{node.name}: adds {source.axes} and {other.axes}: this is not the NanoDet-g graph")
        return self._emit("Add", node, [source.name, other.name], source.axes)

    def _leaky_relu(self, node: Node) -> Tensor:
        source = self._tensors[node.inputs[0]]
        return self._emit("LeakyRelu", node, [source.name], source.axes, alpha=node.number("alpha"))

    def _sigmoid(self, node: Node) -> Tensor:
        source = self._tensors[node.inputs[0]]
        return self._emit("Sigmoid", node, [source.name], source.axes)

    def _concat(self, node: Node) -> Tensor:
        sources = [self._tensors[name] for name in node.inputs[:-1]]
        axis = sources[0].onnx_axis(int(self._constant(node, -1)))
        return self._emit("Concat", node, [source.name for source in sources], sources[0].axes, axis=axis)

    def _split(self, node: Node) -> None:
        source = self._tensors[node.inputs[0]]
        sizes = self._constant(node, 1).astype(np.int64)
        # TensorFlow calls the first part by the node's name, the next ones name:1, name:2.
        names = [node.name, *(f"{node.name}:{index}" for index in range(1, len(sizes)))]
        axis = source.onnx_axis(int(self._constant(node, 2)))
        inputs = [source.name, self._initializer(node, "sizes", sizes)]
        self._nodes.append(helper.make_node("Split", inputs, names, node.name, axis=axis))
        self._tensors |= {name: Tensor(name, source.axes) for name in names}

    def _resize(self, node: Node) -> Tensor:
        """A resize by a factor, in place of the fixed sizes that go with 416x416.

        The feature pyramid takes 1/32 up twice and then down twice, so each size relates to the one before it.
        """
        source = self._spatial_source(node)
        if not node.flag("half_pixel_centers") or node.flag("align_corners"):
            raise BuildError(f"{node.name}: another kind of resizing: this is not the NanoDet-g graph")
        side = int(self._constant(node, 1)[0])
        factor, self._feature_side = side / self._feature_side, side
        scales = self._initializer(node, "scales", np.array([1, 1, factor, factor], np.float32))
        return self._emit("Resize", node, [source.name, "", scales], "NHWC", mode="linear")

    def _reshape(self, node: Node) -> Tensor:
        """(1, channels, height, width) -> (1, channels, cells)."""
        source = self._tensors[node.inputs[0]]
        if source.axes != "NCHW":
            raise BuildError(f"{node.name}: reshapes {source.axes}: this is not the NanoDet-g graph")
        keep_two_flatten_rest = self._initializer(node, "shape", np.array([0, 0, -1], np.int64))
        return self._emit("Reshape", node, [source.name, keep_two_flatten_rest], "NCL")

    def _output(self, node: Node) -> Tensor:
        source = self._tensors[node.inputs[0]]
        self._nodes.append(helper.make_node("Identity", [source.name], [OUTPUTS[node.name]], node.name))
        return Tensor(OUTPUTS[node.name], source.axes)

    def _spatial_source(self, node: Node) -> Tensor:
        source = self._tensors[node.inputs[0]]
        unpadded = node.op == "ResizeBilinear" or node.text("padding") == "VALID"
        if source.axes != "NHWC" or not unpadded:
            raise BuildError(f"{node.name}: an unexpected {node.op}: this is not the NanoDet-g graph")
        return source

    def _constant(self, node: Node, index: int) -> NDArray[np.float32 | np.int32]:
        return self._graph.constants[node.inputs[index]]

    def _initializer(self, node: Node, role: str, value: NDArray[np.float32 | np.int32 | np.int64]) -> str:
        name = f"{node.name}/{role}"
        self._initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def _emit(self, op: str, node: Node, inputs: list[str], axes: str, **attributes: Any) -> Tensor:
        self._nodes.append(helper.make_node(op, inputs, [node.name], node.name, **attributes))
        return Tensor(node.name, axes)
