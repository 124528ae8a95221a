"""Browsers of the village with the hidden field that every form must bring."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from flask.testing import FlaskClient

from server.auth.tokens import csrf_token
from tests.support.village import Village


def csrf(village: Village, browser: FlaskClient, cookie_name: str = "langan_session") -> str:
    """The hidden field of the browser that holds this cookie."""
    cookie = browser.get_cookie(cookie_name)
    assert cookie is not None
    return csrf_token(village.parts.settings.secret_key.get_secret_value(), cookie.value)


def form_of(village: Village, name: str) -> tuple[Any, dict[str, str]]:
    """A signed-in browser and the hidden field of its forms."""
    browser = village.browser(name)
    return browser, {"csrf_token": csrf(village, browser)}


def login_form(village: Village) -> tuple[Any, dict[str, str]]:
    """A stranger's browser that has loaded the sign-in page."""
    browser = village.browser(None)
    browser.get("/login")
    return browser, {"csrf_token": csrf(village, browser, "langan_visitor")}


def fields_of(page: str, action: str) -> dict[str, Any]:
    """The fields of the page's form with this address, as a browser without scripts would send them untouched.

    Raises:
        AssertionError: The page has no such form.
    """
    reader = _FormReader(action)
    reader.feed(page)
    assert reader.found, f"no form for {action}"
    return reader.fields


class _FormReader(HTMLParser):
    """Reads the first form with an address: hidden and filled-in fields; what is ticked or chosen stays out."""

    def __init__(self, action: str) -> None:
        super().__init__()
        self.fields: dict[str, Any] = {}
        self.found = False
        self._action = action
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self._inside = not self.found and values.get("action") == self._action
            self.found = self.found or self._inside
        elif tag == "input" and self._inside and values.get("type") != "checkbox" and values.get("name"):
            self.fields[str(values["name"])] = values.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
