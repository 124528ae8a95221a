"""What `langan-edge models list` says about each model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from edge.detection.model_entry import ModelEntry
from edge.errors import ModelError
from edge.models.site import accuracy_text, speed_text


def state_of(entry: ModelEntry) -> str:
    """`well`, `not checked` (no hash is known), `missing`, `wrong` (not the file that is meant) or `remote`."""
    if not entry.files:
        return "remote"
    if not all(file.path.exists() for file in entry.files):
        return "missing"
    try:
        entry.verify()
    except ModelError:
        return "wrong"
    checked = all(file.sha256 is not None or file.path.is_dir() for file in entry.files)
    return "well" if checked and any(file.sha256 for file in entry.files) else "not checked"


def size_bytes(entry: ModelEntry) -> int | None:
    """Bytes of all files; None when one is missing."""
    try:
        return sum(
            sum(item.stat().st_size for item in file.path.rglob("*") if item.is_file())
            if file.path.is_dir()
            else file.path.stat().st_size
            for file in entry.files
        )
    except OSError:
        return None


def describe(entry: ModelEntry) -> dict[str, object]:
    """A model as `--json` prints it."""
    return {
        "id": entry.id,
        "aliases": list(entry.aliases),
        "kind": str(entry.kind),
        "state": state_of(entry),
        "size_bytes": size_bytes(entry),
        "input_wh": None if entry.input_wh is None else list(entry.input_wh),
        "batch": entry.batch,
        "classes": list(entry.classes),
        "parts": dict(entry.parts),
        "licence": entry.licence,
        "source": entry.source,
        "files": [
            {"path": str(file.path), "sha256": file.sha256} | ({"url": file.url} if file.url else {})
            for file in entry.files
        ],
        "accuracy": [asdict(item) for item in entry.accuracy],
        "speed": [asdict(item) for item in entry.speed],
    }


def table(entries: Sequence[ModelEntry]) -> Iterator[str]:
    """A line for each model, the longest texts last."""
    rows = [("ID", "KIND", "STATE", "MB", "INPUT", "ACCURACY", "SPEED (ms/threads)", "LICENCE")]
    for entry in entries:
        size = size_bytes(entry)
        rows.append((
            entry.id + (f" ({', '.join(entry.aliases)})" if entry.aliases else ""),
            str(entry.kind),
            state_of(entry),
            "-" if size is None else f"{size / 1e6:.1f}",
            "-" if entry.input_wh is None else "{}x{}".format(*entry.input_wh),
            accuracy_text(entry),
            speed_text(entry),
            entry.licence or "not said",
        ))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
