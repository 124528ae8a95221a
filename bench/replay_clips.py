"""Replays the labelled real clips and prints how right the rules are: a table, then one JSON line.

    python -m bench.replay_clips [--annotate-errors DIR] [NAME ...]

Needs `../shared/clips`. NAME is a label file of `tests/replay/labels` without its suffix; none means all.
With --annotate-errors each false and each missed alert is written as a video of its own, from some seconds before until
some seconds after, with what the edge saw drawn on it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from contract.config_loader import LoadedConfig, load_config_dir
from contract.event import Event
from edge.annotate import AnnotatedVideo
from edge.pipeline import CameraPipeline
from edge.replay import replay as replay_here
from edge.types import Frame
from tests.replay.scoring import (
    CONFIG_DIR,
    LABELS_DIR,
    START,
    LabelledClip,
    Score,
    Span,
    compare,
    load_labels,
    replay,
    sha256_of,
    spans_of,
    unjudged,
)

AROUND_S = 3.0
"""How much of the clip before and after an error is shown."""


class _Errors:
    """Implements `edge.replay.Watcher`: hands each frame to the videos whose time it is in."""

    def __init__(self, videos: Sequence[tuple[Span, AnnotatedVideo]]) -> None:
        self._videos = videos

    def watch(self, frame: Frame, pipeline: CameraPipeline, events: Sequence[Event]) -> None:
        """Show a frame."""
        at_s = (frame.utc - START).total_seconds()
        for span, video in self._videos:
            if span.start_s - AROUND_S <= at_s <= span.end_s + AROUND_S:
                video.watch(frame, pipeline, events)


def _annotate(folder: Path, config: LoadedConfig, clip: LabelledClip, score: Score) -> None:
    """Replay a clip once more, and write a video of each error."""
    errors = [("false", span) for span in score.false_alerts] + [("missed", span) for span in score.missed]
    if not errors or config.site is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    loaded = config.cameras[clip.camera]
    with ExitStack() as stack:
        videos = []
        for number, (what, span) in enumerate(errors):
            path = folder / f"{clip.name}-{number:02d}-{what}-{span.kind}.mp4"
            video = AnnotatedVideo(path, loaded.config, f"{what}: {_said(span)}")
            videos.append((span, stack.enter_context(video)))
            print(f"    {path}")
        replay_here(loaded, config.site, clip.path, START, lambda _event: None, watcher=_Errors(videos))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _row(name: str, score: Score, seconds: float | None) -> str:
    counts = f"{len(score.matched):>3} {len(score.false_alerts):>5} {len(score.missed):>6} {score.open_matches:>5}"
    figures = f"{_figure(score.precision):>9} {_figure(score.recall):>6} {_figure(score.median_delay_s):>7}"
    return f"{name:<34} {counts} {figures} {'' if seconds is None else f'{seconds:>7.1f}'}"


def _said(span: Span) -> str:
    return f"{span.kind} in {span.zone or 'the picture'}, {span.start_s:.1f}-{span.end_s:.1f} s  {span.note}"


def _tell(what: str, span: Span) -> None:
    print(f"    {what}: {_said(span)}")


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
    parser.add_argument("--annotate-errors", type=Path, metavar="DIR", help="write a video of each error there")
    options = parser.parse_args()
    names = options.names or sorted(path.stem for path in LABELS_DIR.glob("*.yaml"))
    config = load_config_dir(CONFIG_DIR)
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
        camera = config.cameras[clip.camera].config
        left_out = unjudged(clip.events, {rule.kind for rule in (*camera.rules, *camera.camera_rules)})
        judged = [label for label in clip.events if label not in left_out]
        whole = compare(judged, events)
        print(_row(clip.name, whole, seconds))
        for span in left_out:
            _tell("no rule for the label", span)
        for kind in sorted({span.kind for span in (*judged, *events)}):
            labels = [span for span in judged if span.kind == kind]
            score = compare(labels, [span for span in events if span.kind == kind])
            by_kind.setdefault(kind, Score()).add(score)
            for span in score.false_alerts:
                _tell("false alert", span)
            for span in score.missed:
                _tell("missed", span)
        if options.annotate_errors is not None:
            _annotate(options.annotate_errors, config, clip, whole)
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
