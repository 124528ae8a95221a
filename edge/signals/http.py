"""Asks a traffic light's controller for its state, again and again, over HTTP.

A thread of its own asks, so that no frame waits; it begins with the first question and ends when nobody has asked for a
while. A state counts from the moment at which it was told and for `stale_after_s`; otherwise it is unknown.
"""

from __future__ import annotations

import json
import logging
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx

from contract.camera_config import HttpSignalConfig
from edge.capture.source_url import SourceAddress, check_host, pinned
from edge.errors import SourceError, SourceRefused, SourceUnreadable
from edge.ports import Clock
from edge.repeats import Repeats
from edge.types import SignalState

log = logging.getLogger(__name__)

MAX_BYTES = 64_000
"""Of an answer: a state is a word, a controller with hundreds of lights a page of them."""
TIMEOUT_S = 2.0
ANSWER_S = 3.0
"""For a whole answer: a stranger could send a byte every second for days."""
RETRY_S = 5.0
"""Pause after a failure."""
FAILING_S = 10.0
"""After so long without an answer the admin is told."""
UNASKED_S = 60.0
"""The thread ends when nobody wanted to know for so long: the camera's pipeline is gone."""
_KEPT = 512


class HttpSignal:
    """One light. `state_at` may be called by any thread.

    Args:
        name: Its id, for messages.
        locate: Where it is asked: expands secrets, checks against the allowlist, and may raise `SourceError`.
        config: What the admin wrote.
        clock: Time, the same as the frames'.
    """

    def __init__(self, name: str, locate: Callable[[], SourceAddress], config: HttpSignalConfig, clock: Clock) -> None:
        self._name = name
        self._locate = locate
        self._config = config
        self._clock = clock
        self._repeats = Repeats(clock)
        self._colours = _colours(config)
        self._lock = threading.Lock()
        self._told: deque[tuple[float, SignalState]] = deque(maxlen=_KEPT)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._asked_s = self._began_s = self._answered_s = float("-inf")

    def state_at(self, monotonic_s: float) -> SignalState:
        """What the light showed at a time; begins to ask if nobody does."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            self._asked_s = now_s
            if self._thread is None:
                self._began_s = now_s
                self._stop.clear()
                self._thread = threading.Thread(target=self._run, name=f"signal-{self._name}", daemon=True)
                self._thread.start()
            for told_s, state in reversed(self._told):
                if told_s <= monotonic_s:
                    return state if monotonic_s - told_s <= self._config.stale_after_s else SignalState.UNKNOWN
        return SignalState.UNKNOWN

    @property
    def failing(self) -> bool:
        """No answer came for a while; may be asked by any thread."""
        with self._lock:
            since_s = max(self._began_s, self._answered_s)
            return self._thread is not None and self._clock.monotonic_s() - since_s > FAILING_S

    def close(self) -> None:
        """Stop asking."""
        self._stop.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(ANSWER_S + TIMEOUT_S)

    def _run(self) -> None:
        client: httpx.Client | None = None
        try:
            while not self._is_over():
                pause_s = self._config.every_s
                try:
                    if client is None:
                        client, url, headers, extensions = self._connect()
                    state = self._ask(client, url, headers, extensions)
                    with self._lock:
                        self._answered_s = self._clock.monotonic_s()
                        self._told.append((self._answered_s, state))
                except (SourceError, httpx.HTTPError) as error:
                    if client is not None:
                        client.close()
                        client = None  # its host is looked up again
                    self._complain(error)
                    pause_s = max(pause_s, RETRY_S)
                self._stop.wait(pause_s)
        finally:
            if client is not None:
                client.close()
            with self._lock:
                self._thread = None

    def _is_over(self) -> bool:
        with self._lock:
            unasked_s = self._clock.monotonic_s() - self._asked_s
        return self._stop.is_set() or unasked_s > UNASKED_S

    def _connect(self) -> tuple[httpx.Client, str, dict[str, str], dict[str, str]]:
        address = self._locate()
        ip = check_host(address)[0]
        parts = urlsplit(address.target)
        auth = httpx.BasicAuth(parts.username, parts.password or "") if parts.username else None
        url, headers, extensions = pinned(parts._replace(netloc=parts.netloc.rpartition("@")[2]), ip)
        trust = ssl.create_default_context() if self._config.tls == "verify" else False
        # No proxy and no .netrc from the environment: a controller is reached directly.
        client = httpx.Client(verify=trust, auth=auth, timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)
        return client, url, headers, extensions

    def _ask(self, client: httpx.Client, url: str, headers: dict[str, str], extensions: dict[str, str]) -> SignalState:
        ends_s = time.monotonic() + ANSWER_S
        body = bytearray()
        with client.stream("GET", url, headers=headers, extensions=extensions) as answer:
            if answer.status_code != httpx.codes.OK:
                raise SourceRefused(f"answers with status {answer.status_code}")
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise SourceUnreadable(f"answers with more than {MAX_BYTES} bytes")
                if time.monotonic() > ends_s:
                    raise httpx.ReadTimeout("no whole answer in time")
        try:
            value = json.loads(body)
        except (ValueError, RecursionError):
            raise SourceUnreadable("answers with something that is no JSON") from None
        return self._colours.get(_word(value, self._config.key), SignalState.UNKNOWN)

    def _complain(self, error: SourceError | httpx.HTTPError) -> None:
        # Not httpx's own words: they may hold the address.
        reason = str(error) if isinstance(error, SourceError) else type(error).__name__
        repeated = self._repeats.unsaid(reason)
        if repeated is not None:
            log.warning(
                "signal_unknown signal=%s reason=%s: check the controller and the network; unknown is not red",
                self._name,
                reason,
            )


def _colours(config: HttpSignalConfig) -> dict[str, SignalState]:
    """Every word that stands for a colour; what the admin wrote comes first."""
    words = {state.value: state for state in (SignalState.RED, SignalState.YELLOW, SignalState.GREEN)}
    for colour, said in config.words.items():
        words.update({word.casefold(): SignalState(colour) for word in said})
    return words


def _word(value: Any, key: str) -> str:
    """What stands at a place of the JSON, as a word; empty where there is nothing."""
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            return ""
        value = value[part]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip().casefold() if isinstance(value, str | int) else ""
