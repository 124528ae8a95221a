"""Where a vehicle's middle is. Its box stands on the end that is nearer to the camera:

  camera >        +-------+ box           A lorry that drives away or across is metres farther than its box's foot;
                  | +-----|--+ lorry      zones count with its middle, as people draw them on the road.
----------------- foot----x--+ -------
"""

from __future__ import annotations

import math

from contract.geometry import Point
from edge.behaviour.approach import LENGTHS_M
from edge.behaviour.journey import Sample
from edge.scene import Scene

WIDTHS_M = {"bicycle": 0.6, "motorcycle": 0.8, "car": 1.8, "bus": 2.5, "truck": 2.3}
"""Usual widths, estimated."""
UP = 0.01
"""Share of the picture's height: so much higher in it lies what is farther."""


def ground_of_middle(scene: Scene, place: Sample, heading: Point, class_name: str, aspect: float) -> Point:
    """Where a vehicle's middle stands, normalised; the box's foot without a homography, or where it is not known.

    Args:
        scene: The camera's.
        place: Of its box.
        heading: Metres, any length: its way on the ground.
        class_name: What it is.
        aspect: Width of the picture divided by its height.
    """
    homography, speed = scene.homography, math.hypot(*heading)
    if homography is None or speed == 0.0:
        return place.ground
    x, y = place.ground
    farther = scene.to_plane((x, y - UP), aspect)
    if farther is None:
        return place.ground
    sight = (farther[0] - place.plane[0], farther[1] - place.plane[1])
    far = math.hypot(*sight)
    if far == 0.0:
        return place.ground
    along = abs(heading[0] * sight[0] + heading[1] * sight[1]) / (speed * far)
    across = math.sqrt(max(0.0, 1.0 - along * along))
    depth_m = (LENGTHS_M.get(class_name, 0.0) * along + WIDTHS_M.get(class_name, 0.0) * across) / 2.0
    share = depth_m / far
    picture = homography.to_picture((place.plane[0] + share * sight[0], place.plane[1] + share * sight[1]))
    return place.ground if picture is None else picture
