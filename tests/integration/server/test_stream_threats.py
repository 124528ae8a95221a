"""The stream process (`langan-server stream`) as the web process's feed is tested, on both databases."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import delete, func, insert, select, update

from server.alerts.hub import MAX_CLIENTS_A_PERSON
from server.auth import service as auth
from server.clock import SystemClock
from server.db.models import Alert, Incident, LoginSession, User
from server.domain.access import Role
from server.stream import reader as stream_reader
from server.stream.audience import MAX_WAITING, RECENT
from server.stream.reader import Reader
from tests.support.live import LiveClient, live
from tests.support.processes import ServerProcess, real_token, server_process
from tests.support.village import Village, event


@pytest.fixture
def streaming(village: Village) -> Iterator[ServerProcess]:
    with server_process(village, "stream", "--port", "0", LANGAN_STREAM_SEND_TIMEOUT_S="1") as made:
        yield made


def post(village: Village, number: int, village_id: str = "village-a") -> None:
    device = "box-a" if village_id == "village-a" else "box-b"
    body = event(number % 100, spot=f"spot-{number}", village=village_id)
    assert village.post([body], device=device).status_code == 200


def spots(stream: LiveClient) -> list[str]:
    return [alert["spot"] for alert in stream.alerts]


def test_an_alert_carries_the_same_card_as_the_web_process_sends(village: Village, streaming: ServerProcess) -> None:
    with live(streaming.url, real_token(village, "officer_a")) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        post(village, 1)
        stream.wait_for("alert", lambda seen: seen.alerts)
    alert = stream.alerts[0]
    assert (alert["kind"], alert["state"], alert["village"], alert["event_count"]) == ("crowding", "new", "Thôn A", 1)
    assert (alert["change"], alert["version"], alert["commune"]) == ("opened", 1, "Xã Nhơn Lộc")


def test_threat_23_the_stream_process_tells_only_of_the_own_scope(village: Village, streaming: ServerProcess) -> None:
    names = ("officer_a", "officer_b", "officer_commune", "admin", "admin_b")
    with contextlib.ExitStack() as stack:
        streams = {name: stack.enter_context(live(streaming.url, real_token(village, name))) for name in names}
        post(village, 1, "village-b")
        post(village, 2)
        for name in ("officer_commune", "admin"):
            streams[name].wait_for("both", lambda seen: len(seen.alerts) == 2)
        for name in ("officer_a", "officer_b", "admin_b"):
            streams[name].wait_for("own", lambda seen: seen.alerts)
        post(village, 3)
        streams["officer_a"].wait_for("one more", lambda seen: len(seen.alerts) == 2)
    assert {name: spots(stream) for name, stream in streams.items()} == {
        "officer_a": ["spot-2", "spot-3"],
        "officer_b": ["spot-1"],
        "officer_commune": ["spot-1", "spot-2", "spot-3"],
        "admin": ["spot-1", "spot-2", "spot-3"],
        "admin_b": ["spot-1"],
    }
    with live(streaming.url, real_token(village, "officer_a"), last_event_id="0") as again:
        again.wait_for("own past", lambda seen: len(seen.alerts) == 2)
    assert spots(again) == ["spot-2", "spot-3"]


@pytest.mark.parametrize(("name", "status"), [("resident_a", 403), (None, 401), ("nobody's token", 401)])
def test_the_stream_process_is_for_those_who_watch(
    village: Village, streaming: ServerProcess, name: str | None, status: int
) -> None:
    token = real_token(village, name) if name in village.user_ids else str(name or "")
    answer = httpx.get(f"{streaming.url}/api/v1/live", headers={"Cookie": f"langan_session={token}"})
    assert answer.status_code == status
    assert answer.headers["x-request-id"]
    assert answer.json()["error"]["remedy"]


def test_the_stream_process_serves_nothing_else(village: Village, streaming: ServerProcess) -> None:
    cookie = {"Cookie": f"langan_session={real_token(village, 'admin')}"}
    for path in ("/", "/live", "/api/v1/events", "/media/x/y", "/static/css/langan.css"):
        assert httpx.get(streaming.url + path, headers=cookie).status_code == 404
    assert httpx.post(f"{streaming.url}/api/v1/live", headers=cookie).status_code == 404
    for position in ("x", "-1", "1e3", "9" * 40):
        answer = httpx.get(f"{streaming.url}/api/v1/live", params={"last_event_id": position}, headers=cookie)
        assert answer.status_code == 422


def cut_after(url: str, token: str, position: str, size: int) -> str:
    """Follow the feed over a bare socket and cut it after so many bytes; gives the last whole message's id."""
    host, port = url.removeprefix("http://").split(":")
    head = (
        f"GET /api/v1/live HTTP/1.0\r\nHost: x\r\nCookie: langan_session={token}\r\nLast-Event-ID: {position}\r\n\r\n"
    )
    received = b""
    with socket.create_connection((host, int(port)), 10) as connection:
        connection.sendall(head.encode())
        with contextlib.suppress(TimeoutError):
            connection.settimeout(2)
            while len(received) < size and (data := connection.recv(min(100, size - len(received)))):
                received += data
    for block in reversed(received.partition(b"\r\n\r\n")[2].split(b"\n\n")[:-1]):  # what came whole
        for line in block.split(b"\n"):
            if line.startswith(b"id: "):
                return line[4:].decode()
    return position


def test_threat_13_the_stream_process_resumes_without_a_gap_after_cuts_in_mid_message(
    village: Village, streaming: ServerProcess
) -> None:
    def post_some(first: int) -> None:
        for number in range(first, first + 15):
            post(village, number)

    token = real_token(village, "officer_a")
    with live(streaming.url, token) as stream:
        position = stream.last_id
    writers = [threading.Thread(target=post_some, args=(n,)) for n in (100, 200)]
    for writer in writers:
        writer.start()
    positions = [position]
    for size in range(1000, 1800, 37):
        position = cut_after(streaming.url, token, position, size)
        positions.append(position)
    for writer in writers:
        writer.join()
    with live(streaming.url, token, last_event_id=position) as resumed:
        post(village, 1)
        resumed.wait_for("the newest", lambda seen: "spot-1" in spots(seen))
    with live(streaming.url, token, last_event_id=positions[0]) as whole:
        whole.wait_for("all", lambda seen: "spot-1" in spots(seen))
    ids = [int(item[0]) for item in whole.messages if item[1] == "alert"]
    assert ids == sorted(set(ids))
    assert set(spots(whole)) == {"spot-1", *(f"spot-{n + m}" for n in (100, 200) for m in range(15))}
    rest = [alert["spot"] for alert, number in zip(whole.alerts, ids, strict=True) if number > int(position)]
    assert spots(resumed) == rest
    assert [int(p) for p in positions] == sorted(int(p) for p in positions)


def test_threat_13_pages_from_before_a_restore_are_told_and_follow_from_now(
    village: Village, streaming: ServerProcess
) -> None:
    def is_told(stream: LiveClient) -> bool:
        return any(name == "anew" for _, name, _ in stream.messages)

    token = real_token(village, "officer_a")
    for number in (1, 2, 3):
        post(village, number)
    village.settle()
    with live(streaming.url, token, last_event_id="0") as open_page:
        open_page.wait_for("all", lambda seen: len(seen.alerts) == 3)
        with village.parts.database.write() as session:  # as after a restore: the newest number is gone
            newest = session.scalar(select(func.max(Alert.sequence)))
            session.execute(delete(Alert).where(Alert.sequence == newest))
        open_page.wait_for("word of it", is_told)
        with live(streaming.url, token, last_event_id="1000") as late:
            late.wait_for("word of it", is_told)
            assert int(late.last_id) < 1000
            with village.parts.database.write() as session:
                rows = session.scalars(select(Alert)).all()
                row = {"village_id": "village-a", "change": "updated", "at": rows[0].at}
                session.execute(insert(Alert), [row | {"incident_id": rows[0].incident_id}])
            for stream in (late, open_page):
                stream.wait_for("what is new", lambda seen: seen.alerts and seen.alerts[-1]["change"] == "updated")
            assert spots(late) == ["spot-1"]


def test_threat_13_who_was_away_for_longer_than_memory_reaches_is_told_from_the_database(village: Village) -> None:
    post(village, 1)
    village.settle()
    with village.parts.database.write() as session:
        first = session.scalars(select(Alert)).one()
        row = {"incident_id": first.incident_id, "village_id": "village-a", "change": "updated", "at": first.at}
        session.execute(insert(Alert), [row] * (RECENT + 500))
    post(village, 2, "village-b")
    post(village, 3)
    village.settle()
    with (
        server_process(village, "stream", "--port", "0") as streaming,
        live(streaming.url, real_token(village, "officer_a"), last_event_id="0") as stream,
    ):
        stream.wait_for("all", lambda seen: "spot-3" in spots(seen))
        post(village, 4)
        stream.wait_for("new", lambda seen: "spot-4" in spots(seen))
    assert set(spots(stream)) == {"spot-1", "spot-3", "spot-4"}
    ids = [int(item[0]) for item in stream.messages if item[1] == "alert"]
    assert ids == sorted(set(ids))


def test_threat_13_what_was_missed_comes_in_bearable_parts_that_follow_each_other(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_reader, "BATCH", 3)
    monkeypatch.setattr(stream_reader, "MAX_MISSED", 4)
    for number in range(20):
        post(village, number, "village-b" if number % 5 == 4 else "village-a")
    village.settle()
    reader, token, position = Reader(village.parts), village.session_token("officer_a"), 0
    told: list[int] = []
    for _ in range(20):
        welcome = reader.welcome(token, position)
        assert welcome is not None
        assert len(welcome.messages) < 4 + 3
        told += [message.sequence for message in welcome.messages]
        position = welcome.reached
        if not welcome.is_more:
            break
    with village.parts.database.read() as session:
        wanted = list(session.scalars(select(Alert.sequence).where(Alert.village_id == "village-a")))
    assert told == sorted(wanted)


def change_of(village: Village, name: str, change: str, token: str) -> None:
    with village.parts.database.write() as session:
        if change == "signed out":
            auth.close_session(session, token)
        elif change == "ran out":
            at = SystemClock().utc() - timedelta(seconds=1)
            session.execute(update(LoginSession).values(expires_at=at))
        elif change == "password":
            auth.change_password(session, village.clock, village.user_ids[name], "mot mat khau khac han")
        else:
            auth.change_access(
                session,
                village.clock,
                village.user_ids[name],
                role=Role.RESIDENT if change == "role" else Role.OFFICER,
                place_id="village-a",
                active=change != "switched off",
            )


@pytest.mark.parametrize("change", ["role", "switched off", "signed out", "ran out", "password"])
def test_threat_26_the_stream_process_ends_what_may_no_longer_watch_without_waiting_for_news(
    village: Village, streaming: ServerProcess, change: str
) -> None:
    token = real_token(village, "officer_a")
    with live(streaming.url, token) as stream:
        change_of(village, "officer_a", change, token)
        stream.wait_for("end", lambda seen: seen.ended)
        assert stream.alerts == []
        assert stream.messages[-1][1] == "end"
    answer = httpx.get(f"{streaming.url}/api/v1/live", headers={"Cookie": f"langan_session={token}"})
    assert answer.status_code in {401, 403}


def test_threat_26_a_new_scope_holds_for_the_open_stream(village: Village, streaming: ServerProcess) -> None:
    """Even if the change did not end the session."""
    with live(streaming.url, real_token(village, "officer_a")) as stream:
        with village.parts.database.write() as session:
            session.get_one(User, village.user_ids["officer_a"]).place_id = "village-b"
        deadline, number = time.monotonic() + 30, 0
        while not stream.alerts:
            assert time.monotonic() < deadline
            number += 1
            post(village, number, "village-b")
            time.sleep(0.05)
        post(village, 90)
        post(village, 91, "village-b")
        stream.wait_for("the new place", lambda seen: "spot-91" in spots(seen))
    assert {alert["village_id"] for alert in stream.alerts} == {"village-b"}


def frozen_client(url: str, token: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.settimeout(30)
    connection.connect((host, int(port)))
    connection.sendall(f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nCookie: langan_session={token}\r\n\r\n".encode())
    return connection


def number_of(streaming: ServerProcess, name: str) -> float:
    for line in httpx.get(f"{streaming.url}/metrics").text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    return 0.0


def test_threat_14_the_stream_process_drops_who_takes_nothing_and_nobody_else(
    village: Village, streaming: ServerProcess
) -> None:
    token = real_token(village, "officer_a")
    with frozen_client(streaming.url, token), live(streaming.url, token) as stream:
        sent = 0
        while number_of(streaming, "langan_server_live_drops_total") < 1:
            assert sent < 8 * MAX_WAITING
            bodies = [event(n % 100, spot=f"s{sent + n}") for n in range(100)]
            assert village.post(bodies).status_code == 200
            sent += 100
        stream.wait_for("every alert", lambda seen: len(set(spots(seen))) == sent)
        assert not stream.ended


def test_threat_14_a_burst_drops_nobody_who_takes_what_comes(village: Village, streaming: ServerProcess) -> None:
    """As when a relay comes back and numbers everything that waited, in one transaction."""
    for start in range(0, MAX_WAITING + 44, 100):
        bodies = [event(n % 100, spot=f"s{start + n}") for n in range(100)]
        assert village.post(bodies).status_code == 200
    if village.parts.database.dialect != "sqlite":
        village.parts.relay.round()
    with village.parts.database.read() as session:
        incidents = list(session.scalars(select(Incident.id)))
    assert len(incidents) > MAX_WAITING
    with live(streaming.url, real_token(village, "officer_a")) as stream:
        with village.parts.database.write() as session:
            same = {"village_id": "village-a", "change": "updated", "at": village.clock.utc()}
            session.execute(insert(Alert), [{"incident_id": incident_id, **same} for incident_id in incidents])
        stream.wait_for("every alert", lambda seen: len(set(spots(seen))) == len(incidents))
        assert not stream.ended
    assert number_of(streaming, "langan_server_live_drops_total") == 0


def test_threat_14_one_person_takes_no_more_places_than_a_browser_opens(
    village: Village, streaming: ServerProcess
) -> None:
    token = real_token(village, "officer_a")
    with contextlib.ExitStack() as stack:
        for _ in range(MAX_CLIENTS_A_PERSON):
            assert stack.enter_context(live(streaming.url, token)).status == 200
        with live(streaming.url, token) as another:
            assert another.status == 503
            assert another.headers["retry-after"]
        with live(streaming.url, real_token(village, "officer_a2")) as colleague:
            assert colleague.status == 200
    deadline = time.monotonic() + 30
    while True:  # those who left free their places
        with live(streaming.url, token) as again:
            if again.status == 200:
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_threat_15_sigterm_tells_live_pages_to_come_back_and_they_miss_nothing(
    village: Village, streaming: ServerProcess
) -> None:
    token = real_token(village, "officer_a")
    with live(streaming.url, token) as stream:
        post(village, 1)
        stream.wait_for("alert", lambda seen: seen.alerts)
        streaming.child.send_signal(signal.SIGTERM)
        stream.wait_for("end of the connection", lambda seen: seen.ended)
        assert streaming.child.wait(60) == 0
    assert "end" not in {name for _, name, _ in stream.messages}  # which would mean: you may not watch any more
    post(village, 2)
    with (
        server_process(village, "stream", "--port", "0") as other,
        live(other.url, token, last_event_id=stream.last_id) as resumed,
    ):
        resumed.wait_for("what was missed", lambda seen: seen.alerts)
    assert spots(resumed) == ["spot-2"]


def test_a_database_that_goes_and_comes_back_ends_no_stream(village: Village, streaming: ServerProcess) -> None:
    if village.parts.database.dialect == "sqlite":
        pytest.skip("a file does not go away")
    from sqlalchemy import text

    with live(streaming.url, real_token(village, "officer_a")) as stream:
        for number in range(3):
            with village.parts.database.read() as session:
                session.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                )
            post(village, number)
            stream.wait_for("alert", lambda seen, number=number: f"spot-{number}" in spots(seen))
        assert not stream.ended


def test_the_stream_process_logs_one_line_a_request_with_the_askers_id(
    village: Village, streaming: ServerProcess
) -> None:
    token = real_token(village, "officer_a")
    headers = {"Cookie": f"langan_session={token}", "X-Request-Id": "0123456789abcdef"}
    with httpx.stream("GET", f"{streaming.url}/api/v1/live", headers=headers) as answer:
        assert answer.headers["x-request-id"] == "0123456789abcdef"
    streaming.wait_for_log('"request_id": "0123456789abcdef"')
    assert token not in streaming.log()
