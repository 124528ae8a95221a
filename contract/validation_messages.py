"""pydantic's errors in words for an admin: what is wrong with a value, and how to mend it.

pydantic's own sentences are English and speak of types and patterns; these speak of the file, in each language.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from pydantic_core import ErrorDetails

from contract.base import NAME_PATTERN, SLUG_PATTERN
from contract.camera_config import SIGNAL_KEY_PATTERN, SIGNAL_KINDS
from contract.messages import Text
from contract.rules import RULES
from contract.rules.base import TIME_RANGE_PATTERN
from contract.site_config import SERVER_URL_PATTERN

_CORRECT: Final = Text("correct it")
_IN_RANGE: Final = Text("write a number in this range")
_NUMBER: Final = (Text("should be a number"), Text("write a number, such as 2.5"))
_WHOLE: Final = (Text("should be a whole number"), Text("write a whole number, such as 10"))
_TEXT: Final = (Text("should be text"), Text("write it between quotes"))
_LIST: Final = (Text("should be a list"), Text("write it as [a, b]"))
_KEYS: Final = (Text("should hold keys and values"), Text("write `key: value`"))
_DATE: Final = (Text("should be a date"), Text("write a date as YYYY-MM-DD"))
_YES_NO: Final = (Text("should be true or false"), Text("write true or false"))
_FIXED: Final = {
    "missing": (Text("an entry is missing"), Text("a point has two numbers: [x, y]")),
    "string_type": _TEXT,
    "string_unicode": _TEXT,
    "int_type": _WHOLE,
    "int_parsing": _WHOLE,
    "int_parsing_size": _WHOLE,
    "int_from_float": _WHOLE,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": _NUMBER,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "tuple_type": _LIST,
    "list_type": _LIST,
    "dict_type": _KEYS,
    "model_type": _KEYS,
    "model_attributes_type": _KEYS,
    "date_type": _DATE,
    "date_parsing": _DATE,
    "date_from_datetime_parsing": _DATE,
    "date_from_datetime_inexact": _DATE,
}
_PATTERNS: Final = {
    SLUG_PATTERN: (
        Text("is not a usable id"),
        Text("use 1-63 lower-case letters without accents, digits, - and _; first a letter or digit"),
    ),
    TIME_RANGE_PATTERN: (Text("is not a time range"), Text("write it as HH:MM-HH:MM, such as 22:00-05:00")),
    NAME_PATTERN: (Text("holds control characters"), Text("remove them")),
    SIGNAL_KEY_PATTERN: (
        Text("is not the place of a value in JSON"),
        Text("write the names from outside to inside with dots between them, such as signal.colour"),
    ),
    SERVER_URL_PATTERN: (
        Text("is not the address of a server"),
        Text("write http:// or https:// and the host, without user name, ? or #"),
    ),
}
_LIMITS: Final = {
    "greater_than": "gt",
    "greater_than_equal": "ge",
    "less_than": "lt",
    "less_than_equal": "le",
    "string_too_short": "min_length",
    "string_too_long": "max_length",
    "too_short": "min_length",
    "too_long": "max_length",
}
"""Errors that have a limit, and the name of the limit in pydantic's context."""


def what_and_remedy(error: ErrorDetails) -> tuple[Text, Text]:
    """What is wrong with a value, as the end of a sentence that begins with it, and the remedy."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _FIXED:
        return _FIXED[kind]
    if kind in _LIMITS:
        return _of_limit(kind, context[_LIMITS[kind]])
    if kind == "string_pattern_mismatch":
        return _PATTERNS[context["pattern"]]
    known = SIGNAL_KINDS if error["loc"][:1] == ("signals",) else tuple(RULES)
    return _of_choice(kind, context, ", ".join(known))


def _of_limit(kind: str, limit: Any) -> tuple[Text, Text]:
    number = f"{limit:.10g}" if isinstance(limit, float) else limit
    return {
        "greater_than": (Text("should be greater than {limit}", limit=number), _IN_RANGE),
        "greater_than_equal": (Text("should be {limit} or more", limit=number), _IN_RANGE),
        "less_than": (Text("should be less than {limit}", limit=number), _IN_RANGE),
        "less_than_equal": (Text("should be {limit} or less", limit=number), _IN_RANGE),
        "string_too_short": (
            Text("should have at least {limit} characters", limit=number),
            Text("add what is missing"),
        ),
        "string_too_long": (Text("should have at most {limit} characters", limit=number), Text("make it shorter")),
        "too_short": (Text("should have at least {limit} entries", limit=number), Text("add what is missing")),
        "too_long": (Text("should have at most {limit} entries", limit=number), Text("remove what is too much")),
    }[kind]


def _of_choice(kind: str, context: Mapping[str, Any], kinds: str) -> tuple[Text, Text]:
    if kind == "literal_error":
        words = ", ".join(re.findall(r"'([^']*)'", context["expected"]))
        return Text("should be one of: {names}", names=words), Text("use one of the words listed")
    if kind == "union_tag_invalid":
        return Text("unknown kind {name!r}", name=context["tag"][:40]), Text("use one of: {names}", names=kinds)
    if kind == "union_tag_not_found":
        return Text("the kind is missing"), Text("add `kind:`, one of: {names}", names=kinds)
    reason = context["error"].args[0] if kind == "value_error" else None
    return reason if isinstance(reason, Text) else Text("is not allowed here ({kind})", kind=kind), _CORRECT
