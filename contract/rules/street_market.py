"""`street_market` (họp chợ tự phát): people, vehicles and goods that stand on the carriageway block a share of it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.geometry import NormalisedPoint
from contract.rules.base import OBJECT_CLASSES, RuleContract, RuleFacts, RuleParams, Seconds

Share = Annotated[float, Field(ge=0, le=1)]


class StreetMarketParams(RuleParams):
    """Defaults: docs/rules/street_market.md (3 stationary people, 15 % blocked, 300 s)."""

    kind: Literal["street_market"]
    """Which rule this is."""
    min_people: Annotated[int, Field(ge=1, le=1000)] = 3
    """So many people stand in the zone, with at least one vehicle or goods, ..."""
    min_blocked_share: Annotated[float, Field(gt=0, le=1)] = 0.15
    """... and all of them together block this share of its ground ..."""
    min_duration_s: Seconds = 300.0
    """... for this long."""
    still_s: Seconds = 30.0
    """Who has kept to one place for this long stands there; passers-by do not."""
    clear_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """The event ends when people or blocked share stay below this share of their limits ..."""
    clear_after_s: Seconds = 60.0
    """... for this long."""
    fixtures: tuple[NormalisedPoint, ...] = ()
    """Ground points of things that always stand there: not counted."""

    default_objects: ClassVar[tuple[str, ...]] = OBJECT_CLASSES


class StreetMarketFacts(RuleFacts):
    """Who and what stood on the carriageway, and how much of it they blocked."""

    stationary_people: Annotated[int, Field(ge=0)]
    """The most at once."""
    stationary_vehicles: Annotated[int, Field(ge=0)]
    goods: Annotated[int, Field(ge=0)]
    """New static regions that are no vehicle."""
    blocked_share: Share
    """The largest."""
    blocked_shares: Annotated[tuple[Share, ...], Field(max_length=12)] = ()
    """Means over equal parts of the time, in order."""
    stay_s: Annotated[float, Field(ge=0)]
    min_people: Annotated[int, Field(ge=1)]
    min_blocked_share: Share
    zone_area_m2: Annotated[float, Field(ge=0)] | None = None
    """Ground that is seen of the zone; None without a homography."""
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "street_market",
    StreetMarketParams,
    StreetMarketFacts,
    {
        "vi": "Họp chợ tự phát: {stationary_people} người, chiếm {blocked_share:.0%} lòng đường, {stay_s:.0f} giây",
        "en": "Street market: {stationary_people} people, {blocked_share:.0%} of the carriageway, {stay_s:.0f} s",
    },
    requires_zone=True,
    needs_static_regions=True,
)
