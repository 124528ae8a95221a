"""The torch-free models: OpenVINO, on the CPU unless the manifest names another device.

Pictures go in as uint8: the arithmetic on them is in the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.detection.model import Boxes, suppress
from edge.errors import ModelError


class Head(Protocol):
    """Turns a network's outputs into boxes."""

    def decode(self, outputs: Sequence[NDArray[np.float32]]) -> Boxes:
        """Boxes that reach the threshold, before suppression.

        Args:
            outputs: The network's, in the order of its own list, without the dimension of the batch. Valid until the
                call returns.
        """
        ...


class OpenVinoModel:
    """Implements `edge.detection.model.Model` with a compiled network whose input is (1, H, W, 3) uint8 BGR.

    Args:
        compiled: Of `compile_graph`.
        head: Understands its outputs.
        class_names: Names in the order of the network's classes.
        nms_iou: Overlap above which the less confident of two boxes of a class goes.
        parallel: Inferences at the same time, as it was compiled for.
    """

    # Any: OpenVINO's Python binding is not typed.
    def __init__(
        self, compiled: Any, head: Head, class_names: Sequence[str], *, nms_iou: float, parallel: int = 1
    ) -> None:
        self._class_names = tuple(class_names)
        _, height, width, _ = compiled.input(0).shape
        self._input_wh = (int(width), int(height))
        self._head = head
        self._nms_iou = nms_iou
        self._parallel = parallel
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(parallel):
            self._requests.put(compiled.create_infer_request())
        # Once by one thread: OpenVINO's binding makes some things at their first use, and two threads that come there
        # at the same time wait for each other for ever, with Python's lock in hand (seen with 2026.4).
        self.infer([np.zeros((height, width, 3), np.uint8)])

    @property
    def class_names(self) -> tuple[str, ...]:
        """See `Model`."""
        return self._class_names

    @property
    def input_wh(self) -> tuple[int, int]:
        """See `Model`."""
        return self._input_wh

    @property
    def parallel(self) -> int:
        """See `Model`."""
        return self._parallel

    def infer(self, inputs: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        """See `Model`.

        Inputs go one by one: on a CPU a batch takes as long as its pictures (measured) and only delays the first.
        """
        return [self._infer_one(model_input) for model_input in inputs]

    def _infer_one(self, model_input: NDArray[np.uint8]) -> Boxes:
        request = self._requests.get()
        try:
            # Shared: read where the camera wrote it. Outputs are views of the request's own memory, hence decoded here;
            # not sharing them would copy some megabytes.
            request.infer({0: model_input[None]}, share_inputs=True, share_outputs=True)
            found = self._head.decode([tensor.data[0] for tensor in request.output_tensors])
        finally:
            self._requests.put(request)
        return suppress(found, self._nms_iou)


def read_graph(model_xml: Path) -> Any:
    """Read a network in OpenVINO's format.

    Raises:
        ModelError: It cannot be read, or OpenVINO is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise ModelError(f"{model_xml}: OpenVINO is not installed: pip install 'langan[edge]'") from error
    try:
        return openvino.Core().read_model(str(model_xml))
    except RuntimeError as error:
        raise _unusable(model_xml, error) from error


def compile_graph(graph: Any, model_xml: Path, *, threads: int, parallel: int = 1, device: str = "") -> Any:
    """Prepare a network for a device of this machine.

    Args:
        graph: Of `read_graph`.
        model_xml: Where it was read from: for messages.
        threads: CPU threads of all inferences together; other devices choose for themselves.
        parallel: Inferences at the same time; they share the threads.
        device: OpenVINO's name for it, such as `GPU.0`, `NPU` or `AUTO`; empty: the CPU.

    Raises:
        ModelError: OpenVINO cannot use it, or does not find the device.
    """
    import openvino

    core = openvino.Core()
    device = device or "CPU"
    _require_device(core.available_devices, device, model_xml)
    config: dict[str, object] = {
        # OpenVINO chooses bf16 on some CPUs, where it measured 30-50 % slower for the INT8 models.
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY" if parallel == 1 else "THROUGHPUT",
    }
    if device == "CPU":
        config |= {
            "NUM_STREAMS": parallel,
            "INFERENCE_NUM_THREADS": threads,
            # Camera processes share the cores: the scheduler, not the library, decides who runs where.
            "ENABLE_CPU_PINNING": False,
        }
    try:
        return core.compile_model(graph, device, config)
    except RuntimeError as error:
        raise _unusable(model_xml, error) from error


def _require_device(available: Sequence[str], device: str, model_xml: Path) -> None:
    """Refuse a device that is not there; which of several `AUTO` takes is OpenVINO's business.

    Raises:
        ModelError: It is not among them.
    """
    is_choice = device.partition(":")[0] == "AUTO"
    if not is_choice and not any(name == device or name.startswith(f"{device}.") for name in available):
        raise ModelError(
            f"{model_xml}: there is no device {device!r} for it here: name one of {', '.join(available)} in "
            "manifest.yaml, or install the driver that OpenVINO needs for it"
        )


def _unusable(model_xml: Path, error: RuntimeError) -> ModelError:
    reason = (str(error).strip().splitlines() or ["no reason given"])[-1]
    return ModelError(f"{model_xml}: OpenVINO cannot load this model ({reason}): install it again")
