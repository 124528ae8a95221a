"""YAML text -> plain data and the line of every value. Hostile documents are refused before anything is built.

YAML 1.2 by ruamel.yaml: `22:00`, `no` and `on` stay strings. Aliases, tags, several documents, deep nesting and large
files are refused: a configuration needs none of them, and each is a way to exhaust or surprise a parser.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from contract.messages import Text

MAX_DEPTH = 12
"""The deepest key of the contract lies 6 levels down."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a file may be: more is a mistake or an attack.

    Attributes:
        size: In bytes.
        values: YAML events: scalars, and starts and ends of lists and mappings.
        remedy: What to do about a larger one.
    """

    size: int
    values: int
    remedy: Text

    @property
    def too_large(self) -> Text:
        """What is wrong with a file of more than `size`."""
        return Text("the file is larger than {limit} kB", limit=self.size // 1024)


CAMERA_FILE: Final = Limits(64 * 1024, 3000, Text("split it: one camera a file"))
"""A camera file is about 3 kB with 300 values; reading ten times that takes about 50 ms."""
SITE_FILE: Final = Limits(
    1024 * 1024, 100_000, Text("take out what are not places or hours; a server is for one province")
)
"""A province of 150 communes and 2,000 villages, all with their positions, is 350 kB with 33,000 values, read in 2 s of
processor time and 16 MB; 5,000 villages fit, too."""

_TAG_PREFIX = "tag:yaml.org,2002:"
Path = tuple[str | int, ...]


class YamlRefused(Exception):
    """The text is not YAML that we read.

    Attributes:
        line: 1-based line of the mistake.
        message: What is wrong.
        remedy: What to do.
    """

    def __init__(self, line: int, message: Text, remedy: Text) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.remedy = remedy


@dataclass(slots=True)
class YamlTree:
    """Plain data (dict, list, str, int, float, bool, None) with the 1-based line of each path."""

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """Line of a path, or of its nearest parent that exists."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return 1


def parse_yaml(text: str, limits: Limits = CAMERA_FILE) -> YamlTree:
    """Parse one YAML document.

    Args:
        text: The document.
        limits: How large it may be.

    Raises:
        YamlRefused: The text is too large or deep, holds aliases, tags or duplicate keys, or is not YAML.
    """
    if len(text.encode("utf-8", "surrogatepass")) > limits.size:
        raise YamlRefused(1, limits.too_large, limits.remedy)
    try:
        _refuse_hostile(text, limits)
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        problem = " ".join(str(error.problem or error.context or "syntax error").split())
        raise YamlRefused(line, _syntax(problem), Text("check indentation, colons, quotes and brackets here")) from None
    except YAMLError as error:
        problem = str(error).splitlines()[0]
        raise YamlRefused(1, _syntax(problem), Text("save the file as plain UTF-8 text")) from None
    if root is None:
        raise YamlRefused(1, Text("the file is empty"), Text("start from a file in configs/presets"))
    tree = YamlTree(None)
    tree.data = _build(root, (), tree.lines)
    return tree


_SYNTAX = (
    ("\\t", Text("not YAML: a tab; indent with spaces")),
    ("mapping values are not allowed", Text("not YAML: a colon or an indentation that does not fit here")),
    ("could not find expected ':'", Text("not YAML: a key without its colon")),
    ("expected ',' or ']'", Text("not YAML: a list is not closed: `]` or a comma is missing")),
    ("expected ',' or '}'", Text("not YAML: `}}` or a comma is missing")),
    ("expected '<document start>'", Text("not YAML: this line is indented unlike the ones before it")),
    ("that cannot start any token", Text("not YAML: a value that begins with @, ` or % needs quotes")),
    ("unknown escape character", Text("not YAML: a backslash between double quotes; use single quotes")),
    ("expected <block end>", Text("not YAML: this line is indented unlike the ones before it")),
    ("end of stream", Text("not YAML: a quote or bracket is not closed")),
    ("but found another document", Text("not YAML: a second document begins here (`---`)")),
    ("special characters are not allowed", Text("not YAML: a control character stands in the text")),
)
"""What the parser's words for common mistakes mean; others are told in the parser's own words."""


def _syntax(problem: str) -> Text:
    known = (text for words, text in _SYNTAX if words in problem)
    return next(known, None) or Text("not YAML: {problem}", problem=problem)


def _refuse_hostile(text: str, limits: Limits) -> None:
    depth = 0
    for count, event in enumerate(YAML(typ="safe", pure=True).parse(text)):
        line = event.start_mark.line + 1
        if count > limits.values:
            raise YamlRefused(line, Text("more than {limit} values", limit=limits.values), limits.remedy)
        if isinstance(event, AliasEvent):
            raise YamlRefused(line, Text("aliases (*name) are not allowed"), Text("write the value out"))
        if isinstance(event, (CollectionStartEvent, ScalarEvent)):
            if event.anchor is not None:
                raise YamlRefused(
                    line, Text("anchors (&name) are not allowed"), Text("remove the anchor and write values out")
                )
            if isinstance(event, ScalarEvent) and any("\ud800" <= letter <= "\udfff" for letter in event.value):
                raise YamlRefused(line, Text("an escape that is no character"), Text("write the letter itself"))
            if event.tag is not None:
                raise YamlRefused(line, Text("tags (!name) are not allowed"), Text("remove the tag"))
        if isinstance(event, CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlRefused(
                    line, Text("nested more than {limit} levels deep", limit=MAX_DEPTH), Text("check the indentation")
                )
        elif isinstance(event, CollectionEndEvent):
            depth -= 1


def _build(node: Node, path: Path, lines: dict[Path, int]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode):
                raise YamlRefused(line, Text("a key must be a word"), Text("write `key: value`"))
            key = str(key_node.value)
            if key in result:
                raise YamlRefused(line, Text("the key {key!r} stands here twice", key=key), Text("keep one of the two"))
            lines[(*path, key)] = line
            result[key] = _build(value_node, (*path, key), lines)
        return result
    if isinstance(node, SequenceNode):
        return [_build(item, (*path, index), lines) for index, item in enumerate(node.value)]
    assert isinstance(node, ScalarNode)  # noqa: S101 - the three node types are all there are
    return _scalar(node)


def _scalar(node: ScalarNode) -> Any:
    text = str(node.value)
    kind = str(node.tag).removeprefix(_TAG_PREFIX)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    try:
        if kind == "int":
            return int(text, 0) if text.lower().startswith(("0x", "0o")) else int(text)
        if kind == "float":
            value = float(text)
            return value if math.isfinite(value) else text
    except ValueError:
        return text
    return text  # strings, and dates, which pydantic reads from text
