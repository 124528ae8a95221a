"""Whether a frame is worth a search: the motion gate and its policy, as one camera uses them."""

from __future__ import annotations

from collections.abc import Sequence

from contract.camera_config import MotionConfig
from edge.motion.gate_policy import GatePolicy
from edge.motion.motion_gate import MotionGate
from edge.types import Frame, Track


class CameraGate:
    """Implements `edge.pipeline.Gate`. With `motion: {enabled: false}` every frame is searched."""

    def __init__(self, config: MotionConfig) -> None:
        self._config = config
        self.reset()

    def should_search(self, frame: Frame, tracks: Sequence[Track]) -> bool:
        """Tell whether to search this frame. Frames must come in order of time."""
        if not self._config.enabled:
            return True
        moving = self._motion.update(frame).moving
        return self._policy.should_detect(frame.monotonic_s, moving=moving, tracks_alive=bool(tracks))

    def reset(self) -> None:
        """Forget the background."""
        self._motion = MotionGate(self._config)
        self._policy = GatePolicy()
