"""What all pages share: who looks, the navigation, signing in and out, the language, errors as pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.auth import service as auth
from server.auth import web
from server.auth.passkeys import RelyingParty
from server.auth.sign_in import CodeWanted, with_password
from server.domain.access import Permission, Principal, Role, may
from server.errors import InvalidInput, NotAuthenticated, TooManyRequests
from server.places.service import PlaceTree
from server.services import services

blueprint = Blueprint("pages", __name__)

STREAM_STRINGS: Final = (
    "live.connected",
    "live.connecting",
    "live.reconnecting",
    "live.offline",
    "live.denied",
    "live.busy",
)
PASSKEY_STRINGS: Final = ("passkey.failed", "passkey.stopped", "passkey.unavailable", "passkey.known")
START_PAGES: Final = {
    Role.OFFICER: "police.live",
    Role.LEADER: "reports.page",
    Role.RESIDENT: "residents.log",
    Role.ADMIN: "admin.cameras",
}
_NAVIGATION: Final = (
    ("police.live", "nav.live", Permission.WATCH_INCIDENTS),
    ("shifts.page", "nav.shift", Permission.WATCH_INCIDENTS),
    ("look.cameras", "nav.look", Permission.LOOK_LIVE),
    ("silences.page", "nav.silences", Permission.WATCH_INCIDENTS),
    ("reports.page", "nav.reports", Permission.READ_OVERVIEW),
    ("residents.log", "nav.log", Permission.READ_PUBLIC_LOG),
    ("feedback.inbox", "nav.feedback", Permission.ANSWER_FEEDBACK),
    ("notices.settings", "nav.notifications", Permission.WATCH_INCIDENTS),
    ("admin.cameras", "nav.cameras", Permission.MANAGE_CAMERAS),
    ("devices.devices", "nav.devices", Permission.MANAGE_DEVICES),
    ("users.users", "nav.users", Permission.MANAGE_USERS),
    ("retention.overview", "nav.retention", Permission.MANAGE_CAMERAS),
    ("admin.audit_log", "nav.audit", Permission.READ_AUDIT),
)
_AT_HAND: Final = {
    Role.OFFICER: ("police.live", "shifts.page", "look.cameras"),
    Role.ADMIN: ("admin.cameras", "police.live", "devices.devices"),
}
"""On a phone three pages stay in sight, the others are folded away; a role that is not named here has few pages."""
_BELOW: Final = {
    "notices.add_channel": "notices.settings",
    "notices.confirm_channel": "notices.settings",
    "notices.show_secret": "notices.settings",
    "notices.delivery": "notices.settings",
    "police.incident": "police.live",
    "map.plan": "police.live",
    "shifts.hand_over": "shifts.page",
    "shifts.confirm": "shifts.page",
    "residents.numbers": "residents.log",
    "residents.cameras": "residents.log",
    "residents.sign": "admin.cameras",
    "feedback.page": "residents.log",
    "feedback.write": "residents.log",
    "feedback.answer": "feedback.inbox",
    "look.look": "look.cameras",
    "look.begin": "look.cameras",
    "look.extend": "look.cameras",
    "reports.letterhead": "reports.page",
    "reports.save_letterhead": "reports.page",
    "reports.mail": "reports.page",
    "reports.subscribe": "reports.page",
    "reports.add_address": "reports.page",
    "reports.confirm_address": "reports.page",
    "silences.create": "silences.page",
    "silences.create_maintenance": "silences.page",
    "silences.end": "silences.page",
    "admin.camera": "admin.cameras",
    "admin.edit_camera": "admin.cameras",
    "versions.compare": "admin.cameras",
    "what_if.page": "admin.cameras",
    "admin.save_camera": "admin.cameras",
    "admin.new_camera": "admin.cameras",
    "admin.create_camera": "admin.cameras",
}
"""Pages that have no link of their own in the header, and the one they belong to."""
_ERROR_PAGES: Final = frozenset({403, 404, 409, 413, 422, 429, 500, 503})
_NEAREST: Final = {400: 422, 405: 404, 408: 503, 410: 404, 415: 422}
"""Errors that have no page of their own, and the one that says the same to a person."""


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """A link of the header."""

    url: str
    msgid: str
    current: bool
    is_folded: bool
    """Where there is little room it stands in a menu that opens."""


def navigation(principal: Principal | None) -> list[NavigationItem]:
    """The pages that somebody may open, those that are never folded first."""
    if principal is None:
        return []
    known = {endpoint: msgid for endpoint, msgid, permission in _NAVIGATION if may(principal, permission)}
    at_hand = _AT_HAND.get(principal.role, tuple(known))
    here = _BELOW.get(request.endpoint or "", request.endpoint)
    return [
        NavigationItem(url_for(endpoint), known[endpoint], here == endpoint, endpoint not in at_hand)
        for endpoint in dict.fromkeys((*at_hand, *known))
    ]


def page_strings(msgids: Iterable[str]) -> dict[str, str]:
    """Strings for the page's scripts, in the request's language."""
    return {msgid: i18n.translations(i18n.current_locale()).gettext(msgid) for msgid in msgids}


def village_choices(session: Session, principal: Principal) -> list[tuple[str, str]]:
    """Id and name of the villages in somebody's scope, by name."""
    tree = PlaceTree.read(session)
    villages = [(village, tree.names(village).village) for village in tree.villages_of(principal)]
    return sorted(villages, key=lambda item: item[1])


def init_app(app: Flask) -> None:
    """Give templates what every page shows, and errors a page."""
    app.register_blueprint(blueprint)
    app.context_processor(_common)
    app.extensions["langan_error_page"] = error_page


def error_page(_body: dict[str, Any], status: int) -> Response:
    """An error in words for people; the sign-in form when nobody is signed in."""
    if status == HTTPStatus.UNAUTHORIZED and web.must_enrol():
        return make_response(render_template("auth/must_enrol.html"))
    if status == HTTPStatus.UNAUTHORIZED:
        return make_response(login_page(notice=("warn", i18n.gettext("login.please")), next_path=_here()))
    nearest = _NEAREST.get(status, status)
    code = nearest if nearest in _ERROR_PAGES else HTTPStatus.INTERNAL_SERVER_ERROR
    return make_response(render_template("errors/error.html", code=int(code), request_id=web.request_id()))


@blueprint.get("/")
def start() -> BaseResponse:
    """Everybody's own first page."""
    if web.must_enrol():
        return redirect(url_for("account.security"))
    principal = web.current_principal()
    endpoint = START_PAGES.get(principal.role) if principal is not None else None
    return redirect(url_for(endpoint or "pages.login"))


@blueprint.get("/login")
def login() -> BaseResponse:
    """The sign-in form."""
    if web.signed_in() is not None:
        return redirect(url_for("pages.start"))
    notice = ("good", i18n.gettext("login.out")) if "out" in request.args else None
    return make_response(login_page(notice=notice, next_path=local_path(request.args.get("next"))))


@blueprint.post("/login")
def sign_in() -> BaseResponse:
    """Check the password; then ask for the second factor, or open a session."""
    parts, username = services(), request.form.get("username", "")
    next_path = local_path(request.form.get("next"))
    if web.form_is_out_of_date():
        if web.current_principal() is not None:  # signed in meanwhile in another tab
            return redirect(next_path, code=303)
        problem = i18n.gettext("login.old_form")
        return make_response(login_page(username=username, problem=problem, next_path=next_path), 403)
    password = request.form.get("password", "")
    try:
        entered = with_password(
            parts.database, parts.clock, parts.session_policy, web.caller(), username=username, password=password
        )
    except NotAuthenticated:
        problem = i18n.gettext("login.wrong")
        return make_response(login_page(username=username, problem=problem, next_path=next_path), 401)
    except TooManyRequests as error:
        return too_many(error, login_page(username=username, problem=too_many_words(error), next_path=next_path))
    if isinstance(entered, CodeWanted):
        response = make_response(redirect(url_for("sign_in.second_factor", next=next_path), code=303))
        web.keep_ticket(response, entered.ticket)
        return response
    return let_in(entered.token, next_path)


def let_in(token: str, next_path: str) -> BaseResponse:
    """Hand the browser its session and send it on."""
    response = make_response(redirect(next_path, code=303))
    web.close_session()  # of whoever was signed in before in this browser
    web.start_session(response, token)
    web.forget_steps(response)
    return response


def too_many_words(error: TooManyRequests) -> str:
    """The rate limit in words."""
    return i18n.gettext("login.too_many", wait=i18n.format_duration(error.retry_after_s or 60))


def too_many(error: TooManyRequests, page: str) -> BaseResponse:
    """A page that says so, with the time to wait for programs."""
    response = make_response(page, 429)
    response.headers["Retry-After"] = str(error.retry_after_s or 60)
    return response


@blueprint.post("/logout")
def logout() -> BaseResponse:
    """End this browser's session."""
    response = make_response(redirect(url_for("pages.login", out=1), code=303))
    web.end_session(response)
    return response


@blueprint.post("/language")
def language() -> BaseResponse:
    """Change the language: for this browser, and for the person's next one."""
    chosen = request.form.get("lang", "")
    if chosen not in i18n.LOCALES:
        raise InvalidInput(f"unknown language {chosen[:10]!r}", f"Use one of: {', '.join(i18n.LOCALES)}.")
    principal = web.signed_in()
    if principal is not None:
        with services().database.write() as session:
            auth.set_language(session, int(principal.id), chosen)
    response = make_response(redirect(local_path(request.form.get("next")), code=303))
    secure = request.is_secure or services().settings.public_url.startswith("https://")
    response.set_cookie(
        i18n.COOKIE, chosen, max_age=i18n.COOKIE_AGE_S, path="/", httponly=True, samesite="Lax", secure=secure
    )
    return response


def login_page(
    *, username: str = "", problem: str = "", notice: tuple[str, str] | None = None, next_path: str = ""
) -> str:
    """The sign-in form, with what went wrong."""
    provider = services().oidc
    return render_template(
        "auth/login.html",
        username=username,
        problem=problem,
        notice=notice,
        next_path=next_path or _here(),
        provider=provider.name if provider is not None else "",
        strings=page_strings(PASSKEY_STRINGS) if RelyingParty.of(web.own_address(), "") is not None else None,
    )


def _common() -> dict[str, object]:
    return {
        "navigation": navigation(web.current_principal()),
        "here": _here(),
        "icons": url_for("static", filename="img/icons.svg"),
    }


def _here() -> str:
    """The address to come back to after a detour: this page, or the one whose form was sent."""
    if request.method not in web.SAFE_METHODS:
        referrer = request.referrer or ""
        return local_path(referrer.removeprefix(request.host_url.rstrip("/")).partition("?")[0])
    arguments = [(name, value) for name, value in request.args.items(multi=True) if name not in {"lang", "out"}]
    return request.path + (f"?{urlencode(arguments)}" if arguments else "")


def local_path(text: str | None) -> str:
    """A path of this server to go back to; the start page when it is anything else (no open redirects)."""
    try:
        parts = urlsplit(text or "")
    except ValueError:  # such as `//[`
        return url_for("pages.start")
    is_local = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    if not text or not is_local or text.startswith(("//", "/\\")) or any(ord(letter) < 32 for letter in text):
        return url_for("pages.start")
    return text
