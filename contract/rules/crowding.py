"""`crowding` (tụ tập đông người): a cluster of people that stays at or above a number of people."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.base import ContractModel
from contract.geometry import NormalisedPoint
from contract.rules.base import PERSON_CLASSES, Metres, RuleContract, RuleFacts, RuleParams, ScheduleRef, Seconds

PeopleCount = Annotated[int, Field(ge=2, le=1000)]


class AfterHours(ContractModel):
    """A lower limit for hours in which few people have a reason to gather."""

    schedule: ScheduleRef = ("22:00-05:00",)
    """When the lower limit holds."""
    min_people: PeopleCount = 5
    """The lower limit."""


class CrowdingParams(RuleParams):
    """Defaults: docs/rules/crowding.md (10 people, 2.5 m, 60 s; clear below 70 % for 30 s; after hours 5 people)."""

    kind: Literal["crowding"]
    """Which rule this is."""
    min_people: PeopleCount = 10
    """A cluster of this many people raises an event ..."""
    min_duration_s: Seconds = 60.0
    """... when it stays at or above that for this long."""
    link_distance_m: Metres = 2.5
    """Two people nearer than this belong to one cluster; used where the camera has a homography."""
    link_distance_heights: Annotated[float, Field(gt=0, le=10)] = 1.5
    """The same in heights of the two people, without a homography: 2.5 m over a 1.65 m adult is about 1.5."""
    clear_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """The event ends once the cluster stays below this share of `min_people` ..."""
    clear_after_s: Seconds = 30.0
    """... for this long."""
    after_hours: AfterHours | None = AfterHours()
    """A lower limit at night; `after_hours: null` turns it off."""
    fixtures: tuple[NormalisedPoint, ...] = ()
    """Ground points of things that look like a person and always stand there (a statue, a poster): not counted."""

    default_objects: ClassVar[tuple[str, ...]] = PERSON_CLASSES


class CrowdingFacts(RuleFacts):
    """What the cluster was like while the event lasted."""

    peak_people: Annotated[int, Field(ge=0)]
    median_people: Annotated[float, Field(ge=0)]
    min_people: Annotated[int, Field(ge=0)]
    """The limit in force when the event was raised."""
    after_hours: bool
    stay_s: Annotated[float, Field(ge=0)]
    area_m2: Annotated[float, Field(ge=0)] | None = None
    """Ground area of the cluster's hull at the peak; None without a homography."""
    people_per_m2: Annotated[float, Field(ge=0)] | None = None
    calibration_error_m: Annotated[float, Field(ge=0)] | None = None
    """RMS error of the homography's points; None (unknown) without one, and with four points, which always fit."""


CONTRACT = RuleContract(
    "crowding",
    CrowdingParams,
    CrowdingFacts,
    {
        "vi": "Tụ tập: {peak_people} người, {stay_s:.0f} giây",
        "en": "Crowding: {peak_people} people, {stay_s:.0f} s",
    },
)
