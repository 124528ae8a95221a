"""Builds the model that a camera's configuration names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from contract.rules.base import PART_CLASSES
from edge.detection.manifest import Manifest, ModelEntry, ModelKind
from edge.detection.model import Boxes, Model
from edge.detection.nanodet import NanoDetHead
from edge.detection.openvino_model import OpenVinoModel, compile_graph, read_graph
from edge.detection.search import ModelDetector
from edge.detection.ultralytics_model import UltralyticsModel
from edge.detection.yolo import YoloHead, adapt_graph, class_names_of
from edge.errors import ModelError


def load_model(model_id: str, manifest: Manifest, *, threads: int, parallel: int = 1) -> Model:
    """Check a model's files and load it.

    Args:
        model_id: Id or alias in the manifest.
        manifest: Of `load_manifest`.
        threads: CPU threads of all inferences together.
        parallel: Inferences at the same time where the model's runtime can; they share the threads.

    Raises:
        ModelError: The model is unknown, its files are missing, damaged or of another kind, or its library is missing.
    """
    entry = manifest.get(model_id)
    entry.verify()
    model = _load(entry, threads, parallel)
    return _PartNames(model, entry) if entry.parts else model


class _PartNames:
    """Implements `edge.detection.model.Model` with one whose classes for parts get our names."""

    def __init__(self, model: Model, entry: ModelEntry) -> None:
        missing = [name for name, _ in entry.parts if name not in model.class_names]
        if missing:
            raise ModelError(
                f"model {entry.id!r} has no class {', '.join(missing)}: write its own names under parts: in "
                f"manifest.yaml (it knows {', '.join(model.class_names)})"
            )
        parts = dict(entry.parts)
        self._model = model
        self._class_names = tuple(parts.get(name, name) for name in model.class_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """See `Model`."""
        return self._class_names

    @property
    def input_wh(self) -> tuple[int, int]:
        """See `Model`."""
        return self._model.input_wh

    @property
    def parallel(self) -> int:
        """See `Model`."""
        return self._model.parallel

    def infer(self, inputs: Sequence[NDArray[np.uint8]]) -> list[Boxes]:
        """See `Model`."""
        return self._model.infer(inputs)


def _load(entry: ModelEntry, threads: int, parallel: int) -> Model:
    match entry.kind:
        case ModelKind.NANODET:
            return _load_nanodet(entry, threads, parallel)
        case ModelKind.YOLO:
            return _load_yolo(entry, threads, parallel)
        case ModelKind.ULTRALYTICS:
            return UltralyticsModel(
                entry.weights_url or entry.files[0].path,
                score_threshold=entry.score_threshold,
                nms_iou=entry.nms_iou,
                input_wh=entry.input_wh,
                batch=entry.batch,
                threads=threads,
                class_names=entry.classes,
                device=entry.device,
            )


PARTS_REMEDY = (
    "say under parts: of its entry in manifest.yaml which of its classes these are, name a model that knows them under "
    "detect.parts_model, or remove the rule"
)


def lacks_parts(model_id: str, parts: Iterable[str]) -> str:
    """What is wrong where a rule is about parts that a model does not know."""
    return f"model {model_id!r} does not know {', '.join(parts)}, which a rule is about"


def load_detector(model_id: str, manifest: Manifest, *, threads: int) -> ModelDetector:
    """Load a model to search whole frames in this process; arguments and errors as `load_model`."""
    return ModelDetector(load_model(model_id, manifest, threads=threads))


def require_classes(model_id: str, known: Sequence[str], needed: Iterable[str]) -> None:
    """Refuse a model that does not know what a camera has to look for.

    Raises:
        ModelError: It lacks a class.
    """
    missing = sorted(set(needed) - set(known))
    parts = [name for name in missing if name in PART_CLASSES]
    if parts:
        raise ModelError(f"{lacks_parts(model_id, parts)}: {PARTS_REMEDY}")
    if missing:
        raise ModelError(
            f"model {model_id!r} does not know {', '.join(missing)}: take them out of objects.track, or choose another "
            f"model (this one knows {', '.join(known)})"
        )


def _load_nanodet(entry: ModelEntry, threads: int, parallel: int) -> Model:
    path = entry.files[0].path
    compiled = compile_graph(read_graph(path), path, threads=threads, parallel=parallel, device=entry.device)
    head = NanoDetHead(compiled, path, len(entry.classes), entry.score_threshold)
    model = OpenVinoModel(compiled, head, entry.classes, nms_iou=entry.nms_iou, parallel=parallel)
    if entry.input_wh not in {None, model.input_wh}:
        raise ModelError(
            f"{path}: its input is {model.input_wh}, but the manifest says {entry.input_wh}: "
            f"correct input_wh of {entry.id}"
        )
    return model


def _load_yolo(entry: ModelEntry, threads: int, parallel: int) -> Model:
    path = entry.files[0].path
    class_names = entry.classes or class_names_of(path)
    graph = adapt_graph(read_graph(path), path, entry.input_wh, len(class_names))
    compiled = compile_graph(graph, path, threads=threads, parallel=parallel, device=entry.device)
    head = YoloHead(entry.score_threshold)
    return OpenVinoModel(compiled, head, class_names, nms_iou=entry.nms_iou, parallel=parallel)
