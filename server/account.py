"""Everybody's own account: the password, the second factor, passkeys, and where one is signed in."""

from __future__ import annotations

from flask import Blueprint, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.auth import own_sessions, passkeys, passwords, second_factor, sign_in, web
from server.auth.federated import NO_PASSWORD
from server.auth.passkeys import RelyingParty
from server.auth.qr import qr_code
from server.auth.sign_in_pages import password_length, relying_party
from server.db.models import User
from server.domain.access import Principal
from server.errors import Conflict, Forbidden, InvalidInput, NotAuthenticated, NotFound, TooManyRequests
from server.pages import PASSKEY_STRINGS, local_path, page_strings, too_many, too_many_words
from server.services import services

blueprint = Blueprint("account", __name__)

DONE = ("totp_removed", "passkey_removed", "passkey_added", "sessions_ended", "session_ended")
"""What the page may say was done."""


@blueprint.get("/account")
def security() -> str:
    """How one signs in, and where one is signed in."""
    return _security_page(web.require_person())


@blueprint.get("/password")
def password() -> str:
    """The form."""
    web.require_person()
    return _password_page(notice=("good", i18n.gettext("password.changed")) if "changed" in request.args else None)


@blueprint.post("/password")
def change_password() -> BaseResponse:
    """Check the old password and set the new one; every other browser is signed out."""
    person, parts = web.require_person(), services()
    new = request.form.get("new", "")
    if new != request.form.get("again", ""):
        return make_response(_password_page(problem=i18n.gettext("password.unlike")), 422)
    try:
        token = sign_in.change_own_password(
            parts.database,
            parts.clock,
            parts.session_policy,
            web.caller(),
            person,
            old=request.form.get("old", ""),
            new=new,
        )
    except NotAuthenticated:
        return make_response(_password_page(problem=i18n.gettext("password.wrong")), 422)
    except InvalidInput:
        return make_response(_password_page(problem=password_length()), 422)
    except TooManyRequests as error:
        return too_many(error, _password_page(problem=too_many_words(error)))
    response = make_response(redirect(url_for("account.password", changed=1), code=303))
    web.start_session(response, token)
    return response


# Showing once more who one is, before something that matters


@blueprint.get("/account/confirm")
def confirm() -> str:
    """Ask for the password again."""
    return _confirm_page(web.require_person())


@blueprint.post("/account/confirm")
def check_confirmation() -> BaseResponse:
    """Check it; for a while the settings can be changed."""
    person, parts = web.require_person(), services()
    try:
        sign_in.confirm_password(
            parts.database,
            parts.clock,
            web.caller(),
            person,
            token=_token(),
            password=request.form.get("password", ""),
        )
    except NotAuthenticated:
        return make_response(_confirm_page(person, i18n.gettext("confirm.wrong")), 422)
    except TooManyRequests as error:
        return too_many(error, _confirm_page(person, too_many_words(error)))
    return redirect(url_for("account.security"), code=303)


# The authenticator app


@blueprint.get("/account/totp")
def totp() -> BaseResponse:
    """The secret as a QR code and in letters, and the form for the first code."""
    return make_response(_totp_page(web.require_person()))


@blueprint.post("/account/totp")
def begin_totp() -> BaseResponse:
    """Make a secret."""
    person, parts = web.require_person(), services()
    if not _is_confirmed():
        return _ask_again()
    try:
        with parts.database.write() as session:
            second_factor.begin_totp(session, parts.clock, parts.sealer, int(person.id))
    except Conflict:
        return redirect(url_for("account.security"), code=303)
    return redirect(url_for("account.totp"), code=303)


@blueprint.post("/account/totp/confirm")
def confirm_totp() -> BaseResponse:
    """Take the first code: from now on one is asked for at every sign-in."""
    person, parts = web.require_person(), services()
    with parts.database.write() as session:
        codes = second_factor.confirm_totp(session, parts.clock, parts.sealer, person, request.form.get("code", ""))
        if codes is not None:
            own_sessions.forget_others(session, person, _token())
    if codes is None:
        return make_response(_totp_page(person, i18n.gettext("second.wrong")), 422)
    return make_response(_codes_page(codes))


@blueprint.post("/account/totp/remove")
def remove_totp() -> BaseResponse:
    """Forget the app."""
    person, parts = web.require_person(), services()
    if not _is_confirmed():
        return _ask_again()
    with parts.database.write() as session:
        second_factor.remove_totp(session, parts.clock, person)
        own_sessions.forget_others(session, person, _token())
    return _back("totp_removed")


@blueprint.post("/account/recovery")
def recovery() -> BaseResponse:
    """Make new recovery codes, shown once."""
    person, parts = web.require_person(), services()
    if not _is_confirmed():
        return _ask_again()
    with parts.database.write() as session:
        if not second_factor.factors_of(session, int(person.id)).any:
            raise InvalidInput("there is no second factor to recover from", "Set one up first.")
        codes = second_factor.new_recovery_codes(session, parts.clock, parts.sealer, person)
    return make_response(_codes_page(codes))


# Passkeys: asked for and answered by a script


@blueprint.post("/account/passkeys/options")
def passkey_options() -> BaseResponse:
    """What the browser asks for a new passkey.

    Raises:
        Forbidden: The password must be given again first.
    """
    person, parts = web.require_person(), services()
    if not _is_confirmed():
        raise Forbidden("give your password again first", "Open /account/confirm.")
    with parts.database.write() as session:
        user = session.get_one(User, int(person.id))
        question = passkeys.ask_to_register(session, parts.clock, parts.sealer, relying_party(), user)
    return jsonify(question.as_json())


@blueprint.post("/account/passkeys")
def add_passkey() -> BaseResponse:
    """Keep a new passkey from the answer that the script put into the form."""
    person, parts, form = web.require_person(), services(), request.form
    if not _is_confirmed():
        return _ask_again()
    try:
        with parts.database.write() as session:
            codes = passkeys.register(
                session,
                parts.clock,
                parts.sealer,
                relying_party(),
                person,
                ticket=form.get("ticket", ""),
                answer=form.get("answer", ""),
                name=form.get("name", ""),
            )
            own_sessions.forget_others(session, person, _token())
    except InvalidInput:
        return make_response(_security_page(person, i18n.gettext("passkey.refused")), 422)
    return make_response(_codes_page(codes)) if codes else _back("passkey_added")


@blueprint.post("/account/passkeys/remove")
def remove_passkey() -> BaseResponse:
    """Forget a passkey."""
    person, parts = web.require_person(), services()
    if not _is_confirmed():
        return _ask_again()
    with parts.database.write() as session:
        passkeys.remove(session, parts.clock, person, request.form.get("id", ""))
        own_sessions.forget_others(session, person, _token())
    return _back("passkey_removed")


# Where one is signed in


@blueprint.post("/account/sessions/end")
def end_sessions() -> BaseResponse:
    """Sign out in one other browser, or in all others."""
    person, parts = web.require_person(), services()
    name = request.form.get("id") or None
    with parts.database.write() as session:
        own_sessions.end_others(session, parts.clock, person, _token(), name)
    return _back("sessions_ended" if name is None else "session_ended")


def _token() -> str:
    """The session's token.

    Raises:
        NotAuthenticated: There is none.
    """
    token = web.session_token()
    if token is None:
        raise NotAuthenticated("nobody is signed in", "Sign in.")
    return token


def _is_confirmed() -> bool:
    parts = services()
    with parts.database.read() as session:
        return own_sessions.is_confirmed(session, parts.clock, _token())


def _ask_again() -> BaseResponse:
    return redirect(url_for("account.confirm"), code=303)


def _back(done: str) -> BaseResponse:
    return redirect(url_for("account.security", done=done), code=303)


def _security_page(person: Principal, problem: str = "") -> str:
    parts, done = services(), request.args.get("done", "")
    site = RelyingParty.of(web.own_address(), parts.settings.site_name)
    with parts.database.read() as session:
        factors = second_factor.factors_of(session, int(person.id))
        sessions = own_sessions.own_sessions(session, parts.clock, parts.session_policy, person, _token())
        has_password = session.get_one(User, int(person.id)).password_hash != NO_PASSWORD
        is_confirmed = own_sessions.is_confirmed(session, parts.clock, _token())
    return render_template(
        "auth/security.html",
        problem=problem,
        factors=factors,
        sessions=sessions,
        has_password=has_password,
        is_confirmed=is_confirmed,
        must_enrol=web.must_enrol(),
        host=site.host if site is not None else "",
        strings=page_strings(PASSKEY_STRINGS) if site is not None else None,
        notice=("good", i18n.gettext(f"security.done.{done}")) if done in DONE else None,
    )


def _totp_page(person: Principal, problem: str = "") -> str:
    parts = services()
    with parts.database.read() as session:
        secret = second_factor.pending_totp(session, parts.sealer, int(person.id))
        username = session.get_one(User, int(person.id)).username
    if secret is None:
        raise NotFound("no authenticator app is being set up", "Begin on the page of your account.")
    address = second_factor.totp_address(secret, username, parts.settings.site_name)
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return render_template("auth/totp.html", problem=problem, secret=groups, picture=qr_code(address))


def _codes_page(codes: list[str]) -> str:
    return render_template("auth/recovery_codes.html", codes=codes, next_path=local_path(None))


def _confirm_page(person: Principal, problem: str = "") -> str:
    with services().database.read() as session:
        has_password = session.get_one(User, int(person.id)).password_hash != NO_PASSWORD
    return render_template("auth/confirm.html", problem=problem, has_password=has_password)


def _password_page(*, problem: str = "", notice: tuple[str, str] | None = None) -> str:
    return render_template(
        "auth/password.html", problem=problem, notice=notice, hint=password_length(), least=passwords.MIN_LENGTH
    )
