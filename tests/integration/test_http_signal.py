"""A controller that tells its state over HTTP: a real server, asked by a real thread."""

from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.camera_config import HttpSignalConfig
from edge.capture.source_url import SourceAddress, parse_source
from edge.clock import SystemClock
from edge.errors import SourceRefused
from edge.signals import http as http_signal
from edge.signals.http import HttpSignal
from edge.types import SignalState

RED, GREEN, UNKNOWN = SignalState.RED, SignalState.GREEN, SignalState.UNKNOWN


class Controller(http.server.ThreadingHTTPServer):
    """Answers with what it was told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = b'{"state": "red"}'
        self.status = 200
        self.asked: list[str] = []
        self.headers: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/state"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Controller

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.headers.append(self.headers.get("Authorization"))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def controller() -> Iterator[Controller]:
    server = Controller()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def signals() -> Iterator[list[HttpSignal]]:
    made: list[HttpSignal] = []
    yield made
    for signal in made:
        signal.close()


def ask(made: list[HttpSignal], url: str, **extra: Any) -> HttpSignal:
    config = HttpSignalConfig.model_validate({"kind": "http", "url": url, "every_s": 0.2, **extra})
    made.append(HttpSignal("den_1", lambda: parse_source(url, Path()), config, SystemClock()))
    return made[-1]


def wait_for(signal: HttpSignal, state: SignalState, seconds: float = 20.0) -> SignalState:
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        if signal.state_at(time.monotonic()) is state:
            return state
        time.sleep(0.05)
    return signal.state_at(time.monotonic())


def test_the_controllers_word_becomes_the_state(controller: Controller, signals: list[HttpSignal]) -> None:
    signal = ask(signals, controller.url)
    before_s = time.monotonic()
    assert signal.state_at(before_s) is UNKNOWN, "nobody has told yet"
    assert wait_for(signal, RED) is RED
    controller.body = b'{"state": "GREEN "}'
    assert wait_for(signal, GREEN) is GREEN
    assert signal.state_at(before_s) is UNKNOWN, "what is told now says nothing of the past"
    assert not signal.failing


@pytest.mark.parametrize(
    ("answer", "key", "words", "state"),
    [
        ({"lights": {"1": {"colour": "R"}}}, "lights.1.colour", {"red": ["R"]}, RED),
        ({"state": 2}, "state", {"green": ["2"]}, GREEN),
        ({"state": True}, "state", {"red": ["true"]}, RED),
        ({"state": "amber"}, "state", {"yellow": ["amber"]}, SignalState.YELLOW),
    ],
)
def test_controllers_speak_in_many_ways(
    controller: Controller, signals: list[HttpSignal], answer: Any, key: str, words: Any, state: SignalState
) -> None:
    controller.body = json.dumps(answer).encode()
    assert wait_for(ask(signals, controller.url, key=key, words=words), state) is state


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"not json", 200, "no JSON"),
        (b"[" * 100_000, 200, "more than 64000 bytes"),
        (b'{"state": "red"}', 500, "status 500"),
        (b'{"state": "red"}', 302, "status 302"),
    ],
)
def test_a_wrong_answer_is_unknown_and_told_once(
    controller: Controller,
    signals: list[HttpSignal],
    body: bytes,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(http_signal, "RETRY_S", 0.05)
    caplog.set_level(logging.WARNING)
    controller.body, controller.status = body, status
    signal = ask(signals, controller.url)
    ends_s = time.monotonic() + 20.0
    while len(controller.asked) < 3 and time.monotonic() < ends_s:
        assert signal.state_at(time.monotonic()) is UNKNOWN
        time.sleep(0.05)
    assert set(controller.asked) == {"/state"}, "redirects are not followed"
    (line,) = [record.getMessage() for record in caplog.records if "signal_unknown" in record.getMessage()]
    assert said in line


@pytest.mark.parametrize("answer", [{}, {"state": None}, {"state": ["red"]}, {"state": "blinking"}, ["red"], "red", 1])
def test_an_answer_without_a_known_word_is_unknown(
    controller: Controller, signals: list[HttpSignal], answer: Any
) -> None:
    controller.body = json.dumps(answer).encode()
    signal = ask(signals, controller.url)
    ends_s = time.monotonic() + 20.0
    while len(controller.asked) < 2 and time.monotonic() < ends_s:
        assert signal.state_at(time.monotonic()) is UNKNOWN
        time.sleep(0.05)
    assert len(controller.asked) >= 2


def test_a_controller_that_falls_silent_becomes_unknown_and_is_told(
    controller: Controller, signals: list[HttpSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_signal, "FAILING_S", 0.5)
    monkeypatch.setattr(http_signal, "RETRY_S", 0.05)
    signal = ask(signals, controller.url, stale_after_s=0.6)
    assert wait_for(signal, RED) is RED
    controller.status = 503
    assert wait_for(signal, UNKNOWN) is UNKNOWN
    ends_s = time.monotonic() + 20.0
    while not signal.failing and time.monotonic() < ends_s:
        time.sleep(0.05)
    assert signal.failing
    controller.status = 200
    assert wait_for(signal, RED) is RED
    assert not signal.failing


def test_nobody_is_asked_when_nobody_wants_to_know(
    controller: Controller, signals: list[HttpSignal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_signal, "UNASKED_S", 0.3)
    signal = ask(signals, controller.url)
    assert wait_for(signal, RED) is RED
    ends_s = time.monotonic() + 20.0
    while signal._thread is not None and time.monotonic() < ends_s:
        time.sleep(0.05)
    assert signal._thread is None
    count = len(controller.asked)
    while len(controller.asked) == count and time.monotonic() < ends_s:
        signal.state_at(time.monotonic())  # and it begins again
        time.sleep(0.05)
    assert len(controller.asked) > count


def test_secrets_go_to_the_controller_and_into_no_log(
    controller: Controller, signals: list[HttpSignal], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_signal, "RETRY_S", 0.05)
    caplog.set_level(logging.DEBUG, logger="edge")
    signal = ask(signals, controller.url.replace("http://", "http://officer:s3cret@"))
    assert wait_for(signal, RED) is RED
    assert controller.headers[-1] == "Basic b2ZmaWNlcjpzM2NyZXQ="
    controller.status = 401
    time.sleep(0.5)
    assert "s3cret" not in caplog.text


def test_an_address_that_is_not_allowed_is_never_asked(
    signals: list[HttpSignal], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    config = HttpSignalConfig.model_validate({"kind": "http", "url": "http://169.254.169.254/latest", "every_s": 0.2})
    asked: list[None] = []

    def locate() -> SourceAddress:
        asked.append(None)
        return parse_source(config.url, Path())

    signal = HttpSignal("den_1", locate, config, SystemClock())
    signals.append(signal)
    assert signal.state_at(time.monotonic()) is UNKNOWN
    ends_s = time.monotonic() + 20.0
    while "signal_unknown" not in caplog.text and time.monotonic() < ends_s:
        time.sleep(0.05)
    assert "is not the address of a camera" in caplog.text
    assert asked
    with pytest.raises(SourceRefused):
        parse_source("ftp://x/", Path())
