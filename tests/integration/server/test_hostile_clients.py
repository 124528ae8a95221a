"""What a patient attacker, a careless proxy and a device gone bad send; what the server says, and that it goes on."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import flask
import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from server.alerts.hub import MAX_CLIENTS_A_PERSON
from server.auth.web import MAX_FORM_PARTS
from server.db.models import EventRecord
from server.domain.access import PublicLogPolicy
from server.domain.incident import IncidentState
from server.incidents import queries
from server.maintenance import maintain
from server.pages import local_path
from server.settings import Settings
from server.storage import reading
from tests.integration.server.test_crash_threats import connect, process
from tests.support.forms import form_of, login_form
from tests.support.media import jpeg
from tests.support.village import NOW, Village, event, reference, running_village

# Live streams


def test_threat_14_a_head_request_of_the_feed_holds_no_place(village: Village) -> None:
    browser = village.browser("officer_a")
    for _ in range(3):
        assert browser.head("/api/v1/live").status_code == 200
    assert village.parts.hub.clients == 0


def test_threat_14_a_stream_that_is_closed_before_it_began_holds_no_place(village: Village) -> None:
    response = village.browser("officer_a").open("/api/v1/live", buffered=False)
    assert village.parts.hub.clients == 1
    response.close()
    assert village.parts.hub.clients == 0


def test_threat_14_one_person_cannot_take_every_place(village: Village) -> None:
    officer, other = village.browser("officer_a"), village.browser("officer_b")
    with ExitStack() as stack:
        for _ in range(MAX_CLIENTS_A_PERSON):
            response = officer.open("/api/v1/live", buffered=False)
            stack.callback(response.close)
            assert response.status_code == 200
        assert officer.get("/api/v1/live").status_code == 503
        assert other.head("/api/v1/live").status_code == 200
    assert village.parts.hub.clients == 0


def test_streams_leave_threads_for_requests() -> None:
    assert Settings(threads=10).streams == 7
    assert Settings(threads=4).streams == 1
    with pytest.raises(ValidationError, match="LANGAN_MAX_STREAMS 10 of LANGAN_THREADS 10"):
        Settings(threads=10, max_streams=10)


# Slow and silent clients, headers of proxies


def test_threat_37_half_sent_and_silent_requests_hold_no_thread(tmp_path: Path) -> None:
    with running_village(tmp_path / "data") as village, ExitStack() as stack:
        _, url = stack.enter_context(process(village, "server.cli", "run", "--port", "0"))
        for number in range(60):
            stack.enter_context(connect(url, "" if number % 2 else "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "))
        # Each held a thread for good (half-sent) or for 5 s (silent): of 40 threads none was left.
        for _ in range(3):
            assert httpx.get(f"{url}/healthz", timeout=4).is_success


def test_a_head_that_comes_in_pieces_and_a_kept_connection_are_served(tmp_path: Path) -> None:
    with (
        running_village(tmp_path / "data") as village,
        process(village, "server.cli", "run", "--port", "0") as (_, url),
    ):
        with connect(url, "GET /healthz HTTP/1.1\r\nHos") as connection:
            for _ in range(2):
                connection.sendall(b"t: x\r\n\r\n")
                assert reply(connection).startswith(b"HTTP/1.1 200")
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHos")
        with connect(url, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + "x" * 20_000) as connection:
            assert not reply(connection).startswith(b"HTTP/1.1 200")
        assert httpx.get(f"{url}/healthz").is_success


def reply(connection: socket.socket) -> bytes:
    """A whole answer of /healthz; less when the connection ends before."""
    said = b""
    try:
        while not said.rstrip().endswith(b"}") and (more := connection.recv(65536)):
            said += more
    except ConnectionError:
        pass
    return said


def test_forwarded_headers_count_only_as_the_settings_say(tmp_path: Path) -> None:
    forged = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example"}
    for hops, is_secure in (("0", False), ("1", True)):
        with (
            running_village(tmp_path / hops) as village,
            process(village, "server.cli", "run", "--port", "0", LANGAN_PROXY_HOPS=hops) as (_, url),
        ):
            answer = httpx.get(f"{url}/login", headers=forged)
            assert ("strict-transport-security" in answer.headers) is is_secure
            assert ("__Host-" in answer.headers["set-cookie"]) is is_secure


@pytest.mark.parametrize("name", [None, "officer_a"])
def test_threat_37_a_form_of_a_hundred_thousand_fields_is_413(embedded_village: Village, name: str | None) -> None:
    body = b"a=1&" * 100_000
    browser = embedded_village.browser(name)
    answer = browser.post("/logout", data=body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413
    if name is not None:
        short = b"&" * MAX_FORM_PARTS
        assert browser.post("/logout", data=short, content_type="application/x-www-form-urlencoded").status_code == 413


def test_threat_37_a_stranger_sends_no_more_than_the_sign_in_form(embedded_village: Village) -> None:
    browser, form = login_form(embedded_village)
    assert browser.post("/login", data=form | {"username": "x" * 20_000}).status_code == 413
    assert browser.post("/login", data=form | {"username": "x"}).status_code == 401


def test_evidence_waits_its_turn_so_that_slow_lines_leave_threads(tmp_path: Path) -> None:
    with running_village(tmp_path / "data", threads=4) as village:
        village.post([event(evidence=[reference(jpeg())])])
        assert village.parts.uploads.acquire(blocking=False)
        busy = village.put_evidence(jpeg())
        assert (busy.status_code, busy.headers["Retry-After"]) == (503, "5")
        village.parts.uploads.release()
        assert village.put_evidence(jpeg()).status_code == 201


# Values that no database holds


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"config_version": "a\x00b"}, id="NUL"),
        pytest.param({"config_version": "\ud800"}, id="half a letter"),
        pytest.param({"started_at": "0001-01-01T00:00:00+14:00"}, id="before the calendar"),
        pytest.param({"observed_at": "9999-12-31T23:59:59-14:00"}, id="after the calendar"),
        pytest.param({"confidence": float("nan")}, id="NaN"),
        pytest.param({"revision": 10**400}, id="huge number"),
    ],
)
def test_an_event_with_a_value_that_cannot_be_stored_does_not_hold_up_the_rest(
    village: Village, change: dict[str, Any]
) -> None:
    answer = village.post([event() | change, event(20)])
    assert answer.status_code == 200
    assert [item["status"] for item in answer.get_json()["results"]] == ["refused", "created"]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b'{"events": [], "events": [{}]}', id="a key twice"),
        pytest.param(b'{"events": [{"revision": ' + b"9" * 5000 + b"}]}", id="5,000 digits"),
        pytest.param(b'{"events": [{"kind": ' + b"[" * 900 + b"]" * 900 + b"}]}", id="900 levels"),
    ],
)
def test_json_bombs_are_refused(embedded_village: Village, data: bytes) -> None:
    answer = embedded_village.app.test_client().post(
        "/api/v1/events", data=data, headers=embedded_village.signed("box-a"), content_type="application/json"
    )
    assert answer.status_code == 422


def test_a_heartbeat_of_absurd_numbers_is_422(village: Village) -> None:
    for change in ({"outbox_events": 10**30}, {"sent_at": "0001-01-01T00:00:00+14:00"}):
        beat = {"sent_at": NOW.isoformat(), "software_version": "1", "outbox_events": 0, "outbox_media": 0, **change}
        answer = village.app.test_client().post("/api/v1/heartbeat", json=beat, headers=village.signed("box-a"))
        assert answer.status_code == 422, change


HOSTILE_PATHS = [
    ("admin", "/admin/cameras/%00"),
    ("admin", "/admin/audit?before=" + "9" * 40),
    ("admin", "/admin/users?saved=" + "9" * 40),
    ("officer_a", f"/media/{UUID(int=7)}/%00"),  # the same in every process that shares the tests
    ("officer_a", "/live?village=%00&before=%00"),
    ("officer_a", "/live/cards?id=%00"),
    ("resident_a", "/log?village=%00&date=9999-12-31&kind=%00"),
    ("resident_a", "/log?date=0001-01-01"),
]


@pytest.mark.parametrize(("name", "path"), HOSTILE_PATHS)
def test_hostile_addresses_are_no_bug(village: Village, name: str, path: str) -> None:
    assert village.browser(name).get(path).status_code < 500


@pytest.mark.parametrize("referer", ["http://[", "//[", "\x80"])
def test_a_broken_referer_is_refused_and_no_bug(embedded_village: Village, referer: str) -> None:
    browser, form = form_of(embedded_village, "officer_a")
    answer = browser.post("/language", data=form | {"lang": "xx"}, headers={"Referer": referer})
    assert answer.status_code in {403, 422}


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "https://evil.example", "//[", "\t//evil.example", "javascript:1", ""],
)
def test_a_detour_never_leaves_this_server(embedded_village: Village, target: str) -> None:
    with embedded_village.app.test_request_context():
        assert local_path(target) == "/"
        assert local_path("/log?kind=crowding") == "/log?kind=crowding"


# Evidence, and what residents and stolen tokens are told


def test_evidence_that_is_removed_while_it_is_asked_for_is_404(
    embedded_village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    village = embedded_village
    named = reference(jpeg())
    incident_id = village.post([event(evidence=[named])]).get_json()["results"][0]["incident_id"]
    assert village.put_evidence(jpeg()).status_code == 201
    real = flask.send_file

    def late(path: Path, **options: Any) -> Any:
        path.unlink()
        return real(path, **options)

    monkeypatch.setattr(reading, "send_file", late)
    assert village.browser("officer_a").get(f"/media/{incident_id}/{named['sha256']}").status_code == 404


def test_threat_25_several_ranges_at_once_and_a_head_request_are_authorised_too(village: Village) -> None:
    named = reference(jpeg())
    incident_id = village.post([event(evidence=[named])]).get_json()["results"][0]["incident_id"]
    village.put_evidence(jpeg())
    path, several = f"/media/{incident_id}/{named['sha256']}", {"Range": "bytes=0-1,5-6,0-99999"}
    officer, other = village.browser("officer_a"), village.browser("officer_b")
    assert officer.get(path, headers=several).status_code in {200, 416}
    assert officer.head(path).status_code == 200
    assert other.get(path, headers=several).status_code == 404
    assert other.head(path).status_code == 404


def test_residents_are_not_told_that_an_expired_incident_was_settled(village: Village) -> None:
    village.post([event(0)])
    village.clock.advance(hours=26)
    maintain(village.parts)
    with village.parts.database.read() as session:
        resident, policy = village.principal("resident_a"), PublicLogPolicy(timedelta())
        (entry,) = queries.public_log(session, resident, village.clock, policy).items
    assert entry.state is IncidentState.EXPIRED
    page = village.browser("resident_a").get("/log?lang=en").get_data(as_text=True)
    assert "nobody dealt with it" in page
    assert "Settled" not in page


def test_threat_21_a_stolen_key_reaches_nothing_but_the_cameras_of_its_device(village: Village) -> None:
    incident_id = village.post([event()]).get_json()["results"][0]["incident_id"]
    assert village.post([event(20, village="village-b")]).status_code == 403
    assert village.post([event(20, camera="cam-village-a", village="village-b")], device="box-b").status_code == 403
    client, headers = village.app.test_client(), village.signed("box-a")
    for path in ("/live", "/log", "/admin/cameras", "/admin/users", f"/incidents/{incident_id}"):
        assert client.get(path, headers=headers).status_code == 401, path
    assert client.post(f"/incidents/{incident_id}/act", headers=headers).status_code == 403  # no page's token


def test_an_event_of_the_newest_incident_is_written_once(village: Village) -> None:
    """Ingest speed rests on this: one insert for an event, no update after it."""
    statements: list[str] = []
    village.post([event(0)])
    engine = village.parts.database.engine
    sqlalchemy_event.listen(engine, "before_cursor_execute", lambda *found: statements.append(found[2]))
    village.post([event(20)])
    assert not [text_ for text_ in statements if text_.startswith("UPDATE events")]
    assert len([text_ for text_ in statements if "FROM incidents" in text_]) == 1
    with village.parts.database.read() as session:
        assert len(session.scalars(select(EventRecord)).all()) == 2
