"""Charts as SVG, drawn here: no script, no style of their own. The page's style sheet gives them its colours.

Each is an image with a name and a sentence that says what it shows; the same numbers stand in a table below it.
Colours in attributes are those of paper; classes let `reports.css` change them for the dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from server.domain.reports import Report
from server.reports.words import Words

WIDE: Final = 720
NARROW: Final = 336
"""Pixels: what a desktop's column and a phone of 360 px have."""
_INK, _SOFT, _GRID, _MAIN, _BEFORE = "#1d2521", "#55605a", "#d9d2c1", "#1d6b55", "#a8281c"
_EDGE: Final = "#fffdf8"
_FONT: Final = "'Noto Sans', 'Liberation Sans', 'DejaVu Sans', sans-serif"
"""Of documents; a page has its own."""
_HEAT: Final = ("#f1ede2", "#d5e7dd", "#a5cdb9", "#6aa88c", "#2f7a5f", "#12493a")
_LIGHT_TEXT_FROM: Final = 4
"""From this step of the heat on numbers are light."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart in two widths; a page shows the one that fits."""

    id: str
    title: str
    wide: str
    narrow: str


def charts(report: Report, say: Words) -> dict[str, Chart]:
    """The charts of a report that have something to show, by the table that has their numbers."""
    found = {}
    for name, draw in _DRAWERS.items():
        wide = draw(report, say, WIDE)
        if wide:
            found[name] = Chart(name, say(f"report.{name}.title"), wide, draw(report, say, NARROW))
    return found


def _kinds(report: Report, say: Words, width: int) -> str:
    rows = [(say.kind(row.kind), row.outcomes.incidents, row.before) for row in report.kinds]
    if not rows:
        return ""
    most = max(1, *(max(now, before) for _, now, before in rows))
    is_narrow = width < WIDE
    label_width, row_height = (0, 46) if is_narrow else (190, 30)
    room = width - label_width - 52
    parts, y = [], 4.0
    for label, now, before in rows:
        bar_y = y + (20 if is_narrow else 6)
        long, mark = room * now / most, label_width + room * before / most
        anchor = (0.0, y + 13, "start") if is_narrow else (label_width - 8.0, y + 19, "end")
        parts += [
            _words(*anchor[:2], label, anchor=anchor[2]),
            _rect(label_width, bar_y, max(long, 1), 18, _MAIN, "c-main"),
            _before(mark, bar_y - 3, mark, bar_y + 21) if before else "",
            _words(label_width + max(long, room * before / most) + 8, bar_y + 14, say.number(now), weight="600"),
        ]
        y += row_height
    parts.append(_legend(0, y + 14, say))
    lead = max(report.kinds, key=lambda row: row.outcomes.incidents)
    told = say("report.kinds.desc", kind=say.kind(lead.kind), number=say.number(lead.outcomes.incidents))
    return _svg("kinds", width, y + 22, say("report.kinds.title"), told, parts)


def _course(report: Report, say: Words, width: int) -> str:
    if len(report.course) < 2:
        return ""
    grain = report.period.grain
    labels = [say.step(step.first, step.last, grain) for step in report.course]
    now: list[float | None] = [float(step.incidents) for step in report.course]
    before = [None if step.before is None else float(step.before) for step in report.course]
    told = say(
        "report.course.desc",
        number=say.number(report.total.incidents),
        before=say.number(report.total_before.incidents),
    )
    scale = _Scale(max(1.0, *(value for value in (*now, *before) if value is not None)), say.number)
    return _columns("course", say("report.course.title"), told, say, width, labels, now, before, scale)


def _cameras(report: Report, say: Words, width: int) -> str:
    shares = [step.cameras.share for step in report.course]
    if len(shares) < 2 or all(share is None for share in shares):
        return ""
    grain = report.period.grain
    labels = [say.step(step.first, step.last, grain) for step in report.course]
    told = say("report.cameras.desc", share=say.percent(report.cameras.share))
    scale = _Scale(1.0, lambda value: say.percent(value, 0), steps=(0.0, 0.5, 1.0))
    return _columns("cameras", say("report.cameras.title"), told, say, width, labels, shares, [], scale)


def _hours(report: Report, say: Words, width: int) -> str:
    most = max(report.hours, default=0)
    if not most:
        return ""
    left, is_narrow = (30 if width < WIDE else 74), width < WIDE
    cell = (width - left) / 24
    tall = 24 if is_narrow else cell
    named = range(0, 24, 6 if is_narrow else 3)
    parts = [_words(left + hour * cell, 12, str(hour) if is_narrow else f"{hour}:00", small=True) for hour in named]
    for day in range(7):
        y = 18 + day * tall
        name = say.weekday(day, "abbreviated" if is_narrow else "wide").capitalize()
        parts += [_words(0, y + tall / 2 + 4, name, small=is_narrow)]
        for hour in range(24):
            number = report.hours[24 * day + hour]
            heat = math.ceil(5 * number / most)
            x = left + hour * cell
            parts += [_rect(x + 0.75, y + 0.75, cell - 1.5, tall - 1.5, _HEAT[heat], f"c-heat{heat}", round_by=3)]
            if number and not is_narrow:
                light = heat >= _LIGHT_TEXT_FROM
                parts += [_heat_number(x + cell / 2, y + tall / 2 + 4, say.number(number), light=light)]
    y = 18 + 7 * tall + 20
    parts.append(_words(left, y, say("report.hours.less"), small=True))
    start = left + 7 * len(say("report.hours.less")) + 6
    for heat, colour in enumerate(_HEAT):
        parts.append(_rect(start + 18 * heat, y - 11, 16, 14, colour, f"c-heat{heat}", round_by=3))
    parts.append(_words(start + 18 * len(_HEAT) + 6, y, say("report.hours.more", number=say.number(most)), small=True))
    busiest = report.busiest_hour or 0
    day, hour = divmod(busiest, 24)
    told = say("report.hours.desc", weekday=say.weekday(day, "wide"), hour=hour, next=hour + 1, number=say.number(most))
    return _svg("hours", width, y + 8, say("report.hours.title"), told, parts)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How high values are drawn, and how the axis names them."""

    most: float
    name: Callable[[float], str]
    steps: tuple[float, ...] = ()

    @property
    def top(self) -> float:
        """A round number at or above the most."""
        if self.steps:
            return self.steps[-1]
        power = 10 ** math.floor(math.log10(self.most))
        return float(next(step * power for step in (1, 2, 4, 5, 6, 8, 10) if step * power >= self.most))

    @property
    def marks(self) -> tuple[float, ...]:
        """What the axis names."""
        if self.steps:
            return self.steps
        return (0.0, self.top / 2, self.top) if self.top >= 2 else (0.0, self.top)


def _columns(
    name: str,
    title: str,
    told: str,
    say: Words,
    width: int,
    labels: Sequence[str],
    now: Sequence[float | None],
    before: Sequence[float | None],
    scale: _Scale,
) -> str:
    """Columns over time, with a mark where the period before was."""
    top, high = 12.0, (150.0 if width < WIDE else 190.0)
    left = 12.0 + 7.5 * max(len(scale.name(mark)) for mark in scale.marks)
    step = (width - left) / len(labels)
    base = top + high
    parts = []
    for mark in scale.marks:
        y = base - high * mark / scale.top
        parts += [
            _line(left, y, width, y, _GRID, "c-grid", 1),
            _words(left - 6, y + 4, scale.name(mark), anchor="end", small=True),
        ]
    thick = min(step * 0.7, 42.0)
    for number, value in enumerate(now):
        middle = left + (number + 0.5) * step
        if value is None:
            continue
        tall = high * value / scale.top
        parts.append(_rect(middle - thick / 2, base - tall, thick, tall, _MAIN, "c-main", round_by=min(3.0, thick / 4)))
    for number, was in enumerate(before):
        if was is not None:
            middle, y = left + (number + 0.5) * step, base - high * was / scale.top
            parts.append(_before(middle - thick / 2 - 1, y, middle + thick / 2 + 1, y))
    widest = max(len(label) for label in labels) * 7 + 10
    every = max(1, math.ceil(widest / step))
    for number in range(0, len(labels), every):
        middle = left + (number + 0.5) * step
        sticks_out = middle + widest / 2 - 5 > width
        x, anchor = (float(width), "end") if sticks_out else (middle, "middle")
        parts += [_words(x, base + 18, labels[number], anchor=anchor, small=True)]
    height = base + 26
    if any(item is not None for item in before):
        parts.append(_legend(left, height + 14, say))
        height += 22
    return _svg(name, width, height, title, told, parts)


def _legend(x: float, y: float, say: Words) -> str:
    now, before = say("report.column.now"), say("report.column.before")
    second = x + 30 + 7.2 * len(now)
    return "".join(
        (
            _rect(x, y - 11, 14, 13, _MAIN, "c-main", round_by=2),
            _words(x + 20, y, now, small=True),
            _before(second, y - 5, second + 16, y - 5),
            _words(second + 22, y, before, small=True),
        )
    )


def _svg(name: str, width: int, height: float, title: str, told: str, parts: Sequence[str]) -> str:
    key = f"chart-{name}-{width}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" viewBox="0 0 {width} {height:.0f}"'
        f' width="{width}" height="{height:.0f}" aria-labelledby="{key}-t {key}-d" font-size="13"'
        f' font-family="{_FONT}">'
        f'<title id="{key}-t">{escape(title)}</title><desc id="{key}-d">{escape(told)}</desc>{"".join(parts)}</svg>'
    )


def _rect(x: float, y: float, width: float, height: float, colour: str, word: str, *, round_by: float = 2) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{round_by:.1f}"'
        f' fill="{colour}" class="{word}"/>'
    )


def _before(x1: float, y1: float, x2: float, y2: float) -> str:
    """Where the period before was: a line with a light edge, to be told from the bar by those who see no red."""
    return _line(x1, y1, x2, y2, _EDGE, "c-edge", 7) + _line(x1, y1, x2, y2, _BEFORE, "c-before", 3)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, word: str, thick: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{thick}"'
        f' class="{word}"/>'
    )


def _words(x: float, y: float, text: str, *, anchor: str = "start", small: bool = False, weight: str = "400") -> str:
    colour, word = (_SOFT, "c-soft") if small else (_INK, "c-ink")
    size = ' font-size="12"' if small else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor={quoteattr(anchor)} font-weight="{weight}" fill="{colour}"'
        f' class="{word}"{size}>{escape(text)}</text>'
    )


def _heat_number(x: float, y: float, text: str, *, light: bool) -> str:
    colour, word = ("#ffffff", "c-on-heat") if light else (_INK, "c-heat-ink")
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="11" fill="{colour}" class="{word}">'
        f"{escape(text)}</text>"
    )


_DRAWERS: Final[dict[str, Callable[[Report, Words, int], str]]] = {
    "kinds": _kinds,
    "course": _course,
    "hours": _hours,
    "cameras": _cameras,
}
