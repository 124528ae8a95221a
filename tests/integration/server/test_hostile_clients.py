"""What a patient attacker, a careless proxy and a device gone bad send; what the server says, and that it goes on."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import flask
import httpx
import pytest
from pydantic import ValidationError
from sqlalchemy import delete, select, text, update
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.exc import IntegrityError

from server.alerts import views as live_views
from server.alerts.hub import MAX_CLIENTS_A_PERSON
from server.auth import passwords
from server.auth import service as auth
from server.auth.tokens import csrf_token
from server.auth.web import MAX_FORM_PARTS
from server.db.engine import Database
from server.db.models import AuditEntry, AuditHead, EventRecord, User
from server.domain.access import PublicLogPolicy
from server.domain.incident import IncidentState
from server.errors import InvalidInput, TooManyRequests, Unavailable
from server.incidents import queries
from server.maintenance import maintain
from server.pages import local_path
from server.settings import Settings
from tests.integration.server.test_crash_threats import connect, process
from tests.support.media import jpeg
from tests.support.village import NOW, PASSWORD, Village, event, reference, running_village


def form_of(village: Village, name: str) -> tuple[Any, dict[str, str]]:
    """A signed-in browser and the hidden field of its forms."""
    browser = village.browser(name)
    cookie = browser.get_cookie("langan_session")
    assert cookie is not None
    return browser, {"csrf_token": csrf_token(village.parts.settings.secret_key.get_secret_value(), cookie.value)}


def login_form(village: Village) -> tuple[Any, dict[str, str]]:
    """A stranger's browser that has loaded the sign-in page."""
    browser = village.browser(None)
    browser.get("/login")
    cookie = browser.get_cookie("langan_visitor")
    assert cookie is not None
    return browser, {"csrf_token": csrf_token(village.parts.settings.secret_key.get_secret_value(), cookie.value)}


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
        while not said.endswith(b"}\n") and (more := connection.recv(65536)):
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
        "/api/v1/events", data=data, headers=embedded_village.bearer("box-a"), content_type="application/json"
    )
    assert answer.status_code == 422


def test_a_heartbeat_of_absurd_numbers_is_422(village: Village) -> None:
    for change in ({"outbox_events": 10**30}, {"sent_at": "0001-01-01T00:00:00+14:00"}):
        beat = {"sent_at": NOW.isoformat(), "software_version": "1", "outbox_events": 0, "outbox_media": 0, **change}
        answer = village.app.test_client().post("/api/v1/heartbeat", json=beat, headers=village.bearer("box-a"))
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


@pytest.mark.parametrize(
    "change",
    [
        {"username": "a\x00b"},
        {"username": "ｏｆｆｉｃｅｒ_a"},
        {"username": "\u202eofficer_a", "next": "//["},
        {"next": "https://[::1"},
        {"password": "x" * 10_000},
    ],
)
def test_hostile_sign_ins_are_refused_and_no_bug(village: Village, change: dict[str, str]) -> None:
    browser, form = login_form(village)
    answer = browser.post("/login", data=form | {"username": "officer_a", "password": "wrong"} | change)
    assert answer.status_code in {401, 422}


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


# Signing in


def test_a_session_ends_when_somebody_else_signs_in_with_the_same_browser(village: Village) -> None:
    with village.parts.database.write() as session:
        auth.change_password(session, village.clock, village.user_ids["officer_b"], PASSWORD)
    browser, form = form_of(village, "officer_a")
    before = browser.get_cookie("langan_session")
    answer = browser.post("/login", data=form | {"username": "officer_b", "password": PASSWORD})
    after = browser.get_cookie("langan_session")
    assert answer.status_code == 303
    assert before is not None
    assert after is not None
    assert after.value != before.value
    with village.parts.database.read() as session:
        found = [
            auth.principal_of_session(session, village.clock, village.parts.session_policy, cookie.value)
            for cookie in (before, after)
        ]
    assert found[0] is None
    assert found[1] is not None


def test_an_ipv6_customer_has_no_more_tries_than_anybody(embedded_village: Village) -> None:
    browser, form = login_form(embedded_village)
    statuses = [
        browser.post(
            "/login",
            data=form | {"username": f"somebody{number}", "password": "wrong"},
            environ_base={"REMOTE_ADDR": f"2001:db8:1:2::{number:x}"},
        ).status_code
        for number in range(1, 32)
    ]
    assert statuses == [401] * 30 + [429]


def test_an_unknown_user_costs_the_same_hash_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    class Recording:
        def verify(self, password_hash: str, _password: str) -> bool:
            checked.append(password_hash.rpartition("$")[0].rpartition("$")[0])
            return True

    known = passwords.hash_password(PASSWORD)
    monkeypatch.setattr(passwords, "_HASHER", Recording())
    assert passwords.matches(known, PASSWORD)
    assert not passwords.matches(None, PASSWORD)
    assert checked[0] == checked[1]


def test_a_flood_of_sign_ins_does_not_hold_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_AT_ONCE", threading.BoundedSemaphore(1))
    monkeypatch.setattr(passwords, "_PATIENCE_S", 0.0)
    with passwords._slot(), pytest.raises(Unavailable):
        passwords.matches(None, PASSWORD)


# A database under load


def test_threat_08_officers_read_on_when_nothing_can_be_written(
    embedded_village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    village = embedded_village
    browser = village.browser("officer_a")
    village.clock.advance(minutes=5)

    def full(*_: object, **__: object) -> None:
        raise Unavailable("the server's disk is full")

    monkeypatch.setattr(auth, "touch_session", full)
    assert browser.get("/live").status_code == 200


def test_a_writer_that_waits_too_long_is_told_to_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_village(tmp_path / "data") as village:
        monkeypatch.setattr("server.db.engine.SQLITE_BUSY_TIMEOUT_S", 0.05)
        with village.parts.database.write():
            answers: list[int] = []
            other = threading.Thread(target=lambda: answers.append(village.post([event()]).status_code))
            other.start()
            other.join()
        assert answers == [503]
        assert village.post([event()]).status_code == 200


def test_the_write_ahead_log_shrinks_again_after_a_long_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.db.engine.SQLITE_WAL_KEPT_BYTES", 1024 * 1024)
    with running_village(tmp_path / "data") as village:
        database, log = village.parts.database, tmp_path / "data" / "langan.sqlite-wal"
        with database.write() as session:
            session.execute(text("CREATE TABLE bulk (x)"))
        with database.read() as reader:
            reader.execute(select(User)).first()
            for _ in range(20):
                with database.write() as session:
                    session.execute(text("INSERT INTO bulk VALUES (zeroblob(400000))"))
            grown = log.stat().st_size
        for _ in range(3):
            with database.write() as session:
                session.execute(text("INSERT INTO bulk VALUES (zeroblob(400000))"))
        assert grown > 7 * 1024 * 1024
        assert log.stat().st_size < 3 * 1024 * 1024


def test_every_connection_in_use_is_503_not_a_bug(tmp_path: Path) -> None:
    with running_village(tmp_path / "data") as village:
        narrow = Database(village.parts.settings.database_url, pool_size=1)
        narrow.engine.pool._max_overflow = 0  # type: ignore[attr-defined]
        narrow.engine.pool._timeout = 0.01  # type: ignore[attr-defined]
        with narrow.read() as session:
            session.execute(select(User)).first()
            with pytest.raises(Unavailable), narrow.read() as second:
                second.execute(select(User)).first()
        narrow.close()


def test_threat_39_an_error_of_the_database_tells_no_row(village: Village) -> None:
    row = {"username": "officer_a", "display_name": "x", "password_hash": "$argon2id$secret", "role": "officer"}
    twin = User(**row, place_id="village-a", active=True, created_at=NOW, password_changed_at=NOW)
    with pytest.raises(IntegrityError) as error, village.parts.database.write() as session:
        session.add(twin)
    assert "$argon2id$secret" not in str(error.value)


def test_a_database_address_that_is_none_is_told_without_its_password() -> None:
    with pytest.raises(ValueError, match="LANGAN_DATABASE_URL") as error:
        Database("langan:geheim@nowhere")
    assert "geheim" not in str(error.value)


def test_maintenance_goes_on_after_a_file_that_cannot_be_removed(
    embedded_village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server import maintenance

    rounds: list[int] = []
    second = threading.Event()

    def stumble(_: object) -> bool:
        rounds.append(1)
        if len(rounds) > 1:
            second.set()
        raise PermissionError("evidence/ab")

    monkeypatch.setattr(maintenance, "maintain", stumble)
    monkeypatch.setattr(maintenance, "EVERY_S", 0.01)
    thread = maintenance.MaintenanceThread(embedded_village.parts)
    thread.start()
    try:
        assert second.wait(10)
    finally:
        thread.stop()


# Evidence, the log, and what residents are told


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

    monkeypatch.setattr(live_views, "send_file", late)
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


def test_threat_40_rows_cut_off_with_the_head_set_back_are_noticed(village: Village) -> None:
    village.post([event(village="village-b")])  # refused, which is audited
    database = village.parts.database
    with database.read() as session:
        assert village.parts.chain.verify(session).fault is None
        last = session.scalars(select(AuditEntry).order_by(AuditEntry.sequence.desc())).all()[:2]
    with database.engine.begin() as connection:
        connection.execute(delete(AuditEntry).where(AuditEntry.sequence == last[0].sequence))
        connection.execute(update(AuditHead).values(sequence=last[1].sequence, hash=last[1].hash))
    with database.read() as session:
        assert village.parts.chain.verify(session).fault is not None


def test_threat_40_the_command_names_the_first_bad_row_of_a_tampered_copy(tmp_path: Path) -> None:
    with running_village(tmp_path / "data"):
        pass
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    with sqlite3.connect(tmp_path / "copy" / "langan.sqlite") as connection:
        connection.execute("UPDATE audit_log SET detail = '{}' WHERE sequence = 2")
    connection.close()
    said = {}
    for folder in ("data", "copy"):
        done = subprocess.run(
            [sys.executable, "-m", "server.cli", "audit", "verify"],
            env={"LANGAN_DATA_DIR": str(tmp_path / folder), "PATH": ""},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=False,
        )
        said[folder] = (done.returncode, done.stdout + done.stderr)
    assert said["data"][0] == 0
    assert said["copy"][0] == 1
    assert "row 2 was changed" in said["copy"][1]


def test_residents_are_not_told_that_an_expired_incident_was_settled(village: Village) -> None:
    village.post([event(0)])
    village.clock.advance(hours=26)
    assert maintain(village.parts)
    with village.parts.database.read() as session:
        resident, policy = village.principal("resident_a"), PublicLogPolicy(timedelta())
        (entry,) = queries.public_log(session, resident, village.clock, policy).items
    assert entry.state is IncidentState.EXPIRED
    page = village.browser("resident_a").get("/log?lang=en").get_data(as_text=True)
    assert "nobody dealt with it" in page
    assert "Settled" not in page


def test_threat_21_a_stolen_token_reaches_nothing_but_the_cameras_of_its_device(village: Village) -> None:
    incident_id = village.post([event()]).get_json()["results"][0]["incident_id"]
    assert village.post([event(20, village="village-b")]).status_code == 403
    assert village.post([event(20, camera="cam-village-a", village="village-b")], device="box-b").status_code == 403
    client, headers = village.app.test_client(), village.bearer("box-a")
    for path in ("/live", "/log", "/admin/cameras", "/admin/users", f"/incidents/{incident_id}"):
        assert client.get(path, headers=headers).status_code == 401, path
    assert client.post(f"/incidents/{incident_id}/act", headers=headers).status_code == 401


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


def test_too_many_tries_stay_refused_whatever_the_letters_case(village: Village) -> None:
    def attempt(username: str) -> None:
        auth.sign_in(
            village.parts.database,
            village.clock,
            village.parts.session_policy,
            username=username,
            password="wrong",
            address="10.0.0.1",
        )

    for _ in range(5):
        with pytest.raises(Exception, match="wrong user name"):
            attempt("officer_a")
    for written in ("OFFICER_A", " officer_a ", "Officer_A"):
        with pytest.raises(TooManyRequests):
            attempt(written)


def test_threat_39_what_is_typed_to_sign_in_is_never_logged(
    embedded_village: Village, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    browser, form = login_form(embedded_village)
    browser.post("/login?x=Geheim-3", data=form | {"username": "Geheim-1", "password": "Geheim-2"})
    with pytest.raises(InvalidInput), embedded_village.parts.database.write() as session:
        auth.change_password(session, embedded_village.clock, embedded_village.user_ids["admin"], "Geheim-4")
    from server.http import JsonLines

    lines = [JsonLines().format(record) for record in caplog.records]
    assert any(json.loads(line).get("path") == "/login" for line in lines)
    for secret in ("Geheim", form["csrf_token"]):
        assert not [line for line in lines if secret in line]
