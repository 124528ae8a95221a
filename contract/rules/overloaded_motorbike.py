"""`overloaded_motorbike` (chở quá số người): three or more riders on one motorbike, by vote over its track."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.rules.base import RuleContract, RuleFacts, RuleParams, Seconds


class OverloadedMotorbikeParams(RuleParams):
    """Defaults: docs/rules/overloaded_motorbike.md (3 riders, 5 frames)."""

    kind: Literal["overloaded_motorbike"]
    """Which rule this is."""
    min_riders: Annotated[int, Field(ge=2, le=10)] = 3
    """So many riders on one motorbike raise an event ..."""
    min_votes: Annotated[int, Field(ge=1, le=100)] = 5
    """... when so many searched frames show them ..."""
    min_share: Annotated[float, Field(gt=0, le=1)] = 0.4
    """... and this share of the frames of the last seconds that show the motorbike with anybody on it."""
    clear_after_s: Seconds = 5.0
    """The event ends when the motorbike was not seen for this long, or seen with fewer riders."""

    default_objects: ClassVar[tuple[str, ...]] = ("motorcycle",)


class OverloadedMotorbikeFacts(RuleFacts):
    """How many were seen, and how often."""

    object_class: str
    riders: Annotated[int, Field(ge=1)]
    """The largest number that `min_votes` frames show."""
    votes: Annotated[int, Field(ge=0)]
    """Frames that show `min_riders` or more ..."""
    frames: Annotated[int, Field(ge=0)]
    """... of so many that show the motorbike with anybody on it."""
    min_riders: Annotated[int, Field(ge=2)]
    """The limit in force."""


CONTRACT = RuleContract(
    "overloaded_motorbike",
    OverloadedMotorbikeParams,
    OverloadedMotorbikeFacts,
    {
        "vi": "Chở quá số người: {riders} người trên {object_class}, thấy ở {votes}/{frames} khung hình",
        "en": "Overloaded: {riders} on a {object_class}, seen in {votes} of {frames} frames",
    },
    requires_classes=("person",),
)
