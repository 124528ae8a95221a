"""The fixed scene of one camera, resolved from its configuration: pure, without files, clocks or pictures."""

from __future__ import annotations

from edge.scene.homography import Homography
from edge.scene.scene import Scene
from edge.scene.schedule import Schedule
from edge.scene.signals import PlanSignal

__all__ = ["Homography", "PlanSignal", "Scene", "Schedule"]
