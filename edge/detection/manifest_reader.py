"""Reads a manifest.yaml; every mistake is told as `file:line: key: what: remedy`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from contract.messages import Text
from contract.rules.base import PART_CLASSES
from edge.detection.model_entry import Accuracy, ModelEntry, ModelFile, ModelKind, Speed
from edge.errors import ModelError

MODELS_DIR_VARIABLE = "LANGAN_MODELS_DIR"
TRITON_SCHEMES = ("http", "grpc")
"""What a model's address may begin with: ultralytics would take much more, and fetch it."""


def wrong_address(url: str) -> str | None:
    """What is wrong with an address to fetch from, or None."""
    try:
        address = urlsplit(url)
        if address.scheme != "https" or not address.hostname:
            return "is no https:// address"
        if address.username or address.password:
            return "holds a user name or password"
        _ = address.port
    except ValueError:
        return "is no https:// address"
    return None


def read_manifest(path: Path) -> tuple[tuple[ModelEntry, ...], Mapping[str, tuple[Speed, ...]]]:
    """A manifest's models, and the speeds that were measured on this machine."""
    try:
        document = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        what = Text(
            "{file}: cannot be read ({cause}): create it, or set {variable} to the folder that has it",
            file=path,
            cause=error.strerror,
            variable=MODELS_DIR_VARIABLE,
        )
        raise ModelError(what) from error
    except UnicodeDecodeError as error:
        raise ModelError(Text("{file}: is not UTF-8: save it as UTF-8", file=path)) from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = Text(
            "{file}:{line}: is no valid YAML ({cause}): correct the line", file=path, line=line, cause=error.problem
        )
        raise ModelError(what) from error
    except YAMLError as error:
        cause = str(error).splitlines()[0]
        raise ModelError(Text("{file}: is no valid YAML ({cause}): correct it", file=path, cause=cause)) from error
    reader = _Reader(path)
    top = reader.mapping(document, "", {"models", "speed_here"})
    models = top.get("models", [] if "speed_here" in top else None)
    if not isinstance(models, list) or not (models or "speed_here" in top):
        place = f"{path}:1: models"
        raise ModelError(Text("{place}: must be a list of models: see docs/reference/models.md", place=place))
    entries = tuple(reader.entry(model, f"models[{index}]") for index, model in enumerate(models))
    return entries, reader.speeds_here(top)


_ENTRY_KEYS = {
    "id", "aliases", "kind", "files", "weights", "input_wh", "score_threshold", "nms_iou", "batch", "device", "licence",
    "classes", "parts",
    "source", "measured",
    "built_from", "calibration",  # for readers, not for the program
}  # fmt: skip


_DEVICE = re.compile(r"[A-Za-z0-9]{1,16}([.:,][A-Za-z0-9.]{1,16}){0,4}")


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
            files=() if "weights" in model else self.files(model, where),
            aliases=self.texts(model, where, "aliases"),
            classes=self.texts(model, where, "classes"),
            parts=self.parts(model, where),
            input_wh=self.size(model, where),
            score_threshold=self.share(model, where, "score_threshold", default=0.3),
            nms_iou=self.share(model, where, "nms_iou", default=0.5),
            batch=self.count(model, where, "batch", default=1),
            device=self.text(model, where, "device", default=""),
            licence=self.text(model, where, "licence", default=""),
            source=self.text(model, where, "source", default=""),
            accuracy=self.accuracy(model, where),
            speed=self.speeds(self.measured(model, where), f"{where}.measured", "speed"),
            weights_url=self.url(model, where),
        )
        if entry.weights_url and (entry.kind is not ModelKind.ULTRALYTICS or "files" in model):
            raise self.error(
                model, where, "weights", "is for kind ultralytics without files", "name files, or change the kind"
            )
        if entry.device and not _DEVICE.fullmatch(entry.device):
            what, remedy = (
                f"{entry.device!r} is no device",
                "name one such as CPU, GPU.0, NPU or AUTO; for torch cuda:0",
            )
            raise self.error(model, where, "device", what, remedy)
        if entry.kind is ModelKind.NANODET and not entry.classes:
            raise self.error(
                model, where, "classes", "is missing", "list the class names in the order of the model's outputs"
            )
        if entry.kind is not ModelKind.ULTRALYTICS and entry.files[0].path.suffix != ".xml":
            raise self.error(
                model, where, "files", "the first is no .xml file", "name OpenVINO's .xml first, then its .bin"
            )
        return entry

    def url(self, model: Mapping[str, object], where: str) -> str:
        """The address of a model on a Triton server; empty: it has files."""
        value = self.text(model, where, "weights", default="")
        if not value:
            return ""
        try:
            address = urlsplit(value)
            ok = address.scheme in TRITON_SCHEMES and address.hostname and (address.port or True)
            ok = ok and re.fullmatch(r"/[A-Za-z0-9_.-]+", address.path) is not None
            ok = ok and not (address.username or address.password or address.query or address.fragment)
        except ValueError:
            ok = False
        if not ok:
            # The value is not shown: somebody may have put a password into it.
            remedy = f"write {' or '.join(TRITON_SCHEMES)}://host:port/model, without user, password or query"
            raise self.error(model, where, "weights", "is no address of a model on a Triton server", remedy)
        return value

    def files(self, model: Mapping[str, object], where: str) -> tuple[ModelFile, ...]:
        nodes = model.get("files")
        if not isinstance(nodes, list) or not nodes:
            raise self.error(
                model, where, "files", "must be a list", "name one file or more as {path: ..., sha256: ...}"
            )
        return tuple(self.file(node, f"{where}.files[{index}]") for index, node in enumerate(nodes))

    def file(self, node: object, where: str) -> ModelFile:
        file = self.mapping(node, where, {"path", "sha256", "url", "member"})
        sha256 = self.text(file, where, "sha256", default="")
        if sha256 and (len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef")):
            raise self.error(
                file, where, "sha256", "is no SHA-256", "write the 64 lower-case digits that sha256sum prints"
            )
        url, member = (self.text(file, where, key, default="") for key in ("url", "member"))
        if url and (problem := wrong_address(url)):
            # The value is not shown: somebody may have put a password into it.
            raise self.error(file, where, "url", problem, "write https://host/path, without user and password")
        if (url and not sha256) or (member and not url):
            lacking = "sha256" if url else "url"
            raise self.error(file, where, lacking, "is missing", "say what is fetched, and what its hash must be")
        # Relative to the manifest, so that a folder of models can be moved as a whole.
        return ModelFile(self.path.parent / self.text(file, where, "path"), sha256 or None, url, member)

    def parts(self, model: Mapping[str, object], where: str) -> tuple[tuple[str, str], ...]:
        """Which of the model's classes mean which part."""
        inside = f"{where}.parts"
        node = self.mapping(model.get("parts", {}), inside, set(PART_CLASSES))
        pairs = tuple((name, part) for part in node for name in self.texts(node, inside, part))
        classes = self.texts(model, where, "classes")
        for name, part in pairs:
            if classes and name not in classes:
                what = f"{name!r} is none of the model's classes"
                raise self.error(node, inside, part, what, f"use names of {', '.join(classes)}")
            if sum(name == other for other, _ in pairs) > 1:
                raise self.error(node, inside, part, f"{name!r} stands here twice", "give each class to one part")
        return pairs

    def measured(self, model: Mapping[str, object], where: str) -> Mapping[str, object]:
        return self.mapping(model.get("measured", {}), f"{where}.measured", {"accuracy", "speed"})

    def accuracy(self, model: Mapping[str, object], where: str) -> tuple[Accuracy, ...]:
        nodes = self.items(self.measured(model, where), f"{where}.measured", "accuracy", {"what", "value", "on", "by"})
        return tuple(
            Accuracy(
                self.text(node, at, "what"),
                self.number(node, at, "value", most=1.0),
                self.text(node, at, "on"),
                self.text(node, at, "by"),
            )
            for node, at in nodes
        )

    def speeds(self, node: Mapping[str, object], where: str, key: str) -> tuple[Speed, ...]:
        items = self.items(node, where, key, {"threads", "median_ms", "p95_ms", "on", "by"})
        return tuple(
            Speed(
                self.count(item, at, "threads", default=1),
                self.number(item, at, "median_ms"),
                self.number(item, at, "p95_ms") if "p95_ms" in item else None,
                self.text(item, at, "on"),
                self.text(item, at, "by"),
            )
            for item, at in items
        )

    def speeds_here(self, top: Mapping[str, object]) -> Mapping[str, tuple[Speed, ...]]:
        node = top.get("speed_here", {})
        if not isinstance(node, Mapping):
            raise self.error(
                top, "", "speed_here", "must be a mapping of model ids", "let `models bench --write` do it"
            )
        return {str(name): self.speeds(node, "speed_here", name) for name in node}

    def items(
        self, node: Mapping[str, object], where: str, key: str, known: set[str]
    ) -> list[tuple[Mapping[str, object], str]]:
        nodes = node.get(key, [])
        if not isinstance(nodes, list):
            raise self.error(node, where, key, "must be a list", f"write items of {', '.join(sorted(known))}")
        places = [f"{where}.{key}[{index}]" for index in range(len(nodes))]
        return [(self.mapping(item, at, known), at) for item, at in zip(nodes, places, strict=True)]

    def number(self, node: Mapping[str, object], where: str, key: str, most: float = 1e9) -> float:
        value = node.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise self.error(node, where, key, f"{value!r} is no number from 0 to {most:g}", "write one such as 0.9")
        return float(value)

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
