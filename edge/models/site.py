"""A site's folder of models: its manifest, and the entries that the commands write into it.

CONFIG/models/manifest.yaml         the site's own models and this machine's figures; may be edited by hand
CONFIG/models/ID/...                what `export` and `quantize` made
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from edge.detection.manifest import MANIFEST_NAME, Manifest, embedded_manifest_path, load_manifest, site_manifest_path
from edge.detection.model_entry import Accuracy, ModelEntry, Speed, sha256_of
from edge.errors import ModelError

_HEADER = "# This site's own models, in front of those that come with Làng An. See docs/reference/models.md.\n"


class SiteModels:
    """What a site adds to the packaged models.

    Args:
        config_dir: The configuration folder; None: only `LANGAN_MODELS_DIR` may name a folder.
    """

    def __init__(self, config_dir: Path | None) -> None:
        self._path = site_manifest_path(config_dir)

    @property
    def folder(self) -> Path:
        """Where new models go.

        Raises:
            ModelError: No folder is known.
        """
        if self._path is None:
            raise ModelError(
                "there is no folder for this site's models: give --config, the folder with site.yaml, "
                "or set LANGAN_MODELS_DIR"
            )
        return self._path.parent

    def manifest(self) -> Manifest:
        """The site's models, then the packaged ones.

        Raises:
            ModelError: A manifest is wrong.
        """
        there = self._path is not None and self._path.exists()
        return load_manifest(self._path if there else embedded_manifest_path())

    def owns(self, model_id: str) -> bool:
        """Whether the site's own manifest lists this id."""
        return any(str(model.get("id")) == model_id for model in self._document().get("models") or ())

    def add(self, entry: ModelEntry, *, replace: bool = False) -> None:
        """Write a model into the site's manifest; the comments that stand there stay.

        Args:
            entry: Its files lie below `folder`; their hashes are computed here.
            replace: Take the place of the model with this id.

        Raises:
            ModelError: The id is taken, or the manifest cannot be written.
        """
        document = self._document()
        models = document.setdefault("models", [])
        taken = [index for index, model in enumerate(models) if str(model.get("id")) == entry.id]
        if taken and not replace:
            raise id_taken(entry.id)
        node = self._node(entry)
        if taken:
            models[taken[0]] = node
        else:
            models.append(node)
        self._write(document)

    def set_speed(self, model_id: str, speeds: Sequence[Speed]) -> Path:
        """Write what was measured on this machine; returns the manifest.

        Raises:
            ModelError: The manifest cannot be written.
        """
        document = self._document()
        here = document.setdefault("speed_here", {})
        here[model_id] = [_without_none(asdict(speed)) for speed in speeds]
        self._write(document)
        return self.folder / MANIFEST_NAME

    def _node(self, entry: ModelEntry) -> dict[str, Any]:
        node: dict[str, Any] = {"id": entry.id, "kind": str(entry.kind)}
        node["files"] = [
            {"path": file.path.relative_to(self.folder).as_posix()}
            | ({} if file.path.is_dir() else {"sha256": sha256_of(file.path)})
            for file in entry.files
        ]
        if entry.input_wh is not None:
            node["input_wh"] = list(entry.input_wh)
        node |= {"score_threshold": entry.score_threshold, "nms_iou": entry.nms_iou}
        if entry.batch != 1:
            node["batch"] = entry.batch
        node |= {name: text for name, text in (("licence", entry.licence), ("source", entry.source)) if text}
        if entry.classes:
            node["classes"] = list(entry.classes)
        if entry.parts:
            known = sorted({part for _, part in entry.parts})
            node["parts"] = {part: [name for name, meant in entry.parts if meant == part] for part in known}
        measured = {
            "accuracy": [asdict(item) for item in entry.accuracy],
            "speed": [_without_none(asdict(item)) for item in entry.speed],
        }
        if any(measured.values()):
            node["measured"] = {name: items for name, items in measured.items() if items}
        return node

    def _document(self) -> Any:
        """The manifest as ruamel.yaml keeps it, comments included."""
        if self._path is None or not self._path.exists():
            return {}
        load_manifest(self._path)  # a wrong one is told with its line, and not written over
        return _yaml().load(self._path.read_text(encoding="utf-8"))

    def _write(self, document: Any) -> None:
        path = self.folder / MANIFEST_NAME
        text = io.StringIO()
        if not path.exists():
            text.write(_HEADER)
        _yaml().dump(document, text)
        partial = path.with_name(f".{MANIFEST_NAME}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8") as file:
                file.write(text.getvalue())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be written ({error.strerror}): correct the folder's owner or mode"
            ) from error


def id_taken(model_id: str) -> ModelError:
    """What to say when a new model would take the place of another."""
    return ModelError(f"{model_id}: the site's manifest has this id: choose another with --as, or give --replace")


def accuracy_text(entry: ModelEntry) -> str:
    """The first figure: what a list has room for."""
    first: Accuracy | None = next(iter(entry.accuracy), None)
    return "-" if first is None else f"{first.what} {first.value:.3g}"


def speed_text(entry: ModelEntry) -> str:
    """Median milliseconds by threads: `25 ms/1, 15 ms/2`."""
    return ", ".join(f"{speed.median_ms:.3g} ms/{speed.threads}" for speed in entry.speed) or "-"


def _yaml() -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 120
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _without_none(node: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in node.items() if value is not None}
