"""Silences, inhibition and maintenance windows: what is kept back, that it is recorded, and that it is decided once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select

from server.db.incident_models import Incident, IncidentStep, Silence
from server.db.models import Alert, EventRecord
from server.domain.incident import IncidentAction
from server.domain.silencing import AlertOutcome, Weekly
from server.errors import Forbidden, InvalidInput, NotFound
from server.silences import service as silences
from server.silences.service import SilenceDraft
from tests.support.forms import fields_of
from tests.support.village import Village, event

TAMPERED: dict[str, Any] = {
    "kind": "camera_tampered",
    "facts": {
        "tampering": "covered",
        "stay_s": 14.0,
        "detail_before": 6.2,
        "detail_after": 0.4,
        "sharpness_before": 1.1,
        "sharpness_after": 2.3,
        "match_before_share": 0.96,
        "match_after_share": 0.02,
    },
}


def make(village: Village, name: str = "officer_a", *, hours: float = 1, **more: Any) -> Silence:
    now = village.clock.utc()
    values: dict[str, Any] = {
        "place_id": "village-a",
        "starts_at": now,
        "ends_at": now + timedelta(hours=hours),
        "reason": "hội làng",
    }
    with village.parts.database.write() as session:
        return silences.create(
            session,
            village.clock,
            village.parts.settings.zone,
            village.principal(name),
            SilenceDraft(**(values | more)),
        )


def end(village: Village, silence: Silence, name: str = "officer_a") -> None:
    with village.parts.database.write() as session:
        silences.end(session, village.clock, village.parts.settings.zone, village.principal(name), silence.id)


def incident_of(village: Village, body: dict[str, Any]) -> UUID:
    return UUID(village.post([body]).get_json()["results"][0]["incident_id"])


def row(village: Village, incident_id: UUID) -> Incident:
    with village.parts.database.read() as session:
        return session.get_one(Incident, incident_id)


def decisions(village: Village, incident_id: UUID) -> list[tuple[str | None, int | None]]:
    """What each alert row of an incident carries, in the feed's order."""
    village.settle()
    with village.parts.database.read() as session:
        query = select(Alert.decision, Alert.silence_id).where(Alert.incident_id == incident_id)
        return [(decision, silence) for decision, silence in session.execute(query.order_by(Alert.sequence))]


def test_threat_19_a_silence_that_ends_while_an_alert_is_sent_leaves_the_decision_as_it_was(village: Village) -> None:
    silence = make(village, kinds=("crowding",))
    incident_id = incident_of(village, event(3600))
    end(village, silence)  # the alert of the event is on its way, kept back
    village.clock.advance(minutes=1)
    village.post([event(3660)])
    told = decisions(village, incident_id)
    assert told[0] == ("silenced", silence.id)
    assert told[1:] == [("alert", None)] * len(told[1:])
    assert len(told) >= 2
    with village.parts.database.read() as session:
        steps = session.scalars(
            select(IncidentStep.text)
            .where(IncidentStep.incident_id == incident_id, IncidentStep.action == IncidentAction.SILENCE)
            .order_by(IncidentStep.id)
        ).all()
    assert steps == ["silenced", "alert"]


def test_a_silence_keeps_the_alert_back_and_nothing_from_being_recorded(village: Village) -> None:
    silence = make(village, kinds=("crowding",))
    quiet, loud = incident_of(village, event(3600)), incident_of(village, event(3600, kind="intrusion", spot="x"))
    assert (row(village, quiet).alert_decision, row(village, quiet).silence_id) == (AlertOutcome.SILENCED, silence.id)
    assert row(village, loud).alert_decision is AlertOutcome.ALERT
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(EventRecord)) == 2
    wall = village.browser("officer_a").get("/live?lang=en").get_data(as_text=True)
    assert f'id="incident-{quiet}"' in wall
    assert "Alerts are silenced" in wall
    text = village.browser("officer_a").get(f"/incidents/{quiet}?lang=en").get_data(as_text=True)
    assert "Silenced by officer_a" in text


def test_what_gets_worse_breaks_the_silence(village: Village) -> None:
    incident_id = incident_of(village, event(3600))
    with village.parts.database.write() as session:
        silences.silence_incident(
            session,
            village.clock,
            village.parts.settings.zone,
            village.principal("officer_a"),
            incident_id,
            timedelta(hours=1),
            "đã biết",
        )
    assert row(village, incident_id).alert_decision is AlertOutcome.SILENCED
    village.post([event(3600 + second) for second in range(10, 60, 10)])
    assert row(village, incident_id).severity.value == "high"
    assert row(village, incident_id).alert_decision is AlertOutcome.ALERT


def test_a_camera_in_trouble_inhibits_its_other_alerts_until_an_officer_decides(village: Village) -> None:
    body = event(3500, camera="cam-1") | TAMPERED
    trouble = incident_of(village, body)
    seen = incident_of(village, event(3600, camera="cam-1"))
    elsewhere = incident_of(village, event(3600, camera="cam-2"))
    assert row(village, trouble).alert_decision is AlertOutcome.ALERT
    assert (row(village, seen).alert_decision, row(village, seen).inhibited_by_id) == (AlertOutcome.INHIBITED, trouble)
    assert row(village, elsewhere).alert_decision is AlertOutcome.ALERT
    text = village.browser("officer_a").get(f"/incidents/{seen}?lang=en").get_data(as_text=True)
    assert "The camera is in trouble" in text
    assert f"/incidents/{trouble}" in text
    ended = event(3500, lasts_s=110, camera="cam-1", event_id=UUID(body["event_id"]), revision=1, ended=True) | TAMPERED
    village.post([ended])
    village.post([event(3620, camera="cam-1")])
    assert row(village, seen).alert_decision is AlertOutcome.ALERT


def test_maintenance_is_for_admins_comes_again_each_week_and_keeps_everything_back(village: Village) -> None:
    village.post([event(camera="cam-1")])
    # Mondays 09:30-10:30: the clock stands at Monday 10:00.
    more = {"camera_ids": ("cam-1",), "is_maintenance": True, "weekly": Weekly(frozenset({0}), 570, 630)}
    with pytest.raises(Forbidden):
        make(village, "officer_a", hours=24 * 20, **more)
    window = make(village, "admin", hours=24 * 20, **more)
    incident_id = incident_of(village, event(3600, camera="cam-1", spot="x") | TAMPERED)
    assert row(village, incident_id).silence_id == window.id
    village.clock.advance(hours=1)
    village.post([event(7200, camera="cam-1", spot="x") | TAMPERED])
    with village.parts.database.read() as session:
        newest = session.scalars(select(Incident).order_by(Incident.first_at.desc()).limit(1)).one()
    assert newest.alert_decision is AlertOutcome.ALERT
    village.clock.advance(days=7, hours=-1)
    again = incident_of(village, event(3600 + 7 * 86400, camera="cam-1", spot="x") | TAMPERED)
    assert row(village, again).silence_id == window.id


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": "  "},
        {"kinds": ("teleportation",)},
        {"hours": 24 * 31},
        {"hours": -1},
        {"reason": "x" * 501},
    ],
)
def test_a_wrong_silence_is_refused(embedded_village: Village, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        make(embedded_village, **wrong)


def test_silences_stay_within_the_scope_of_who_makes_and_ends_them(village: Village) -> None:
    with pytest.raises(NotFound):
        make(village, "officer_a", place_id="nhon-loc")
    with pytest.raises((Forbidden, NotFound)):
        make(village, "resident_a")
    wide = make(village, "officer_commune", place_id="nhon-loc")
    with pytest.raises(NotFound):
        end(village, wide, "officer_a")
    text = village.browser("officer_a").get("/silences?lang=en").get_data(as_text=True)
    assert "hội làng" in text  # it touches the village, so it is seen there
    assert f"/silences/{wide.id}/end" not in text
    other = make(village, "officer_b", place_id="village-b", reason="việc riêng làng B")
    assert "việc riêng làng B" not in village.browser("officer_a").get("/silences").get_data(as_text=True)
    with pytest.raises(NotFound):
        end(village, other, "officer_a")


def test_an_officer_silences_from_an_incident_with_one_form_and_ends_it_without_scripts(village: Village) -> None:
    incident_id = incident_of(village, event(3600))
    browser = village.browser("officer_a")
    text = browser.get(f"/incidents/{incident_id}").get_data(as_text=True)
    form = fields_of(text, f"/incidents/{incident_id}/silence") | {"hours": "1"}
    assert form["reason"]  # filled in: two taps are enough
    assert browser.post(f"/incidents/{incident_id}/silence", data=form).status_code == 303
    assert row(village, incident_id).alert_decision is AlertOutcome.SILENCED
    with village.parts.database.read() as session:
        made = session.scalars(select(Silence)).one()
    assert (made.kinds, made.spots, made.incident_id) == (["crowding"], ["cam-village-a"], incident_id)
    page = browser.get("/silences").get_data(as_text=True)
    form = fields_of(page, f"/silences/{made.id}/end")
    assert browser.post(f"/silences/{made.id}/end", data=form).status_code == 303
    assert row(village, incident_id).alert_decision is AlertOutcome.ALERT
    assert browser.post(f"/silences/{made.id}/end", data=form).status_code == 409


def test_the_page_makes_silences_and_maintenance_windows(village: Village) -> None:
    village.post([event(camera="cam-1")])
    officer = village.browser("officer_a")
    form = fields_of(officer.get("/silences").get_data(as_text=True), "/silences")
    form |= {"place": "village-a", "kind": "crowding", "hours": "4", "reason": "hội làng", "up_to": ""}
    assert officer.post("/silences", data=form).status_code == 303
    admin = village.browser("admin")
    form = fields_of(admin.get("/silences").get_data(as_text=True), "/silences/maintenance")
    form |= {
        "camera": "cam-1",
        "starts_at": "2026-03-02T10:00",
        "ends_at": "2026-04-02T10:00",
        "repeat": "weekly",
        "weekday": ["1", "3"],
        "from": "22:00",
        "to": "04:30",
        "reason": "vệ sinh ống kính",
    }
    assert admin.post("/silences/maintenance", data=form).status_code == 303
    text = admin.get("/silences?lang=en").get_data(as_text=True)
    assert "Tue, Thu, 22:00\N{EN DASH}04:30" in text
    assert admin.post("/silences/maintenance", data=form | {"from": "25:99"}).status_code == 422
    officer_form = form | fields_of(officer.get("/silences").get_data(as_text=True), "/silences")
    assert officer.post("/silences/maintenance", data=officer_form).status_code == 403
