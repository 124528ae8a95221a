"""A report as CSV and as a workbook. What a text cell holds is never taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from typing import Final

import xlsxwriter

from server.reports.tables import Cell, Form, Table
from server.reports.words import Words

BOM: Final = "\ufeff"
"""Without it Excel takes UTF-8 for something else."""
WORKBOOK_TYPE: Final = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_FORBIDDEN: Final = re.compile(r"[\[\]:*?/\\']")
_DAY_S: Final = 24 * 3600
_UNITS: Final = {Form.PERCENT: "%", Form.CHANGE: "%", Form.DURATION: "s"}
_FORMATS: Final = {
    Form.NUMBER: "#,##0",
    Form.PERCENT: "0.0%",
    Form.CHANGE: "+0.0%;-0.0%;0.0%",
    Form.DURATION: "[h]:mm:ss",
}


def as_csv(head: list[str], tables: tuple[Table, ...]) -> bytes:
    """Every table below the other, in UTF-8. Numbers are plain: shares in percent, durations in seconds.

    Args:
        head: Lines above all: what the report is of.
        tables: Its tables.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    for line in head:
        writer.writerow([defused(line)])
    for table in tables:
        writer.writerow([])
        writer.writerow([defused(table.title)])
        units = [_UNITS.get(column.form) for column in table.columns]
        labels = [column.label for column in table.columns]
        titles = zip(labels, units, strict=True)
        writer.writerow([defused(f"{label} ({unit})" if unit else label) for label, unit in titles])
        for row in table.rows:
            writer.writerow([_plain(cell) for cell in row])
    return (BOM + out.getvalue()).encode()


def defused(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(cell: Cell) -> str | int | float:
    if cell.value is None:
        return ""
    if isinstance(cell.value, str):
        return defused(cell.value)
    if cell.form in {Form.PERCENT, Form.CHANGE}:
        return round(100 * cell.value, 2)
    return round(cell.value) if cell.form is Form.DURATION else cell.value


def as_workbook(head: list[str], tables: tuple[Table, ...], say: Words) -> bytes:
    """A sheet for each table.

    Args:
        head: Lines at the top of the first sheet.
        tables: The report's tables.
        say: The language, for the properties of the file.
    """
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": head[0], "comments": say("report.suspected.note")})
    bold = book.add_format({"bold": True, "font_size": 14})
    top = book.add_format({"bold": True, "bg_color": "#dcebe2", "bottom": 1, "text_wrap": True, "valign": "top"})
    soft = book.add_format({"italic": True, "font_color": "#55605a"})
    formats = {form: book.add_format({"num_format": number}) for form, number in _FORMATS.items()}
    names: set[str] = set()
    for number, table in enumerate(tables):
        sheet = book.add_worksheet(_sheet_name(table.title, names))
        line = 0
        for text in head if number == 0 else ():
            sheet.write_string(line, 0, text, bold if line == 0 else None)
            line += 1
        line += 1 if number == 0 else 0
        for place, column in enumerate(table.columns):
            sheet.write_string(line, place, column.label, top)
        for row in table.rows:
            line += 1
            for place, cell in enumerate(row):
                if isinstance(cell.value, str):
                    sheet.write_string(line, place, cell.value)
                elif cell.value is not None:
                    is_time = cell.form is Form.DURATION
                    sheet.write_number(
                        line, place, cell.value / _DAY_S if is_time else cell.value, formats.get(cell.form)
                    )
        if table.note:
            sheet.write_string(line + 2, 0, table.note, soft)
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, len(table.columns) - 1, 6 if table.id == "hours" else 15)
        sheet.set_landscape()
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
    book.close()
    return out.getvalue()


def _sheet_name(title: str, taken: set[str]) -> str:
    name = _FORBIDDEN.sub(" ", title)[:31].strip()
    number = 2
    while name.lower() in taken:
        name, number = f"{name[:28]} {number}", number + 1
    taken.add(name.lower())
    return name
