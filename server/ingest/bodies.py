"""Events as they came: told apart by a digest of the whole body, checked by the contract's model only where needed.

Checking an event takes longer than anything else about one that was stored before, so the digest comes first.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from contract.event import Event, EventResult

_SEE_CONTRACT: Final = "Remedy: send Event v1 as docs/reference/http-api.md has it."
_NOT_JSON: Final = f"half a letter, an impossible time or too many levels. {_SEE_CONTRACT}"
_NUL: Final = "\\u0000"
_NO_ID: Final = UUID(int=0)
_canonical: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


class Verdict(Enum):
    """What became of an event, as a single request would be answered."""

    STORED = auto()
    CONFLICT = auto()
    INVALID = auto()
    FORBIDDEN = auto()


@dataclass(frozen=True, slots=True)
class Taken:
    """The word on one event of a batch."""

    result: EventResult
    verdict: Verdict = Verdict.STORED


@dataclass(frozen=True, slots=True)
class Body:
    """An event that has not been checked.

    Attributes:
        event_id: What it says; zero where that is no id.
        revision: What it says; -1 where that is no revision.
        text: The whole body as canonical JSON: sorted keys, no spaces.
        digest: SHA-256 of `text`: the same for the same body, however it was written.
        raw: As it came.
    """

    event_id: UUID
    revision: int
    text: str
    digest: bytes
    raw: dict[str, Any]

    @property
    def has_key(self) -> bool:
        """Whether it says plainly which revision of which event it is; the model reads some other ways, too."""
        return self.revision >= 0 and self.event_id != _NO_ID

    def checked(self) -> Event | Taken:
        """The event, or what is wrong with it."""
        try:
            return Event.model_validate(self.raw)
        except ValidationError as error:
            return _invalid(self.raw, _explain(error))
        except OverflowError:
            return _invalid(self.raw, _NOT_JSON)


def read_body(raw: dict[str, Any]) -> Body | Taken:
    """A body and its digest; an answer at once where it cannot be written down."""
    try:
        text = _canonical(raw)
        digest = hashlib.sha256(text.encode()).digest()
    except (UnicodeEncodeError, RecursionError):
        return _explained(raw)
    if _NUL in text:  # no PostgreSQL can store it: the whole batch would fail, again and again
        return _explained(raw, f"a NUL letter in a text. {_SEE_CONTRACT}")
    return Body(_uuid(raw.get("event_id")), _revision(raw.get("revision")), text, digest, raw)


def _explained(raw: dict[str, Any], otherwise: str = _NOT_JSON) -> Taken:
    """Say what the model finds wrong; `otherwise`, where it finds nothing."""
    try:
        Event.model_validate(raw)
    except ValidationError as error:
        return _invalid(raw, _explain(error))
    except (UnicodeEncodeError, OverflowError, RecursionError):
        return _invalid(raw, _NOT_JSON)
    return _invalid(raw, otherwise)


def _invalid(raw: dict[str, Any], detail: str) -> Taken:
    result = EventResult(
        event_id=_uuid(raw.get("event_id")),
        revision=_revision(raw.get("revision")),
        status="refused",
        detail=detail,
    )
    return Taken(result, Verdict.INVALID)


def _explain(error: ValidationError) -> str:
    """What is wrong and where; values are not repeated."""
    found = [f"{'.'.join(str(part) for part in item['loc']) or 'event'}: {item['msg']}" for item in error.errors()[:5]]
    return f"{'; '.join(found)[:400]}. {_SEE_CONTRACT}"


def _uuid(value: object) -> UUID:
    try:
        return UUID(value) if isinstance(value, str) else _NO_ID
    except ValueError:
        return _NO_ID


def _revision(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else -1
