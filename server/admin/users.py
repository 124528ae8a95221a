"""The admin's page of accounts: add somebody, change role and area, make a new password."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from server import i18n
from server.admin.places import place_choices
from server.auth import passwords, second_factor
from server.auth import service as auth
from server.auth.web import require
from server.db.models import User
from server.domain import access
from server.domain.access import USER_ROLES, Permission, Principal, Role
from server.errors import Conflict, Forbidden, InvalidInput, NotFound, ServerError
from server.places.service import PlaceTree
from server.services import services

blueprint = Blueprint("users", __name__, url_prefix="/admin/users")


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account in the list."""

    id: int
    username: str
    display_name: str
    role: str
    place_id: str | None
    place_name: str
    active: bool
    has_second_factor: bool


@dataclass(frozen=True, slots=True)
class UserForm:
    """What was typed, to be shown again when it is wrong."""

    username: str = ""
    display_name: str = ""
    role: str = Role.OFFICER
    place_id: str = ""


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password that is shown once."""

    username: str
    password: str


@blueprint.get("")
def users() -> str:
    """Everybody in the scope."""
    return _page(require(Permission.MANAGE_USERS))


@blueprint.post("")
def add_user() -> BaseResponse:
    """Add somebody, with a password that is made for them and shown once."""
    principal, parts = require(Permission.MANAGE_USERS), services()
    form = UserForm(
        request.form.get("username", "").strip()[:80],
        request.form.get("display_name", "").strip()[:120],
        request.form.get("role", ""),
        request.form.get("place_id", ""),
    )
    password = passwords.generate()
    try:
        with parts.database.write() as session:
            role, place_id = _wanted_access()
            user = auth.create_user(
                session,
                parts.clock,
                username=form.username,
                password=password,
                role=role,
                place_id=place_id,
                display_name=form.display_name,
                actor=principal,
            )
            made = NewPassword(user.username, password)
    except (InvalidInput, Conflict, Forbidden) as error:
        return make_response(_page(principal, form=form, error=error), error.status)
    return make_response(_page(principal, new_password=made))


@blueprint.post("/<int:user_id>")
def change_user(user_id: int) -> BaseResponse:
    """Change role, area, and whether somebody may sign in."""
    principal, parts = require(Permission.MANAGE_USERS), services()
    try:
        with parts.database.write() as session:
            user = _user_in_scope(session, principal, user_id)
            role, place_id = _wanted_access()
            active = request.form.get("active") == "1"
            auth.change_access(
                session, parts.clock, user.id, role=role, place_id=place_id, active=active, actor=principal
            )
    except (InvalidInput, Forbidden) as error:
        return make_response(_page(principal, error=error), error.status)
    return redirect(url_for("users.users", saved=user_id), 303)


@blueprint.post("/<int:user_id>/password")
def reset_password(user_id: int) -> BaseResponse:
    """Make a new password, shown once; every session of the person ends."""
    principal, parts = require(Permission.MANAGE_USERS), services()
    password = passwords.generate()
    with parts.database.write() as session:
        user = _user_in_scope(session, principal, user_id)
        auth.change_password(session, parts.clock, user.id, password, actor=principal)
        made = NewPassword(user.username, password)
    return make_response(_page(principal, new_password=made))


@blueprint.post("/<int:user_id>/factors")
def reset_factors(user_id: int) -> BaseResponse:
    """Take the second factor from somebody who has lost it; every session of the person ends."""
    principal, parts = require(Permission.MANAGE_USERS), services()
    with parts.database.write() as session:
        user = _user_in_scope(session, principal, user_id)
        second_factor.reset_factors(session, parts.clock, user.id, principal)
        auth.end_all_sessions(session, user.id)
    return redirect(url_for("users.users", reset=user_id), 303)


@blueprint.post("/second-factor")
def require_second_factor() -> BaseResponse:
    """Say which roles must have a second factor: a rule of the whole site."""
    principal, parts = require(Permission.MANAGE_USERS), services()
    if not access.may_grant(principal, None):
        raise Forbidden("this is a rule of the whole site", "Ask an admin of the whole site.")
    chosen = set(request.form.getlist("role"))
    with parts.database.write() as session:
        roles = {role for role in second_factor.REQUIRABLE_ROLES if role in chosen}
        second_factor.require_of(session, parts.clock, principal, roles)
    return redirect(url_for("users.users", rule=1), 303)


def _page(
    principal: Principal,
    *,
    form: UserForm | None = None,
    error: ServerError | None = None,
    new_password: NewPassword | None = None,
) -> str:
    with services().database.read() as session:
        tree = PlaceTree.read(session)
        names = {place.id: place.name for place in tree.all()}
        rows = [_row(user, names) for user in auth.list_users(session) if _is_in_scope(tree, principal, user)]
        required = second_factor.required_roles(session)
    return render_template(
        "admin/users.html",
        users=rows,
        roles=[role.value for role in USER_ROLES],
        places=place_choices(tree, principal),
        may_give_site=principal.place_id is None,
        form=form or UserForm(),
        problem=_problem(error) if error is not None else "",
        new_password=new_password,
        rules=[(role.value, role in required) for role in second_factor.REQUIRABLE_ROLES],
        notice=_notice(rows),
    )


def _notice(rows: list[UserRow]) -> tuple[str, str] | None:
    if "rule" in request.args:
        return "good", i18n.gettext("users.rule.saved")
    names = {row.id: row.username for row in rows}
    for argument, msgid in (("saved", "users.saved"), ("reset", "users.factors_reset")):
        name = names.get(request.args.get(argument, type=int, default=0))
        if name is not None:
            return "good", i18n.gettext(msgid, name=name)
    return None


def _wanted_access() -> tuple[Role, str | None]:
    """Role and area from the form; whether the admin may give them, the service decides."""
    text = request.form.get("role", "")
    if text not in set(USER_ROLES):
        raise InvalidInput(f"unknown role {text[:20]!r}", "Choose one of the list.")
    return Role(text), request.form.get("place_id") or None


def _problem(error: ServerError) -> str:
    """A refusal in the request's language."""
    if isinstance(error, Conflict):
        return i18n.gettext("users.taken")
    if isinstance(error, Forbidden):
        return i18n.gettext("users.outside")
    return i18n.gettext("users.invalid")


def _user_in_scope(session: Session, principal: Principal, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None or not _is_in_scope(PlaceTree.read(session), principal, user):
        raise NotFound("no such account")
    return user


def _is_in_scope(tree: PlaceTree, principal: Principal, user: User) -> bool:
    return access.covers(principal, tree.path(user.place_id) if user.place_id is not None else ())


def _row(user: User, names: dict[str, str]) -> UserRow:
    return UserRow(
        user.id,
        user.username,
        user.display_name,
        user.role.value,
        user.place_id,
        names.get(user.place_id or "", ""),
        user.active,
        user.has_second_factor,
    )
