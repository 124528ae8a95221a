"""A small disk of one's own: what happens when it is full can then be tried, not imagined."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk_at(folder: Path, size: str) -> Iterator[Path]:
    """A real file system of `size` (as `4m`), mounted for a while; skips the test where root is not to be had."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that is left, as another program's log would; returns the file."""
    filler = folder / "filler"
    fill_more(filler)
    return filler


def fill_more(filler: Path) -> None:
    """Let such a file grow until there is no room again."""
    with filler.open("ab", buffering=0) as file:
        chunk = 1 << 20
        while chunk >= 512:
            try:
                file.write(b"x" * chunk)
            except OSError:
                chunk //= 2
