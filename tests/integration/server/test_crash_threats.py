"""Power cuts at the worst moments, a stop in mid-work, and clients that take or send nothing: real processes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from server.alerts.views import HEARTBEAT_S
from server.db.models import Alert, EventRevision, Incident
from server.run import GRACEFUL_TIMEOUT_S
from tests.support.identity import signed_headers
from tests.support.live import live
from tests.support.village import Village, event, running_village

ROOT = Path(__file__).parents[3]
START_S = 30.0


def environment(village: Village, **more: str) -> dict[str, str]:
    """What another process needs to serve the same data."""
    settings = village.parts.settings
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LANGAN_")}
    return kept | {
        "LANGAN_DATA_DIR": str(settings.data_dir),
        "LANGAN_DATABASE_URL": settings.database_url,
        "LANGAN_MIN_FREE_BYTES": "0",
        **more,
    }


@contextmanager
def process(village: Village, module: str, *arguments: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server process; gives it and its address."""
    child = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment(village, **more),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout is not None
        port = child.stdout.readline().strip().rpartition(":")[2]
        assert port.isdigit(), "the server did not start"
        yield child, f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def crashing(village: Village, moment: str) -> Any:
    return process(village, "tests.support.crashing_server", LANGAN_TEST_DIE=moment)


def send(village: Village, url: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{url}/api/v1/events", json={"events": [body]}, auth=village.auth("box-a"), timeout=30)


def counts(village: Village) -> tuple[int, int, int]:
    village.settle()
    with village.parts.database.read() as session:
        tables = (EventRevision, Incident, Alert)
        first, second, third = (session.scalar(select(func.count()).select_from(table)) or 0 for table in tables)
    return first, second, third


def now_event() -> dict[str, Any]:
    """An event that the real clock takes."""
    from datetime import UTC, datetime, timedelta

    from contract.ids import uuid7

    at = datetime.now(UTC) - timedelta(seconds=30)
    later = (at + timedelta(seconds=10)).isoformat()
    return event() | {"event_id": str(uuid7(at)), "started_at": at.isoformat(), "observed_at": later}


def test_threat_05_killed_before_commit_nothing_is_stored_and_a_resend_is(village: Village) -> None:
    body = now_event()
    with crashing(village, "before_commit") as (child, url):
        with pytest.raises(httpx.TransportError):
            send(village, url, body)
        assert child.wait(10) == -signal.SIGKILL
    assert counts(village) == (0, 0, 0)
    with crashing(village, "") as (_, url):
        assert send(village, url, body).json()["results"][0]["status"] == "created"
    assert counts(village) == (1, 1, 1)


def test_threat_06_and_07_killed_after_commit_nothing_doubles_and_the_alert_is_sent(village: Village) -> None:
    body = now_event()
    token = village_token(village)
    with crashing(village, "after_commit") as (child, url):
        with live(url, token) as stream:
            with pytest.raises(httpx.TransportError):
                send(village, url, body)
            stream.wait_for("cut", lambda seen: seen.ended)
        assert stream.alerts == []
        assert child.wait(10) == -signal.SIGKILL
    assert counts(village) == (1, 1, 1)
    with crashing(village, "") as (_, url):
        with live(url, token, last_event_id=stream.last_id) as resumed:
            resumed.wait_for("alert", lambda seen: seen.alerts)
        assert send(village, url, body).json()["results"][0]["status"] == "duplicate"
    assert counts(village) == (1, 1, 1)


def village_token(village: Village) -> str:
    """A session by the real clock: the other process has no other."""
    from server.auth import service as auth
    from server.clock import SystemClock
    from server.db.models import User

    with village.parts.database.write() as session:
        user = session.get_one(User, village.user_ids["officer_a"])
        return auth.open_session(session, SystemClock(), village.parts.session_policy, user)


@pytest.fixture
def served(database_url: str, tmp_path: Path) -> Iterator[tuple[Village, subprocess.Popen[str], str]]:
    """The real command, as an admin starts it."""
    with running_village(tmp_path / "data", database_url) as village:
        more = {"LANGAN_STREAM_SEND_TIMEOUT_S": "1", "LANGAN_REQUEST_BODY_TIMEOUT_S": "1", "LANGAN_MAX_STREAMS": "2"}
        with process(village, "server.cli", "run", "--port", "0", **more) as (child, url):
            yield village, child, url


def wait_until(what: str, condition: Callable[[], bool], patience_s: float = 30.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def test_threat_15_sigterm_finishes_work_in_flight_and_ends_streams(
    served: tuple[Village, subprocess.Popen[str], str],
) -> None:
    village, child, url = served
    token = village_token(village)
    answers: list[int] = []
    began = threading.Event()

    def slow_batch() -> None:
        bodies = [now_event() | {"spot": f"spot-{number}"} for number in range(256)]
        began.set()
        reply = httpx.post(f"{url}/api/v1/events", json={"events": bodies}, auth=village.auth("box-a"), timeout=60)
        answers.append(reply.status_code)

    with live(url, token) as stream:
        sender = threading.Thread(target=slow_batch)
        sender.start()
        began.wait()
        wait_until("request in flight or done", lambda: bool(answers) or in_flight(url))
        child.send_signal(signal.SIGTERM)
        stream.wait_for("end", lambda seen: seen.ended)
        sender.join()
        assert child.wait(GRACEFUL_TIMEOUT_S) == 0
    assert answers == [200]
    assert counts(village)[0] == 256


def test_threat_14_a_page_that_was_left_gives_its_place_back_at_once(
    served: tuple[Village, subprocess.Popen[str], str],
) -> None:
    """Not at the next heartbeat: who looks at some incidents one after the other would be turned away."""
    village, _, url = served
    token = village_token(village)

    def opens() -> bool:
        with live(url, token) as stream:
            return stream.status == 200

    assert opens()
    assert opens()  # LANGAN_MAX_STREAMS
    wait_until("a place, long before the heartbeat", opens, patience_s=HEARTBEAT_S / 2)


def in_flight(url: str) -> bool:
    """Long enough for a request on loopback to have been accepted."""
    time.sleep(0.2)
    return httpx.get(f"{url}/healthz").is_success


def connect(url: str, request: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.settimeout(30)
    connection.connect((host, int(port)))
    connection.sendall(request.encode())
    return connection


def test_threat_14_a_client_that_takes_nothing_is_dropped_and_others_are_not(
    served: tuple[Village, subprocess.Popen[str], str],
) -> None:
    village, _, url = served
    token = village_token(village)
    frozen = connect(url, f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nCookie: langan_session={token}\r\n\r\n")
    with frozen, live(url, token) as stream:
        assert not has_room(url, token)
        sent = 0
        for batch in range(8):
            bodies = [now_event() | {"spot": f"s{batch}-{n}"} for n in range(100)]
            auth = village.auth("box-a")
            answer = httpx.post(f"{url}/api/v1/events", json={"events": bodies}, auth=auth, timeout=60)
            assert answer.status_code == 200
            sent += 100
        stream.wait_for("every alert", lambda seen: len({item["spot"] for item in seen.alerts}) == sent)
        wait_until("room where the frozen client was", lambda: has_room(url, token))
        assert not stream.ended


def has_room(url: str, token: str) -> bool:
    """Whether the server takes another stream."""
    with live(url, token) as another:
        return another.status == 200


def signed_head(village: Village, length: int) -> str:
    """The head of a request that its device has signed, for a body of any length."""
    headers = signed_headers(village.identities["box-a"], "POST", "/api/v1/events", length=length)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /api/v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{lines}\r\n"


def test_threat_37_a_slow_body_is_408_and_holds_no_thread(
    served: tuple[Village, subprocess.Popen[str], str],
) -> None:
    village, _, url = served
    head = signed_head(village, 1000) + "{"
    slow = [connect(url, head) for _ in range(45)]
    try:
        assert httpx.get(f"{url}/healthz", timeout=30).is_success
        assert slow[0].recv(4096).startswith(b"HTTP/1.1 408")
    finally:
        for connection in slow:
            connection.close()


def test_threat_37_ten_gigabytes_are_refused_at_once(served: tuple[Village, subprocess.Popen[str], str]) -> None:
    village, _, url = served
    with connect(url, signed_head(village, 10 * 1024**3)) as connection:
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")
