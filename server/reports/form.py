"""A report as offices print it: A4, in the form of Decree 30/2020/NĐ-CP (annex I), as PDF by WeasyPrint.

WeasyPrint draws with Pango, a library of the system. Where that is missing everything else works, and
`why_not()` says what to install.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from server.domain.reports import Report
from server.errors import ServerError
from server.reports.charts import charts
from server.reports.letterheads import Head
from server.reports.tables import Table, tables
from server.reports.words import Words

PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-noto-core"
"""What Debian calls the libraries, and a font with Vietnamese letters where Times is not."""
_STYLE: Final = Path(__file__).parents[1] / "static" / "css" / "report-form.css"
_CHARTED: Final = frozenset({"kinds", "course", "hours", "cameras"})
_LEFT_OUT: Final = frozenset({"summary", "hours"})
"""Tables that the printed form has as words, or as a chart alone: 24 columns do not fit on A4."""


class NoForm(ServerError):
    """This server cannot make PDFs."""

    status = 503
    code = "no_pdf"

    def __init__(self, reason: str) -> None:
        super().__init__(reason, f"Install on the server: apt-get install {PACKAGES}; then start it again.")


@dataclass(frozen=True, slots=True)
class _Section:
    """A chapter of the form."""

    number: str
    title: str
    table: Table
    chart: str


@cache
def why_not() -> str:
    """Why this server cannot make PDFs; empty where it can."""
    try:
        import weasyprint  # noqa: F401
    except ModuleNotFoundError as error:
        return f"{error.name} is not installed: pip install 'langan[server,pdf]'"
    except OSError as error:  # a library of the system is missing
        return f"a library of the system is missing ({str(error).splitlines()[0][:120]})"
    return ""


def as_pdf(report: Report, head: Head, say: Words, site_name: str, *, anchor: str = "") -> bytes:
    """Print a report.

    Args:
        report: What it says.
        head: The letterhead.
        say: The language.
        site_name: The site's, where the report is of all of it.
        anchor: The head of the audit log, for the daily report.

    Raises:
        NoForm: A library is missing.
    """
    reason = why_not()
    if reason:
        raise NoForm(reason)
    import weasyprint

    html = as_html(report, head, say, site_name, anchor=anchor)
    style = weasyprint.CSS(string=_STYLE.read_text(encoding="utf-8"))
    document = weasyprint.HTML(string=html, url_fetcher=_refuse)
    made: bytes = document.write_pdf(stylesheets=[style])
    return made


def as_html(report: Report, head: Head, say: Words, site_name: str, *, anchor: str = "") -> str:
    """The form before it is drawn."""
    drawn = charts(report, say)
    sections: list[_Section] = []
    for table in tables(report, say):
        chart = drawn[table.id].wide if table.id in _CHARTED and table.id in drawn else ""
        if table.id == "summary":
            continue
        sections.append(_Section(_roman(len(sections) + 2), table.title, table, chart))
    template = _environment().get_template("reports/form.html")
    return template.render(
        report=report,
        head=head,
        say=say,
        place=report.place or site_name,
        period=say.period(report.period),
        today=report.made_at.astimezone(say.zone),
        sections=sections,
        left_out=_LEFT_OUT,
        anchor=anchor,
    )


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("server", "templates"), autoescape=True, undefined=jinja2.StrictUndefined
    )


def _refuse(url: str, *_arguments: Any, **_more: Any) -> Any:
    """A report names nothing outside of itself."""
    raise ValueError(f"a report asks for {url[:80]}")


def _roman(number: int) -> str:
    tens, ones = divmod(number, 10)
    return "X" * tens + ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")[ones]
