"""YAML files -> models: parse (`yaml_tree`, `presets`), validate (pydantic), resolve (`config_checks`).

Every mistake of a file is found at once and told as `file:line: path: what: remedy`.
"""

from __future__ import annotations

import difflib
import hashlib
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, Generic, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from contract.camera_config import CameraConfig
from contract.config_checks import check_camera, check_site
from contract.issues import ConfigIssue, format_path
from contract.messages import Text
from contract.presets import PresetRefused, Source, expand
from contract.site_config import SiteConfig
from contract.validation_messages import what_and_remedy
from contract.yaml_tree import CAMERA_FILE, SITE_FILE, Limits, Path, YamlRefused, parse_yaml

Config = TypeVar("Config", SiteConfig, CameraConfig)


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


def load_camera(
    text: str, file_name: str, site: SiteConfig | None = None, camera_id: str | None = None
) -> LoadResult[CameraConfig]:
    """Read a camera file's text. Villages and schedules are checked against `site`, the id against `camera_id`."""
    return _load(text, file_name, CameraConfig, lambda camera, report: check_camera(camera, site, camera_id, report))


def load_config_dir(folder: FilePath) -> LoadedConfig:
    """Read `site.yaml` and `cameras/*.yaml` of a folder. Valid cameras are given even when others are not."""
    errors: list[ConfigIssue] = []
    site_path = folder / "site.yaml"
    site_text = _read(site_path, SITE_FILE, errors, Text("create it; configs/site.yaml is an example"))
    site = None
    if site_text is not None:
        result = load_site(site_text, str(site_path))
        site = result.config
        errors += result.errors
    cameras: dict[str, LoadedCamera] = {}
    camera_folder = folder / "cameras"
    for path in _camera_files(camera_folder, errors):
        text = _read(path, CAMERA_FILE, errors, Text("make it readable"))
        if text is None:
            continue
        loaded = load_camera(text, str(path), site)
        errors += loaded.errors
        if loaded.config is None:
            continue
        camera_id = loaded.config.camera.id
        if camera_id in cameras:
            what = Text(
                "the camera {camera!r} is already in {file}", camera=camera_id, file=cameras[camera_id].path.name
            )
            errors.append(ConfigIssue(str(path), 1, "camera.id", what, Text("give each camera its own id")))
            continue
        cameras[camera_id] = LoadedCamera(loaded.config, text, path, config_version(text))
    return LoadedConfig(site, cameras, tuple(errors))


def _camera_files(folder: FilePath, errors: list[ConfigIssue]) -> list[FilePath]:
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})
    except FileNotFoundError:
        files = []
    except OSError as error:
        what = Text("cannot be read ({cause})", cause=error.strerror)
        errors.append(ConfigIssue(str(folder), 1, "", what, Text("make it readable")))
        return []
    if not files:
        what, remedy = Text("no camera file"), Text("add one; configs/presets has examples")
        errors.append(ConfigIssue(str(folder), 1, "", what, remedy))
    return files


def _read(path: FilePath, limits: Limits, errors: list[ConfigIssue], remedy: Text) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(limits.size + 1)
        if len(content) <= limits.size:
            return content.decode("utf-8-sig")
        errors.append(ConfigIssue(str(path), 1, "", limits.too_large, limits.remedy))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        errors.append(ConfigIssue(str(path), line, "", Text("not UTF-8 text"), Text("save the file as UTF-8")))
    except FileNotFoundError:
        errors.append(ConfigIssue(str(path), 1, "", Text("there is no such file"), remedy))
    except OSError as error:
        what = Text("cannot be read ({cause})", cause=error.strerror)
        errors.append(ConfigIssue(str(path), 1, "", what, Text("make it readable")))
    return None


def _load(text: str, file_name: str, model: type[Config], check: Any) -> LoadResult[Config]:
    try:
        tree = parse_yaml(text, CAMERA_FILE if model is CameraConfig else SITE_FILE)
    except YamlRefused as error:
        return LoadResult(None, (ConfigIssue(file_name, error.line, "", error.message, error.remedy),))
    try:
        source = expand(tree, file_name) if model is CameraConfig else Source(tree.data, file_name, tree)
    except PresetRefused as error:
        return LoadResult(None, (ConfigIssue(*error.place, format_path(error.path), error.message, error.remedy),))
    issues: dict[tuple[str, str], ConfigIssue] = {}

    def report(path: Path, message: Text, remedy: Text, missing: str = "") -> None:
        place, found = format_path(path), source.place_of((*path, missing) if missing else path)
        issues.setdefault((place, message), ConfigIssue(*found, place, message, remedy))

    config: Config | None = None
    try:
        config = model.model_validate(source.data)
    except ValidationError as error:
        _report_validation(error.errors(include_url=False), source.data, model, report)
    else:
        check(config, report)
    found = tuple(sorted(issues.values(), key=lambda issue: (issue.file != file_name, issue.line, issue.path)))
    return LoadResult(None if found else config, found)


def _report_validation(
    errors: Sequence[ErrorDetails], data: Any, model: type[BaseModel], report: Callable[..., None]
) -> None:
    paths = [_document_path(error["loc"], data) for error in errors]
    told: set[Path] = set()
    for error, path in zip(errors, paths, strict=True):
        last = error["loc"][-1] if error["loc"] else ""
        if any(len(other) > len(path) and other[: len(path)] == path for other in paths) and _is_of_items(error):
            continue  # only what lies in it is wrong, and that is told itself
        if error["type"] == "missing" and isinstance(last, str):
            report(path, Text("{key} is missing", key=last), Text("add `{key}:`", key=last), missing=last)
        elif error["type"] == "extra_forbidden":
            known = _model_at(model, error["loc"][:-1])
            report(path, Text("unknown key {key!r}", key=path[-1]), _suggest_key(str(path[-1]), known))
        elif path not in told:  # the branches of a union each complain: tell them as one mistake
            told.add(path)
            what, remedy = what_and_remedy(error)
            shown = _shown(path, error["input"])
            report(path, Text("{value} {what}", value=shown, what=what) if shown else what, remedy)


def _is_of_items(error: ErrorDetails) -> bool:
    """Whether a list is refused for its items: too few of them are right, or the union has a branch without a list."""
    if not isinstance(error["input"], list):
        return False
    if error["type"] == "too_short":
        return bool(len(error["input"]) >= error["ctx"]["min_length"])
    return error["type"] == "string_type"


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
    if value is None or isinstance(value, (dict, list, tuple)) or (path and path[-1] in ("path", "url")):
        return ""
    text = str(value)[:40]
    return repr(text) if isinstance(value, str) else text


def _suggest_key(key: str, model: type[BaseModel] | None) -> Text:
    if model is None:
        return Text("remove it")
    known = [field.alias or name for name, field in model.model_fields.items()]
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if close:
        return Text("did you mean {key!r}?", key=close[0])
    return Text("remove it; known here: {names}", names=", ".join(known))


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that a location lies in, to name the keys it knows."""
    current: Any = model
    for part in loc:
        current = _unwrap(current)
        if isinstance(current, type) and issubclass(current, BaseModel):
            names = {field.alias or name: field.annotation for name, field in current.model_fields.items()}
            current = names.get(str(part))
        elif isinstance(current, list):  # a union of models: the tag tells which
            current = next((item for item in current if _tag_of(item) == part), None)
        else:
            arguments = get_args(current)
            if not arguments:
                return None
            current = arguments[1] if get_origin(current) is dict else arguments[0]
        if current is None:
            return None
    current = _unwrap(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _tag_of(model: Any) -> str | None:
    """The one `kind` that a model of a union stands for."""
    field = model.model_fields.get("kind") if isinstance(model, type) and issubclass(model, BaseModel) else None
    words = get_args(field.annotation) if field is not None else ()
    return words[0] if len(words) == 1 else None


def _unwrap(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [item for item in get_args(annotation) if item is not type(None)]
        return _unwrap(inner[0]) if len(inner) == 1 else inner
    return annotation
