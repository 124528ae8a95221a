"""`preset: NAME` in a camera file: the file builds on `configs/presets/NAME.yaml` and says only what differs.

    preset      zones: {cong: {name, kind}}      rules: [{kind: crowding, min_people: 25}, {kind: intrusion, ...}]
    camera      zones: {cong: {coordinates}}     rules: [{kind: crowding, min_people: 40}, {kind: wrong_way, ...}]
    in force    zones: {cong: all three}         rules: crowding with 40, intrusion, wrong_way

- Mappings are merged key by key; what the camera file says wins. Lists are replaced as a whole.
- `null` for an entry of zones, lines or signals takes the preset's away.
- A rule of the camera file changes the preset's rule of the same `kind` (and `name`, where the preset names several
  rules of a kind); `enabled: false` takes that rule away. A rule that the preset does not have is added.
- Presets are the ones that the programs ship, so that edge and server read the same; a preset has no preset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from contract.messages import Text, one_of
from contract.yaml_tree import Path, YamlRefused, YamlTree, parse_yaml

_INSTALLED = FilePath(__file__).parent / "preset_files"
_CHECKOUT = FilePath(__file__).parents[1] / "configs" / "presets"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REMOVABLE = frozenset({"zones", "lines", "signals"})
_OWN_SWITCH = frozenset({"camera_offline", "camera_tampered"})
"""Kinds with an `enabled` of their own."""
Place = tuple[str, int]
"""File and line."""


class PresetRefused(Exception):
    """A file's use of its preset cannot be meant.

    Attributes:
        place: File and line.
        path: Of the value in the file.
        message: What is wrong.
        remedy: What to do.
    """

    def __init__(self, place: Place, path: Path, message: Text, remedy: Text) -> None:
        super().__init__(message)
        self.place, self.path, self.message, self.remedy = place, path, message, remedy


@dataclass(slots=True)
class Source:
    """A file's data, its preset merged in, and where each value stands."""

    data: Any
    file: str
    tree: YamlTree
    places: dict[Path, Place] | None = None
    """None: there is no preset, and the tree knows every line."""
    preset_text: str = ""
    _preset_line: int = field(default=1)

    def place_of(self, path: Path) -> Place:
        """File and line of a path. What is missing is missing in the camera's own file, whatever the preset says."""
        if self.places is None:
            return (self.file, self.tree.line_of(path))
        if path in self.places:
            return self.places[path]
        for length in range(len(path) - 1, 0, -1):
            place = self.places.get(path[:length])
            if place is not None and place[0] == self.file:
                return place
        return (self.file, self._preset_line)


def preset_folder() -> FilePath:
    """Where the presets lie: in the installed package, or in a checkout's `configs/`."""
    return _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT


def preset_names() -> list[str]:
    """Every preset that a camera file may name."""
    return sorted(path.stem for path in preset_folder().glob("*.yaml"))


def expand(tree: YamlTree, file_name: str) -> Source:
    """Merge the preset that a camera file names into its data.

    Raises:
        PresetRefused: There is no such preset, it is broken, or the file takes away what the preset does not have.
    """
    if not isinstance(tree.data, dict) or tree.data.get("preset") is None:
        return Source(tree.data, file_name, tree)
    line = tree.line_of(("preset",))
    name = tree.data["preset"]
    path = preset_folder() / f"{name}.yaml"
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not path.is_file():
        what = Text("unknown preset {name!r}", name=str(name)[:40])
        raise PresetRefused((file_name, line), ("preset",), what, one_of(preset_names()))
    text = path.read_text("utf-8")
    try:
        base = parse_yaml(text)
    except YamlRefused as error:
        raise PresetRefused((str(path), error.line), (), error.message, error.remedy) from error
    merger = _Merger(base, tree, str(path), file_name)
    data = merger.mapping(base.data, tree.data, ())
    return Source(data, file_name, tree, merger.places, text, line)


class _Merger:
    """Merges two trees, and notes where each value of the result comes from."""

    def __init__(self, base: YamlTree, over: YamlTree, base_file: str, over_file: str) -> None:
        self._base, self._over = base, over
        self._base_file, self._over_file = base_file, over_file
        self.places: dict[Path, Place] = {(): (over_file, 1)}

    def mapping(self, base: dict[str, Any], over: dict[str, Any], path: Path) -> dict[str, Any]:
        """Merge key by key; keys of the camera file win."""
        result: dict[str, Any] = {}
        for key in (*base, *(key for key in over if key not in base)):
            inner: Path = (*path, key)
            if inner == ("rules",) and key in base and isinstance(over.get(key, []), list):
                self._note(inner, inner, is_over=key in over)
                result[key] = self._rules(base[key], over.get(key, []))
            elif key not in over:
                result[key] = self._taken(base[key], inner, inner, is_over=False)
            elif key not in base:
                result[key] = self._taken(over[key], inner, inner, is_over=True)
            elif over[key] is None and len(path) == 1 and path[0] in _REMOVABLE:
                continue
            elif isinstance(base[key], dict) and isinstance(over[key], dict):
                self._note(inner, inner, is_over=True)
                result[key] = self.mapping(base[key], over[key], inner)
            else:
                result[key] = self._taken(over[key], inner, inner, is_over=True)
        return result

    def _rules(self, base: list[Any], over: list[Any]) -> list[Any]:
        """The preset's rules, changed or taken away, then the camera's own."""
        changes: dict[int, int] = {}
        for index, rule in enumerate(over):
            match = next((i for i, item in enumerate(base) if _identity(item) == _identity(rule)), None)
            if match is not None and match not in changes:
                changes[match] = index
            elif _is_taken_away(rule):
                place = (self._over_file, self._over.line_of(("rules", index)))
                known = one_of(" ".join(filter(None, _identity(item))) for item in base)
                what = Text(
                    "the preset has no rule {rule!r} to take away", rule=" ".join(filter(None, _identity(rule)))
                )
                raise PresetRefused(place, ("rules", index), what, known)
        result: list[Any] = []
        for index, rule in enumerate(base):
            path: Path = ("rules", len(result))
            if index not in changes:
                result.append(_bare(self._taken(rule, ("rules", index), path, is_over=False)))
            elif not _is_taken_away(over[changes[index]]):
                result.append(_bare(self._rule(rule, index, over[changes[index]], changes[index], path)))
        for index, rule in enumerate(over):
            if index not in changes.values():
                result.append(self._taken(rule, ("rules", index), ("rules", len(result)), is_over=True))
        return result

    def _rule(self, rule: dict[str, Any], index: int, change: dict[str, Any], changed: int, path: Path) -> Any:
        merged = self._taken(rule, ("rules", index), path, is_over=False)
        self._note(path, ("rules", changed), is_over=True)
        for key, value in change.items():
            merged[key] = self._taken(value, ("rules", changed, key), (*path, key), is_over=True)
        return merged

    def _taken(self, value: Any, found: Path, path: Path, *, is_over: bool) -> Any:
        """A value as one side has it, with the places of everything in it."""
        self._note(path, found, is_over=is_over)
        if isinstance(value, dict):
            return {key: self._taken(item, (*found, key), (*path, key), is_over=is_over) for key, item in value.items()}
        if isinstance(value, list):
            return [self._taken(item, (*found, i), (*path, i), is_over=is_over) for i, item in enumerate(value)]
        return value

    def _note(self, path: Path, found: Path, *, is_over: bool) -> None:
        tree, file = (self._over, self._over_file) if is_over else (self._base, self._base_file)
        self.places[path] = (file, tree.line_of(found))


def _identity(rule: Any) -> tuple[str, str]:
    """Kind and name of a rule; what is no rule at all is like nothing."""
    if not isinstance(rule, dict) or not isinstance(rule.get("kind"), str):
        return ("", str(id(rule)))
    return (rule["kind"], str(rule.get("name") or ""))


def _is_taken_away(rule: Any) -> bool:
    return isinstance(rule, dict) and rule.get("enabled") is False and rule.get("kind") not in _OWN_SWITCH


def _bare(rule: Any) -> Any:
    """Without what only merging reads: the name, and `enabled: true`."""
    if not isinstance(rule, dict):
        return rule
    switch = () if rule.get("kind") in _OWN_SWITCH or rule.get("enabled") is not True else ("enabled",)
    return {key: value for key, value in rule.items() if key not in ("name", *switch)}
