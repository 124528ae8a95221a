"""`forbidden_turn` (rẽ/quay đầu sai quy định): a vehicle passes zones in a forbidden order, or turns back."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from contract.base import Slug
from contract.messages import Text
from contract.rules.base import VEHICLE_CLASSES, Metres, RuleContract, RuleFacts, RuleParams, Seconds


class ForbiddenTurnParams(RuleParams):
    """Defaults: docs/rules/forbidden_turn.md (from the one zone to the other within 20 s)."""

    kind: Literal["forbidden_turn"]
    """Which rule this is."""
    zones: tuple[Slug, ...] = ()
    """Two zones or more in the forbidden order; or one with a `direction`, in which nobody may turn back."""
    from_zone: Slug | None = None
    """Instead of `zones`: where the vehicle comes from ..."""
    to_zone: Slug | None = None
    """... and where it must not go from there."""
    within_s: Annotated[float, Field(gt=0, le=120)] = 20.0
    """The next zone must be reached this long after the last was left: later it is another drive."""
    min_distance_m: Metres = 3.0
    """Turning back in one zone, with a homography: so far one way, then so far back, so far beside its own way ..."""
    min_distance_boxes: Annotated[float, Field(gt=0, le=20)] = 1.5
    """... and without one, in lengths of the vehicle's own box."""
    clear_after_s: Seconds = 5.0
    """The event ends this long after the vehicle did it: by then its clip shows where it went."""

    default_objects: ClassVar[tuple[str, ...]] = VEHICLE_CLASSES

    @model_validator(mode="after")
    def _says_which_order(self) -> Self:
        if (self.from_zone is None) != (self.to_zone is None):
            raise ValueError(Text("from_zone and to_zone belong together"))
        if (self.from_zone is None) == (not self.zones):
            raise ValueError(Text("write either zones, in their forbidden order, or from_zone and to_zone"))
        if len(set(self.order)) < len(self.order):
            raise ValueError(Text("a zone stands in the order twice: for turning back in one zone name it once"))
        return self

    @property
    def order(self) -> tuple[str, ...]:
        """The zones in the forbidden order; a single one: turning back in it."""
        return self.zones or tuple(zone for zone in (self.from_zone, self.to_zone) if zone is not None)


class ForbiddenTurnFacts(RuleFacts):
    """How the vehicle went."""

    object_class: str
    from_zone: str
    """Name of the zone it came from."""
    to_zone: str
    """Name of the zone it went to; the same for turning back in one zone."""
    duration_s: Annotated[float, Field(ge=0)]
    """From when it left the first zone (or last went its way) until it reached the last (or had turned back)."""
    turn_deg: Annotated[float, Field(ge=0, le=180)] | None = None
    """Angle between its travel before and after; None where it was seen too shortly."""


CONTRACT = RuleContract(
    "forbidden_turn",
    ForbiddenTurnParams,
    ForbiddenTurnFacts,
    {
        "vi": "Rẽ sai: {object_class}, từ {from_zone} sang {to_zone}, {duration_s:.0f} giây",
        "en": "Forbidden turn: {object_class}, from {from_zone} to {to_zone}, {duration_s:.0f} s",
    },
)
