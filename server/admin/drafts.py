"""A camera's YAML while it is being written: what is wrong with it, what it draws, and changes made by drawing.

Nothing here is stored. The page sends its whole text with every question, so that what is checked and changed is what
its writer sees, and saving stays one step of its own.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.orm import Session

from contract.config_loader import load_camera
from contract.issues import ConfigIssue
from contract.messages import Text
from contract.presets import preset_folder, preset_names
from contract.rules.base import Language
from contract.yaml_tree import YamlRefused, parse_yaml
from server.admin.rewriting import NotWritable, rewrite
from server.admin.shapes import Shape, WatchingRule, rules_of, shapes_of
from server.errors import InvalidInput
from server.places.service import site_config

MAX_CHANGES: Final = 16
MAX_DEPTH: Final = 6
_FILE: Final = "draft.yaml"
_ONLY_EMPTY = frozenset({"zones", "lines", "signals", "privacy", "motion", "calibration"})
"""Sections that drawing makes and that need not stand there with nothing in them."""

_WITH_A_BUTTON = frozenset({("rules", 2), ("preset", 1)})
"""A rule for a zone, and what the file builds on."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value of the file becomes another.

    Attributes:
        path: Keys and indices from the root; an index of the list's length adds an item.
        value: The new one; None takes the entry away.
    """

    path: tuple[str | int, ...]
    value: Any


@dataclass(frozen=True, slots=True)
class Draft:
    """A text with what is known of it."""

    text: str
    problems: list[dict[str, Any]]
    shapes: list[Shape]
    rules: list[WatchingRule]
    own_rules: int
    """How many rules the file itself has, without its preset's."""


class DraftRefused(Exception):
    """A change would make the text wrong.

    Attributes:
        problems: Why, as validation says it.
    """

    def __init__(self, problems: list[dict[str, Any]]) -> None:
        super().__init__("the change would make the file wrong")
        self.problems = problems


def changes_from(body: Any) -> list[Change]:
    """The changes of a request's JSON.

    Raises:
        InvalidInput: They are none.
    """
    remedy = "Send changes as the page does: a path and a value."
    if not isinstance(body, list) or not 0 < len(body) <= MAX_CHANGES:
        raise InvalidInput(f"changes: 1 to {MAX_CHANGES} are needed", remedy)
    changes = []
    for item in body:
        path = item.get("path") if isinstance(item, dict) else None
        if not isinstance(path, list) or not 0 < len(path) <= MAX_DEPTH or not all(_is_step(step) for step in path):
            raise InvalidInput("changes: a path is needed, of keys and indices", remedy)
        if path[0] not in _ONLY_EMPTY and (path[0], len(path)) not in _WITH_A_BUTTON:
            raise InvalidInput(f"changes: {str(path[0])[:40]!r} is not drawn", remedy)
        changes.append(Change(tuple(path), item.get("value")))
    return changes


def look_at(session: Session, camera_id: str | None, text: str, language: Language) -> Draft:
    """Check a text as saving would."""
    issues = _issues(session, camera_id, text)
    return _draft(text, issues, language)


def change(session: Session, camera_id: str | None, text: str, changes: Sequence[Change], language: Language) -> Draft:
    """Make changes in a text; comments and layout stay.

    Raises:
        DraftRefused: The result would be wrong where it was right, or the text is not YAML at all.
    """
    before = _issues(session, camera_id, text)
    try:
        data = parse_yaml(text).data
        wanted = _applied(data, changes)
        written = rewrite(text, wanted)
    except YamlRefused as error:
        issue = ConfigIssue(_FILE, error.line, "", error.message, error.remedy)
        raise DraftRefused([_told(issue, language)]) from error
    except (NotWritable, LookupError, TypeError) as error:
        issue = ConfigIssue(_FILE, 1, "", Text("the drawing does not fit the text"), Text("change the text by hand"))
        raise DraftRefused([_told(issue, language)]) from error
    after = _issues(session, camera_id, written)
    known = {(issue.path, str(issue.message)) for issue in before}
    places = tuple(_place(item.path) for item in changes)
    worse = [
        issue
        for issue in after
        if (issue.path, str(issue.message)) not in known
        # A text that is wrong already may show its next mistake only now: that is not this change's doing.
        and (not before or issue.path.startswith(places))
    ]
    if worse and not any(item.path[0] == "preset" for item in changes):  # its zones are still to be drawn
        raise DraftRefused([_told(issue, language) for issue in worse])
    return _draft(written, after, language)


def _draft(text: str, issues: Sequence[ConfigIssue], language: Language) -> Draft:
    rules, own = rules_of(text)
    return Draft(text, [_told(issue, language) for issue in issues], shapes_of(text), rules, own)


def _issues(session: Session, camera_id: str | None, text: str) -> tuple[ConfigIssue, ...]:
    return load_camera(text, _FILE, site_config(session), camera_id).errors


def _told(issue: ConfigIssue, language: Language) -> dict[str, Any]:
    return {
        # A mistake in the preset has no line here: the file's first line names the preset, or nearly.
        "line": issue.line if issue.file == _FILE else 1,
        "path": issue.path,
        "message": issue.message.in_language(language),
        "remedy": issue.remedy.in_language(language),
    }


def _place(path: tuple[str | int, ...]) -> str:
    """The entry that a change is about, as validation names it: `zones.lan_phai`."""
    words = ".".join(str(part) for part in path[:2] if isinstance(part, str))
    return words or str(path[0])


def _is_step(step: Any) -> bool:
    return (isinstance(step, str) and 0 < len(step) <= 63) or (
        isinstance(step, int) and not isinstance(step, bool) and 0 <= step < 1000
    )


def _applied(data: Any, changes: Sequence[Change]) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise TypeError("the file is no mapping")
    wanted = copy.deepcopy(data)
    preset = _preset_of(data)
    for item in changes:
        _apply(wanted, item)
        section, *rest = item.path
        if item.value is None and len(rest) == 1 and rest[0] in (preset.get(str(section)) or {}):
            wanted.setdefault(str(section), {})[str(rest[0])] = None  # `null` takes the preset's entry away
    for section in _ONLY_EMPTY:
        if wanted.get(section) == {} and data.get(section):
            del wanted[section]
    return wanted


def _apply(wanted: dict[str, Any], item: Change) -> None:
    place: Any = wanted
    for step, following in zip(item.path, item.path[1:], strict=False):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(place, dict):
            if place.get(str(step)) is None:
                place[str(step)] = empty
            place = place[str(step)]
        else:
            place = place[step]
    last = item.path[-1]
    if isinstance(place, dict):
        if item.value is None:
            place.pop(str(last), None)
        else:
            place[str(last)] = item.value
    elif not isinstance(place, list) or not isinstance(last, int):
        raise TypeError("a list has no keys")
    elif item.value is None:
        del place[last]
    elif last == len(place):
        place.append(item.value)
    else:
        place[last] = item.value


def _preset_of(data: dict[str, Any]) -> dict[str, Any]:
    """What the file's preset says; nothing where it names none that we have."""
    name = data.get("preset")
    if name not in preset_names():
        return {}
    found: dict[str, Any] = parse_yaml((preset_folder() / f"{name}.yaml").read_text("utf-8")).data
    return found
