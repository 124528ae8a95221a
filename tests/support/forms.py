"""Browsers of the village with the hidden field that every form must bring."""

from __future__ import annotations

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
