"""Parts of objects: what a model finds on them, and what is never tracked by itself (helmets, bare heads).

Either the camera's model knows them, then they are taken from what it found; or a second one does, which searches a
frame only while somebody tracked might wear one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from contract.camera_config import CameraConfig
from contract.rules.base import PART_CLASSES
from edge.types import Detections, Frame, Part, Track

CARRIERS = frozenset({"motorcycle"})
"""What parts are looked for on."""


def needed_classes(camera: CameraConfig) -> tuple[str, ...]:
    """What the camera's model must know: what is tracked, and parts unless a second model finds them."""
    return camera.objects.track if camera.detect.parts_model else (*camera.objects.track, *camera.part_classes)


def parts_model_of(camera: CameraConfig) -> str | None:
    """The camera's second model; None where it has none, or no rule is about parts."""
    return camera.detect.parts_model if camera.part_classes else None


class PartFinder:
    """Finds the parts that a camera's rules are about.

    Args:
        camera: The configuration.
        detect: The second model's search of a frame; None: the camera's model knows them.
    """

    def __init__(self, camera: CameraConfig, detect: Callable[[Frame], Detections | None] | None) -> None:
        self._wanted = frozenset(camera.part_classes)
        self._detect = detect

    def find(self, frame: Frame, detections: Detections, tracks: Sequence[Track]) -> Sequence[Part]:
        """The parts in a searched frame.

        Args:
            frame: It.
            detections: What the camera's model found in it.
            tracks: What is followed now.
        """
        if not self._wanted or not any(track.class_name in CARRIERS for track in tracks):
            return ()
        found = detections if self._detect is None else self._detect(frame)
        return () if found is None else parts_of(found, frame.resolution_wh, self._wanted)


def parts_of(
    detections: Detections, resolution_wh: tuple[int, int], wanted: frozenset[str] = frozenset(PART_CLASSES)
) -> tuple[Part, ...]:
    """Detections of parts with possible boxes, normalised."""
    width, height = resolution_wh
    scale = np.array([width, height, width, height], np.float32)
    boxes, scores = (detections.xyxy / scale).tolist(), detections.confidence.tolist()
    return tuple(
        Part(name, score, (box[0], box[1], box[2], box[3]))
        for name, score, box in zip(detections.class_name, scores, boxes, strict=True)
        if name in wanted and np.isfinite([*box, score]).all() and box[2] > box[0] and box[3] > box[1]
    )
