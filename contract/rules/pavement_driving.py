"""`pavement_driving` (đi xe trên vỉa hè): a motor vehicle travels along a pavement."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.geometry import NormalisedPoint
from contract.rules.base import MOTOR_VEHICLE_CLASSES, AlongFacts, AlongParams, Metres, RuleContract, Seconds


class PavementDrivingParams(AlongParams):
    """Defaults: docs/rules/pavement_driving.md (3 m, or 1.5 box lengths, and 1 s along the pavement)."""

    kind: Literal["pavement_driving"]
    """Which rule this is."""
    min_duration_s: Seconds = 1.0
    """How long a vehicle must travel along the pavement ..."""
    min_distance_m: Metres = 3.0
    """... and how far, where the camera has a homography."""
    min_distance_boxes: Annotated[float, Field(gt=0, le=20)] = 1.5
    """Without a homography: distance in lengths of the vehicle's own box."""
    min_speed_kmh: Annotated[float, Field(ge=0, le=50)] = 7.0
    """With a homography: slower is somebody who pushes a motorbike. 0 counts them, too."""
    fixtures: tuple[NormalisedPoint, ...] = ()
    """Ground points of things that the detector takes for vehicles and that always stand there: ignored."""

    default_objects: ClassVar[tuple[str, ...]] = MOTOR_VEHICLE_CLASSES


class PavementDrivingFacts(AlongFacts):
    """How the vehicle went."""

    speed_kmh: Annotated[float, Field(ge=0)] | None = None
    """Mean along the pavement; None without a homography."""


CONTRACT = RuleContract(
    "pavement_driving",
    PavementDrivingParams,
    PavementDrivingFacts,
    {
        "vi": "Đi xe trên vỉa hè: {object_class}, {duration_s:.0f} giây",
        "en": "Driving on the pavement: {object_class}, {duration_s:.0f} s",
    },
    requires_zone=True,
    requires_zone_axis=True,
)
