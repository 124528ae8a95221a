"""YAML files -> models, in three steps: parse (`yaml_tree`), validate (pydantic), resolve (`config_checks`).

Every mistake of a file is found at once and told as `file:line: path: what: remedy`.
"""

from __future__ import annotations

import difflib
import hashlib
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contract.camera_config import CameraConfig
from contract.config_checks import check_camera, check_site
from contract.issues import ConfigIssue, Report, format_path
from contract.rules import RULES
from contract.site_config import SiteConfig
from contract.yaml_tree import MAX_BYTES, Path, YamlRefused, YamlTree, parse_yaml

Config = TypeVar("Config", SiteConfig, CameraConfig)

_REMEDIES = {
    "string_pattern_mismatch": "use lower-case letters without accents, digits, - and _; times as HH:MM-HH:MM",
    "literal_error": "use one of the words listed",
    "too_short": "add what is missing",
    "too_long": "remove what is too much",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "value_error": "correct it",
    "union_tag_invalid": f"use one of: {', '.join(RULES)}",
    "union_tag_not_found": f"add `kind:`, one of: {', '.join(RULES)}",
}
_NUMBER_TYPES = ("float_", "int_", "greater_", "less_", "finite_")


@dataclass(frozen=True, slots=True)
class LoadResult(Generic[Config]):
    """A model, or the mistakes that kept it from being one."""

    config: Config | None
    errors: tuple[ConfigIssue, ...]


@dataclass(frozen=True, slots=True)
class LoadedCamera:
    """A valid camera file with its text."""

    config: CameraConfig
    text: str
    path: FilePath
    version: str
    """First 12 characters of the text's sha256."""


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration folder: what is valid of it, and every mistake."""

    site: SiteConfig | None
    cameras: Mapping[str, LoadedCamera]
    errors: tuple[ConfigIssue, ...]


def config_version(text: str) -> str:
    """Name of a configuration text: the first 12 characters of its sha256."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def load_site(text: str, file_name: str) -> LoadResult[SiteConfig]:
    """Read site.yaml's text."""
    return _load(text, file_name, SiteConfig, check_site)


def load_camera(text: str, file_name: str, site: SiteConfig | None = None) -> LoadResult[CameraConfig]:
    """Read a camera file's text. Villages and schedules are checked against `site` when it is given."""
    return _load(text, file_name, CameraConfig, lambda camera, report: check_camera(camera, site, report))


def load_config_dir(folder: FilePath) -> LoadedConfig:
    """Read `site.yaml` and `cameras/*.yaml` of a folder. Valid cameras are given even when others are not."""
    errors: list[ConfigIssue] = []
    site_path = folder / "site.yaml"
    site_text = _read(site_path, errors, "create it; configs/site.yaml is an example")
    site = None
    if site_text is not None:
        result = load_site(site_text, str(site_path))
        site = result.config
        errors += result.errors
    cameras: dict[str, LoadedCamera] = {}
    camera_folder = folder / "cameras"
    files = sorted([*camera_folder.glob("*.yaml"), *camera_folder.glob("*.yml")])
    if not files:
        errors.append(ConfigIssue(str(camera_folder), 1, "", "no camera file", "add one; configs/presets has examples"))
    for path in files:
        text = _read(path, errors, "make it readable")
        if text is None:
            continue
        loaded = load_camera(text, str(path), site)
        errors += loaded.errors
        if loaded.config is None:
            continue
        camera_id = loaded.config.camera.id
        if camera_id in cameras:
            message = f"the camera {camera_id!r} is already in {cameras[camera_id].path.name}"
            errors.append(ConfigIssue(str(path), 1, "camera.id", message, "give each camera its own id"))
            continue
        cameras[camera_id] = LoadedCamera(loaded.config, text, path, config_version(text))
    return LoadedConfig(site, cameras, tuple(errors))


def _read(path: FilePath, errors: list[ConfigIssue], remedy: str) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        errors.append(ConfigIssue(str(path), line, "", "not UTF-8 text", "save the file as UTF-8"))
    except OSError as error:
        errors.append(ConfigIssue(str(path), 1, "", f"cannot be read ({error.strerror})", remedy))
    return None


def _load(text: str, file_name: str, model: type[Config], check: Any) -> LoadResult[Config]:
    try:
        tree = parse_yaml(text)
    except YamlRefused as error:
        return LoadResult(None, (ConfigIssue(file_name, error.line, "", error.message, error.remedy),))
    issues: dict[tuple[str, str], ConfigIssue] = {}

    def report(path: Path, message: str, remedy: str) -> None:
        place = format_path(path)
        issues.setdefault((place, message), ConfigIssue(file_name, tree.line_of(path), place, message, remedy))

    config: Config | None = None
    try:
        config = model.model_validate(tree.data)
    except ValidationError as error:
        _report_validation(error.errors(include_url=False), tree, model, report)
    else:
        check(config, report)
    found = tuple(sorted(issues.values(), key=lambda issue: (issue.line, issue.path)))
    return LoadResult(None if found else config, found)


def _report_validation(errors: Iterable[ErrorDetails], tree: YamlTree, model: type[BaseModel], report: Report) -> None:
    branches: dict[Path, list[str]] = {}
    for error in errors:
        path = _document_path(error["loc"], tree.data)
        kind = error["type"]
        if kind == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]:
            continue  # only its items are wrong, and they are told themselves
        if kind == "missing":
            report(path, f"{error['loc'][-1]} is missing", f"add `{error['loc'][-1]}:`")
        elif kind == "extra_forbidden":
            report(path, f"unknown key {path[-1]!r}", _suggest_key(str(path[-1]), _model_at(model, error["loc"][:-1])))
        else:
            # The branches of a union each complain: tell them as one mistake.
            what = error["msg"].removeprefix("Value error, ").replace("Input should", "should")
            if what not in branches.setdefault(path, []):
                branches[path].append(what)
            if len(branches[path]) == 1:
                message = f"{_shown(path, error['input'])}{what}"
                report(path, message, _remedy(kind))


def _document_path(loc: tuple[int | str, ...], data: Any) -> Path:
    """Drop the parts of pydantic's location that are not in the document (union tags, `[key]`)."""
    path: list[str | int] = []
    for part in loc:
        found = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if found:
            data = data[part]
            path.append(part)
    return tuple(path)


def _shown(path: Path, value: Any) -> str:
    """The wrong value, unless it may hold a secret or says nothing."""
    if isinstance(value, (dict, list, tuple)) or (path and path[-1] == "path"):
        return ""
    text = str(value)
    return f"{text[:40]!r} " if isinstance(value, str) else f"{text[:40]} "


def _remedy(kind: str) -> str:
    if kind.startswith(_NUMBER_TYPES):
        return "write a number in this range"
    if kind.startswith(("datetime", "date_")):
        return "write a date as YYYY-MM-DD"
    return _REMEDIES.get(kind, "see docs/reference/configuration.md")


def _suggest_key(key: str, model: type[BaseModel] | None) -> str:
    if model is None:
        return "remove it"
    known = [field.alias or name for name, field in model.model_fields.items()]
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"remove it; known here: {', '.join(known)}"


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that a location lies in, to name the keys it knows."""
    current: Any = model
    for part in loc:
        current = _unwrap(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            names = {field.alias or name: field.annotation for name, field in current.model_fields.items()}
            current = names.get(str(part))
        elif isinstance(current, list):  # a union of models: the tag tells which
            current = RULES[part].params if isinstance(part, str) and part in RULES else None
        else:
            arguments = get_args(current)
            if not arguments:
                return None
            current = arguments[1] if get_origin(current) is dict else arguments[0]
        if current is None:
            return None
    current = _unwrap(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _unwrap(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [item for item in get_args(annotation) if item is not type(None)]
        return _unwrap(inner[0]) if len(inner) == 1 else inner
    return annotation
