"""Replays the labelled real clips and prints how right the rules are: a table, then one JSON line.

    python -m bench.replay_clips [NAME ...]

Needs `../shared/clips`. NAME is a label file of `tests/replay/labels` without its suffix; none means all.
"""

from __future__ import annotations

import argparse
import json
import sys
import time

from tests.replay.scoring import (
    CONFIG_DIR,
    LABELS_DIR,
    LabelledClip,
    Score,
    Span,
    compare,
    load_labels,
    replay,
    sha256_of,
    spans_of,
)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _row(name: str, score: Score, seconds: float | None) -> str:
    counts = f"{len(score.matched):>3} {len(score.false_alerts):>5} {len(score.missed):>6} {score.open_matches:>5}"
    figures = f"{_figure(score.precision):>9} {_figure(score.recall):>6} {_figure(score.median_delay_s):>7}"
    return f"{name:<34} {counts} {figures} {'' if seconds is None else f'{seconds:>7.1f}'}"


def _tell(what: str, span: Span) -> None:
    print(
        f"    {what}: {span.kind} in {span.zone or 'the picture'}, {span.start_s:.1f}-{span.end_s:.1f} s  {span.note}"
    )


def _run(clip: LabelledClip) -> tuple[list[Span], float]:
    if sha256_of(clip.path) != clip.sha256:
        raise SystemExit(f"{clip.path}: not the clip that was labelled (its sha256 differs)")
    began = time.perf_counter()
    events = spans_of(replay(CONFIG_DIR, clip.camera, clip.path))
    return events, time.perf_counter() - began


def main() -> int:
    """Replay, compare, print."""
    parser = argparse.ArgumentParser(description="Compare replayed clips with their labels.")
    parser.add_argument("names", nargs="*")
    names = parser.parse_args().names or sorted(path.stem for path in LABELS_DIR.glob("*.yaml"))
    clips = [load_labels(LABELS_DIR / f"{name}.yaml") for name in names]
    absent = sorted({str(clip.path) for clip in clips if not clip.path.is_file()})
    if absent:
        print(f"missing clips: {', '.join(absent)}", file=sys.stderr)
        return 1
    print(
        f"{'clip / rule':<34} {'hit':>3} {'false':>5} {'missed':>6} {'open':>5} {'precision':>9} {'recall':>6}", end=" "
    )
    print(f"{'delay s':>7} {'run s':>7}")
    by_kind: dict[str, Score] = {}
    for clip in clips:
        events, seconds = _run(clip)
        print(_row(clip.name, compare(clip.events, events), seconds))
        for kind in sorted({span.kind for span in (*clip.events, *events)}):
            labels = [span for span in clip.events if span.kind == kind]
            score = compare(labels, [span for span in events if span.kind == kind])
            by_kind.setdefault(kind, Score()).add(score)
            for span in score.false_alerts:
                _tell("false alert", span)
            for span in score.missed:
                _tell("missed", span)
    print()
    for kind, score in sorted(by_kind.items()):
        print(_row(kind, score, None))
    figures = {
        kind: {
            "hits": len(score.matched),
            "false_alerts": len(score.false_alerts),
            "missed": len(score.missed),
            "precision": score.precision,
            "recall": score.recall,
            "median_delay_s": score.median_delay_s,
        }
        for kind, score in sorted(by_kind.items())
    }
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
