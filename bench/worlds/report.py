"""The benchmark's tables, plot and JSON line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bench.worlds.noise import LEVELS, Level
from bench.worlds.score import Score
from contract.rules import RULES

Setting = tuple[Level, float]
Totals = Mapping[Setting, Mapping[str, Score]]

_PANEL_W, _PANEL_H, _COLUMNS, _MARGIN = 260, 170, 3, 36


def figures(scores: Mapping[str, Score]) -> dict[str, dict[str, float | None]]:
    """What the last line says: of each kind precision, recall, delay and false alerts per camera-hour."""
    return {
        kind: {
            "precision": _rounded(item.precision),
            "recall": _rounded(item.recall),
            "delay_s": _rounded(item.delay_s, 2),
            "false_per_camera_hour": _rounded(item.false_per_camera_hour, 4),
        }
        for kind, item in sorted(scores.items())
    }


def tables(totals: Totals, main: Setting) -> str:
    """Markdown: each noise level in full, the main one first; then precision and recall by noise and by frame rate."""
    level, fps = main
    levels = [item for item in LEVELS if (item, fps) in totals]
    lines: list[str] = []
    for each in sorted(levels, key=lambda item: item != level):
        lines += [f"At {fps:g} frames a second, noise: {each}", "", *_full(totals[each, fps]), ""]
    lines += _errors(totals, main)
    rates = sorted(rate for name, rate in totals if name == level)
    lines += [f"Precision / recall by frames a second, noise: {level}", ""]
    lines += _grid(totals, [(level, rate) for rate in rates], [f"{rate:g}" for rate in rates])
    return "\n".join(lines) + "\n"


def _full(scores: Mapping[str, Score]) -> list[str]:
    heads = (
        "rule",
        "right",
        "false",
        "missed",
        "of these unseen",
        "borderline",
        "precision",
        "recall",
        "recall of the seen",
        "median delay, s",
        "ordinary hours",
        "false in them",
        "false per camera-hour",
        "less than (95 %)",
    )
    lines = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for kind, item in sorted(scores.items()):
        cells = (
            f"`{kind}`",
            item.right,
            item.false,
            item.missed,
            item.unseen,
            item.optional,
            _text(item.precision),
            _text(item.recall),
            _text(item.recall_of_seen),
            _text(item.delay_s, 1),
            f"{item.ordinary_hours:.1f}",
            item.ordinary_false,
            _text(item.false_per_camera_hour, 3),
            _text(item.most_false_per_camera_hour, 3),
        )
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return [
        *lines,
        *(f"| `{kind}` | no world yet {'| ' * (len(heads) - 1)}|" for kind in sorted(set(RULES) - set(scores))),
    ]


def _errors(totals: Totals, main: Setting) -> list[str]:
    lines = []
    for (level, fps), scores in sorted(totals.items()):
        for kind, item in sorted(scores.items()):
            for fact, values in item.errors.items():
                p95 = float(np.percentile(np.abs(values), 95))
                mark = " (the target's setting)" if (level, fps) == main else ""
                setting = f"{level} noise, {fps:g} fps{mark}"
                bias = f"mean {np.mean(values):+.1%}, {len(values)} vehicles"
                lines.append(f"- `{kind}` {fact}, {setting}: error p95 {p95:.1%}, {bias}")
    return [*lines, ""] if lines else []


def _grid(totals: Totals, settings: Sequence[Setting], heads: Sequence[str]) -> list[str]:
    kinds = sorted({kind for setting in settings for kind in totals.get(setting, {})})
    lines = ["| rule | " + " | ".join(heads) + " |", "| --- " * (len(heads) + 1) + "|"]
    for kind in kinds:
        cells = []
        for setting in settings:
            item = totals.get(setting, {}).get(kind)
            cells.append("-" if item is None else f"{_text(item.precision)} / {_text(item.recall)}")
        lines.append(f"| `{kind}` | " + " | ".join(cells) + " |")
    return lines


def mistakes(totals: Totals) -> str:
    """Every false and missed alert in words."""
    lines = []
    for (level, fps), scores in sorted(totals.items()):
        for kind, item in sorted(scores.items()):
            lines += [f"{level} {fps:g} fps {kind}: {example}" for example in item.examples]
    return "\n".join(lines) + "\n"


def plot(totals: Totals, fps: float, level: Level) -> str:
    """SVG: one panel for each rule: precision and recall over frames a second, and marks for the other noise levels."""
    rates = sorted(rate for name, rate in totals if name == level)
    kinds = sorted({kind for scores in totals.values() for kind in scores})
    rows = -(-len(kinds) // _COLUMNS)
    width, height = _COLUMNS * _PANEL_W, rows * _PANEL_H + 30
    style = 'font-family="sans-serif" font-size="11"'
    legend = (
        f"Lines: {level} noise over frames a second (blue precision, orange recall). At {fps:g}: circles without "
        "noise, crosses with double noise. Grey line: target 0.95."
    )
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="8" y="16">{legend}</text>',
    ]
    for index, kind in enumerate(kinds):
        left, top = (index % _COLUMNS) * _PANEL_W + _MARGIN, (index // _COLUMNS) * _PANEL_H + 50
        parts += _panel(totals, kind, rates, fps, level, left, top)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(
    totals: Totals, kind: str, rates: Sequence[float], fps: float, level: Level, left: float, top: float
) -> list[str]:
    wide, high = _PANEL_W - _MARGIN - 16, _PANEL_H - 62

    def at(rate: float, value: float) -> tuple[float, float]:
        share = (rates.index(rate) + 0.5) / len(rates) if rate in rates else 0.5
        return left + share * wide, top + (1.0 - value) * high

    goal = at(fps, 0.95)[1]
    parts = [
        f'<text x="{left}" y="{top - 8}" font-weight="bold">{kind}</text>',
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#999"/>',
        f'<line x1="{left}" x2="{left + wide}" y1="{goal:.1f}" y2="{goal:.1f}" stroke="#bbb"/>',
        *(f'<text x="{left - 24}" y="{at(fps, v)[1] + 4:.1f}">{v:.1f}</text>' for v in (0.0, 0.5, 1.0)),
        *(f'<text x="{at(rate, 0)[0] - 6:.1f}" y="{top + high + 14}">{rate:g}</text>' for rate in rates),
    ]
    for name, colour in (("precision", "#1f77b4"), ("recall", "#ff7f0e")):
        values = [
            (rate, value)
            for rate in rates
            if (value := getattr(totals.get((level, rate), {}).get(kind), name, None)) is not None
        ]
        places = [at(*pair) for pair in values]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        # Dots, too: a line through one rate shows nothing. Those of recall are smaller: where equal, both are seen.
        radius = 3.5 if name == "precision" else 2.0
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{colour}"/>' for x, y in places]
        marks: tuple[tuple[Level, str], ...] = (("none", "o"), ("double", "x"))
        for other, mark in marks:
            value = getattr(totals.get((other, fps), {}).get(kind), name, None)
            if value is not None:
                x, y = at(fps, value)
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="none" stroke="{colour}"/>'
                    if mark == "o"
                    else f'<path d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8" stroke="{colour}"/>'
                )
    return parts


def _rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def _text(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
