"""Reads a TensorFlow.js graph-model: a JSON list of nodes, and one file with every constant's values."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.build.errors import BuildError

Constant = NDArray[np.float32 | np.int32]

_DTYPES = {"float32": np.float32, "int32": np.int32}


@dataclass(frozen=True, slots=True)
class Node:
    """One TensorFlow operation."""

    name: str
    op: str
    inputs: tuple[str, ...]
    """Names of nodes; `name:1` is a node's second output."""
    attributes: dict[str, Any]

    def integers(self, key: str) -> list[int]:
        """A list attribute, such as strides."""
        return [int(value) for value in self.attributes[key]["list"]["i"]]

    def number(self, key: str) -> float:
        """A float attribute."""
        return float(self.attributes[key]["f"])

    def flag(self, key: str) -> bool:
        """A boolean attribute."""
        return bool(self.attributes[key]["b"])

    def text(self, key: str) -> str:
        """A string attribute, which the format writes as base64."""
        return base64.b64decode(self.attributes[key]["s"]).decode()


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole model.

    Attributes:
        nodes: Each after the nodes whose outputs it takes.
        constants: Values by node name.
    """

    nodes: tuple[Node, ...]
    constants: dict[str, Constant]


def read_graph(graph_json: bytes, weights: bytes) -> Graph:
    """Parse a graph-model.

    Raises:
        BuildError: The weights file does not have the size that the graph describes.
    """
    document = json.loads(graph_json)
    nodes = tuple(
        Node(node["name"], node["op"], tuple(node.get("input", ())), node.get("attr", {}))
        for node in document["modelTopology"]["node"]
    )
    constants: dict[str, Constant] = {}
    offset = 0
    for spec in (spec for group in document["weightsManifest"] for spec in group["weights"]):
        stored = np.dtype(spec.get("quantization", spec)["dtype"])
        count = prod(spec["shape"])
        values = np.frombuffer(weights, stored, count, offset)
        constants[spec["name"]] = values.astype(_DTYPES[spec["dtype"]]).reshape(spec["shape"])
        offset += count * stored.itemsize
    if offset != len(weights):
        raise BuildError(
            f"the weights have {len(weights)} bytes, but the graph describes {offset}: fetch the package again"
        )
    return Graph(nodes, constants)
