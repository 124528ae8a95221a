"""`no_helmet` (không đội mũ bảo hiểm): a rider on a motorbike without a helmet, by vote over the track."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.rules.base import PART_CLASSES, RuleContract, RuleFacts, RuleParams, Seconds


class NoHelmetParams(RuleParams):
    """Defaults: docs/rules/no_helmet.md (3 frames that agree, three quarters of all that tell)."""

    kind: Literal["no_helmet"]
    """Which rule this is."""
    min_votes: Annotated[int, Field(ge=1, le=100)] = 3
    """So many searched frames must show one head without a helmet ..."""
    min_share: Annotated[float, Field(gt=0.5, le=1)] = 0.75
    """... and this share of the frames that tell how that head is covered."""
    clear_after_s: Seconds = 5.0
    """The event ends when the motorbike was not seen for this long."""

    default_objects: ClassVar[tuple[str, ...]] = ("motorcycle",)


class NoHelmetFacts(RuleFacts):
    """Whose head was bare, and how often it was seen so."""

    object_class: str
    riders: Annotated[int, Field(ge=1)]
    """Riders seen on the motorbike, with a helmet or without."""
    without_helmet: Annotated[int, Field(ge=1)]
    """How many heads were found bare."""
    votes: Annotated[int, Field(ge=0)]
    """Frames that show the surest of them without a helmet ..."""
    votes_against: Annotated[int, Field(ge=0)]
    """... and frames that show a helmet on the same head."""


CONTRACT = RuleContract(
    "no_helmet",
    NoHelmetParams,
    NoHelmetFacts,
    {
        "vi": "Không đội mũ bảo hiểm: {without_helmet} trong {riders} người trên {object_class}, {votes} khung hình",
        "en": "No helmet: {without_helmet} of {riders} on a {object_class}, {votes} frames",
    },
    requires_classes=("person",),
    requires_part_classes=PART_CLASSES,
)
