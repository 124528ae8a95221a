"""`loitering` (lảng vảng): one person stays in a zone."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.geometry import NormalisedPoint
from contract.rules.base import PERSON_CLASSES, RuleContract, RuleFacts, RuleParams, Seconds


class LoiteringParams(RuleParams):
    """Defaults: docs/rules/loitering.md (180 s; leaving for more than 30 s resets)."""

    kind: Literal["loitering"]
    """Which rule this is."""
    max_stay_s: Seconds = 180.0
    """Staying longer raises an event."""
    reset_after_s: Seconds = 30.0
    """Who was away, or not to be found, for longer begins anew; an open event ends."""
    fixtures: tuple[NormalisedPoint, ...] = ()
    """Ground points of things that look like people and always stand there (a statue, a poster): ignored."""

    default_objects: ClassVar[tuple[str, ...]] = PERSON_CLASSES


class LoiteringFacts(RuleFacts):
    """How long, and how."""

    object_class: str
    stay_s: Annotated[float, Field(ge=0)]
    """In the zone, without the times away."""
    max_stay_s: Annotated[float, Field(ge=0)]
    visits: Annotated[int, Field(ge=1)]
    """How often the person came, the first time included."""
    unseen_s: Annotated[float, Field(ge=0)]
    """Part of the stay in which the person was hidden, between two sights at about the same place."""
    distance_m: Annotated[float, Field(ge=0)] | None = None
    """Way walked in the zone; None without a homography."""
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "loitering",
    LoiteringParams,
    LoiteringFacts,
    {
        "vi": "Lảng vảng: {object_class}, {stay_s:.0f} giây (cho phép {max_stay_s:.0f})",
        "en": "Loitering: {object_class}, {stay_s:.0f} s (allowed {max_stay_s:.0f})",
    },
    requires_zone=True,
)
