"""A number plate that was read: for officers and admins, never for the public."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, field_validator

from contract.base import ContractModel

PLATE_KINDS = frozenset({
    "forbidden_turn", "illegal_parking", "lane_misuse", "no_helmet", "overloaded_motorbike", "pavement_driving",
    "red_light", "speeding", "stop_line", "wrong_way",
})  # fmt: skip
"""Rules about what one vehicle does against traffic law: only such a vehicle's plate is ever read."""

PLATE_PATTERN = r"^\d{2}(-[A-Z][A-Z0-9] |[A-Z]{1,2}-)\d{3}(\.\d{2}|\d)$"
"""A motorbike's `59-X1 123.45` or `59-X1 1234`; a car's `30A-123.45`, `30A-1234` or `80NG-123.45`."""


class PlateReading(ContractModel):
    """What the camera read on the plate of the vehicle that an event is about."""

    text: Annotated[str, StringConstraints(pattern=PLATE_PATTERN)]
    """As it is written on the plate, in one line."""
    confidence: Annotated[float, Field(ge=0, le=1)]
    """Of the least sure letter, times the share of pictures that agree."""
    pictures: Annotated[int, Field(ge=1, le=100)]
    """How many pictures of the vehicle were read."""

    @field_validator("confidence", mode="after")
    @classmethod
    def _round(cls, value: float) -> float:
        return round(value, 3)
