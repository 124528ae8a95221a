"""A report as tables: the same for the page, the printed form, spreadsheets and mails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from server.domain.reports import ENOUGH, Outcomes, Report, change
from server.reports.words import Words

Value = str | int | float | None


class Form(StrEnum):
    """How a column's values are written."""

    TEXT = "text"
    NUMBER = "number"
    PERCENT = "percent"
    """A share in [0, 1]."""
    CHANGE = "change"
    """The same with its sign."""
    DURATION = "duration"
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    label: str
    form: Form = Form.NUMBER


@dataclass(frozen=True, slots=True)
class Cell:
    """A value for programs, and the same for people."""

    value: Value
    text: str
    form: Form


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a report.

    Attributes:
        id: What it is of.
        title: Its heading.
        columns: The first one names its rows.
        rows: As many cells each as there are columns.
        note: What one has to know to read it; may be empty.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


def tables(report: Report, say: Words) -> tuple[Table, ...]:
    """Every table of a report that has something to tell, in the order in which documents have them."""
    made = [maker(report, say) for maker in _MAKERS.values()]
    return tuple(table for table in made if table.rows)


def table(report: Report, say: Words, name: str) -> Table:
    """One of them."""
    return _MAKERS[name](report, say)


def heading(report: Report, say: Words, site_name: str) -> list[str]:
    """What a report is of, in lines."""
    place = ", ".join([report.place or site_name, *report.within])
    lines = [say("report.title"), place, say.period(report.period)]
    if not report.is_over:
        lines.append(say("report.until", day=say.day(report.begun.last)))
    lines.append(say("report.compared", days=say.days(report.earlier)))
    return [*lines, say("report.made", at=say.moment(report.made_at))]


def file_name(report: Report) -> str:
    """A name for a report's file, without its ending."""
    return f"langan-{report.place_id or 'site'}-{report.period.key.replace('..', '_')}"


def _row(columns: Sequence[Column], values: Sequence[Value], say: Words) -> tuple[Cell, ...]:
    return tuple(
        Cell(value, _text(value, column.form, say), column.form) for column, value in zip(columns, values, strict=True)
    )


def _text(value: Value, form: Form, say: Words) -> str:
    if isinstance(value, str):
        return value
    match form:
        case Form.PERCENT:
            return say.percent(value)
        case Form.CHANGE:
            return say.change(value)
        case Form.DURATION:
            return say.duration(value)
        case _:
            return say.number(value)


def _made(name: str, say: Words, columns: Sequence[Column], rows: Sequence[Sequence[Value]], note: str = "") -> Table:
    made = tuple(_row(columns, row, say) for row in rows)
    return Table(name, say(f"report.{name}.title"), tuple(columns), made, note)


def _summary(report: Report, say: Words) -> Table:
    """The numbers that matter most: each row has a form of its own."""
    total, before = report.total, report.total_before
    lines: list[tuple[str, Form, Value, Value]] = [
        (say("report.summary.incidents"), Form.NUMBER, total.incidents, before.incidents),
        (say("report.summary.resolved"), Form.NUMBER, total.resolved, before.resolved),
        (say("report.summary.open"), Form.NUMBER, total.open, before.open),
        (say("report.summary.false"), Form.PERCENT, total.false_share, before.false_share),
        (
            say("report.summary.acknowledge"),
            Form.DURATION,
            report.acknowledged.median_s,
            report.acknowledged_before.median_s,
        ),
        (say("report.summary.resolve"), Form.DURATION, report.decided.median_s, report.decided_before.median_s),
        (say("report.summary.availability"), Form.PERCENT, report.cameras.share, report.cameras_before.share),
        (say("report.summary.online"), Form.TEXT, f"{report.coverage.online}/{report.coverage.enabled}", None),
    ]
    rows = tuple(
        (
            Cell(name, name, Form.TEXT),
            Cell(now, _text(now, form, say), form),
            Cell(was, _text(was, form, say), form),
        )
        for name, form, now, was in lines
    )
    columns = (
        _named(say("report.column.indicator")),
        Column(say("report.column.now")),
        Column(say("report.column.before")),
    )
    return Table("summary", say("report.summary.title"), columns, rows, "")


def _kinds(report: Report, say: Words) -> Table:
    rows = [_outcome_row(say.kind(row.kind), row.outcomes, row.before) for row in report.kinds]
    if report.kinds:
        rows.append(_outcome_row(say("report.total"), report.total, report.total_before.incidents))
    return _made("kinds", say, _outcome_columns(say, say("report.column.kind")), rows, say("report.kinds.note"))


def _outcome_columns(say: Words, first: str) -> list[Column]:
    return [
        _named(first),
        Column(say("report.column.incidents")),
        Column(say("report.column.before")),
        Column(say("report.column.change"), Form.CHANGE),
        Column(say("report.column.resolved")),
        Column(say("report.column.false")),
        Column(say("report.column.expired")),
        Column(say("report.column.open")),
    ]


def _outcome_row(name: str, outcomes: Outcomes, before: int) -> list[Value]:
    return [
        name,
        outcomes.incidents,
        before,
        change(outcomes.incidents, before),
        outcomes.resolved,
        outcomes.false_alarms,
        outcomes.expired,
        outcomes.open,
    ]


def _course(report: Report, say: Words) -> Table:
    columns = [
        _named(say("report.column.time")),
        Column(say("report.column.incidents")),
        Column(say("report.column.before")),
    ]
    grain = report.period.grain
    rows: list[list[Value]] = [
        [say.step(step.first, step.last, grain), step.incidents, step.before] for step in report.course
    ]
    return _made("course", say, columns, rows if len(rows) > 1 else [])


def _hours(report: Report, say: Words) -> Table:
    columns = [
        _named(say("report.column.weekday")),
        *(Column(str(hour)) for hour in range(24)),
        Column(say("report.total")),
    ]
    rows: list[list[Value]] = []
    for day in range(7):
        of_day = list(report.hours[24 * day : 24 * day + 24])
        rows.append([say.weekday(day, "wide").capitalize(), *of_day, sum(of_day)])
    return _made("hours", say, columns, rows if any(report.hours) else [], say("report.hours.note"))


def _response(report: Report, say: Words) -> Table:
    columns = [
        _named(say("report.column.step")),
        Column(say("report.column.number")),
        Column(say("report.column.median"), Form.DURATION),
        Column(say("report.column.p90"), Form.DURATION),
        Column(say("report.column.median_before"), Form.DURATION),
        Column(say("report.column.p90_before"), Form.DURATION),
    ]
    rows: list[list[Value]] = [
        [name, now.number, now.median_s, now.p90_s, was.median_s, was.p90_s]
        for name, now, was in (
            (say("report.response.acknowledge"), report.acknowledged, report.acknowledged_before),
            (say("report.response.resolve"), report.decided, report.decided_before),
        )
        if now.number or was.number
    ]
    return _made("response", say, columns, rows, say("report.response.note"))


def _false(report: Report, say: Words) -> Table:
    columns = [
        _named(say("report.column.kind")),
        Column(say("report.column.decided")),
        Column(say("report.column.false")),
        Column(say("report.column.false_share"), Form.PERCENT),
    ]
    decided = [row for row in (*report.kinds, *report.about_cameras) if row.outcomes.decided]
    decided.sort(key=lambda row: -(row.outcomes.false_share or 0.0))
    rows: list[list[Value]] = [
        [say.kind(row.kind), row.outcomes.decided, row.outcomes.false_alarms, row.outcomes.false_share]
        for row in decided
    ]
    return _made("false", say, columns, rows, say("report.false.note", number=ENOUGH))


def _parts(report: Report, say: Words) -> Table:
    columns = [
        *_outcome_columns(say, say("report.column.place")),
        Column(say("report.column.availability"), Form.PERCENT),
    ]
    rows = [[*_outcome_row(row.name, row.outcomes, row.before), row.cameras.share] for row in report.parts]
    return _made("parts", say, columns, rows)


def _cameras(report: Report, say: Words) -> Table:
    columns = [_named(say("report.column.time")), Column(say("report.column.availability"), Form.PERCENT)]
    grain = report.period.grain
    rows: list[list[Value]] = [[say.step(step.first, step.last, grain), step.cameras.share] for step in report.course]
    known = any(step.cameras.share is not None for step in report.course)
    return _made("cameras", say, columns, rows if known else [], say("report.cameras.note"))


def _worst(report: Report, say: Words) -> Table:
    columns = [
        _named(say("report.column.camera")),
        _named(say("report.column.village")),
        Column(say("report.column.availability"), Form.PERCENT),
        Column(say("report.column.down"), Form.DURATION),
        Column(say("report.column.silent"), Form.DURATION),
    ]
    rows: list[list[Value]] = [
        [row.name, row.village, row.times.share, row.times.down_s, row.times.silent_s] for row in report.worst_cameras
    ]
    return _made("worst", say, columns, rows)


def _about_cameras(report: Report, say: Words) -> Table:
    rows = [_outcome_row(say.kind(row.kind), row.outcomes, row.before) for row in report.about_cameras]
    return _made("about_cameras", say, _outcome_columns(say, say("report.column.kind")), rows)


def _coverage(report: Report, say: Words) -> Table:
    found = report.coverage
    columns = [_named(say("report.column.indicator")), Column(say("report.column.number"))]
    rows: list[list[Value]] = [
        [say("report.coverage.villages"), found.villages],
        [say("report.coverage.without"), len(found.without)],
        [say("report.coverage.cameras"), found.cameras],
        [say("report.coverage.enabled"), found.enabled],
        [say("report.coverage.online"), found.online],
        [say("report.coverage.with_rules"), found.with_rules],
    ]
    return _made("coverage", say, columns, rows, say("report.coverage.note"))


def _complaints(report: Report, say: Words) -> Table:
    columns = [
        _named(say("report.column.about")),
        Column(say("report.column.received")),
        Column(say("report.column.answered")),
        Column(say("report.column.declined")),
        Column(say("report.column.waiting")),
    ]
    rows: list[list[Value]] = [
        [say(f"feedback.about.{row.about}"), row.received, row.answered, row.declined, row.waiting]
        for row in report.complaints
    ]
    took = report.complaints_answered
    note = say("report.complaints.note", time=say.duration(took.median_s)) if took.number else ""
    return _made("complaints", say, columns, rows, note)


def _named(label: str) -> Column:
    return Column(label, Form.TEXT)


_MAKERS: Final[dict[str, Callable[[Report, Words], Table]]] = {
    "summary": _summary,
    "kinds": _kinds,
    "course": _course,
    "hours": _hours,
    "response": _response,
    "false": _false,
    "parts": _parts,
    "cameras": _cameras,
    "worst": _worst,
    "about_cameras": _about_cameras,
    "coverage": _coverage,
    "complaints": _complaints,
}
TABLES: Final = tuple(_MAKERS)
"""What reports have tables of; the name of each is `report.<word>.title`."""
