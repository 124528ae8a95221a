"""Where somebody is signed in, and what ends a session."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from server.auth import own_sessions
from server.auth import service as auth
from server.auth.sign_in import Caller, Entered
from server.db.account_models import OneTimeToken
from server.domain.access import Role
from server.errors import NotAuthenticated
from tests.integration.server.test_second_factor import (
    actions,
    give_code,
    give_password,
    send,
    set_password,
    set_up,
    ticket_of,
)
from tests.support.forms import csrf, form_of
from tests.support.village import Village

# Where one is signed in


def test_the_page_lists_ones_own_sessions_and_ends_all_others(village: Village) -> None:
    set_password(village, "officer_a")
    token = village.session_token("officer_a")
    phone = give_password(village, caller=Caller("10.0.0.2", "Chrome, Android"))
    laptop = give_password(village, caller=Caller("10.0.0.3", "Firefox, Windows"))
    stranger = village.browser("officer_b")
    assert isinstance(phone, Entered)
    assert isinstance(laptop, Entered)
    browser = village.app.test_client()
    browser.set_cookie("langan_session", token)
    form = {"csrf_token": csrf(village, browser)}
    page = browser.get("/account").get_data(as_text=True)
    assert "Chrome, Android" in page
    assert "Firefox, Windows" in page
    parts, person = village.parts, village.principal("officer_a")
    with parts.database.read() as session:
        rows = own_sessions.own_sessions(session, village.clock, parts.session_policy, person, token)
    phones = next(row.id for row in rows if row.label == "Chrome, Android")
    assert send(browser, form, "/account/sessions/end", id=phones).status_code == 303
    assert [is_signed_in(village, item) for item in (token, phone.token, laptop.token)] == [True, False, True]
    assert send(browser, form, "/account/sessions/end").status_code == 303
    assert [is_signed_in(village, item) for item in (token, phone.token, laptop.token)] == [True, False, False]
    assert stranger.get("/live").status_code == 200
    assert actions(village)[-2:] == ["session.end_others"] * 2


def is_signed_in(village: Village, token: str) -> bool:
    browser = village.app.test_client()
    browser.set_cookie("langan_session", token)
    return browser.get("/live").status_code == 200


def test_nobody_ends_somebody_elses_session(village: Village) -> None:
    parts, other = village.parts, village.principal("officer_b")
    theirs = village.session_token("officer_b")
    with parts.database.read() as session:
        name = own_sessions.own_sessions(session, village.clock, parts.session_policy, other, theirs)[0].id
    browser, form = form_of(village, "officer_a")
    send(browser, form, "/account/sessions/end", id=name)
    send(browser, form, "/account/sessions/end")
    assert is_signed_in(village, theirs)


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130 Safari/537.36 Edg/130", "Edge, Windows"),
        ("curl/8.0", ""),
        ("<script>\r\n" * 50, ""),
    ],
)
def test_a_browser_has_a_name_that_its_owner_knows(user_agent: str, label: str) -> None:
    assert own_sessions.browser_label(user_agent) == label


# Rows 26 and 27, for what has come since


@pytest.mark.parametrize(
    "change",
    [(Role.RESIDENT, "village-a", True), (Role.OFFICER, "village-b", True), (Role.OFFICER, "village-a", False)],
)
def test_threat_26_every_session_ends_with_a_change_of_role_place_or_activity(
    village: Village, change: tuple[Role, str, bool]
) -> None:
    app, _ = set_up(village)
    entered = give_code(village, ticket_of(village), app.at(village.clock.utc()))
    waiting = ticket_of(village)
    assert entered is not None
    role, place, active = change
    user_id = village.user_ids["officer_a"]
    with village.parts.database.write() as session:
        auth.change_access(session, village.clock, user_id, role=role, place_id=place, active=active)
    assert not is_signed_in(village, entered.token)
    with pytest.raises(NotAuthenticated):
        give_code(village, waiting, "000000")
    with village.parts.database.read() as session:
        assert session.scalars(select(OneTimeToken)).all() == []


def test_threat_26_saving_an_account_unchanged_signs_nobody_out(village: Village) -> None:
    browser = village.browser("officer_a")
    with village.parts.database.write() as session:
        auth.change_access(
            session, village.clock, village.user_ids["officer_a"], role=Role.OFFICER, place_id="village-a", active=True
        )
    assert browser.get("/live").status_code == 200
