"""`jaywalking` (băng qua đường sai nơi): a person crosses the carriageway outside a crossing."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.rules.base import PERSON_CLASSES, RuleContract, RuleFacts, RuleParams, Seconds


class JaywalkingParams(RuleParams):
    """Defaults: docs/rules/jaywalking.md (enters on one side, leaves on the other, mostly outside a crossing)."""

    kind: Literal["jaywalking"]
    """Which rule this is."""
    min_outside_share: Annotated[float, Field(gt=0, le=1)] = 0.5
    """Share of the time on the carriageway spent outside every zone of kind `crossing`: less is cutting its corner."""
    max_duration_s: Seconds = 60.0
    """Who takes longer from one side to the other does something else there."""
    clear_after_s: Seconds = 3.0
    """The event ends this long after the person reached the other side: by then its clip shows it."""

    default_objects: ClassVar[tuple[str, ...]] = PERSON_CLASSES


class JaywalkingFacts(RuleFacts):
    """How the person went."""

    object_class: str
    duration_s: Annotated[float, Field(ge=0)]
    """From the one side to the other."""
    outside_share: Annotated[float, Field(ge=0, le=1)]
    """Share of this time outside every crossing."""
    distance_m: Annotated[float, Field(ge=0)] | None = None
    """From where the person entered to where it left, in a straight line; None without a homography."""
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "jaywalking",
    JaywalkingParams,
    JaywalkingFacts,
    {
        "vi": "Băng qua đường sai nơi: {object_class}, {duration_s:.0f} giây",
        "en": "Jaywalking: {object_class}, {duration_s:.0f} s",
    },
    requires_zone=True,
    requires_zone_axis=True,
)
