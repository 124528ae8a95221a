"""Residents write, officers answer, and a picture that was not covered goes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from contract.event import EvidenceRole
from server.db.feedback_models import Feedback
from server.domain.feedback import A_DAY, FeedbackState
from server.retention.service import enforce
from tests.support.media import jpeg
from tests.support.village import Village, event, reference


def csrf(client: FlaskClient) -> str:
    page = client.get("/feedback").get_data(as_text=True)
    return page.split('name="csrf_token" value="')[1].split('"')[0]


def write(client: FlaskClient, **form: str) -> Any:
    filled = {"csrf_token": csrf(client), "village": "village-a", "about": "idea", "text": "Thêm đèn đường"} | form
    return client.post("/feedback", data=filled)


def the_only(village: Village) -> Feedback:
    with village.parts.database.read() as session:
        return session.query(Feedback).one()


def shown_incident(village: Village) -> tuple[UUID, str]:
    """An incident with a redacted picture, old enough for residents; gives its id and the picture's hash."""
    picture, clean = jpeg(1), jpeg(2)
    body = event(evidence=[reference(clean), reference(picture, EvidenceRole.SNAPSHOT_REDACTED)])
    incident = UUID(village.post([body]).get_json()["results"][0]["incident_id"])
    for data in (clean, picture):
        assert village.put_evidence(data).status_code in {200, 201, 204}
    village.clock.advance(minutes=30)
    return incident, reference(picture)["sha256"]


def test_a_resident_writes_and_an_officer_of_the_village_answers(village: Village) -> None:
    resident, officer = village.browser("resident_a"), village.browser("officer_a")
    assert write(resident, text="Đèn đầu ngõ hỏng").status_code == 303
    row = the_only(village)
    inbox = officer.get("/feedback/inbox").get_data(as_text=True)
    assert "Đèn đầu ngõ hỏng" in inbox
    assert "resident_a" not in inbox, "who answers must not learn who wrote"
    form = {"csrf_token": csrf(officer), "answer": "Xã sẽ thay trong tuần.", "version": str(row.version)}
    assert officer.post(f"/feedback/{row.id}/answer", data=form).status_code == 303
    assert "Xã sẽ thay trong tuần." in resident.get("/feedback").get_data(as_text=True)
    others = village.browser("officer_a2").get("/feedback").get_data(as_text=True)
    assert "Đèn đầu ngõ hỏng" not in others, "it was answered for its author alone"


def test_what_is_published_is_what_the_officer_made_of_it(village: Village) -> None:
    resident, officer = village.browser("resident_a"), village.browser("officer_a")
    write(resident, text="Nhà ông Tư để xe trên vỉa hè")
    row = the_only(village)
    form = {
        "csrf_token": csrf(officer),
        "answer": "Đã nhắc nhở.",
        "version": str(row.version),
        "show": "yes",
        "public_text": "Có xe để trên vỉa hè",
    }
    officer.post(f"/feedback/{row.id}/answer", data=form)
    neighbour = village.browser("resident_b").get("/feedback").get_data(as_text=True)
    assert "vỉa hè" not in neighbour, "another village's"
    for reader in ("officer_commune", "officer_a2"):
        page = village.browser(reader).get("/feedback").get_data(as_text=True)
        assert "Có xe để trên vỉa hè" in page
        assert "ông Tư" not in page


def test_what_was_declined_is_never_shown_to_others(village: Village) -> None:
    resident, officer = village.browser("resident_a"), village.browser("officer_a")
    write(resident, text="Lời khó nghe")
    row = the_only(village)
    form = {
        "csrf_token": csrf(officer),
        "answer": "Không thuộc thẩm quyền.",
        "version": "1",
        "show": "yes",
        "public_text": "Lời khó nghe",
        "decline": "yes",
    }
    officer.post(f"/feedback/{row.id}/answer", data=form)
    assert the_only(village).state is FeedbackState.DECLINED
    assert "Lời khó nghe" not in village.browser("officer_a2").get("/feedback").get_data(as_text=True)
    assert "Không thuộc thẩm quyền." in resident.get("/feedback").get_data(as_text=True)


def test_the_second_of_two_answers_is_told_of_the_first(village: Village) -> None:
    write(village.browser("resident_a"))
    row = the_only(village)
    first, second = village.browser("officer_a"), village.browser("officer_a2")
    form = {"answer": "Đã rõ.", "version": str(row.version)}
    assert first.post(f"/feedback/{row.id}/answer", data=form | {"csrf_token": csrf(first)}).status_code == 303
    again = second.post(f"/feedback/{row.id}/answer", data=form | {"csrf_token": csrf(second), "answer": "Khác."})
    assert again.status_code == 409
    assert the_only(village).answer == "Đã rõ."


@pytest.mark.parametrize("form", [{"text": " "}, {"about": "x"}, {"village": "village-b"}, {"text": "a" * 2001}])
def test_what_is_incomplete_or_elsewhere_is_refused_and_kept_in_the_form(
    village: Village, form: dict[str, str]
) -> None:
    answer = write(village.browser("resident_a"), **({"text": "Giữ lại nhé"} | form))
    assert answer.status_code == 422
    if "text" not in form:
        assert "Giữ lại nhé" in answer.get_data(as_text=True)
    with village.parts.database.read() as session:
        assert session.query(Feedback).count() == 0


def test_an_account_writes_so_often_a_day(village: Village) -> None:
    resident = village.browser("resident_a")
    assert [write(resident).status_code for _ in range(A_DAY)] == [303] * A_DAY
    refused = write(resident, text="Thêm nữa")
    assert refused.status_code == 429
    assert "Thêm nữa" in refused.get_data(as_text=True)
    village.clock.advance(hours=24, minutes=1)
    assert write(village.browser("resident_a")).status_code == 303


def test_a_picture_that_was_not_covered_goes_with_the_answer(village: Village) -> None:
    incident, picture = shown_incident(village)
    resident, officer = village.browser("resident_a"), village.browser("officer_a")
    assert picture in resident.get("/log").get_data(as_text=True)
    assert resident.get(f"/media/{incident}/{picture}").status_code == 200
    write(resident, about="picture", incident=str(incident), text="Thấy rõ mặt")
    row = the_only(village)
    form = {"csrf_token": csrf(officer), "answer": "Đã gỡ.", "version": "1", "hide_picture": "yes"}
    officer.post(f"/feedback/{row.id}/answer", data=form)
    assert picture not in resident.get("/log").get_data(as_text=True)
    assert resident.get(f"/media/{incident}/{picture}").status_code == 404
    assert officer.get(f"/media/{incident}/{picture}").status_code == 200, "officers keep theirs"
    actions = officer.get(f"/incidents/{incident}").status_code
    assert actions == 200


def test_an_officer_takes_a_picture_away_from_the_incident_page(village: Village) -> None:
    incident, picture = shown_incident(village)
    resident, officer = village.browser("resident_a"), village.browser("officer_a")
    page = officer.get(f"/incidents/{incident}").get_data(as_text=True)
    action = f"/incidents/{incident}/hide-picture"
    assert f'action="{action}"' in page
    assert f"/media/{incident}/{picture}" in page, "what residents see"
    assert officer.post(action, data={"csrf_token": csrf(officer)}).status_code == 303
    assert resident.get(f"/media/{incident}/{picture}").status_code == 404
    page = officer.get(f"/incidents/{incident}").get_data(as_text=True)
    assert f'action="{action}"' not in page
    assert "đã gỡ khỏi nhật ký của người dân" in page


def test_what_was_written_goes_after_its_period(village: Village) -> None:
    write(village.browser("resident_a"))
    village.clock.advance(days=399)
    assert enforce(village.parts).counts["feedback"] == 0
    village.clock.advance(days=2)
    assert enforce(village.parts, dry_run=True).counts["feedback"] == 1
    assert enforce(village.parts).counts["feedback"] == 1
    with village.parts.database.read() as session:
        assert session.query(Feedback).count() == 0


def test_a_resident_does_not_write_about_what_residents_do_not_see(village: Village) -> None:
    answer = village.post([event(village="village-b")], "box-b").get_json()
    incident = answer["results"][0]["incident_id"]
    assert write(village.browser("resident_a"), incident=incident).status_code == 422
    assert write(village.browser("resident_a"), incident="00000000-0000-7000-8000-000000000000").status_code == 422
