"""Reads stored observations, in order; what a power cut tore is left out and counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge.errors import EdgeError
from edge.observations.codec import MAGIC, Block, BlockDamaged, decode
from edge.observations.log import FOLDER, SUFFIX


@dataclass(slots=True)
class Damage:
    """What could not be read."""

    bytes_skipped: int = 0


def stored_cameras(folder: Path) -> dict[str, Path]:
    """Camera ids to the folders of their observations.

    Args:
        folder: The edge's data folder, its `observations`, or one camera's folder in it.

    Raises:
        EdgeError: Nothing is stored there.
    """
    if not folder.is_dir():
        raise EdgeError(f"{folder}: no such folder: give the folder `observations` below the edge's --data")
    if any(folder.glob(f"*{SUFFIX}")):
        return {folder.resolve().name: folder}
    for root in (folder, folder / FOLDER):
        found = {path.name: path for path in sorted(root.glob("*")) if any(path.glob(f"*{SUFFIX}"))}
        if found:
            return found
    raise EdgeError(
        f"{folder}: no stored observations: write `observations: {{store: true}}` into the camera's file and let "
        "`langan-edge run` watch for a day"
    )


def read_blocks(folder: Path, damage: Damage) -> Iterator[Block]:
    """A camera's blocks, the oldest first.

    Args:
        folder: Holds the camera's files.
        damage: Counts what was skipped.

    Raises:
        EdgeError: A file cannot be read.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            data = path.read_bytes()
        except OSError as error:
            raise EdgeError(f"{path}: cannot be read ({error.strerror}): correct its permissions") from error
        offset = 0
        while offset < len(data):
            try:
                block, offset = decode(data, offset)
            except BlockDamaged:
                following = data.find(MAGIC, offset + 1)
                end = following if following >= 0 else len(data)
                damage.bytes_skipped += end - offset
                offset = end
                continue
            yield block
