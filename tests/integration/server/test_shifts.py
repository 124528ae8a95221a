"""Handing over: open incidents stand in the note, it is signed, audited, confirmed once, and stays in its place."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from server.db.duty_models import ShiftNote
from server.db.models import AuditEntry
from server.shifts import service
from server.shifts.service import NoteDraft
from tests.support.forms import form_of
from tests.support.village import Village, event


def sent(village: Village, who: str, path: str, **fields: Any) -> Any:
    browser, form = form_of(village, who)
    return browser.post(path, data={**form, **fields})


def the_note(village: Village) -> ShiftNote:
    with village.parts.database.read() as session:
        return session.scalars(select(ShiftNote).order_by(ShiftNote.id.desc())).first() or pytest.fail("no note")


def hand_over(village: Village, who: str = "officer_a", text: str = "Cổng chợ còn đông.", **fields: Any) -> ShiftNote:
    assert sent(village, who, "/shift", place="village-a", text=text, **fields).status_code == 303
    return the_note(village)


def test_open_incidents_stand_in_the_note_as_they_were(village: Village) -> None:
    opened = village.post([event(village="village-a")]).get_json()["results"][0]["incident_id"]
    note = hand_over(village)
    assert [item["id"] for item in note.open_incidents] == [opened]
    assert (note.open_count, note.open_incidents[0]["state"]) == (1, "new")
    version = {"action": "resolve", "version": "1"}
    assert sent(village, "officer_a", f"/incidents/{opened}/act", **version).status_code == 303
    assert the_note(village).open_incidents[0]["state"] == "new"
    page = village.browser("officer_a").get("/shift").get_data(as_text=True)
    assert "Cổng chợ còn đông." in page
    assert opened in page


def test_a_note_is_signed_and_audited_and_so_is_its_reading(village: Village) -> None:
    note = hand_over(village)
    village.clock.advance(minutes=20)
    assert sent(village, "officer_a2", f"/shift/{note.id}/confirm").status_code == 303
    confirmed = the_note(village)
    assert (confirmed.confirmed_by_name, confirmed.confirmed_at) == (
        village.principal("officer_a2").name,
        village.clock.utc(),
    )
    with village.parts.database.read() as session:
        rows = session.execute(
            select(AuditEntry.action, AuditEntry.actor).where(AuditEntry.subject == f"shift:{note.id}")
        ).all()
    assert [tuple(row) for row in rows] == [
        ("shift.hand_over", village.principal("officer_a").actor),
        ("shift.confirm", village.principal("officer_a2").actor),
    ]


def test_nobody_takes_over_from_themselves_and_only_one_takes_over(village: Village) -> None:
    note = hand_over(village)
    assert sent(village, "officer_a", f"/shift/{note.id}/confirm").status_code == 403
    assert sent(village, "officer_a2", f"/shift/{note.id}/confirm").status_code == 303
    assert sent(village, "admin", f"/shift/{note.id}/confirm").status_code == 409


def test_a_note_stays_in_its_place(village: Village) -> None:
    note = hand_over(village, text="chỉ thôn a được biết")
    assert "chỉ thôn a" not in village.browser("officer_b").get("/shift").get_data(as_text=True)
    assert sent(village, "officer_b", f"/shift/{note.id}/confirm").status_code == 404
    assert sent(village, "officer_b", "/shift", place="village-a", text="x").status_code == 404
    assert "chỉ thôn a" in village.browser("admin").get("/shift").get_data(as_text=True)


def test_it_may_be_meant_for_a_colleague_of_the_place_only(village: Village) -> None:
    note = hand_over(village, to=village.user_ids["officer_a2"])
    assert note.to_name == village.principal("officer_a2").name
    other = sent(village, "officer_a", "/shift", place="village-a", text="x", to=village.user_ids["officer_b"])
    assert other.status_code == 404


@pytest.mark.parametrize("text", ["", "   ", "x" * (service.MAX_TEXT + 1)])
def test_what_says_nothing_or_too_much_is_refused_and_kept_in_the_form(village: Village, text: str) -> None:
    answer = sent(village, "officer_a", "/shift", place="village-a", text=text)
    assert answer.status_code == 422
    with village.parts.database.read() as session:
        assert session.scalar(select(ShiftNote.id)) is None
    assert text.strip() in answer.get_data(as_text=True)


def test_the_shift_is_the_sites(village: Village) -> None:
    parts = village.parts
    with parts.database.write() as session:
        note = service.write(
            session,
            village.clock,
            parts.settings.zone,
            parts.settings.shifts,
            village.principal("officer_a"),
            NoteDraft("village-a", "x"),
        )
        now = village.clock.utc()
        assert note.begins_at <= now < note.ends_at
        assert note.ends_at - note.begins_at == timedelta(hours=8)
