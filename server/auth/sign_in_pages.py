"""What stands around the sign-in form: the second factor, passkeys, the province's OpenID provider, the first admin."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, jsonify, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.audit import service as audit
from server.auth import attempts, first_admin, one_time, passkeys, passwords, web
from server.auth.federated import account_of
from server.auth.oidc import FLOW_LIVES_S
from server.auth.one_time import Purpose
from server.auth.passkeys import RelyingParty
from server.auth.service import Method
from server.auth.sign_in import Entered, awaits_code, open_for, with_code
from server.db.account_models import Passkey
from server.db.models import User
from server.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, TooManyRequests, Unavailable
from server.pages import PASSKEY_STRINGS, let_in, local_path, login_page, page_strings, too_many, too_many_words
from server.services import services

blueprint = Blueprint("sign_in", __name__)

_CALLBACK: Final = "sign_in.oidc_callback"


@blueprint.get("/login/second")
def second_factor() -> BaseResponse:
    """The form for a code, and the button for a passkey."""
    next_path = local_path(request.args.get("next"))
    try:
        return make_response(_second_factor_page(_awaited(), next_path))
    except NotAuthenticated:
        return redirect(url_for("pages.login", next=next_path))


@blueprint.post("/login/second")
def check_second_factor() -> BaseResponse:
    """Check a code of an app, or a recovery code."""
    parts, next_path = services(), local_path(request.form.get("next"))
    try:
        user = _awaited()
    except NotAuthenticated:
        return make_response(login_page(problem=i18n.gettext("second.too_late"), next_path=next_path), 401)
    try:
        entered = with_code(
            parts.database,
            parts.clock,
            parts.session_policy,
            parts.sealer,
            web.caller(),
            ticket=web.ticket(),
            code=request.form.get("code", ""),
        )
    except TooManyRequests as error:
        return too_many(error, _second_factor_page(user, next_path, too_many_words(error)))
    if entered is None:
        return make_response(_second_factor_page(user, next_path, i18n.gettext("second.wrong")), 401)
    return let_in(entered.token, next_path)


# Passkeys: asked for and answered by a script


@blueprint.post("/login/passkey/options")
def passkey_options() -> BaseResponse:
    """What the browser asks its passkeys: any of this site, or those of who has given a password."""
    parts, site = services(), relying_party()
    with parts.database.write() as session:
        attempts.reserve_link(session, parts.clock.utc(), web.client_address())
        wanted = web.ticket()
        ticket = one_time.look(session, parts.clock, Purpose.SECOND_FACTOR, wanted) if wanted else None
        question = passkeys.ask_to_sign_in(session, parts.clock, site, ticket.user_id if ticket is not None else None)
    return jsonify(question.as_json())


@blueprint.post("/login/passkey")
def check_passkey() -> BaseResponse:
    """Check the answer that the script put into the form, and open a session."""
    parts, form, site = services(), request.form, relying_party()
    next_path = local_path(form.get("next"))
    try:
        with parts.database.write() as session:
            asked = one_time.take(session, parts.clock, Purpose.SIGN_IN_PASSKEY, form.get("ticket", ""))
        with parts.database.write() as session:
            user = passkeys.check_sign_in(session, parts.clock, site, asked, form.get("answer", ""))
            attempts.forgive_link(session, web.client_address())
            method = Method.SECOND_FACTOR if _gave_password(session, user) else Method.PASSKEY
            entered = open_for(session, parts.clock, parts.session_policy, user, method, web.caller(), factor="passkey")
    except NotAuthenticated:
        return make_response(login_page(problem=i18n.gettext("passkey.unknown"), next_path=next_path), 401)
    return let_in(entered.token, next_path)


def relying_party() -> RelyingParty:
    """This site, as passkeys know it.

    Raises:
        NotFound: Browsers give no passkeys to this address.
    """
    site = RelyingParty.of(web.own_address(), services().settings.site_name)
    if site is None:
        raise NotFound("passkeys need https and a host's name", "Open the site by its name.")
    return site


# The province's OpenID provider


@blueprint.get("/login/oidc")
def oidc() -> BaseResponse:
    """Go to the provider."""
    provider = services().oidc
    if provider is None:
        raise NotFound
    try:
        address, flow = provider.begin(_callback_address(), local_path(request.args.get("next")))
    except Unavailable:
        return make_response(login_page(problem=i18n.gettext("oidc.silent", name=provider.name)), 503)
    response = make_response(redirect(address, code=303))
    web.keep_flow(response, flow, FLOW_LIVES_S)
    return response


@blueprint.get("/login/oidc/callback")
def oidc_callback() -> BaseResponse:
    """Come back from the provider."""
    parts = services()
    provider = parts.oidc
    if provider is None:
        raise NotFound
    try:
        claims, next_path = provider.finish(parts.clock, _callback_address(), web.flow(), request.args)
        with parts.database.write() as session:
            user = account_of(session, parts.clock, claims)
            entered = open_for(session, parts.clock, parts.session_policy, user, Method.OIDC, web.caller())
    except NotAuthenticated:
        response = make_response(login_page(problem=i18n.gettext("oidc.refused", name=provider.name)), 401)
        web.forget_steps(response)
        return response
    except Unavailable:
        return make_response(login_page(problem=i18n.gettext("oidc.silent", name=provider.name)), 503)
    return let_in(entered.token, local_path(next_path))


def _callback_address() -> str:
    return web.own_address() + url_for(_CALLBACK)


# The first admin


@blueprint.get("/setup")
def setup() -> BaseResponse:
    """The form for the first admin; its code comes behind `#` of the printed link."""
    with services().database.read() as session:
        if not first_admin.is_wanted(session):
            raise NotFound
    return make_response(_setup_page())


@blueprint.post("/setup")
def make_first_admin() -> BaseResponse:
    """Make the first admin and sign them in."""
    form = request.form
    shown = {"username": form.get("username", "").strip()[:80], "display_name": form.get("display_name", "")[:120]}
    code, password = form.get("code", ""), form.get("password", "")
    if password != form.get("again", ""):
        return make_response(_setup_page(i18n.gettext("password.unlike"), code, **shown), 422)
    try:
        entered = _first_admin(code, password, **shown)
    except NotAuthenticated:
        return make_response(_setup_page(i18n.gettext("setup.bad_code"), **shown), 401)
    except TooManyRequests as error:
        return too_many(error, _setup_page(too_many_words(error), code, **shown))
    except (InvalidInput, Conflict):
        is_short = not passwords.MIN_LENGTH <= len(password) <= passwords.MAX_LENGTH
        problem = password_length() if is_short else i18n.gettext("users.invalid")
        return make_response(_setup_page(problem, code, **shown), 422)
    return let_in(entered.token, url_for("account.security"))


def _first_admin(code: str, password: str, *, username: str, display_name: str) -> Entered:
    parts = services()
    with parts.database.write() as session:
        reserved = attempts.reserve_link(session, parts.clock.utc(), web.client_address())
    with parts.database.write() as session:
        user = first_admin.create(
            session,
            parts.clock,
            code=code,
            username=username,
            password=password,
            display_name=display_name,
            language=i18n.current_locale(),
        )
        attempts.forgive(session, reserved)
        audit.record(session, at=parts.clock.utc(), actor=None, action="site.first_admin", subject=f"user:{user.id}")
        return open_for(session, parts.clock, parts.session_policy, user, Method.PASSWORD, web.caller())


def password_length() -> str:
    """How long a password must be, in words."""
    return i18n.gettext("password.length", least=passwords.MIN_LENGTH, most=passwords.MAX_LENGTH)


def _setup_page(problem: str = "", code: str = "", *, username: str = "", display_name: str = "") -> str:
    return render_template(
        "auth/setup.html",
        problem=problem,
        code=code[:100],
        username=username,
        display_name=display_name,
        hint=password_length(),
        least=passwords.MIN_LENGTH,
    )


def _awaited() -> User:
    with services().database.read() as session:
        return awaits_code(session, services().clock, web.ticket())


def _gave_password(session: Session, user: User) -> bool:
    """Whether this browser gave the person's password just before; that ticket ends."""
    ticket = one_time.take(session, services().clock, Purpose.SECOND_FACTOR, web.ticket()) if web.ticket() else None
    return ticket is not None and ticket.user_id == user.id


def _second_factor_page(user: User, next_path: str, problem: str = "") -> str:
    with services().database.read() as session:
        has_passkey = session.scalar(select(Passkey.user_id).where(Passkey.user_id == user.id).limit(1)) is not None
    can_ask = has_passkey and RelyingParty.of(web.own_address(), "") is not None
    return render_template(
        "auth/second_factor.html",
        problem=problem,
        next_path=next_path,
        strings=page_strings(PASSKEY_STRINGS) if can_ask else None,
    )
