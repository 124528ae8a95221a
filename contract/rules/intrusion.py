"""`intrusion` (xâm nhập): a class is present in a zone when the schedule forbids it."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from contract.geometry import NormalisedPoint
from contract.rules.base import PERSON_CLASSES, RuleContract, RuleFacts, RuleParams, Seconds


class IntrusionParams(RuleParams):
    """Defaults: docs/rules/intrusion.md (2 s)."""

    kind: Literal["intrusion"]
    """Which rule this is."""
    min_duration_s: Seconds = 2.0
    """Presence for this long raises an event."""
    clear_after_s: Seconds = 5.0
    """The event ends when the zone has been free of the class for this long."""
    fixtures: tuple[NormalisedPoint, ...] = ()
    """Ground points of things that look like the class and always stand there (a statue, a parked wreck): ignored."""

    default_objects: ClassVar[tuple[str, ...]] = PERSON_CLASSES


class IntrusionFacts(RuleFacts):
    """Who was there, and for how long."""

    object_class: str
    stay_s: Annotated[float, Field(ge=0)]
    peak_count: Annotated[int, Field(ge=1)]
    """Most objects of the class in the zone at once."""


CONTRACT = RuleContract(
    "intrusion",
    IntrusionParams,
    IntrusionFacts,
    {
        "vi": "Xâm nhập: {peak_count} {object_class}, {stay_s:.0f} giây",
        "en": "Intrusion: {peak_count} {object_class}, {stay_s:.0f} s",
    },
    requires_zone=True,
)
