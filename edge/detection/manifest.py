"""models/manifest.yaml: which detectors there are, where their files lie, and that the files are the right ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from edge.errors import ModelError

MODELS_DIR_VARIABLE = "LANGAN_MODELS_DIR"
MANIFEST_NAME = "manifest.yaml"


class ModelKind(StrEnum):
    """Which adapter runs a model."""

    NANODET = "nanodet"
    ULTRALYTICS = "ultralytics"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file (for an ultralytics export, it may be a folder) that a model consists of."""

    path: Path
    sha256: str | None
    """Lower-case hexadecimal; None: not checked."""

    def verify(self) -> None:
        """Check that the file is there and is the one that the manifest means.

        Raises:
            ModelError: It is missing, unreadable or another one.
        """
        if not self.path.exists():
            raise ModelError(f"{self.path}: no such model file: put it there, or correct its path in {MANIFEST_NAME}")
        if self.sha256 is None:
            return
        try:
            with self.path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ModelError(
                f"{self.path}: cannot be read ({error.strerror}): make it readable for this user"
            ) from error
        if found != self.sha256:
            raise ModelError(
                f"{self.path}: its SHA-256 is {found}, but {MANIFEST_NAME} says {self.sha256}: the file is damaged or "
                f"was replaced; restore it, or write its hash into {MANIFEST_NAME} if you trust it"
            )


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the manifest."""

    id: str
    kind: ModelKind
    files: tuple[ModelFile, ...]
    aliases: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    """Class names in the order of the model's outputs; empty: those that ultralytics weights carry."""
    input_wh: tuple[int, int] | None = None
    """Pixels; None: as the weights say."""
    score_threshold: float = 0.3
    nms_iou: float = 0.5
    batch: int = 1
    """Pictures for one inference. More than one pays off on a GPU only."""
    licence: str = ""

    def verify(self) -> None:
        """Check every file.

        Raises:
            ModelError: A file is missing or is another one.
        """
        for file in self.files:
            file.verify()


@dataclass(frozen=True, slots=True)
class Manifest:
    """Every model that a camera may name."""

    entries: tuple[ModelEntry, ...]

    def get(self, model_id: str) -> ModelEntry:
        """The model with this id or alias; of several, the first.

        Raises:
            ModelError: There is none.
        """
        for entry in self.entries:
            if model_id == entry.id or model_id in entry.aliases:
                return entry
        known = ", ".join(name for entry in self.entries for name in (entry.id, *entry.aliases))
        raise ModelError(f"unknown model {model_id!r}: use one of {known}, or list it in {MANIFEST_NAME}")


def embedded_manifest_path() -> Path:
    """The manifest that comes with Làng An: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "models" / MANIFEST_NAME
    return installed if installed.exists() else package.parents[1] / "models" / MANIFEST_NAME


def default_manifest_path() -> Path:
    """The manifest in the folder that `LANGAN_MODELS_DIR` names, else the one that comes with Làng An."""
    folder = os.environ.get(MODELS_DIR_VARIABLE)
    return Path(folder) / MANIFEST_NAME if folder else embedded_manifest_path()


def load_manifest(path: Path | None = None) -> Manifest:
    """Read a manifest. The embedded models stay available behind a user's own, whose ids and aliases win.

    Args:
        path: The manifest; None: `default_manifest_path()`.

    Raises:
        ModelError: The manifest is missing or wrong; the message says `file:line: key: what: remedy`.
    """
    path = default_manifest_path() if path is None else path
    entries = _read(path)
    embedded = embedded_manifest_path()
    if path.resolve() != embedded.resolve():
        entries += _read(embedded)
    return Manifest(entries)


def _read(path: Path) -> tuple[ModelEntry, ...]:
    try:
        document = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        remedy = f"create it, or set {MODELS_DIR_VARIABLE} to the folder that has it"
        raise ModelError(f"{path}: cannot be read ({error.strerror}): {remedy}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: is not UTF-8: save it as UTF-8") from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ModelError(f"{path}:{line}: is no valid YAML ({error.problem}): correct the line") from error
    except YAMLError as error:
        raise ModelError(f"{path}: is no valid YAML ({str(error).splitlines()[0]}): correct it") from error
    reader = _Reader(path)
    models = reader.mapping(document, "", {"models"}).get("models")
    if not isinstance(models, list) or not models:
        raise ModelError(f"{path}:1: models: must be a list of models: see docs/reference/models.md")
    return tuple(reader.entry(model, f"models[{index}]") for index, model in enumerate(models))


_ENTRY_KEYS = {
    "id", "aliases", "kind", "files", "input_wh", "score_threshold", "nms_iou", "batch", "licence", "classes",
    # For readers, not for the program.
    "source", "calibration", "measured",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Reader:
    """Turns YAML nodes into entries; every refusal names the file, the line and the key."""

    path: Path

    def entry(self, node: object, where: str) -> ModelEntry:
        model = self.mapping(node, where, _ENTRY_KEYS)
        kind = self.text(model, where, "kind")
        if kind not in tuple(ModelKind):
            raise self.error(model, where, "kind", f"{kind!r} is unknown", f"use {' or '.join(ModelKind)}")
        entry = ModelEntry(
            id=self.text(model, where, "id"),
            kind=ModelKind(kind),
            files=self.files(model, where),
            aliases=self.texts(model, where, "aliases"),
            classes=self.texts(model, where, "classes"),
            input_wh=self.size(model, where),
            score_threshold=self.share(model, where, "score_threshold", default=0.3),
            nms_iou=self.share(model, where, "nms_iou", default=0.5),
            batch=self.count(model, where, "batch", default=1),
            licence=self.text(model, where, "licence", default=""),
        )
        if entry.kind is ModelKind.NANODET and not entry.classes:
            raise self.error(
                model, where, "classes", "is missing", "list the class names in the order of the model's outputs"
            )
        if entry.kind is ModelKind.NANODET and entry.files[0].path.suffix != ".xml":
            raise self.error(
                model, where, "files", "the first is no .xml file", "name OpenVINO's .xml first, then its .bin"
            )
        return entry

    def files(self, model: Mapping[str, object], where: str) -> tuple[ModelFile, ...]:
        nodes = model.get("files")
        if not isinstance(nodes, list) or not nodes:
            raise self.error(
                model, where, "files", "must be a list", "name one file or more as {path: ..., sha256: ...}"
            )
        return tuple(self.file(node, f"{where}.files[{index}]") for index, node in enumerate(nodes))

    def file(self, node: object, where: str) -> ModelFile:
        file = self.mapping(node, where, {"path", "sha256"})
        sha256 = self.text(file, where, "sha256", default="")
        if sha256 and (len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef")):
            raise self.error(
                file, where, "sha256", "is no SHA-256", "write the 64 lower-case digits that sha256sum prints"
            )
        # Relative to the manifest, so that a folder of models can be moved as a whole.
        return ModelFile(self.path.parent / self.text(file, where, "path"), sha256 or None)

    def mapping(self, node: object, where: str, known: set[str]) -> Mapping[str, object]:
        if not isinstance(node, Mapping):
            raise ModelError(
                f"{self.path}:1: {where or 'the document'}: must be a mapping of keys: see docs/reference/models.md"
            )
        for key in node:
            if key not in known:
                raise self.error(node, where, str(key), "is an unknown key", f"use one of {', '.join(sorted(known))}")
        return node

    def text(self, node: Mapping[str, object], where: str, key: str, default: str | None = None) -> str:
        value = node.get(key, default)
        if not isinstance(value, str) or (default is None and not value):
            raise self.error(
                node, where, key, "must be a text", "write one; put it in quotes if it looks like a number"
            )
        return str(value)

    def texts(self, node: Mapping[str, object], where: str, key: str) -> tuple[str, ...]:
        values = node.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.error(
                node, where, key, "must be a list of texts", "put a value in quotes if it looks like a number"
            )
        return tuple(str(value) for value in values)

    def share(self, node: Mapping[str, object], where: str, key: str, default: float) -> float:
        value = node.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
            raise self.error(node, where, key, f"{value!r} is no number above 0 and up to 1", "write one such as 0.3")
        return float(value)

    def count(self, node: Mapping[str, object], where: str, key: str, default: int) -> int:
        value = node.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 64:
            raise self.error(node, where, key, f"{value!r} is no whole number from 1 to 64", "write one such as 1")
        return int(value)

    def size(self, node: Mapping[str, object], where: str) -> tuple[int, int] | None:
        value = node.get("input_wh")
        if value is None:
            return None
        if (
            not isinstance(value, list)
            or len(value) != 2
            or not all(isinstance(side, int) and side > 0 for side in value)
        ):
            raise self.error(
                node, where, "input_wh", "is no size in pixels", "write [width, height], such as [640, 384]"
            )
        return int(value[0]), int(value[1])

    def error(self, node: Mapping[str, object], where: str, key: str, what: str, remedy: str) -> ModelError:
        # ruamel.yaml keeps each key's place in `lc`, and a mapping's own for keys that are not there.
        place = getattr(node, "lc", None)
        line = 1 if place is None else (place.key(key)[0] if key in (place.data or {}) else place.line) + 1
        return ModelError(f"{self.path}:{line}: {f'{where}.{key}'.lstrip('.')}: {what}: {remedy}")
