"""Changes a YAML text as little as possible: the values that differ are replaced, every other character stays.

    text --compose--> nodes with the places of their first and last characters --+
    text --parse----> data --compare with what is wanted--> replacements --------+--> text

What comes out is parsed again and must say exactly what is wanted. Where it does not (a notation that nobody writes by
hand), ruamel's round trip writes the whole text: comments stay, its layout may change.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from contract.camera_config import CameraConfig
from contract.yaml_tree import Path, YamlRefused, parse_yaml

_ORDER: Final = tuple(CameraConfig.model_fields)
"""In which a camera file's sections stand; a new one takes its place among them."""
_DECIMALS: Final = 4
"""Of a point: a tenth of a pixel of a picture that is 1000 pixels wide."""
_PLAIN = re.compile(r"[^\W\d_](?:[\w ./()-]*[\w.)])?")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "~"})
"""Need quotes somewhere."""


class NotWritable(Exception):
    """The text cannot be changed so."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """Characters `start` to `end` become `text`."""

    start: int
    end: int
    text: str


def rewrite(text: str, wanted: dict[str, Any]) -> str:
    """Change a text so that it says what is wanted.

    Args:
        text: YAML whose root is a mapping, or nothing but comments.
        wanted: What it is to say: what `parse_yaml` would give.

    Raises:
        YamlRefused: The text is no YAML that we read.
        NotWritable: It cannot be changed so.
    """
    data = parse_yaml(text).data
    if data == wanted:
        return text
    if isinstance(data, dict):
        root = YAML(typ="safe", pure=True).compose(text)
        cuts = sorted(
            _Differ(text).differences(root, data, wanted, ()), key=lambda cut: (cut.start, cut.end), reverse=True
        )
        changed = text
        for cut in cuts:
            changed = changed[: cut.start] + cut.text + changed[cut.end :]
        if _says(changed, wanted):
            return changed
    changed = _round_trip(text, wanted)
    if not _says(changed, wanted):
        raise NotWritable("the text cannot be changed so: change it by hand")
    return changed


def _says(text: str, wanted: dict[str, Any]) -> bool:
    try:
        return bool(parse_yaml(text).data == wanted)
    except YamlRefused:
        return False


def _round_trip(text: str, wanted: dict[str, Any]) -> str:
    yaml = YAML()
    yaml.preserve_quotes, yaml.width = True, 4096
    yaml.indent(mapping=2, sequence=4, offset=2)
    try:
        document = yaml.load(text)
        _adapt(document, wanted)
        written = io.StringIO()
        yaml.dump(document, written)
    except YAMLError as error:
        raise NotWritable("the text cannot be changed so: change it by hand") from error
    return written.getvalue()


def _adapt(document: Any, wanted: dict[str, Any]) -> None:
    for key in [key for key in document if key not in wanted]:
        del document[key]
    for key, value in wanted.items():
        if isinstance(value, dict) and isinstance(document.get(key), dict):
            _adapt(document[key], value)
        elif key not in document or document[key] != value:
            document[key] = value


class _Differ:
    """Finds the replacements that make a text say something else."""

    def __init__(self, text: str) -> None:
        self._text = text

    def differences(self, node: Node, old: Any, new: Any, path: Path) -> Iterator[_Cut]:
        """What to replace within a node."""
        if old == new:
            return
        if isinstance(node, MappingNode) and isinstance(new, dict) and new and node.value:
            yield from self._mapping(node, old, new, path)
        elif isinstance(node, SequenceNode) and isinstance(new, list) and new and node.value:
            yield from self._sequence(node, old, new, path)
        else:
            yield self._value(node, new)

    def _mapping(self, node: MappingNode, old: dict[str, Any], new: dict[str, Any], path: Path) -> Iterator[_Cut]:
        places = {str(key.value): index for index, (key, _) in enumerate(node.value)}
        kept = [key for key in places if key in new]
        if not kept:  # nothing of it stays: there is no neighbour to stand beside
            yield self._value(node, new)
            return
        for key in kept:
            yield from self.differences(node.value[places[key]][1], old[key], new[key], (*path, key))
        spans = [(key.start_mark.index, self._end(value)) for key, value in node.value]
        for key, index in places.items():
            if key not in new:
                yield self._without(node, spans, index)
        fresh: dict[str | None, list[str]] = {}
        for key in new:
            if key not in places:
                fresh.setdefault(self._neighbour(key, kept, path), []).append(key)
        for neighbour, keys in fresh.items():
            after = spans[places[neighbour]][1] if neighbour is not None else spans[0][0]
            if neighbour is None and not node.flow_style:
                lines = "".join(self._entry(node, key, new[key]) for key in keys)
                yield _Cut(after, after, lines)
            elif neighbour is None:
                yield _Cut(after, after, "".join(f"{_scalar(key)}: {flow(new[key])}, " for key in keys))
            elif node.flow_style:
                yield _Cut(after, after, "".join(f", {_scalar(key)}: {flow(new[key])}" for key in keys))
            else:
                line_end = self._line_end(after)
                lines = "".join(self._entry(node, key, new[key]) for key in keys)
                yield _Cut(line_end, line_end, lines if self._text[:line_end].endswith("\n") else "\n" + lines)

    @staticmethod
    def _neighbour(key: str, kept: list[str], path: Path) -> str | None:
        """After which entry a new one stands; None: before all."""
        if path or key not in _ORDER:
            return kept[-1]
        before = [other for other in kept if other in _ORDER and _ORDER.index(other) < _ORDER.index(key)]
        return max(before, key=kept.index) if before else None

    def _entry(self, node: MappingNode, key: str, value: Any) -> str:
        """A new entry of a mapping in lines."""
        indent = node.value[0][0].start_mark.column
        siblings = [item for _, item in node.value if isinstance(item, MappingNode) and item.value]
        in_line = bool(siblings) and all(item.flow_style for item in siblings)
        return _block(key, value, indent, in_line=in_line)

    def _sequence(self, node: SequenceNode, old: list[Any], new: list[Any], path: Path) -> Iterator[_Cut]:
        first = 0
        while first < min(len(old), len(new)) and old[first] == new[first]:
            first += 1
        last = 0
        while last < min(len(old), len(new)) - first and old[-1 - last] == new[-1 - last]:
            last += 1
        olds, news = range(first, len(old) - last), range(first, len(new) - last)
        if len(olds) - len(news) >= len(old):
            yield self._value(node, new)
            return
        both = min(len(olds), len(news))
        for index in range(first, first + both):
            yield from self.differences(node.value[index], old[index], new[index], (*path, index))
        spans = [(item.start_mark.index, self._end(item)) for item in node.value]
        for index in olds[both:]:
            yield self._without(node, spans, index)
        if news[both:]:
            yield self._with(node, spans, first + both, [new[index] for index in news[both:]])

    def _with(self, node: SequenceNode, spans: list[tuple[int, int]], index: int, items: list[Any]) -> _Cut:
        """New items before the item of this index, or after the last one."""
        if node.flow_style:
            between = self._text[spans[0][1] : spans[1][0]] if len(spans) > 1 else ", "
            gap = between if between.strip() == "," else ", "
            if index < len(spans):
                return _Cut(spans[index][0], spans[index][0], "".join(flow(item) + gap for item in items))
            return _Cut(spans[-1][1], spans[-1][1], "".join(gap + flow(item) for item in items))
        dash = " " * node.start_mark.column + "- "
        lines = "".join(f"{dash}{flow(item)}\n" for item in items)
        place = self._line_end(spans[index - 1][1]) if index else self._line_start(spans[0][0])
        return _Cut(place, place, lines if self._text[:place].endswith("\n") or not place else "\n" + lines)

    def _without(self, node: CollectionNode, spans: list[tuple[int, int]], index: int) -> _Cut:
        """An entry or item taken away; the comment above it stays, whatever it is about."""
        start, end = spans[index]
        if not node.flow_style:
            return _Cut(self._line_start(start), self._line_end(end), "")
        if index + 1 < len(spans):
            following = spans[index + 1][0]
            return _Cut(start, end if "#" in self._text[end:following] else following, "")
        before = spans[index - 1][1] if index else start
        return _Cut(start if "#" in self._text[before:start] else before, end, "")

    def _value(self, node: Node, value: Any) -> _Cut:
        """Another value in a node's place."""
        start, end = node.start_mark.index, self._end(node)
        is_empty = isinstance(node, ScalarNode) and start == end
        if is_empty or (isinstance(node, MappingNode) and not node.value):
            line = self._text[self._line_start(start) : start]
            indent = len(line) - len(line.lstrip(" "))
            if isinstance(value, dict) and value and line.strip().endswith(":") and "{" not in line:
                lines = "".join(_block(key, item, indent + 2, in_line=False) for key, item in value.items())
                return _Cut(start, end, "\n" + lines.rstrip("\n"))
            return _Cut(start, end, (" " if is_empty else "") + flow(value))
        return _Cut(start, end, flow(value))

    def _end(self, node: Node) -> int:
        """Behind a node's last character: a block's own mark lies behind the comments that follow it."""
        if not isinstance(node, CollectionNode) or node.flow_style or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        return self._end(last[1] if isinstance(last, tuple) else last)

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        """The beginning of the next line, or the end of the text."""
        end = self._text.find("\n", index)
        return len(self._text) if end < 0 else end + 1


def _block(key: str, value: Any, indent: int, *, in_line: bool) -> str:
    """An entry of a mapping: a mapping in it takes a line for each of its keys."""
    head = " " * indent + _scalar(key) + ":"
    if isinstance(value, dict) and value and not in_line:
        return head + "\n" + "".join(_block(name, item, indent + 2, in_line=True) for name, item in value.items())
    return f"{head} {flow(value)}\n"


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def number(value: float) -> str:
    """A number without an exponent and without needless zeros."""
    short = f"{value:.{_DECIMALS}f}"
    written = (
        short if float(short) == value else format(value, "f") if float(format(value, "f")) == value else repr(value)
    )
    return written.rstrip("0").rstrip(".") if "." in written and "e" not in written else written
