"""`speeding` (chạy quá tốc độ): a vehicle's speed on the ground is above the limit, beyond doubt."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.rules.base import MOTOR_VEHICLE_CLASSES, Metres, RuleContract, RuleFacts, RuleParams, Seconds


class SpeedingParams(RuleParams):
    """Defaults: docs/rules/speeding.md (limit + 5 km/h, over at least 1 s and 8 m)."""

    kind: Literal["speeding"]
    """Which rule this is."""
    limit_kmh: Annotated[float, Field(ge=5, le=150)]
    """The law's limit here."""
    tolerance_kmh: Annotated[float, Field(ge=0, le=50)] = 5.0
    """So much above the limit is let pass."""
    min_duration_s: Seconds = 1.0
    """A speed is measured over at least this long ..."""
    min_distance_m: Metres = 8.0
    """... and this far."""
    clear_after_s: Seconds = 3.0
    """The event ends when the vehicle has been gone, or no faster than the limit, for this long."""

    default_objects: ClassVar[tuple[str, ...]] = MOTOR_VEHICLE_CLASSES


class SpeedingFacts(RuleFacts):
    """The speed that was measured most surely, and how sure that is."""

    object_class: str
    speed_kmh: Annotated[float, Field(ge=0)]
    speed_low_kmh: Annotated[float, Field(ge=0)]
    """95 % interval of the speed: from the places' own scatter and the calibration's error."""
    speed_high_kmh: Annotated[float, Field(ge=0)]
    limit_kmh: Annotated[float, Field(ge=0)]
    duration_s: Annotated[float, Field(ge=0)]
    """Of the measurement."""
    distance_m: Annotated[float, Field(ge=0)]
    """Way made meanwhile."""
    calibration_error_kmh: Annotated[float, Field(ge=0)]
    """What the calibration's error alone adds to the speed and takes from it (95 %)."""
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) with four points, which always fit."""


CONTRACT = RuleContract(
    "speeding",
    SpeedingParams,
    SpeedingFacts,
    {
        "vi": "Quá tốc độ: {object_class}, {speed_kmh:.0f} km/h ({speed_low_kmh:.0f}-{speed_high_kmh:.0f}), "
        "giới hạn {limit_kmh:.0f}",
        "en": "Speeding: {object_class}, {speed_kmh:.0f} km/h ({speed_low_kmh:.0f}-{speed_high_kmh:.0f}), "
        "limit {limit_kmh:.0f}",
    },
    requires_homography=True,
)
