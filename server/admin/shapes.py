"""What a camera's YAML draws onto its picture, and on which lines: zones, lines, masks, lamps, calibration points.

Read from the text as it is being written: what is not whole yet is left out, and validation tells why.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypedDict

from ruamel.yaml import YAML
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, SequenceNode

from contract.presets import PresetRefused, expand
from contract.yaml_tree import Path, YamlRefused, YamlTree, parse_yaml

Point = list[float]
_MASKS: Final = {("privacy", "masks"): "privacy", ("motion", "mask"): "motion"}


class Shape(TypedDict, total=False):
    """One thing that is drawn. Points are normalised, origin top left."""

    path: list[str | int]
    shape: str
    """`zone`, `line`, `privacy`, `motion`, `lamp` or `calibration`."""
    name: str
    kind: str
    """Of a zone or line."""
    points: list[Point]
    """Empty: a zone or line of the preset that is still to be drawn."""
    direction: list[Point]
    into: str
    """The zone on a line's far side."""
    metres: list[Point]
    """Of calibration points, on the ground."""
    in_preset: bool
    lines: list[int]
    """First and last, from 1; empty: it stands in the preset."""


class WatchingRule(TypedDict):
    """A rule and the zones that it names."""

    kind: str
    zones: list[str]


def rules_of(text: str) -> tuple[list[WatchingRule], int]:
    """The rules of a text with its preset's, and how many of them stand in the text itself."""
    try:
        tree = parse_yaml(text)
        data = expand(tree, "draft.yaml").data
    except (YamlRefused, PresetRefused):
        return [], 0
    found: list[WatchingRule] = [
        {"kind": str(rule.get("kind")), "zones": [str(zone) for zone in _list(rule.get("zones"))]}
        for rule in _list(_mapping(data).get("rules"))
        if isinstance(rule, dict)
    ]
    return found, len(_list(_mapping(tree.data).get("rules")))


def shapes_of(text: str) -> list[Shape]:
    """The shapes of a text, in the order in which it has them; none where it cannot be read at all."""
    try:
        tree = parse_yaml(text)
        data = expand(tree, "draft.yaml").data
    except YamlRefused:
        return []
    except PresetRefused:
        data = tree.data
    if not isinstance(data, dict):
        return []
    spans: dict[Path, list[int]] = {}
    _note_spans(YAML(typ="safe", pure=True).compose(text), (), spans)
    return list(_shapes(data, tree, spans))


def _shapes(data: dict[str, Any], tree: YamlTree, spans: dict[Path, list[int]]) -> Iterator[Shape]:
    own = tree.data
    for section in ("zones", "lines"):
        for key, item in _mapping(data.get(section)).items():
            if not isinstance(item, dict):
                continue
            shape: Shape = {
                "path": [section, key],
                "shape": section[:-1],
                "name": str(item.get("name", key)),
                "kind": str(item.get("kind", "area" if section == "zones" else "stop_line")),
                "points": _points(item.get("coordinates")),
                "direction": _points(item.get("direction")),
                "into": str(item.get("into") or ""),
                "in_preset": key not in _mapping(_mapping(own).get(section)) or data is not own,
                "lines": spans.get((section, key), []),
            }
            yield shape
    for path, word in _MASKS.items():
        for index, polygon in enumerate(_list(_mapping(data.get(path[0])).get(path[1]))):
            place: Path = (*path, index)
            yield {
                "path": list(place),
                "shape": word,
                "name": "",
                "points": _points(polygon),
                "lines": spans.get(place, []),
            }
    for key, item in _mapping(data.get("signals")).items():
        box = _mapping(item).get("box")
        if isinstance(box, list) and len(box) == 4 and all(_is_number(value) for value in box):
            corners = [[float(box[0]), float(box[1])], [float(box[2]), float(box[3])]]
            lines = spans.get(("signals", key), [])
            yield {"path": ["signals", key], "shape": "lamp", "name": key, "points": corners, "lines": lines}
    calibration = _mapping(data.get("calibration"))
    image, metres = _points(calibration.get("image")), _points(calibration.get("ground_m"))
    if image:
        lines = spans.get(("calibration",), [])
        yield {
            "path": ["calibration"],
            "shape": "calibration",
            "name": "",
            "points": image,
            "metres": metres,
            "lines": lines,
        }


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _points(value: Any) -> list[Point]:
    """The points of a list; empty where one of them is none."""
    points = [[float(part) for part in item] for item in _list(value) if _is_point(item)]
    return points if len(points) == len(_list(value)) else []


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(_is_number(part) for part in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _note_spans(node: Node, path: Path, spans: dict[Path, list[int]], begin: int | None = None) -> int:
    """Note first and last line of every value, its key included; give the last one."""
    first = node.start_mark.line + 1 if begin is None else begin
    end = int(node.end_mark.line) + 1
    if isinstance(node, CollectionNode) and node.value:
        last = 0
        for index, item in enumerate(node.value):
            if isinstance(node, MappingNode):
                last = _note_spans(item[1], (*path, str(item[0].value)), spans, item[0].start_mark.line + 1)
            elif isinstance(node, SequenceNode):
                last = _note_spans(item, (*path, index), spans)
        if not node.flow_style:  # a block's own end lies behind the comments that follow it
            end = last
    spans[path] = [first, end]
    return end
