"""`abandoned_object` (vật bỏ quên): a static object without an owner near it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.geometry import NormalisedPoint
from contract.rules.base import OBJECT_CLASSES, Metres, RuleContract, RuleFacts, RuleParams, Seconds

Share = Annotated[float, Field(ge=0, le=1)]
ObjectBox = tuple[Share, Share, Share, Share]
"""Left, top, right, bottom in shares of the picture."""


class EndedBy(StrEnum):
    """How something that was left ended."""

    RECLAIMED = "reclaimed"
    """Whoever left it came back to it."""
    TAKEN = "taken"
    """It is gone, and somebody else was there."""
    GONE = "gone"
    """It is gone or out of sight, and nobody was there."""
    REMAINS = "remains"
    """It still lies there; the event has lasted long enough."""


class AbandonedObjectParams(RuleParams):
    """Defaults: docs/rules/abandoned_object.md (120 s, not a fixture)."""

    kind: Literal["abandoned_object"]
    """Which rule this is."""
    min_stay_s: Seconds = 120.0
    """An object raises an event once nobody has been with it for this long."""
    owner_within_m: Metres = 2.0
    """Whoever was nearest when it appeared, and no farther than this, left it; so near again, they are with it.
    Without a homography lengths are measured in people: one metre is 0.6 of the height of a person who stands there."""
    clear_after_s: Seconds = 10.0
    """The event ends when whoever left it has been with it for this long."""
    min_size_m: Metres = 0.2
    """The longer side of the object; a smaller thing is none."""
    max_size_m: Metres = 2.0
    """A larger thing is no lost property: a vehicle that was not recognised, a heap of goods."""
    fixtures: tuple[NormalisedPoint, ...] = ()
    """Ground points of things that always stand there or are put there rightly (a bin, chairs): ignored."""

    default_objects: ClassVar[tuple[str, ...]] = OBJECT_CLASSES


class AbandonedObjectFacts(RuleFacts):
    """What stands there, since when, and who left it."""

    stay_s: Annotated[float, Field(ge=0)]
    """Since it appeared."""
    alone_s: Annotated[float, Field(ge=0)]
    """Since somebody was last with it."""
    min_stay_s: Annotated[float, Field(ge=0)]
    object_box: ObjectBox
    size_m: Annotated[float, Field(ge=0)] | None = None
    """Its longer side; None where nobody has shown yet how large a metre is there."""
    object_class: str | None = None
    """Of whoever left it; None: nobody was seen."""
    owner_track: Annotated[int, Field(ge=1)] | None = None
    ended_by: EndedBy | None = None
    """None while the event lasts."""
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "abandoned_object",
    AbandonedObjectParams,
    AbandonedObjectFacts,
    {
        "vi": "Vật bỏ quên: {stay_s:.0f} giây, không có người trông {alone_s:.0f} giây",
        "en": "Abandoned object: {stay_s:.0f} s, alone for {alone_s:.0f} s",
    },
    needs_static_regions=True,
    clip_back_s=0.0,
)
