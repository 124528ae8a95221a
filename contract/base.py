"""The bases of the contract's models: frozen, aware UTC times only.

`ContractModel` refuses unknown keys: configurations, where one is a typing mistake, and events, which are evidence.
`WireModel` passes over them: everything else that an edge and a server of different releases say to each other.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationInfo,
    model_validator,
)


class ContractModel(BaseModel):
    """Frozen pydantic model that refuses unknown keys and non-finite numbers."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,  # the schemas and docs/reference/configuration.md tell what the code tells
    )


class UnknownKeys:
    """Give one as `context` to a `WireModel`'s validation: it learns which keys were passed over."""

    MOST: Final = 20

    def __init__(self) -> None:
        self.found: set[str] = set()
        """`Model.key`, the key cut to 40 letters; no more than `MOST`."""

    def note(self, model: str, keys: set[Any]) -> None:
        """Keys that a model does not have."""
        for key in keys:
            if len(self.found) < self.MOST:
                self.found.add(f"{model}.{str(key)[:40]}")


class WireModel(ContractModel):
    """What edge and server of different releases say to each other: keys of a later release are passed over."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _note_unknown_keys(cls, data: Any, info: ValidationInfo) -> Any:
        if isinstance(info.context, UnknownKeys) and isinstance(data, dict):
            info.context.note(cls.__name__, data.keys() - cls.model_fields.keys())
        return data


def _to_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:  # the first and last hours of the calendar
        raise ValueError("not a time that exists in UTC") from error


UtcDatetime = Annotated[AwareDatetime, AfterValidator(_to_utc)]
"""An aware time, normalised to UTC. A naive time is a validation error."""

SLUG_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
"""Ids that people write in YAML (cameras, zones, places, schedules): safe in URLs, file names and HTML ids."""

NAME_PATTERN = r"^[^\x00-\x1f\x7f]+$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=120, strip_whitespace=True, pattern=NAME_PATTERN)]
"""A human name in any script; control characters are refused."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""Lower-case hexadecimal SHA-256."""
