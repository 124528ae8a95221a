"""Hatchling's hook for wheels: one without the pages' scripts would show pages that do nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PagesAreBuilt(BuildHookInterface[Any]):
    """Looks whether `make frontend` has run; an editable install may do so later."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Refuse to build.

        Raises:
            FileNotFoundError: There are no scripts.
        """
        del build_data
        if version != "editable" and not (Path(self.root) / "server/static/js/live.js").is_file():
            raise FileNotFoundError("server/static/js holds no scripts: run `make wheel`, which builds them first")
