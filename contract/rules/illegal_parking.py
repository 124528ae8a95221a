"""`illegal_parking` (đỗ xe sai quy định): a vehicle stands in a zone where it must not."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.base import Slug
from contract.geometry import NormalisedPoint
from contract.rules.base import MOTOR_VEHICLE_CLASSES, RuleContract, RuleFacts, RuleParams, Seconds


class IllegalParkingParams(RuleParams):
    """Defaults: docs/rules/illegal_parking.md (300 s; a queue at a red light does not count)."""

    kind: Literal["illegal_parking"]
    """Which rule this is."""
    max_stay_s: Seconds = 300.0
    """Standing longer than this raises an event."""
    signal: Slug | None = None
    """Standing while this signal is red, and for `queue_clear_s` after, is a queue and is not counted."""
    queue_clear_s: Seconds = 20.0
    """How long after red a queue needs to start moving."""
    move_boxes: Annotated[float, Field(gt=0, le=5)] = 0.5
    """A vehicle that moved by more than this share of its box diagonal drove; less is the detector's jitter."""
    relink_s: Seconds = 60.0
    """A vehicle lost and found again at the same place and of the same class within this time stood all the while; not
    seen for longer, it is gone."""
    clear_after_s: Seconds = 30.0
    """The event ends when the vehicle has been seen away from its place for this long (unseen: `relink_s`)."""
    fixtures: tuple[NormalisedPoint, ...] = ()
    """Ground points of things that always stand there (a kiosk on wheels): what stands there is ignored."""

    default_objects: ClassVar[tuple[str, ...]] = MOTOR_VEHICLE_CLASSES


class IllegalParkingFacts(RuleFacts):
    """What stood, and for how long."""

    object_class: str
    stay_s: Annotated[float, Field(ge=0)]
    queued_s: Annotated[float, Field(ge=0)] = 0.0
    """Time that did not count because the signal held the vehicle."""
    max_stay_s: Annotated[float, Field(ge=0)]


CONTRACT = RuleContract(
    "illegal_parking",
    IllegalParkingParams,
    IllegalParkingFacts,
    {
        "vi": "Đỗ xe: {object_class}, {stay_s:.0f} giây (cho phép {max_stay_s:.0f})",
        "en": "Parking: {object_class}, {stay_s:.0f} s (allowed {max_stay_s:.0f})",
    },
    requires_zone=True,
)
