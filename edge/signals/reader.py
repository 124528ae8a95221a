"""All traffic lights of one camera, whatever tells their states."""

from __future__ import annotations

from collections.abc import Mapping

from contract.camera_config import CameraConfig, LampSignalConfig
from edge.scene import Scene
from edge.signals.http import HttpSignal
from edge.signals.lamp import Lamp
from edge.types import Frame, SignalState


class SignalReader:
    """Implements `edge.pipeline.Signals`. One thread uses it; frames come in order of time.

    Args:
        camera: The configuration.
        scene: Knows the plans.
        asked: The lights that are asked over HTTP, by id; one that is missing stays unknown (a recorded clip's time is
            not the controller's).
    """

    def __init__(self, camera: CameraConfig, scene: Scene, asked: Mapping[str, HttpSignal] | None = None) -> None:
        self._scene = scene
        self._asked = asked or {}
        self._lamps = {
            name: Lamp(signal.box, signal.order)
            for name, signal in camera.signals.items()
            if isinstance(signal, LampSignalConfig)
        }

    def read(self, frame: Frame) -> Mapping[str, SignalState]:
        """What each light of the camera shows at a frame."""
        states = dict.fromkeys(self._scene.signals, SignalState.UNKNOWN)
        states.update(self._scene.signals_at(frame.utc))
        states.update({name: lamp.read(frame) for name, lamp in self._lamps.items()})
        states.update({name: signal.state_at(frame.monotonic_s) for name, signal in self._asked.items()})
        return states
