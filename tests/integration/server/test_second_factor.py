"""Signing in with more than a password: codes, recovery codes, who must have them, and where one is signed in."""

from __future__ import annotations

import re
import threading
from typing import Any

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from server.auth import passwords, second_factor
from server.auth import service as auth
from server.auth.sign_in import Caller, CodeWanted, Entered, with_code, with_password
from server.db.account_models import RecoveryCode, TotpSecret
from server.db.models import AuditEntry, LoginSession, User
from server.domain.access import Role
from server.errors import NotAuthenticated, TooManyRequests
from tests.support.forms import form_of, login_form
from tests.support.village import PASSWORD, Village

HERE = Caller("10.0.0.1", "Firefox, Linux")


def set_password(village: Village, name: str) -> None:
    with village.parts.database.write() as session:
        auth.change_password(session, village.clock, village.user_ids[name], PASSWORD)


def set_up(village: Village, name: str = "officer_a") -> tuple[pyotp.TOTP, list[str]]:
    """Give somebody a password and an authenticator app; gives the app and the recovery codes."""
    set_password(village, name)
    parts, person = village.parts, village.principal(name)
    with parts.database.write() as session:
        second_factor.begin_totp(session, village.clock, parts.sealer, int(person.id))
        secret = second_factor.pending_totp(session, parts.sealer, int(person.id))
    assert secret is not None
    app = pyotp.TOTP(secret)
    with parts.database.write() as session:
        codes = second_factor.confirm_totp(session, village.clock, parts.sealer, person, app.at(village.clock.utc()))
    assert codes is not None
    village.clock.advance(seconds=30)
    return app, codes


def give_password(village: Village, name: str = "officer_a", caller: Caller = HERE) -> Entered | CodeWanted:
    parts = village.parts
    return with_password(parts.database, village.clock, parts.session_policy, caller, username=name, password=PASSWORD)


def give_code(village: Village, ticket: str, code: str, caller: Caller = HERE) -> Entered | None:
    parts = village.parts
    return with_code(
        parts.database, village.clock, parts.session_policy, parts.sealer, caller, ticket=ticket, code=code
    )


def ticket_of(village: Village, name: str = "officer_a") -> str:
    wanted = give_password(village, name)
    assert isinstance(wanted, CodeWanted)
    return wanted.ticket


def actions(village: Village) -> list[str]:
    with village.parts.database.read() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.sequence)))


# Codes


def test_a_password_alone_opens_no_session_where_there_is_a_second_factor(village: Village) -> None:
    app, _ = set_up(village)
    assert isinstance(give_password(village, "officer_a"), CodeWanted)
    with village.parts.database.read() as session:
        assert session.scalars(select(LoginSession)).all() == []
    entered = give_code(village, ticket_of(village), app.at(village.clock.utc()))
    assert entered is not None
    assert entered.principal.id == str(village.user_ids["officer_a"])
    with village.parts.database.read() as session:
        assert session.scalars(select(LoginSession.method)).all() == ["second_factor"]


@pytest.mark.parametrize("off_s", [-30, 0, 30])
def test_a_phone_may_be_one_step_off(village: Village, off_s: int) -> None:
    app, _ = set_up(village)
    village.clock.advance(minutes=5)
    code = app.at(int(village.clock.utc().timestamp()) + off_s)
    assert give_code(village, ticket_of(village), code) is not None


@pytest.mark.parametrize("off_s", [-90, 90])
def test_a_code_of_another_time_is_refused(village: Village, off_s: int) -> None:
    app, _ = set_up(village)
    village.clock.advance(minutes=5)
    code = app.at(int(village.clock.utc().timestamp()) + off_s)
    assert give_code(village, ticket_of(village), code) is None


def test_a_code_is_taken_once_whoever_is_faster(village: Village) -> None:
    app, _ = set_up(village)
    code, tickets = app.at(village.clock.utc()), [ticket_of(village) for _ in range(4)]
    entered: list[Entered | None] = []
    threads = [
        threading.Thread(target=lambda ticket=ticket: entered.append(give_code(village, ticket, code)))
        for ticket in tickets
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([item for item in entered if item is not None]) == 1


def test_a_ticket_is_good_once_and_for_five_minutes(village: Village) -> None:
    app, codes = set_up(village)
    ticket = ticket_of(village)
    assert give_code(village, ticket, app.at(village.clock.utc())) is not None
    with pytest.raises(NotAuthenticated):
        give_code(village, ticket, codes[0])
    late = ticket_of(village)
    village.clock.advance(minutes=6)
    with pytest.raises(NotAuthenticated):
        give_code(village, late, app.at(village.clock.utc()))
    with pytest.raises(NotAuthenticated):
        give_code(village, "nothing", app.at(village.clock.utc()))


def test_codes_cannot_be_tried_out(village: Village) -> None:
    app, _ = set_up(village)
    ticket = ticket_of(village)
    for _ in range(5):
        assert give_code(village, ticket, "000000") is None
    with pytest.raises(TooManyRequests):
        give_code(village, ticket, app.at(village.clock.utc()))
    for address in range(2, 5):
        for _ in range(5):
            assert give_code(village, ticket, "000000", Caller(f"10.0.0.{address}")) is None
    with pytest.raises(TooManyRequests):
        give_code(village, ticket, app.at(village.clock.utc()), Caller("10.0.0.77"))
    village.clock.advance(minutes=16)
    assert give_code(village, ticket_of(village), app.at(village.clock.utc())) is not None


def test_a_recovery_code_works_once_however_it_is_typed(village: Village) -> None:
    _, codes = set_up(village)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert give_code(village, ticket_of(village), f"  {codes[3].upper().replace('-', ' ')} ") is not None
    assert give_code(village, ticket_of(village), codes[3]) is None
    assert give_code(village, ticket_of(village), codes[4].replace("-", "")) is not None
    with village.parts.database.read() as session:
        factors = second_factor.factors_of(session, village.user_ids["officer_a"])
    assert factors.recovery_left == second_factor.RECOVERY_CODES - 2


def test_somebody_elses_recovery_code_is_worth_nothing(village: Village) -> None:
    set_up(village, "officer_a")
    _, codes = set_up(village, "officer_b")
    assert give_code(village, ticket_of(village, "officer_a"), codes[0]) is None


def test_the_database_alone_makes_no_codes(village: Village) -> None:
    app, codes = set_up(village)
    with village.parts.database.read() as session:
        row = session.scalars(select(TotpSecret)).one()
        kept = [item.code_hash for item in session.scalars(select(RecoveryCode))]
    assert app.secret.encode() not in row.sealed
    assert not [code for code in codes for item in kept if code.replace("-", "").encode() in item]
    user_id = village.user_ids["officer_a"]
    assert village.parts.sealer.unseal("totp secret", user_id, row.sealed) == app.secret
    assert village.parts.sealer.unseal("totp secret", user_id + 1, row.sealed) is None, "moved to another account"
    assert village.parts.sealer.unseal("other", user_id, row.sealed) is None


def test_a_new_password_ends_sign_ins_that_wait_for_a_code(village: Village) -> None:
    app, _ = set_up(village)
    ticket = ticket_of(village)
    set_password(village, "officer_a")
    with pytest.raises(NotAuthenticated):
        give_code(village, ticket, app.at(village.clock.utc()))


# argon2id


def test_passwords_are_hashed_as_rfc_9106_advises(embedded_village: Village) -> None:
    made = passwords.hash_password(PASSWORD)
    assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_hash_of_older_parameters_is_made_anew_at_sign_in_and_no_session_ends(village: Village) -> None:
    from argon2 import PasswordHasher

    weak = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
    user_id = village.user_ids["officer_a"]
    browser = village.browser("officer_a")
    with village.parts.database.write() as session:
        session.execute(update(User).where(User.id == user_id).values(password_hash=weak))
    assert isinstance(give_password(village), Entered)
    with village.parts.database.read() as session:
        renewed = session.get_one(User, user_id).password_hash
    assert renewed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.matches(renewed, PASSWORD)
    assert browser.get("/live").status_code == 200
    assert isinstance(give_password(village), Entered)


# The forms


def send(browser: FlaskClient, form: dict[str, str], address: str, **fields: str) -> TestResponse:
    return browser.post(address, data=form | fields)


def test_the_forms_set_an_app_up_and_ask_for_it_at_the_next_sign_in(village: Village) -> None:
    set_password(village, "officer_a")
    elsewhere = village.browser("officer_a")
    browser, form = form_of(village, "officer_a")
    assert send(browser, form, "/account/totp").headers["Location"] == "/account/totp"
    shown = browser.get("/account/totp").get_data(as_text=True)
    assert 'src="data:image/svg+xml' in shown
    found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', shown)
    assert found is not None
    app = pyotp.TOTP(found[1].replace(" ", ""))
    assert send(browser, form, "/account/totp/confirm", code="000000").status_code == 422
    done = send(browser, form, "/account/totp/confirm", code=app.at(village.clock.utc()))
    assert done.status_code == 200
    codes = re.findall(r"<li><code>([a-z0-9]{5}-[a-z0-9]{5})</code></li>", done.get_data(as_text=True))
    assert len(codes) == 10
    assert elsewhere.get("/live").status_code == 401, "how one signs in has changed"
    assert browser.get("/live").status_code == 200
    assert browser.get("/account/totp").status_code == 404, "the secret is not shown again"

    stranger, visitor = login_form(village)
    asked = stranger.post("/login", data=visitor | {"username": "officer_a", "password": PASSWORD, "next": "/log"})
    assert (asked.status_code, asked.headers["Location"]) == (303, "/login/second?next=/log")
    assert stranger.get("/live").status_code == 401
    assert stranger.get(asked.headers["Location"]).status_code == 200
    wrong = stranger.post("/login/second", data=visitor | {"code": "123456", "next": "/log"})
    assert wrong.status_code == 401
    right = stranger.post("/login/second", data=visitor | {"code": codes[0], "next": "//evil.example"})
    assert (right.status_code, right.headers["Location"]) == (303, "/")
    assert stranger.get("/live").status_code == 200
    assert stranger.get_cookie("langan_ticket") is None
    assert {"user.add_factor", "user.recovery_codes"} <= set(actions(village))


def test_changing_how_one_signs_in_asks_for_the_password_again(village: Village) -> None:
    set_up(village)
    browser, form = form_of(village, "officer_a")
    village.clock.advance(minutes=16)
    for address in ("/account/totp/remove", "/account/recovery", "/account/passkeys/remove"):
        answer = send(browser, form, address)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/account/confirm"), address
    assert send(browser, form, "/account/passkeys/options").status_code == 403
    assert send(browser, form, "/account/confirm", password="wrong password").status_code == 422
    assert send(browser, form, "/account/confirm", password=PASSWORD).status_code == 303
    assert send(browser, form, "/account/totp/remove").headers["Location"] == "/account?done=totp_removed"
    assert isinstance(give_password(village), Entered)
    with village.parts.database.read() as session:
        assert session.scalars(select(RecoveryCode)).all() == [], "they go with the last factor"


# Who must have one


def require(village: Village, *roles: Role) -> None:
    with village.parts.database.write() as session:
        second_factor.require_of(session, village.clock, village.principal("admin"), set(roles))


def test_who_must_set_a_factor_up_can_do_nothing_else(village: Village) -> None:
    set_password(village, "officer_a")
    browser, form = form_of(village, "officer_a")
    token = browser.get_cookie("langan_session")
    require(village, Role.OFFICER)
    parts = village.parts
    with parts.database.read() as session:
        assert token is not None
        assert auth.principal_of_session(session, village.clock, parts.session_policy, token.value) is None
    for address in ("/live", "/log", "/api/v1/live"):
        answer = browser.get(address)
        assert answer.status_code == 401, address
    assert "/account" in browser.get("/live").get_data(as_text=True)
    assert browser.get("/").headers["Location"] == "/account"
    assert browser.get("/account").status_code == 200
    send(browser, form, "/account/totp")
    found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', browser.get("/account/totp").get_data(as_text=True))
    assert found is not None
    code = pyotp.TOTP(found[1].replace(" ", "")).at(village.clock.utc())
    assert send(browser, form, "/account/totp/confirm", code=code).status_code == 200
    assert browser.get("/live").status_code == 200
    assert village.browser("resident_a").get("/log").status_code == 200, "other roles are not asked"


def test_the_rule_is_the_whole_sites_admins(village: Village) -> None:
    browser, form = form_of(village, "admin_b")
    assert send(browser, form, "/admin/users/second-factor", role="officer").status_code == 403
    browser, form = form_of(village, "admin")
    answer = browser.post("/admin/users/second-factor", data={**form, "role": ["officer", "resident", "nonsense"]})
    assert answer.status_code == 303
    with village.parts.database.read() as session:
        assert second_factor.required_roles(session) == {Role.OFFICER}, "residents are never asked"
    assert "site.require_factor" in actions(village)


def test_many_sessions_are_looked_at_in_one_query(village: Village) -> None:
    from server.auth.tokens import token_hash

    names = ["officer_a", "officer_b", "resident_a", "admin"]
    hashes = {name: token_hash(village.session_token(name)) for name in names}
    require(village, Role.OFFICER)
    set_up(village, "officer_b")
    hashes["officer_b"] = token_hash(village.session_token("officer_b"))
    parts = village.parts
    with parts.database.read() as session:
        asked = [*hashes.values(), *(bytes([number % 256] * 32) for number in range(1200))]
        found = auth.principals_of_sessions(session, village.clock, parts.session_policy, asked)
    assert {key: item.id for key, item in found.items()} == {
        hashes[name]: str(village.user_ids[name]) for name in names if name != "officer_a"
    }


def test_an_admin_helps_who_has_lost_everything(village: Village) -> None:
    set_up(village, "officer_b")
    stolen = village.browser("officer_b")
    ticket = ticket_of(village, "officer_b")
    browser, form = form_of(village, "admin_b")
    assert send(browser, form, f"/admin/users/{village.user_ids['officer_b']}/factors").status_code == 303
    assert stolen.get("/live").status_code == 401
    with pytest.raises(NotAuthenticated):
        give_code(village, ticket, "000000")
    assert isinstance(give_password(village, "officer_b"), Entered)
    assert "user.reset_factors" in actions(village)


def test_threat_39_codes_and_secrets_are_never_logged(village: Village, caplog: pytest.LogCaptureFixture) -> None:
    from server.http import JsonLines

    caplog.set_level("DEBUG")
    app, codes = set_up(village)
    stranger, visitor = login_form(village)
    stranger.post("/login", data=visitor | {"username": "officer_a", "password": PASSWORD})
    ticket: Any = stranger.get_cookie("langan_ticket")
    stranger.post("/login/second", data=visitor | {"code": codes[0]})
    lines = [JsonLines().format(record) for record in caplog.records]
    assert any("/login/second" in line for line in lines)
    with village.parts.database.read() as session:
        lines += [row.detail for row in session.scalars(select(AuditEntry))]
    for secret in (PASSWORD, app.secret, ticket.value, codes[0], codes[0].replace("-", "")):
        assert not [line for line in lines if secret in line]
