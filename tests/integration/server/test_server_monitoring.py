"""Readiness, metrics, request ids and logs of the web process."""

from __future__ import annotations

import json
import logging
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from edge.errors import DeliveryError
from edge.outbox.link import ServerLink
from edge.outbox.store import PendingEvent
from server.db.models import AuditEntry
from server.http import JsonLines, TextLines
from server.settings import Settings
from tests.support.village import Village, event, listening, running_village


def numbers(village: Village, **headers: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    page = village.browser(None).get("/metrics", headers=headers).get_data(as_text=True)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_metrics_tell_of_requests_by_route_events_by_result_and_the_feed(village: Village) -> None:
    body = event()
    village.post([body])
    village.post([body, event(50, spot="other")])
    village.browser("officer_a").get("/incidents/01890000-0000-7000-8000-000000000000")
    village.browser(None).get("/no/such/page")
    village.settle()
    found = numbers(village)
    assert found["langan_server_events_total", (("result", "created"),)] == 2
    assert found["langan_server_events_total", (("result", "duplicate"),)] == 1
    assert found["langan_server_feed_sequence", ()] >= 2
    assert found["langan_server_feed_waiting", ()] == 0
    assert found["langan_server_jobs_due", ()] >= 0
    routes = {
        (labels["route"], labels["status"])
        for (name, pairs) in found
        if name == "langan_server_request_seconds_count"
        for labels in [dict(pairs)]
    }
    assert ("/api/v1/events", "200") in routes
    assert ("/incidents/<uuid:incident_id>", "404") in routes
    assert ("-", "404") in routes
    assert found["langan_server_database_connections", (("state", "open"),)] >= 1


def test_metrics_are_for_this_machine_or_for_the_token(village: Village) -> None:
    browser = village.browser(None)
    assert browser.get("/metrics").status_code == 200
    far = {"REMOTE_ADDR": "192.0.2.7"}
    assert browser.get("/metrics", environ_base=far).status_code == 403
    assert browser.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    assert browser.get("/metrics", headers={"Authorization": "Bearer "}, environ_base=far).status_code == 403


def test_metrics_are_told_elsewhere_to_who_shows_the_token(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_village(tmp_path_factory.mktemp("data"), metrics_token="a token of the site") as village:
        browser, far = village.browser(None), {"REMOTE_ADDR": "192.0.2.7"}
        for token, status in (("a token of the site", 200), ("another", 403), ("", 403)):
            answer = browser.get("/metrics", headers={"Authorization": f"Bearer {token}"}, environ_base=far)
            assert answer.status_code == status


def test_the_askers_request_id_is_answered_logged_and_audited(
    village: Village, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "server.access")
    foreign = event(village="village-b")
    answer = village.post([foreign], **{"X-Request-Id": "0123456789abcdef"})
    assert answer.headers["X-Request-Id"] == "0123456789abcdef"
    assert "0123456789abcdef" in {record.fields["request_id"] for record in caplog.records if hasattr(record, "fields")}
    with village.parts.database.read() as session:
        assert "0123456789abcdef" in set(session.scalars(select(AuditEntry.request_id)))


def test_the_edges_log_and_the_servers_log_name_the_same_request(
    embedded_village: Village, caplog: pytest.LogCaptureFixture
) -> None:
    village = embedded_village
    caplog.set_level(logging.DEBUG)
    with listening(village) as url, ServerLink(url, village.identities["box-a"]) as link:
        body = event(village="village-b")
        link.post_events([PendingEvent(UUID(body["event_id"]), 0, json.dumps(body))])
        with pytest.raises(DeliveryError) as refused:
            link.put_camera_config("cam-x", "camera: [")
    of_edge = [item for item in caplog.messages if item.startswith("request POST /api/v1/events ")]
    of_server = {vars(item)["fields"]["request_id"] for item in caplog.records if item.name == "server.access"}
    sent = {item.rpartition("request_id=")[2] for item in of_edge}
    assert len(sent) == 1
    assert sent <= of_server
    with village.parts.database.read() as session:
        assert sent <= set(session.scalars(select(AuditEntry.request_id)))
    assert refused.value.request_id in of_server


@pytest.mark.parametrize(
    "sent", ["short", "x" * 33, "zwölf-Zeichen", "a b c d e f g", '{"a": "bcdefg"}', "a;b,c=d.e/f"]
)
def test_threat_39_a_request_id_that_is_none_is_not_repeated(embedded_village: Village, sent: str) -> None:
    answer = embedded_village.browser(None).get("/healthz", headers={"X-Request-Id": sent})
    assert answer.headers["X-Request-Id"] != sent
    assert len(answer.headers["X-Request-Id"]) == 16


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("server.access", logging.INFO, __file__, 1, message, None, None)
    vars(made)["fields"] = fields
    return made


def test_threat_39_a_log_line_stays_one_line_in_both_formats() -> None:
    forged = record("request", path='/x\n{"event": "forged"}', who="user:1")
    for formatter in (JsonLines(), TextLines()):
        assert "\n" not in formatter.format(forged)
    assert json.loads(JsonLines().format(forged))["path"].startswith("/x\n")
    assert 'who="user:1"' in TextLines().format(forged)


def test_a_doorbell_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="redis://HOST"):
        Settings.from_environment({"LANGAN_REDIS_URL": "amqp://host"})
