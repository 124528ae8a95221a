"""One mistake in a configuration, printed as `file:line: path: what: remedy`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from contract.yaml_tree import Path


@dataclass(frozen=True, slots=True)
class ConfigIssue:
    """A mistake, where it stands and how to mend it."""

    file: str
    line: int
    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path or '(file)'}: {self.message}: {self.remedy}"


Report = Callable[[Path, str, str], None]
"""Takes the path of a value, what is wrong with it, and the remedy."""


def format_path(path: Path) -> str:
    """`("rules", 0, "zones")` -> `rules[0].zones`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
