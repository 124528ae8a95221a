"""`lane_misuse` (đi sai làn): a class travels in a lane that is not for it, or in its banned hours."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.rules.base import VEHICLE_CLASSES, AlongFacts, AlongParams, Metres, RuleContract, Seconds


class LaneMisuseParams(AlongParams):
    """Defaults: docs/rules/lane_misuse.md (2 s and 5 m, or 2 box lengths, along the lane)."""

    kind: Literal["lane_misuse"]
    """Which rule this is."""
    banned: tuple[str, ...] = ()
    """Classes that must not travel in the zones while the rule is in force; zones with `allowed` refuse the others."""
    min_duration_s: Seconds = 2.0
    """How long it must travel along the lane ..."""
    min_distance_m: Metres = 5.0
    """... and how far, where the camera has a homography."""
    min_distance_boxes: Annotated[float, Field(gt=0, le=20)] = 2.0
    """Without a homography: distance in lengths of the vehicle's own box."""

    default_objects: ClassVar[tuple[str, ...]] = VEHICLE_CLASSES


class LaneMisuseFacts(AlongFacts):
    """What travelled where."""

    lane: str
    """Name of the zone."""


CONTRACT = RuleContract(
    "lane_misuse",
    LaneMisuseParams,
    LaneMisuseFacts,
    {
        "vi": "Đi sai làn: {object_class}, {lane}, {duration_s:.0f} giây",
        "en": "Lane misuse: {object_class}, {lane}, {duration_s:.0f} s",
    },
    requires_zone=True,
    requires_zone_axis=True,
)
