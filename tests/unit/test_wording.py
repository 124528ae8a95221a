"""Numbers in words, as each language writes them, and addresses that lead nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, g

from contract.rules import RULES
from server import create_app, i18n, wording
from server.pages import local_path
from server.residents.log import LogFilter
from server.settings import Settings
from tests.support.facts import FACTS


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    made = create_app(Settings(data_dir=tmp_path_factory.mktemp("data")))
    yield made
    made.extensions["langan"].database.close()


@pytest.fixture(params=i18n.LOCALES)
def locale(request: pytest.FixtureRequest, app: Flask) -> Iterator[str]:
    with app.test_request_context(f"/?lang={request.param}"):
        yield request.param


def test_a_crowd_is_told_in_one_sentence(locale: str) -> None:
    expected = {"vi": "12 người, trong 85 giây", "en": "12 people, for 85 seconds"}
    assert wording.summary("crowding", FACTS["crowding"]) == expected[locale]


@pytest.mark.parametrize("kind", sorted(RULES))
def test_every_kind_is_told_in_words_without_a_raw_id(locale: str, kind: str) -> None:
    rows = wording.fact_rows(kind, FACTS[kind])
    assert [value for label, value in rows if label.startswith("fact.") or value.startswith(("object.", "unit."))] == []
    assert "%(" not in wording.summary(kind, FACTS[kind])


@pytest.mark.parametrize(
    ("seconds", "vi", "en"),
    [
        (1, "1 giây", "1 second"),
        (4.25, "4,2 giây", "4.2 seconds"),
        (85, "85 giây", "85 seconds"),
        (412, "7 phút", "7 minutes"),
        (7200, "2 giờ", "2 hours"),
        (9000, "2 giờ 30 phút", "2 hours 30 minutes"),
    ],
)
def test_durations(locale: str, seconds: float, vi: str, en: str) -> None:
    assert i18n.format_duration(seconds) == {"vi": vi, "en": en}[locale]


def test_times_are_those_of_the_site(locale: str) -> None:
    at = datetime(2026, 7, 31, 18, 30, 5, tzinfo=UTC)
    assert i18n.format_time(at) == {"vi": "01:30:05, 01/08/2026", "en": "1 Aug 2026, 01:30:05"}[locale]


@pytest.mark.parametrize(
    ("argument", "setting", "cookie", "expected"),
    [
        ("", None, "", "vi"),
        ("", None, "en", "en"),
        ("", "vi", "en", "vi"),
        ("en", "vi", "vi", "en"),
        ("xx", None, "../..", "vi"),
    ],
)
def test_the_language_is_the_wish_then_the_setting_then_the_cookie(
    app: Flask, argument: str, setting: str | None, cookie: str, expected: str
) -> None:
    with app.test_request_context(f"/?lang={argument}", headers={"Cookie": f"{i18n.COOKIE}={cookie}"}):
        g.user_locale = setting
        assert i18n.current_locale() == expected


@pytest.mark.parametrize(
    "address", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "live", "", None, "/a\nb"]
)
def test_a_detour_never_leads_to_another_site(app: Flask, address: str | None) -> None:
    with app.test_request_context("/"):
        assert local_path(address) == "/"
        assert local_path("/live?kind=crowding") == "/live?kind=crowding"


def test_a_day_runs_from_midnight_to_midnight_of_the_site() -> None:
    chosen = LogFilter.read({"date": "2026-08-01"})
    wanted = chosen.to_incident_filter(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert chosen.day == date(2026, 8, 1)
    assert wanted.since == datetime(2026, 7, 31, 17, tzinfo=UTC)
    assert wanted.until == datetime(2026, 8, 1, 17, tzinfo=UTC)


@pytest.mark.parametrize("text", ["hôm qua", "0001-01-01", "9999-12-31", "2026-13-01"])
def test_a_strange_date_filters_nothing(text: str) -> None:
    wanted = LogFilter.read({"date": text, "kind": "no_such_kind"}).to_incident_filter(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert (wanted.since, wanted.until, wanted.kinds) == (None, None, ())
