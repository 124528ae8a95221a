"""models/manifest.yaml: which detectors there are.

Two manifests are read: the one that comes with Làng An, and in front of it the site's own (`site_manifest_path`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from contract.messages import Text
from edge.detection.manifest_reader import MODELS_DIR_VARIABLE, read_manifest
from edge.detection.model_entry import MANIFEST_NAME, ModelEntry, ModelFile, ModelKind
from edge.errors import ModelError

__all__ = [
    "MANIFEST_NAME",
    "MODELS_DIR_VARIABLE",
    "Manifest",
    "ModelEntry",
    "ModelFile",
    "ModelKind",
    "default_manifest_path",
    "embedded_manifest_path",
    "load_manifest",
    "models_of",
    "site_manifest_path",
]  # fmt: skip

_CONFIG_MODELS_VARIABLE = "_LANGAN_CONFIG_MODELS"
"""Set by `models_of` only; the environment, for worker processes inherit it."""


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
        raise ModelError(
            Text(
                "unknown model {model!r}: use one of {names}, or list it in {manifest}",
                model=model_id,
                names=known,
                manifest=MANIFEST_NAME,
            )
        )


def embedded_manifest_path() -> Path:
    """The manifest that comes with Làng An: inside the installed package, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "models" / MANIFEST_NAME
    return installed if installed.exists() else package.parents[1] / "models" / MANIFEST_NAME


def site_manifest_path(config_dir: Path | None = None) -> Path | None:
    """Where a site lists its own models: in the folder that `LANGAN_MODELS_DIR` names, else in `models/` of its
    configuration folder. It need not exist. None: no folder is known."""
    folder = os.environ.get(MODELS_DIR_VARIABLE)
    if folder:
        return Path(folder) / MANIFEST_NAME
    return None if config_dir is None else config_dir / "models" / MANIFEST_NAME


@contextmanager
def models_of(config_dir: Path | None) -> Iterator[None]:
    """Inside the block this process, and every one that it starts, finds the models of a configuration folder."""
    before = os.environ.get(_CONFIG_MODELS_VARIABLE)
    if config_dir is not None:
        os.environ[_CONFIG_MODELS_VARIABLE] = str((config_dir / "models").resolve())
    try:
        yield
    finally:
        if before is not None:
            os.environ[_CONFIG_MODELS_VARIABLE] = before
        else:
            os.environ.pop(_CONFIG_MODELS_VARIABLE, None)


def default_manifest_path() -> Path:
    """The site's own manifest, else the one that comes with Làng An."""
    folder = os.environ.get(MODELS_DIR_VARIABLE)
    if folder:
        return Path(folder) / MANIFEST_NAME  # named by hand: it must be there
    beside_configuration = os.environ.get(_CONFIG_MODELS_VARIABLE)
    if beside_configuration and (path := Path(beside_configuration) / MANIFEST_NAME).exists():
        return path
    return embedded_manifest_path()


def load_manifest(path: Path | None = None) -> Manifest:
    """Read a manifest. The embedded models stay available behind a user's own, whose ids and aliases win.

    Args:
        path: The manifest; None: `default_manifest_path()`.

    Raises:
        ModelError: The manifest is missing or wrong; the message says `file:line: key: what: remedy`.
    """
    path = default_manifest_path() if path is None else path
    entries, here = read_manifest(path)
    embedded = embedded_manifest_path()
    if path.resolve() != embedded.resolve():
        entries += read_manifest(embedded)[0]
    return Manifest(tuple(replace(entry, speed=here.get(entry.id, entry.speed)) for entry in entries))
