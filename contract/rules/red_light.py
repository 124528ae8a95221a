"""`red_light` (vượt đèn đỏ): a vehicle crosses the stop line into the junction while the signal is red."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.base import UtcDatetime
from contract.rules.base import VEHICLE_CLASSES, AtLineParams, Metres, RuleContract, RuleFacts, Seconds


class RedLightParams(AtLineParams):
    """Defaults: docs/rules/red_light.md (red for more than 0.5 s, then more than 1.5 m beyond the line)."""

    kind: Literal["red_light"]
    """Which rule this is."""
    min_red_s: Seconds = 0.5
    """Red must have shown for so long when the vehicle crosses the line."""
    min_beyond_m: Metres = 1.5
    """So far beyond the line, and in the junction, it has entered."""
    min_beyond_boxes: Annotated[float, Field(gt=0, le=20)] = 0.5
    """Without a homography: the same in lengths of the vehicle's own box."""
    clear_after_s: Seconds = 3.0
    """The event ends so long after the vehicle entered."""

    default_objects: ClassVar[tuple[str, ...]] = VEHICLE_CLASSES


class RedLightFacts(RuleFacts):
    """What the signal showed, and when the line was crossed. The way stands in the event's paths."""

    object_class: str
    crossed_at: UtcDatetime
    """Between two looks, by the vehicle's own way."""
    red_for_s: Annotated[float, Field(ge=0)]
    """How long red had shown at the crossing."""
    yellow_for_s: Annotated[float, Field(ge=0)] | None = None
    """How long yellow had shown before that; None where that was not seen."""
    entered_after_s: Annotated[float, Field(ge=0)]
    """From the crossing until it had entered, red all the time."""
    beyond_m: Annotated[float, Field(ge=0)] | None = None
    """How far beyond the line it was then; None without a homography."""
    beyond_boxes: Annotated[float, Field(ge=0)]
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "red_light",
    RedLightParams,
    RedLightFacts,
    {
        "vi": "Vượt đèn đỏ: {object_class}, đèn đã đỏ {red_for_s:.1f} giây",
        "en": "Red light: {object_class}, red for {red_for_s:.1f} s",
    },
    requires_line_side=True,
)
