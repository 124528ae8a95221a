"""Who may import whom, and that what the documentation promises is there."""

from __future__ import annotations

import ast
import calendar
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from contract.camera_config import CameraConfig
from contract.rules import RULES
from contract.site_config import SiteConfig

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_READ_BY_NAME = {"preset", "every_day", "weekdays", "weekend", *(name.lower() for name in calendar.day_name)}
"""Schedules look days up with getattr; the preset is merged in before there is a model."""


def test_import_borders_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for part in _types_in(field.annotation):
            yield from _models(part, seen)


def _types_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _types_in(argument)


def _attributes_read(*folders: str) -> set[str]:
    names: set[str] = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Attribute):
                    names.add(node.attr)
    return names


def test_every_configuration_key_is_read_by_code() -> None:
    read = _attributes_read("edge", "server") | _attributes_read("contract")
    seen: set[type[BaseModel]] = set()
    roots: list[type[BaseModel]] = [CameraConfig, SiteConfig, *(contract.params for contract in RULES.values())]
    keys = {
        f"{model.__name__}.{name}": name
        for root in roots
        for model in _models(root, seen)
        for name in model.model_fields
    }
    assert len(keys) > 60
    unread = sorted(key for key, name in keys.items() if name not in read | _READ_BY_NAME)
    assert unread == []


@pytest.mark.parametrize(
    "page", sorted(str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    targets = [target for target in _LINK.findall(path.read_text(encoding="utf-8")) if "://" not in target]
    assert [target for target in targets if not (path.parent / target).exists()] == []
