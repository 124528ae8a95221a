"""`camera_offline` (mất tín hiệu camera): no frame came for a while."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from contract.base import UtcDatetime
from contract.rules.base import RuleContract, RuleFacts, RuleParams, Seconds


class CameraOfflineParams(RuleParams):
    """Defaults: docs/rules/camera_offline.md (60 s)."""

    kind: Literal["camera_offline"]
    """Which rule this is."""
    enabled: bool = True
    """false: silence of this camera is no event."""
    grace_s: Seconds = 60.0
    """No frame for this long raises an event; shorter losses are told in the camera's health only."""
    clear_after_s: Seconds = 5.0
    """The event ends when frames have come again for this long."""


class CameraOfflineFacts(RuleFacts):
    """How long nothing was seen, and when the last picture came."""

    silent_s: Annotated[float, Field(ge=0)]
    """Without a frame while the edge watched."""
    last_frame_at: UtcDatetime | None
    """None: the camera has not answered since the edge began to watch it."""


CONTRACT = RuleContract(
    "camera_offline",
    CameraOfflineParams,
    CameraOfflineFacts,
    {
        "vi": "Mất tín hiệu camera: {silent_s:.0f} giây",
        "en": "Camera offline: {silent_s:.0f} s",
    },
    about_camera=True,
)
