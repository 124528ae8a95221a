"""`langan-edge models get`: brings the files of a model that the manifest has addresses for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from edge.detection.model_entry import ModelEntry, ModelFile
from edge.errors import ModelError
from edge.models.archive import extract
from edge.models.download import Progress, download

_DOWNLOADS = ".downloads"
"""Archives stay here until every file was taken out."""


def fetch(entry: ModelEntry, progress_for: Callable[[str], Progress]) -> list[Path]:
    """Fetch what is missing or wrong.

    Args:
        entry: The model.
        progress_for: Makes what is told how far a file of this name is.

    Returns:
        The files that are new; none when all were there.

    Raises:
        ModelError: A file has no address, or cannot be fetched, or is another one.
    """
    wanted = [file for file in entry.files if not _well(file)]
    for file in wanted:
        if not file.url:
            origin = f" (source: {entry.source})" if entry.source else ""
            raise ModelError(
                f"{entry.id}: the manifest has no url for {file.path}{origin}: put the file there yourself, or write "
                "url and sha256 into the manifest"
            )
    archives: set[Path] = set()
    for file in wanted:
        if not file.member:
            download(file.url, file.path, file.sha256, progress_for(file.path.name))
            continue
        archive = file.path.parent / _DOWNLOADS / hashlib.sha256(file.url.encode()).hexdigest()[:16]
        if not archive.exists():
            download(file.url, archive, None, progress_for(urlsplit(file.url).path.rpartition("/")[2]))
        archives.add(archive)
        try:
            extract(archive, file.member, file.path, file.sha256 or "")
        except ModelError:
            archive.unlink(missing_ok=True)  # what holds the wrong thing is fetched anew
            raise
        except OSError as error:
            raise ModelError(
                f"{file.path}: cannot be written ({error.strerror}): make room, or correct the folder's mode"
            ) from error
    for archive in archives:
        archive.unlink()
        if not any(archive.parent.iterdir()):
            archive.parent.rmdir()
    return [file.path for file in wanted]


def _well(file: ModelFile) -> bool:
    try:
        file.verify()
    except ModelError:
        return False
    return True
