"""`littering` (vứt rác bừa bãi): something that a person or a vehicle leaves stays when they go."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.geometry import NormalisedPoint
from contract.rules.abandoned_object import EndedBy, ObjectBox
from contract.rules.base import OBJECT_CLASSES, Metres, RuleContract, RuleFacts, RuleParams, Seconds


class LitteringParams(RuleParams):
    """Defaults: docs/rules/littering.md (within 2 m when it appears, away > 4 m for 10 s, stays 20 s)."""

    kind: Literal["littering"]
    """Which rule this is."""
    owner_within_m: Metres = 2.0
    """Whoever was nearest when the object appeared, and no farther than this, left it. Without a homography lengths are
    measured in people: one metre is 0.6 of the height of a person who stands there."""
    away_m: Metres = 4.0
    """They went: farther away than this ..."""
    away_s: Seconds = 10.0
    """... for this long, or out of the picture."""
    min_stay_s: Seconds = 20.0
    """The object has been there for this long."""
    min_size_m: Metres = 0.1
    """The longer side of what was left; a smaller thing is none."""
    max_size_m: Metres = 2.0
    """A larger thing was parked, not thrown away."""
    ends_after_s: Seconds = 600.0
    """What still lies there after this long has been told: the event ends."""
    fixtures: tuple[NormalisedPoint, ...] = ()
    """Ground points where things are put down rightly (bins, the place for rubbish): ignored."""

    default_objects: ClassVar[tuple[str, ...]] = OBJECT_CLASSES


class LitteringFacts(RuleFacts):
    """What was left, by whom, and when."""

    object_class: str
    """Of whoever left it."""
    owner_track: Annotated[int, Field(ge=1)]
    """Their track, as long as they were followed."""
    owner_distance_m: Annotated[float, Field(ge=0)]
    """How far they were when it appeared."""
    object_box: ObjectBox
    size_m: Annotated[float, Field(ge=0)] | None = None
    """Its longer side."""
    stay_s: Annotated[float, Field(ge=0)]
    """Since it appeared."""
    away_s: Annotated[float, Field(ge=0)]
    """Since whoever left it went."""
    ended_by: EndedBy | None = None
    """None while the event lasts."""
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "littering",
    LitteringParams,
    LitteringFacts,
    {
        "vi": "Vứt rác: {object_class} để lại, {stay_s:.0f} giây",
        "en": "Littering: left by a {object_class}, {stay_s:.0f} s",
    },
    needs_static_regions=True,
    clip_back_s=45.0,
)
