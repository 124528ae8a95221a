"""How often the embedded detector finds each vehicle of the demo's drawn street, against the drawing's own truth.

    python -m bench.street_detections

A vehicle counts while its whole outline is in the picture; it is found when a detection of a vehicle class with at
least `MIN_SCORE` overlaps its outline's box by half (IoU). One JSON line ends the output.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from contract.rules.base import VEHICLE_CLASSES
from edge.detection.load import load_detector
from edge.detection.manifest import load_manifest
from edge.picture import ArrayPicture
from edge.types import Detections, Frame
from tools import render_street
from tools.street_meshes import Mesh
from tools.street_scenery import CAMERA, HEIGHT, SUPERSAMPLE, WIDTH

CLIP = Path(__file__).resolve().parents[1] / "configs" / "demo" / "media" / "street.mp4"
MIN_SCORE = 0.35
MIN_IOU = 0.5
EVERY = 2
"""Pictures: five a second, as the demo's camera searches."""


def outline(mesh: Mesh, pose: render_street.Pose) -> NDArray[np.float64] | None:
    """(4,) x1, y1, x2, y2 in pixels of the clip; None when a part is outside the picture."""
    pixels, depth = CAMERA.project(render_street.to_world(mesh.corners, pose))
    points = pixels.reshape(-1, 2) / SUPERSAMPLE
    box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    inside = depth.min() > 1.0 and (box[:2] >= 0).all() and box[2] <= WIDTH and box[3] <= HEIGHT
    return box if inside else None


def best_match(box: NDArray[np.float64], found: Detections) -> str | None:
    """Class of the most confident vehicle detection on the box."""
    best: tuple[float, str] | None = None
    for xyxy, score, name in zip(found.xyxy, found.confidence, found.class_name, strict=True):
        overlap = np.minimum(box[2:], xyxy[2:]) - np.maximum(box[:2], xyxy[:2])
        if name not in VEHICLE_CLASSES or score < MIN_SCORE or (overlap <= 0).any():
            continue
        common = float(overlap.prod())
        union = float((box[2:] - box[:2]).prod() + (xyxy[2:] - xyxy[:2]).prod()) - common
        if common / union >= MIN_IOU and (best is None or score > best[0]):
            best = (float(score), name)
    return None if best is None else best[1]


def main() -> None:
    """Search the clip and print a row for each vehicle."""
    detector = load_detector("default", load_manifest(), threads=1)
    vehicles = render_street.traffic()
    seen, classes = [0] * len(vehicles), [Counter[str]() for _ in vehicles]
    with av.open(str(CLIP)) as container:
        for index, picture in enumerate(container.decode(video=0)):
            if index % EVERY:
                continue
            time_s = index / render_street.FPS
            image = np.asarray(picture.to_ndarray(format="bgr24"), dtype=np.uint8)
            found = detector.detect([Frame("street", ArrayPicture(image), time_s, datetime.now(UTC), index)])[0]
            for number, vehicle in enumerate(vehicles):
                pose = vehicle.pose(time_s)
                box = None if pose is None else outline(vehicle.mesh, pose)
                if box is None:
                    continue
                seen[number] += 1
                name = best_match(box, found)
                if name is not None:
                    classes[number][name] += 1
    shares = {}
    for number, vehicle in enumerate(vehicles):
        wrong = isinstance(vehicle, render_street.Trip) and vehicle.away != (vehicle.lane_x > 0)
        label = "parked" if isinstance(vehicle, render_street.Parker) else "wrong way" if wrong else f"vehicle {number}"
        shares[label] = round(classes[number].total() / seen[number], 3)
        print(f"{label:<11} {seen[number]:>4} pictures, found in {shares[label]:>6.1%}  {dict(classes[number])}")
    print(json.dumps(shares))


if __name__ == "__main__":
    main()
