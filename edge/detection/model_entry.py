"""What a manifest says about one model, and whether its files are the right ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from contract.messages import Text
from edge.errors import ModelError

MANIFEST_NAME = "manifest.yaml"


class ModelKind(StrEnum):
    """Which adapter runs a model: the first two need OpenVINO only."""

    NANODET = "nanodet"
    YOLO = "yolo"
    ULTRALYTICS = "ultralytics"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file (for an ultralytics export, it may be a folder) that a model consists of."""

    path: Path
    sha256: str | None
    """Lower-case hexadecimal; None: not checked."""
    url: str = ""
    """Where `langan-edge models get` fetches it; empty: nowhere."""
    member: str = ""
    """Its name in the archive that `url` gives; empty: `url` gives the file itself."""

    def verify(self) -> None:
        """Check that the file is there and is the one that the manifest means.

        Raises:
            ModelError: It is missing, unreadable or another one.
        """
        if not self.path.exists():
            raise ModelError(
                Text(
                    "{file}: no such model file: put it there, or correct its path in {manifest}",
                    file=self.path,
                    manifest=MANIFEST_NAME,
                )
            )
        if self.sha256 is None:
            return
        try:
            found = sha256_of(self.path)
        except OSError as error:
            what = Text(
                "{file}: cannot be read ({cause}): make it readable for this user", file=self.path, cause=error.strerror
            )
            raise ModelError(what) from error
        if found != self.sha256:
            raise ModelError(
                Text(
                    "{file}: its SHA-256 is {found}, but {manifest} says {wanted}: the file is damaged or was "
                    "replaced; restore it, or write its hash into {manifest} if you trust it",
                    file=self.path,
                    found=found,
                    wanted=self.sha256,
                    manifest=MANIFEST_NAME,
                )
            )


def sha256_of(path: Path) -> str:
    """A file's SHA-256, lower-case hexadecimal; computed again only when its size or time of change differs.

    Raises:
        OSError: It cannot be read.
    """
    about = path.stat()
    return _sha256(path, about.st_ino, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(path: Path, _inode: int, _size: int, _mtime_ns: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Accuracy:
    """One measured share of right answers."""

    what: str
    value: float
    on: str
    by: str
    """The command that measured it."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How long one picture takes."""

    threads: int
    median_ms: float
    p95_ms: float | None
    on: str
    """The processor, and the pictures' size."""
    by: str
    """The command that measured it."""


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One model of the manifest."""

    id: str
    kind: ModelKind
    files: tuple[ModelFile, ...]
    aliases: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    """Class names in the order of the model's outputs; empty: those that the weights carry."""
    parts: tuple[tuple[str, str], ...] = ()
    """Which of the model's classes are parts of objects: its own name, and ours (one of `PART_CLASSES`)."""
    input_wh: tuple[int, int] | None = None
    """Pixels; None: as the weights say."""
    score_threshold: float = 0.3
    nms_iou: float = 0.5
    batch: int = 1
    """Pictures for one inference. More than one pays off on a GPU only."""
    device: str = ""
    """OpenVINO's or torch's name of what it runs on; empty: the CPU for OpenVINO, torch's choice otherwise."""
    licence: str = ""
    source: str = ""
    """Where it comes from: `embedded`, an address, or how it was made."""
    accuracy: tuple[Accuracy, ...] = ()
    speed: tuple[Speed, ...] = ()
    weights_url: str = ""
    """A model on a Triton server, instead of files; kind `ultralytics` only."""

    def verify(self) -> None:
        """Check every file.

        Raises:
            ModelError: A file is missing or is another one.
        """
        for file in self.files:
            file.verify()
