"""Which camera a mistake in the configuration folder belongs to, so that its admin is told at the server."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from contract.base import SLUG_PATTERN
from contract.issues import ConfigIssue
from contract.yaml_tree import CAMERA_FILE, YamlRefused, parse_yaml

MAX_TOLD = 3
"""The first mistakes of a file say enough; all of them stand in the log."""
_ID_LINE = re.compile(r"\bid:\s*[\"']?([a-z0-9][a-z0-9_-]{0,62})\b")


def mistakes_by_camera(errors: Iterable[ConfigIssue], site_file: Path) -> dict[str, list[str]]:
    """Camera ids to their files' first mistakes. The folder's own mistakes belong to no camera.

    Args:
        errors: Of the configuration folder.
        site_file: Its site.yaml.
    """
    by_file: dict[str, list[str]] = defaultdict(list)
    for error in errors:
        if error.file.endswith((".yaml", ".yml")) and Path(error.file) != site_file:
            by_file[error.file].append(str(error))
    found: dict[str, list[str]] = {}
    for file, mistakes in by_file.items():
        camera_id = _camera_id(Path(file))
        if camera_id is not None:
            more = [f"and {len(mistakes) - MAX_TOLD} more"] if len(mistakes) > MAX_TOLD else []
            found.setdefault(camera_id, []).extend([*mistakes[:MAX_TOLD], *more])
    return found


def _camera_id(file: Path) -> str | None:
    """What the file says, as far as it can be read; else its name, which is the id by custom."""
    try:
        text = file.read_bytes()[: CAMERA_FILE.size].decode("utf-8-sig", "replace")
        data = parse_yaml(text).data
    except OSError:
        text, data = "", None
    except YamlRefused:
        data = None
    camera = data.get("camera") if isinstance(data, dict) else None
    said = camera.get("id") if isinstance(camera, dict) else None
    line = _ID_LINE.search(text)
    for candidate in (said, line[1] if line else None, file.stem):
        if isinstance(candidate, str) and re.fullmatch(SLUG_PATTERN, candidate):
            return candidate
    return None
