"""`wrong_way` (đi ngược chiều): a vehicle's travel in a lane opposes the lane's direction."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.rules.base import VEHICLE_CLASSES, Metres, RuleContract, RuleFacts, RuleParams, Seconds


class WrongWayParams(RuleParams):
    """Defaults: docs/rules/wrong_way.md (more than 120 degrees for 1 s and 3 m, or 1.5 box lengths)."""

    kind: Literal["wrong_way"]
    """Which rule this is."""
    min_angle_deg: Annotated[float, Field(gt=90, le=180)] = 120.0
    """Travel at more than this angle to the lane's direction opposes it."""
    clear_angle_deg: Annotated[float, Field(ge=0, le=180)] = 90.0
    """Travel within this angle of the lane's direction ends the event."""
    min_duration_s: Seconds = 1.0
    """How long it must oppose it ..."""
    min_distance_m: Metres = 3.0
    """... and how far, where the camera has a homography."""
    min_distance_boxes: Annotated[float, Field(gt=0, le=20)] = 1.5
    """Without a homography: distance in lengths of the vehicle's own box."""
    clear_after_s: Seconds = 3.0
    """The event ends when the vehicle has been gone, or has gone the right way, for this long."""

    default_objects: ClassVar[tuple[str, ...]] = VEHICLE_CLASSES


class WrongWayFacts(RuleFacts):
    """How the vehicle went."""

    object_class: str
    angle_deg: Annotated[float, Field(ge=0, le=180)]
    """Between the travel and the lane's direction, over the opposing stretch."""
    duration_s: Annotated[float, Field(ge=0)]
    distance_m: Annotated[float, Field(ge=0)] | None = None
    distance_boxes: Annotated[float, Field(ge=0)]
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "wrong_way",
    WrongWayParams,
    WrongWayFacts,
    {
        "vi": "Ngược chiều: {object_class}, lệch {angle_deg:.0f}°, {duration_s:.0f} giây",
        "en": "Wrong way: {object_class}, off by {angle_deg:.0f}°, {duration_s:.0f} s",
    },
    requires_zone=True,
    requires_zone_direction=True,
)
