"""What devices send, read by the contract's models. Keys of a later release are passed over, counted and logged."""

from __future__ import annotations

import json
import logging
from typing import Any, Final, TypeVar

from flask import request
from pydantic import ValidationError

from contract.base import UnknownKeys, WireModel
from server.errors import InvalidInput
from server.services import services

log = logging.getLogger(__name__)

Body = TypeVar("Body", bound=WireModel)

_SEEN: Final[set[str]] = set()
"""Keys that this process has logged: a box of a later release sends them every 15 s."""
_MOST_SEEN: Final = 100


def json_body() -> Any:
    """The request's JSON.

    Raises:
        InvalidInput: It is not JSON, or names a key twice.
    """
    if not request.is_json:
        raise InvalidInput("the body is not application/json", "Set Content-Type: application/json.")
    try:
        return json.loads(request.get_data(), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("the body is not JSON", "Send valid JSON in UTF-8.") from error


def read(model: type[Body], remedy: str = "Send what the contract has.") -> Body:
    """The request's body as the contract has it.

    Raises:
        InvalidInput: It is not; names the first place.
    """
    data, unknown = json_body(), UnknownKeys()
    try:
        body = model.model_validate(data, context=unknown)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise InvalidInput(f"{where}: {first['msg']}", remedy) from error
    if unknown.found:
        _tell(model.__name__, unknown.found)
    return body


def _tell(model: str, found: set[str]) -> None:
    services().metrics.unknown_keys(model, len(found))
    fresh = found - _SEEN
    if fresh and len(_SEEN) < _MOST_SEEN:
        _SEEN.update(fresh)
        log.warning("unknown_keys_ignored", extra={"fields": {"keys": sorted(fresh)}})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different: of two, readers disagree on which one counts."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key twice")
    return made
