"""The versions of a camera's YAML, each with what it changed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from contract.config_loader import config_version
from server.db.models import CameraConfigVersion


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a diff: `add`, `del`, `at` (where) or empty (unchanged)."""

    look: str
    text: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version in the list."""

    number: int
    author: str
    saved_at: datetime
    rollback_of: int | None
    diff: list[DiffLine]
    """Against the version before it; empty for the first."""
    note: str
    name: str
    """As boxes call it: the first characters of its text's SHA-256."""


def version_rows(versions: Sequence[CameraConfigVersion]) -> list[VersionRow]:
    """Newest first.

    Args:
        versions: Newest first, the way they are listed.
    """
    diffs = [diff_lines(older.yaml, newer.yaml) for newer, older in pairwise(versions)]
    return [
        VersionRow(
            version.number,
            version.author_name,
            version.created_at,
            version.rollback_of,
            diff,
            version.note,
            config_version(version.yaml),
        )
        for version, diff in zip(versions, [*diffs, []], strict=False)  # none: known by its events only
    ]


def diff_lines(before: str, after: str) -> list[DiffLine]:
    """A unified diff without its header."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
    looks = {"+": "add", "-": "del", "@": "at"}
    return [DiffLine(looks.get(line[:1], ""), line) for line in list(lines)[2:]]
