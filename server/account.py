"""Everybody's own account: a new password."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.auth import passwords, web
from server.auth import service as auth
from server.domain.access import Principal, Role
from server.errors import InvalidInput, NotAuthenticated, TooManyRequests
from server.services import services

blueprint = Blueprint("account", __name__)


@blueprint.get("/password")
def password() -> str:
    """The form."""
    _person()
    return _page(notice=("good", i18n.gettext("password.changed")) if "changed" in request.args else None)


@blueprint.post("/password")
def change_password() -> BaseResponse:
    """Check the old password and set the new one; every other browser is signed out."""
    person, parts = _person(), services()
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        return make_response(_page(problem=i18n.gettext("password.unlike")), 422)
    try:
        token = auth.change_own_password(
            parts.database,
            parts.clock,
            parts.session_policy,
            person,
            old=request.form.get("old", ""),
            new=new,
            address=web.client_address(),
        )
    except NotAuthenticated:
        return make_response(_page(problem=i18n.gettext("password.wrong")), 422)
    except InvalidInput:
        return make_response(_page(problem=_length()), 422)
    except TooManyRequests as error:
        wait = i18n.format_duration(error.retry_after_s or 60)
        return make_response(_page(problem=i18n.gettext("login.too_many", wait=wait)), 429)
    response = make_response(redirect(url_for("account.password", changed=1), code=303))
    web.start_session(response, token)
    return response


def _person() -> Principal:
    """Who is signed in, whatever the role.

    Raises:
        NotAuthenticated: Nobody, or a device.
    """
    principal = web.current_principal()
    if principal is None or principal.role is Role.DEVICE:
        raise NotAuthenticated("nobody is signed in", "Sign in.")
    return principal


def _length() -> str:
    return i18n.gettext("password.length", least=passwords.MIN_LENGTH, most=passwords.MAX_LENGTH)


def _page(*, problem: str = "", notice: tuple[str, str] | None = None) -> str:
    return render_template(
        "auth/password.html", problem=problem, notice=notice, hint=_length(), least=passwords.MIN_LENGTH
    )
