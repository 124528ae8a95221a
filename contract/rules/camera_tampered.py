"""`camera_tampered` (camera bị che/xoay): covered, out of focus, or turned away from its reference view."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from contract.rules.base import RuleContract, RuleFacts, RuleParams, Seconds


class Tampering(StrEnum):
    """What is wrong with the view."""

    COVERED = "covered"
    DEFOCUSED = "defocused"
    MOVED = "moved"


class CameraTamperedParams(RuleParams):
    """Defaults: docs/rules/camera_tampered.md (5 s)."""

    kind: Literal["camera_tampered"]
    """Which rule this is."""
    enabled: bool = True
    """false: what happens to this camera's view is no event (a camera that turns by itself)."""
    min_duration_s: Seconds = 5.0
    """The view is wrong for this long before an event is raised."""
    clear_after_s: Seconds = 5.0
    """The event ends when the view has been as before for this long."""
    accept_after_s: Seconds = 24 * 3600.0
    """A view that stayed wrong for this long is the camera's new one: the event ends, and it is learned."""


class CameraTamperedFacts(RuleFacts):
    """What is wrong, and the numbers that decided: the reference's, then the worst while it lasted."""

    tampering: Tampering
    stay_s: Annotated[float, Field(ge=0)]
    detail_before: Annotated[float, Field(ge=0)]
    """Mean difference between neighbouring points of the small picture, in grey levels."""
    detail_after: Annotated[float, Field(ge=0)]
    sharpness_before: Annotated[float, Field(ge=0)]
    """Fine detail divided by coarse detail."""
    sharpness_after: Annotated[float, Field(ge=0)]
    match_before_share: Annotated[float, Field(ge=0, le=1)]
    """How much of what stands still in the picture is found in its place."""
    match_after_share: Annotated[float, Field(ge=0, le=1)]


CONTRACT = RuleContract(
    "camera_tampered",
    CameraTamperedParams,
    CameraTamperedFacts,
    {
        "vi": "Camera {tampering}: {stay_s:.0f} giây, còn thấy {match_after_share:.0%} khung cảnh cũ",
        "en": "Camera {tampering}: {stay_s:.0f} s, {match_after_share:.0%} of its view still in place",
    },
    words={
        "vi": {"covered": "bị che", "defocused": "bị mờ", "moved": "bị xoay"},
        "en": {"covered": "covered", "defocused": "out of focus", "moved": "turned away"},
    },
    about_camera=True,
)
