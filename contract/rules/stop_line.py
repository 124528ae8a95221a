"""`stop_line` (dừng quá vạch): a vehicle stops past the stop line on red without entering the junction."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.rules.base import VEHICLE_CLASSES, AtLineParams, Metres, RuleContract, RuleFacts, Seconds


class StopLineParams(AtLineParams):
    """Defaults: docs/rules/stop_line.md (2 s past the line on red)."""

    kind: Literal["stop_line"]
    """Which rule this is."""
    min_duration_s: Seconds = 2.0
    """It must stand there so long while red shows."""
    min_past_m: Metres = 0.3
    """A wheel on the line is let pass ..."""
    max_past_m: Metres = 5.0
    """... and what stands farther past it stands in the junction, for other reasons."""
    min_past_boxes: Annotated[float, Field(gt=0, le=20)] = 0.15
    """Without a homography: the least in lengths of the vehicle's own box ..."""
    max_past_boxes: Annotated[float, Field(gt=0, le=20)] = 2.0
    """... and the most."""
    clear_after_s: Seconds = 2.0
    """The event ends when the vehicle has moved on, or the signal has not been red, for so long."""

    default_objects: ClassVar[tuple[str, ...]] = VEHICLE_CLASSES


class StopLineFacts(RuleFacts):
    """How far past the line it stood, and for how long on red."""

    object_class: str
    red_stay_s: Annotated[float, Field(ge=0)]
    """Standing past the line while red showed."""
    past_m: Annotated[float, Field(ge=0)] | None = None
    """Past the line, in the mean over the stay; None without a homography."""
    past_boxes: Annotated[float, Field(ge=0)]
    crossed_on: Literal["red", "yellow"]
    """What the signal showed when it crossed the line."""
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "stop_line",
    StopLineParams,
    StopLineFacts,
    {
        "vi": "Dừng quá vạch: {object_class}, {red_stay_s:.0f} giây khi đèn đỏ",
        "en": "Past the stop line: {object_class}, {red_stay_s:.0f} s on red",
    },
    requires_line_side=True,
    words={"vi": {"red": "đỏ", "yellow": "vàng"}, "en": {}},
)
