"""Text travels compressed, files of ours once, and nothing that could give a secret away by its length."""

from __future__ import annotations

import brotli
import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

import server
from server import delivery

WORDS = "Thôn Tráng Long " * 200


@pytest.fixture
def browser() -> FlaskClient:
    app = Flask(server.__name__)
    delivery.init_app(app)
    app.add_url_rule("/page", "page", lambda: WORDS)
    app.add_url_rule("/feed", "feed", lambda: Response(iter(["data: 1\n\n"] * 300), mimetype="text/event-stream"))
    app.add_url_rule("/picture", "picture", lambda: Response(b"\xff\xd8" * 900, mimetype="image/jpeg"))
    app.add_url_rule("/names", "names", lambda: app.url_for("static", filename="css/langan.css"))
    return app.test_client()


def encoding_of(browser: FlaskClient, path: str, *, secure: bool = False, site: str | None = None) -> str | None:
    headers = {"Accept-Encoding": "gzip, br"} | ({"Sec-Fetch-Site": site} if site else {})
    base_url = "https://langan.example" if secure else "http://langan.example"
    return browser.get(path, headers=headers, base_url=base_url).headers.get("Content-Encoding")


def test_pages_are_compressed_and_streams_and_pictures_are_not(browser: FlaskClient) -> None:
    assert encoding_of(browser, "/page") == "br"
    assert encoding_of(browser, "/feed") is None
    assert encoding_of(browser, "/picture") is None


@pytest.mark.parametrize(
    ("site", "expected"),
    [("same-origin", "br"), ("none", "br"), ("same-site", None), ("cross-site", None), (None, None)],
)
def test_over_https_a_page_that_another_site_asked_for_is_not_compressed(
    browser: FlaskClient, site: str | None, expected: str | None
) -> None:
    assert encoding_of(browser, "/page", secure=True, site=site) == expected


def test_files_of_ours_are_compressed_whoever_asks(browser: FlaskClient) -> None:
    assert encoding_of(browser, "/static/css/langan.css", secure=True, site="cross-site") == "br"


def test_a_file_whose_address_names_its_content_is_kept_for_a_year(browser: FlaskClient) -> None:
    address = browser.get("/names").get_data(as_text=True)
    assert "?v=" in address
    assert "immutable" in browser.get(address).headers["Cache-Control"]


def test_such_a_file_is_sent_with_as_few_bytes_as_may_be(browser: FlaskClient) -> None:
    address = browser.get("/names").get_data(as_text=True)
    plain = browser.get(address)
    assert "Content-Encoding" not in plain.headers
    usual = browser.get("/static/css/langan.css", headers={"Accept-Encoding": "br"})
    least = browser.get(address, headers={"Accept-Encoding": "br"})
    assert least.headers["Content-Encoding"] == "br"
    assert least.headers["Vary"] == "Accept-Encoding"
    assert int(least.headers["Content-Length"]) == len(least.data) < len(usual.data)
    assert brotli.decompress(least.data) == plain.data
    assert "ETag" not in least.headers


@pytest.mark.parametrize("address", ["/static/css/langan.css", "/static/css/langan.css?v=000000000000"])
def test_a_file_under_another_address_is_asked_for_again(browser: FlaskClient, address: str) -> None:
    answer = browser.get(address)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["ETag"]


def test_a_file_that_did_not_change_is_not_sent_again(browser: FlaskClient) -> None:
    headers = {"Accept-Encoding": "br"}
    first = browser.get("/static/css/langan.css", headers=headers)
    again = browser.get("/static/css/langan.css", headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
