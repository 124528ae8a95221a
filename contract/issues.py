"""One mistake in a configuration, printed as `file:line: path: what: remedy`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contract.messages import Text
from contract.rules.base import Language
from contract.yaml_tree import Path


@dataclass(frozen=True, slots=True)
class ConfigIssue:
    """A mistake, where it stands and how to mend it."""

    file: str
    line: int
    path: str
    message: Text
    remedy: Text

    def __str__(self) -> str:
        return self.in_language("en")

    def in_language(self, language: Language) -> str:
        """The whole line, `file:line: path: what: remedy`."""
        what, remedy = self.message.in_language(language), self.remedy.in_language(language)
        return f"{self.file}:{self.line}: {self.path or _WHOLE_FILE.in_language(language)}: {what}: {remedy}"


_WHOLE_FILE = Text("(file)")

Report = Callable[[Path, Text, Text], None]
"""Takes the path of a value, what is wrong with it, and the remedy."""


def format_path(path: Path) -> str:
    """`("rules", 0, "zones")` -> `rules[0].zones`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
