"""Compares what `langan-edge replay` says of a real clip with what people saw in it.

An event matches a label of the same kind and zone whose time it overlaps; pairs are made once each, the longest overlap
first. A label marked `optional` counts for nothing, whether it is matched or not.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from ruamel.yaml import YAML

REPOSITORY = Path(__file__).resolve().parents[2]
CLIPS = REPOSITORY.parent / "shared" / "clips"
CONFIG_DIR = Path(__file__).parent / "configs"
LABELS_DIR = Path(__file__).parent / "labels"
START = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)
"""A Monday, 10:00 in Vietnam: outside the after-hours limits."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that happened, by a label or by an event. Seconds from the clip's first frame."""

    kind: str
    zone: str | None
    start_s: float
    end_s: float
    optional: bool = False
    note: str = ""
    raised_s: float | None = None
    """Of an event: when the edge said so first."""

    def overlap_s(self, other: Span) -> float:
        """Seconds in common; 0 or less: none."""
        if (self.kind, self.zone) != (other.kind, other.zone):
            return 0.0
        return min(self.end_s, other.end_s) - max(self.start_s, other.start_s)


@dataclass(frozen=True, slots=True)
class LabelledClip:
    """A clip, the camera file that it is replayed with, and what happens in it."""

    name: str
    path: Path
    sha256: str
    camera: str
    events: tuple[Span, ...]


@dataclass(slots=True)
class Score:
    """How events and labels agree."""

    matched: list[tuple[Span, Span]] = field(default_factory=list)
    """(label, event) pairs that count."""
    false_alerts: list[Span] = field(default_factory=list)
    missed: list[Span] = field(default_factory=list)
    open_matches: int = 0
    """Events on optional labels."""

    @property
    def precision(self) -> float | None:
        """Share of the events that count which are right; None without any."""
        total = len(self.matched) + len(self.false_alerts)
        return len(self.matched) / total if total else None

    @property
    def recall(self) -> float | None:
        """Share of the labels that count which were found; None without any."""
        total = len(self.matched) + len(self.missed)
        return len(self.matched) / total if total else None

    @property
    def median_delay_s(self) -> float | None:
        """From a label's start until the event was raised; the rules' own minimum durations are part of it."""
        delays = [event.raised_s - label.start_s for label, event in self.matched if event.raised_s is not None]
        return median(delays) if delays else None

    def add(self, other: Score) -> None:
        """Count another clip's score too."""
        self.matched += other.matched
        self.false_alerts += other.false_alerts
        self.missed += other.missed
        self.open_matches += other.open_matches


def unjudged(labels: Sequence[Span], kinds: Collection[str]) -> list[Span]:
    """Labels of kinds that the camera file has no rule for: nobody could have found them."""
    return [label for label in labels if label.kind not in kinds]


def load_labels(path: Path) -> LabelledClip:
    """Read a label file."""
    data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    events = tuple(Span(**event) for event in data["events"])
    return LabelledClip(path.stem, CLIPS / data["clip"], data["sha256"], data["camera"], events)


def sha256_of(path: Path) -> str:
    """Hash of a clip."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replay(config_dir: Path, camera: str, clip: Path) -> list[dict[str, Any]]:
    """Run the edge over a clip and return the Event v1 documents that it prints.

    Raises:
        RuntimeError: The command failed.
    """
    command = [sys.executable, "-m", "edge.cli", "replay", "--config", str(config_dir), "--camera", camera]
    command += ["--start", START.isoformat(), "--json", str(clip)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"replay of {clip.name} with {camera} failed ({done.returncode}): {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


def spans_of(documents: Sequence[dict[str, Any]]) -> list[Span]:
    """One span for each event, from all its revisions."""
    revisions: dict[str, list[dict[str, Any]]] = {}
    for document in documents:
        revisions.setdefault(document["event_id"], []).append(document)
    spans = []
    for same in revisions.values():
        first, last = same[0], same[-1]
        spans.append(
            Span(
                kind=last["kind"],
                zone=last["zone"],
                start_s=_seconds(last["started_at"]),
                end_s=_seconds(last["ended_at"] or last["observed_at"]),
                raised_s=_seconds(first["observed_at"]) if first["state"] == "start" else None,
                note=str(last["facts"].get("object_class", "")),
            )
        )
    return sorted(spans, key=lambda span: (span.start_s, span.kind, span.zone or ""))


def compare(labels: Sequence[Span], events: Sequence[Span]) -> Score:
    """Match events with labels."""
    pairs = [
        (label.overlap_s(event), i, j)
        for i, label in enumerate(labels)
        for j, event in enumerate(events)
        if label.overlap_s(event) > 0.0
    ]
    label_of: dict[int, int] = {}
    event_of: dict[int, int] = {}
    for _, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if i not in event_of and j not in label_of:
            event_of[i], label_of[j] = j, i
    score = Score()
    for j, event in enumerate(events):
        if j not in label_of:
            score.false_alerts.append(event)
        elif labels[label_of[j]].optional:
            score.open_matches += 1
        else:
            score.matched.append((labels[label_of[j]], event))
    score.missed = [label for i, label in enumerate(labels) if i not in event_of and not label.optional]
    return score


def _seconds(text: str) -> float:
    return (datetime.fromisoformat(text) - START).total_seconds()
