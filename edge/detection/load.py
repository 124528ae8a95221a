"""Builds the model that a camera's configuration names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge.detection.manifest import Manifest, ModelEntry, ModelKind
from edge.detection.model import Model
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
            )


def load_detector(model_id: str, manifest: Manifest, *, threads: int) -> ModelDetector:
    """Load a model to search whole frames in this process; arguments and errors as `load_model`."""
    return ModelDetector(load_model(model_id, manifest, threads=threads))


def require_classes(model_id: str, known: Sequence[str], needed: Iterable[str]) -> None:
    """Refuse a model that does not know what a camera has to look for.

    Raises:
        ModelError: It lacks a class.
    """
    missing = sorted(set(needed) - set(known))
    if missing:
        raise ModelError(
            f"model {model_id!r} does not know {', '.join(missing)}: take them out of objects.track, or choose another "
            f"model (this one knows {', '.join(known)})"
        )


def _load_nanodet(entry: ModelEntry, threads: int, parallel: int) -> Model:
    path = entry.files[0].path
    compiled = compile_graph(read_graph(path), path, threads=threads, parallel=parallel)
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
    compiled = compile_graph(graph, path, threads=threads, parallel=parallel)
    head = YoloHead(entry.score_threshold)
    return OpenVinoModel(compiled, head, class_names, nms_iou=entry.nms_iou, parallel=parallel)
