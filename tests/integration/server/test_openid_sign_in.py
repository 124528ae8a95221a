"""Signing in with a province's OpenID provider: who gets in, as what, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import OctKey, RSAKey
from pydantic import ValidationError
from sqlalchemy import select
from werkzeug.test import TestResponse

from server.auth import second_factor
from server.auth import service as auth
from server.db.account_models import FederatedIdentity
from server.db.models import AuditEntry, LoginSession, User
from server.domain.access import Role
from server.http import JsonLines
from server.settings import Settings
from tests.support.forms import login_form
from tests.support.openid_provider import CLIENT_ID, CLIENT_SECRET, Provider, openid_provider
from tests.support.village import Village, running_village

ROLES = {"an-ninh-a": "officer@village-a", "lanh-dao": "leader@nhon-loc", "ky-thuat": "admin", "lac": "officer@nowhere"}


@pytest.fixture
def provider() -> Iterator[Provider]:
    with openid_provider() as made:
        yield made


@pytest.fixture
def village(provider: Provider, database_url: str, tmp_path: Path) -> Iterator[Village]:
    with running_village(
        tmp_path / "data",
        database_url,
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_name="Tỉnh Gia Lai",
        oidc_roles=json.dumps(ROLES),
    ) as made:
        provider.now = lambda: made.clock.utc().timestamp()
        yield made


def begin(browser: FlaskClient) -> str:
    """Press the button; gives the provider's address."""
    answer = browser.get("/login/oidc?next=/log")
    assert answer.status_code == 303
    return answer.headers["Location"]


def come_back(browser: FlaskClient, address: str) -> TestResponse:
    return browser.get(address.removeprefix("http://localhost"))


def sign_in(village: Village, provider: Provider) -> tuple[FlaskClient, TestResponse]:
    browser = village.app.test_client()
    return browser, come_back(browser, provider.authorize(begin(browser)))


def people(village: Village) -> dict[str, tuple[Role, str | None]]:
    with village.parts.database.read() as session:
        rows = session.execute(
            select(User.username, User.role, User.place_id).join(
                FederatedIdentity, FederatedIdentity.user_id == User.id
            )
        )
        return {row.username: (row.role, row.place_id) for row in rows}


def test_the_claim_decides_on_role_and_place(village: Village, provider: Provider) -> None:
    assert "Đăng nhập bằng Tỉnh Gia Lai" in village.app.test_client().get("/login").get_data(as_text=True)
    provider.claims["preferred_username"] = "Ba.Nam"
    browser, answer = sign_in(village, provider)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/log")
    assert browser.get("/live").status_code == 200
    assert people(village) == {"ba.nam": (Role.OFFICER, "village-a")}
    assert browser.get_cookie("langan_oidc") is None
    page = browser.get("/account").get_data(as_text=True)
    assert "Hệ thống của tỉnh" in page
    sign_in(village, provider)
    assert len(people(village)) == 1, "the second time it is the same account"
    with village.parts.database.read() as session:
        assert set(session.scalars(select(LoginSession.method))) == {"oidc"}
        assert "ba.nam" in session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "user.create")).one()


def test_what_the_provider_says_next_time_holds_and_ends_sessions(village: Village, provider: Provider) -> None:
    before, _ = sign_in(village, provider)
    provider.claims["groups"] = ["something-else", "lanh-dao"]
    after, _ = sign_in(village, provider)
    assert list(people(village).values()) == [(Role.LEADER, "nhon-loc")]
    assert before.get("/live").status_code == 401
    assert after.get("/live").status_code == 403
    assert after.get("/log").status_code == 200


def test_the_claim_may_come_with_the_user_info(village: Village, provider: Provider) -> None:
    del provider.claims["groups"]
    provider.userinfo = {"sub": "p-1", "groups": "ky-thuat"}
    assert sign_in(village, provider)[1].status_code == 303
    assert list(people(village).values()) == [(Role.ADMIN, None)]
    provider.userinfo = {"sub": "p-2", "groups": "ky-thuat"}
    assert sign_in(village, provider)[1].status_code == 401, "somebody else's user info"


def test_an_account_made_here_is_never_taken_over_by_its_name(village: Village, provider: Provider) -> None:
    provider.claims |= {"preferred_username": "admin", "groups": ["an-ninh-a"]}
    sign_in(village, provider)
    found = people(village)
    assert "admin" not in found
    assert [name for name in found if name.startswith("admin-")]
    with village.parts.database.read() as session:
        assert session.get_one(User, village.user_ids["admin"]).role is Role.ADMIN


def test_a_switched_off_account_stays_out(village: Village, provider: Provider) -> None:
    sign_in(village, provider)
    with village.parts.database.write() as session:
        user_id = session.scalars(select(FederatedIdentity.user_id)).one()
        auth.change_access(session, village.clock, user_id, role=Role.OFFICER, place_id="village-a", active=False)
    assert sign_in(village, provider)[1].status_code == 401


def test_nobody_signs_in_to_it_with_a_password(village: Village, provider: Provider) -> None:
    sign_in(village, provider)
    name = next(iter(people(village)))
    browser, form = login_form(village)
    for password in ("!", "", "x"):
        answer = browser.post("/login", data=form | {"username": name, "password": password})
        assert answer.status_code == 401


def test_a_session_of_the_provider_ends_after_twelve_hours(village: Village, provider: Provider) -> None:
    browser, _ = sign_in(village, provider)
    for _ in range(2):
        village.clock.advance(hours=5)
        assert browser.get("/live").status_code == 200
    village.clock.advance(hours=3)
    assert browser.get("/live").status_code == 401


def test_the_provider_answers_for_second_factors(village: Village, provider: Provider) -> None:
    with village.parts.database.write() as session:
        second_factor.require_of(session, village.clock, None, {Role.OFFICER})
    browser, _ = sign_in(village, provider)
    assert browser.get("/live").status_code == 200
    assert village.browser("officer_a").get("/live").status_code == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": ["nobody"]},
        {"groups": None},
        {"groups": ["lac"]},
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "somebody-else"},
        {"aud": [CLIENT_ID, "other"], "azp": "other"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"exp": None},
        {"iat": 9_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"sub": "x" * 300},
    ],
)
def test_an_id_token_that_is_not_for_us_and_now_is_refused(
    village: Village, provider: Provider, changes: dict[str, Any]
) -> None:
    provider.token_changes = changes
    browser, answer = sign_in(village, provider)
    assert answer.status_code == 401
    assert browser.get("/live").status_code == 401
    assert people(village) == {}


def test_a_token_signed_by_somebody_else_is_refused(village: Village, provider: Provider) -> None:
    provider.sign_with = RSAKey.generate_key(2048, {"kid": "1"})
    assert sign_in(village, provider)[1].status_code == 401
    provider.algorithm = "HS256"  # a key that both sides would have to share
    provider.sign_with = OctKey.import_key(b"langan" * 8)
    assert sign_in(village, provider)[1].status_code == 401
    assert people(village) == {}


def test_keys_that_the_provider_has_changed_are_asked_for_again(village: Village, provider: Provider) -> None:
    assert sign_in(village, provider)[1].status_code == 303
    provider.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
    assert sign_in(village, provider)[1].status_code == 303


def test_an_answer_to_nobodys_question_is_refused(village: Village, provider: Provider) -> None:
    """Another browser's answer (login CSRF), a state that was changed, a code used twice, another provider's answer."""
    mine, other = village.app.test_client(), village.app.test_client()
    answer = provider.authorize(begin(mine))
    begin(other)
    assert come_back(other, answer).status_code == 401
    assert come_back(village.app.test_client(), answer).status_code == 401
    assert come_back(mine, answer.replace("iss=http", "iss=https")).status_code == 401
    answer = provider.authorize(begin(mine))
    assert come_back(mine, answer).status_code == 303
    assert come_back(mine, answer).status_code == 401, "a code and its cookie are good once"
    again = village.app.test_client()
    begin(again)
    assert again.get("/login/oidc/callback?error=access_denied&state=x").status_code == 401


def test_a_flow_cannot_be_forged(village: Village, provider: Provider) -> None:
    browser = village.app.test_client()
    answer = provider.authorize(begin(browser))
    cookie = browser.get_cookie("langan_oidc")
    assert cookie is not None
    browser.set_cookie("langan_oidc", cookie.value[:-2] + "xx")
    assert come_back(browser, answer).status_code == 401


def test_a_provider_that_is_silent_is_told_so(village: Village, provider: Provider) -> None:
    with running_village(
        village.parts.settings.data_dir / "other",
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id="x",
        oidc_roles=json.dumps(ROLES),
    ) as other:
        answer = other.app.test_client().get("/login/oidc")
        assert answer.status_code == 503
        assert "không trả lời" in answer.get_data(as_text=True)


def test_threat_39_codes_and_tokens_are_never_logged(
    village: Village, provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    browser = village.app.test_client()
    answer = provider.authorize(begin(browser))
    code = answer.partition("code=")[2].partition("&")[0]
    come_back(browser, answer)
    provider.token_changes = {"aud": "x"}
    sign_in(village, provider)
    lines = [JsonLines().format(record) for record in caplog.records]
    assert any("oidc_answer_refused" in line for line in lines)
    for secret in (code, CLIENT_SECRET, "Bà Năm"):
        assert not [line for line in lines if secret in line]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"oidc_roles": '{"a": "chief@village-a"}'}, "ROLE@PLACE"),
        ({"oidc_roles": '{"a": "officer"}'}, "only admin may stand without a place"),
        ({"oidc_roles": "{}"}, "LANGAN_OIDC_ROLES"),
        ({"oidc_client_id": ""}, "LANGAN_OIDC_CLIENT_ID"),
        ({"oidc_issuer": "http://sso.example.vn"}, "https://"),
        ({"oidc_roles": "[1]"}, "dictionary"),
    ],
)
def test_settings_that_make_no_sense_are_refused_at_start(settings: dict[str, str], words: str) -> None:
    whole = {"oidc_issuer": "https://sso.example.vn", "oidc_client_id": "x", "oidc_roles": '{"a": "admin"}'}
    with pytest.raises(ValidationError, match=words):
        Settings.model_validate(whole | settings)
