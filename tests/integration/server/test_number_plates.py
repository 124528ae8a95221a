"""Number plates on the server: on the incident page of officers and admins, and nowhere else."""

from __future__ import annotations

import logging
from uuid import UUID

import pytest
from sqlalchemy import select

from server.db.models import AuditEntry, EventRecord
from tests.support.media import jpeg
from tests.support.village import FACTS, Village, event, reference

TEXT = "59-X1 123.45"
PLATE = {"text": TEXT, "confidence": 0.875, "pictures": 3}
WRONG_WAY = {"object_class": "motorcycle", "angle_deg": 171.0, "duration_s": 2.5, "distance_boxes": 4.0}


@pytest.fixture(autouse=True)
def _facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FACTS, "wrong_way", WRONG_WAY)


def an_incident(village: Village, plate: object = PLATE) -> UUID:
    evidence = [reference(jpeg(1)), reference(jpeg(2), "snapshot_redacted")]
    first = event(kind="wrong_way", evidence=evidence)
    (result,) = village.post([first]).get_json()["results"]
    later = event(
        kind="wrong_way", evidence=evidence, event_id=UUID(first["event_id"]), revision=1, plate=plate, ended=True
    )
    assert village.post([later]).get_json()["results"][0]["status"] == "created"
    for seed in (1, 2):
        assert village.put_evidence(jpeg(seed)).status_code in {201, 204}
    return UUID(result["incident_id"])


def test_a_plate_is_kept_and_shown_with_its_confidence_to_officers_and_admins(village: Village) -> None:
    incident_id = an_incident(village)
    with village.parts.database.read() as session:
        assert session.scalars(select(EventRecord.plate)).all() == [PLATE]
    for name in ("officer_a", "officer_commune", "admin"):
        page = village.browser(name).get(f"/incidents/{incident_id}").get_data(as_text=True)
        assert "Biển số (nghi vấn)" in page
        assert f"{TEXT} (máy đọc, chắc 88%)" in page or f"{TEXT} (máy đọc, chắc 87%)" in page


def test_no_other_page_card_feed_log_or_audit_entry_repeats_it(
    embedded_village: Village, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    village = embedded_village
    incident_id = an_incident(village)
    village.clock.advance(minutes=30)
    rules = [
        rule for rule in village.app.url_map.iter_rules() if "GET" in (rule.methods or set()) and not rule.arguments
    ]
    pages = sorted(rule.rule for rule in rules if rule.rule != "/api/v1/live")
    assert {"/live", "/live/cards", "/log"} <= set(pages)
    for name in ("officer_a", "admin", "resident_a", "resident_b", "officer_b", None):
        for path in pages:
            assert "123.45" not in village.browser(name).get(path).get_data(as_text=True), (name, path)
    for name in ("resident_a", "resident_b", "officer_b", "admin_b", None):
        answer = village.browser(name).get(f"/incidents/{incident_id}")
        assert answer.status_code in {302, 303, 401, 403, 404}
        assert "123.45" not in answer.get_data(as_text=True)
    assert "wrong_way" in village.browser("resident_a").get("/log").get_data(as_text=True)
    with village.parts.database.read() as session:
        assert not any("123.45" in entry.detail for entry in session.scalars(select(AuditEntry)))
    assert "123.45" not in caplog.text


@pytest.mark.parametrize(
    ("kind", "plate"),
    [
        ("crowding", PLATE),
        ("wrong_way", {**PLATE, "text": "<script>"}),
        ("wrong_way", {**PLATE, "text": "HONDA"}),
        ("wrong_way", {**PLATE, "confidence": 2}),
        ("wrong_way", {**PLATE, "owner": "Nguyễn Văn A"}),
    ],
)
def test_what_is_no_plate_of_a_vehicle_against_traffic_law_is_refused(
    embedded_village: Village, kind: str, plate: dict[str, object]
) -> None:
    (result,) = embedded_village.post([event(kind=kind, plate=plate)]).get_json()["results"]
    assert result["status"] == "refused"
    with embedded_village.parts.database.read() as session:
        assert session.scalars(select(EventRecord)).all() == []


def test_an_event_without_a_plate_says_nothing_of_one(embedded_village: Village) -> None:
    incident_id = an_incident(embedded_village, plate=None)
    page = embedded_village.browser("officer_a").get(f"/incidents/{incident_id}").get_data(as_text=True)
    assert "Biển số" not in page
