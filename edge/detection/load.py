"""Builds the detector that a camera's configuration names."""

from __future__ import annotations

from collections.abc import Iterable

from edge.detection.manifest import Manifest, ModelKind
from edge.detection.openvino_detector import OpenVinoDetector
from edge.detection.ultralytics_detector import UltralyticsDetector
from edge.errors import ModelError
from edge.ports import Detector


def load_detector(model_id: str, manifest: Manifest, *, threads: int) -> Detector:
    """Check a model's files and load it.

    Args:
        model_id: Id or alias in the manifest.
        manifest: Of `load_manifest`.
        threads: CPU threads for one inference.

    Raises:
        ModelError: The model is unknown, its files are missing, damaged or of another kind, or its library is missing.
    """
    entry = manifest.get(model_id)
    entry.verify()
    if entry.kind is ModelKind.NANODET:
        detector = OpenVinoDetector(
            entry.files[0].path,
            entry.classes,
            score_threshold=entry.score_threshold,
            nms_iou=entry.nms_iou,
            threads=threads,
        )
        if entry.input_wh not in {None, detector.input_wh}:
            raise ModelError(
                f"{entry.files[0].path}: its input is {detector.input_wh}, but the manifest says {entry.input_wh}: "
                f"correct input_wh of {entry.id}"
            )
        return detector
    return UltralyticsDetector(
        entry.files[0].path,
        score_threshold=entry.score_threshold,
        nms_iou=entry.nms_iou,
        input_wh=entry.input_wh,
        batch=entry.batch,
        threads=threads,
        class_names=entry.classes,
    )


def require_classes(model_id: str, detector: Detector, needed: Iterable[str]) -> None:
    """Refuse a model that does not know what a camera has to look for.

    Raises:
        ModelError: It lacks a class.
    """
    missing = sorted(set(needed) - set(detector.class_names))
    if missing:
        raise ModelError(
            f"model {model_id!r} does not know {', '.join(missing)}: take them out of objects.track, or choose another "
            f"model (this one knows {', '.join(detector.class_names)})"
        )
