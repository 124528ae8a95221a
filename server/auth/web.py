"""Who asks: sessions by cookie for people; CSRF and origin checks for every change. Devices: `server.devices.web`.

Views ask `require(permission)`; they get a `Principal` whose role and scope were read for this request.
"""

from __future__ import annotations

import logging
import secrets
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from server.auth import service as auth
from server.auth.one_time import LIVES, Purpose
from server.auth.own_sessions import browser_label
from server.auth.sign_in import Caller
from server.auth.tokens import csrf_token, new_token, same
from server.domain import access
from server.domain.access import Permission, Principal, Role
from server.errors import Forbidden, NotAuthenticated, TooLarge, Unavailable
from server.services import services

log = logging.getLogger(__name__)

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
MAX_FORM_PARTS: Final = 200
MAX_FORM_BYTES: Final = 1024 * 1024
"""A camera's YAML of 256 KiB, with every letter escaped."""
MAX_STRANGER_FORM_BYTES: Final = 16 * 1024
_MAX_TOKEN: Final = 200
SIGN_IN: Final = "pages.sign_in"


def init_app(app: Flask) -> None:
    """Check every request before its view runs, and give templates their CSRF field."""
    app.before_request(_identify)
    app.before_request(_bound_form)
    app.before_request(_refuse_forgery)
    app.after_request(_keep_visitor_cookie)
    app.context_processor(lambda: {"csrf_field": csrf_field, "csrf_value": csrf_value, "viewer": signed_in()})


def current_principal() -> Principal | None:
    """The person or device that asks; None for a stranger."""
    principal: Principal | None = g.get("principal")
    return principal


def must_enrol() -> bool:
    """Whether somebody is signed in who may do nothing but set up a second factor."""
    return g.get("enrolling") is not None


def signed_in() -> Principal | None:
    """Who is signed in, even with a second factor still to set up: for pages about one's own account only."""
    principal: Principal | None = current_principal() or g.get("enrolling")
    return None if principal is not None and principal.role is Role.DEVICE else principal


def require_person() -> Principal:
    """The person who looks after their own account, whatever the role, even with a second factor still to set up.

    Raises:
        NotAuthenticated: Nobody, or a device.
    """
    principal = signed_in()
    if principal is None:
        raise NotAuthenticated("nobody is signed in", "Sign in.")
    return principal


def require(permission: Permission) -> Principal:
    """The person that asks, who must have the permission somewhere.

    Raises:
        NotAuthenticated: Nobody is signed in.
        Forbidden: The role does not have it.
    """
    principal = current_principal()
    if principal is None or principal.role is Role.DEVICE:
        raise NotAuthenticated("nobody is signed in", "Sign in.")
    if not access.may(principal, permission):
        raise Forbidden("your role may not do this", "Ask an admin.")
    return principal


# Sessions


def session_token() -> str | None:
    """The session token that the browser sent."""
    token = request.cookies.get(_cookie_name("session"), "")
    return token if 0 < len(token) <= _MAX_TOKEN else None


def start_session(response: BaseResponse, token: str) -> None:
    """Hand the browser its session."""
    _set_cookie(response, _cookie_name("session"), token, int(services().session_policy.longest.total_seconds()))


def end_session(response: BaseResponse) -> None:
    """Sign this browser out."""
    close_session()
    response.delete_cookie(_cookie_name("session"), secure=_is_https(), httponly=True, samesite="Lax")


def close_session() -> None:
    """End the session whose cookie the browser sent, if it sent one."""
    token = session_token()
    if token is not None:
        with services().database.write() as session:
            auth.close_session(session, token)


def client_address() -> str:
    """Where the request came from, for the rate limit. An IPv6 customer has a whole /64 to choose from."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return request.remote_addr or "unknown"
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped is not None else str(ip_network((int(address) >> 64 << 64, 64)))
    return str(address)


def caller() -> Caller:
    """Where somebody signs in from."""
    return Caller(client_address(), browser_label(request.headers.get("User-Agent", "")[:400]))


def keep_ticket(response: BaseResponse, ticket: str) -> None:
    """Hand the browser what it shows when the second factor comes."""
    _set_cookie(response, _cookie_name("ticket"), ticket, int(LIVES[Purpose.SECOND_FACTOR].total_seconds()))


def ticket() -> str:
    """What `keep_ticket` handed out; empty when there is none."""
    return request.cookies.get(_cookie_name("ticket"), "")[:_MAX_TOKEN]


def keep_flow(response: BaseResponse, flow: str, max_age_s: int) -> None:
    """Hand the browser what must come back from the OpenID provider unchanged."""
    _set_cookie(response, _cookie_name("oidc"), flow, max_age_s)


def flow() -> str:
    """What `keep_flow` handed out; empty when there is none."""
    return request.cookies.get(_cookie_name("oidc"), "")[:4096]


def forget_steps(response: BaseResponse) -> None:
    """Take the cookies between two steps of signing in back."""
    for name in ("ticket", "oidc"):
        if _cookie_name(name) in request.cookies:
            response.delete_cookie(_cookie_name(name), secure=_is_https(), httponly=True, samesite="Lax")


# CSRF


def csrf_value() -> str:
    """The CSRF token for this browser's forms (`csrf_token` field or `X-CSRF-Token` header)."""
    return csrf_token(services().settings.secret_key.get_secret_value(), session_token() or _visitor())


def csrf_field() -> Markup:
    """The hidden form field."""
    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(csrf_value())


def _visitor() -> str:
    """A cookie for somebody who is not signed in yet, so that the sign-in form has a CSRF token too."""
    known = request.cookies.get(_cookie_name("visitor"), "")
    if 20 <= len(known) <= _MAX_TOKEN:
        return known
    if "visitor" not in g:
        g.visitor = new_token()
    fresh: str = g.visitor
    return fresh


def form_is_out_of_date() -> bool:
    """Whether the sign-in form came with another CSRF token than this browser's (every other form is refused)."""
    return bool(g.get("form_is_out_of_date", False))


def _keep_visitor_cookie(response: Response) -> Response:
    # A page that stays open asks in the background too: the answer must not replace the cookie of a sign-in form.
    if "visitor" in g and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
        _set_cookie(response, _cookie_name("visitor"), g.visitor, 24 * 3600)
    return response


# Before each request


def _identify() -> None:
    g.principal = g.enrolling = None
    parts = services()
    token = session_token()
    if token is None or request.endpoint == "static" or (request.endpoint or "").startswith("api."):
        return
    with parts.database.read() as session:
        state = auth.state_of_session(session, parts.clock, parts.session_policy, token)
    if state is None:
        return
    if state.must_enrol:
        g.enrolling = state.principal  # no view that asks for a principal or a permission finds one
    else:
        g.principal = state.principal
    g.user_locale = state.principal.language
    if state.is_touch_due:
        try:
            with parts.database.write() as session:
                auth.touch_session(session, parts.clock, token)
        except Unavailable:
            log.warning("session_not_touched")  # reading goes on when the disk is full: the next request tries again


def _bound_form() -> None:
    """Refuse a form that is made to keep the server busy, before anything is parsed.

    Flask bounds the parts of a multipart form only; a stranger sends nothing but the sign-in form.
    """
    if request.method in SAFE_METHODS or (request.endpoint or "").startswith("api."):
        return
    request.max_content_length = MAX_STRANGER_FORM_BYTES if current_principal() is None else MAX_FORM_BYTES
    if request.mimetype == "application/x-www-form-urlencoded" and request.get_data().count(b"&") >= MAX_FORM_PARTS:
        raise TooLarge(f"the form has more than {MAX_FORM_PARTS} fields", "Use the form of the page.")


def _refuse_forgery() -> None:
    """Refuse a change that another site's page sends with this browser's cookies."""
    if request.method in SAFE_METHODS:
        return
    if request.endpoint is None or request.endpoint.startswith("api."):
        return  # no view runs, or one that takes nothing but what a device has signed
    origin = request.headers.get("Origin") or _origin_of(request.headers.get("Referer", ""))
    if origin is not None and origin not in _own_origins():
        raise Forbidden("the request comes from another site", "Open the page here and try again.")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in {"same-origin", "none"}:
        raise Forbidden("the request comes from another site", "Open the page here and try again.")
    sent = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    if not same(sent, csrf_value()):
        if request.endpoint == SIGN_IN:
            g.form_is_out_of_date = True  # two tabs, or a page from yesterday: its view shows the form anew
            return
        raise Forbidden("the form is out of date", "Load the page anew and try again.")


def _origin_of(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as `http://[`
        return "null"
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else None


def own_address() -> str:
    """How browsers reach this site: as the settings say, else as this one asked."""
    return services().settings.public_url or request.host_url.rstrip("/")


def _own_origins() -> set[str]:
    own = {request.host_url.rstrip("/")}
    public = _origin_of(services().settings.public_url)
    return own | {public} if public else own


def _is_https() -> bool:
    return request.is_secure or services().settings.public_url.startswith("https://")


def _cookie_name(name: str) -> str:
    """`__Host-` binds a cookie to this host and https; browsers take it only with https."""
    return f"__Host-langan_{name}" if _is_https() else f"langan_{name}"


def _set_cookie(response: BaseResponse, name: str, value: str, max_age_s: int) -> None:
    response.set_cookie(name, value, max_age=max_age_s, path="/", httponly=True, samesite="Lax", secure=_is_https())


def new_request_id() -> str:
    """An id that ties log lines and audit rows to one request."""
    return secrets.token_hex(8)


def request_id() -> str:
    """This request's id."""
    value: str = g.get("request_id", "")
    return value


def trusted_app() -> Flask:
    """The app itself, for code that outlives the request (streams)."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 (the documented way)
    return app
