"""The fixed scene of one camera, resolved from its configuration: pure, without files, clocks or pictures."""

from __future__ import annotations

from contract.schedule import Schedule
from edge.scene.homography import Homography, leave_one_out_m
from edge.scene.lines import DirectedLine
from edge.scene.scene import Scene, ground_plane
from edge.scene.signals import PlanSignal

__all__ = ["DirectedLine", "Homography", "PlanSignal", "Scene", "Schedule", "ground_plane", "leave_one_out_m"]
