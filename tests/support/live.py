"""Reads the live feed as a browser's EventSource does."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE_S = 15.0


@dataclass
class LiveClient:
    """What one open stream has said so far."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    messages: list[tuple[str, str, Any]] = field(default_factory=list)
    """`(id, event, data)` of each message."""
    ended: bool = False

    @property
    def last_id(self) -> str:
        """What the browser would send as `Last-Event-ID`."""
        return next((item[0] for item in reversed(self.messages) if item[0]), "")

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """The alerts, in order."""
        return [data for _, name, data in self.messages if name == "alert"]

    def wait_for(self, what: str, condition: Any) -> None:
        """Wait until something is true of this stream.

        Raises:
            AssertionError: It did not become true in time.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not condition(self):
            assert time.monotonic() < deadline, f"no {what} after {len(self.messages)} messages"
            time.sleep(0.01)


@contextmanager
def live(url: str, token: str, last_event_id: str | None = None) -> Iterator[LiveClient]:
    """Open a stream; it is read in the background until the block ends."""
    headers = {"Cookie": f"langan_session={token}"}
    if last_event_id is not None:
        headers["Last-Event-ID"] = last_event_id
    seen = LiveClient()
    with httpx.Client(timeout=httpx.Timeout(10, read=60)) as client:
        request = client.build_request("GET", f"{url}/api/v1/live", headers=headers)
        response = client.send(request, stream=True)
        seen.status, seen.headers = response.status_code, dict(response.headers)
        if seen.status != 200:
            response.read()
            response.close()
            yield seen
            return
        reader = threading.Thread(target=_read, args=(response, seen), daemon=True)
        reader.start()
        try:
            seen.wait_for("first message", lambda stream: stream.messages or stream.ended)
            yield seen
        finally:
            connection: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes the reader, which `close` would not
            reader.join(5)
            response.close()


def _read(response: httpx.Response, seen: LiveClient) -> None:
    fields: dict[str, str] = {}
    try:
        for line in response.iter_lines():
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.strip()
                continue
            if "id" in fields or "event" in fields:
                data = json.loads(fields.get("data", "null"))
                seen.messages.append((fields.get("id", ""), fields.get("event", ""), data))
            fields = {}
    except (httpx.StreamError, httpx.TransportError):
        pass  # closed from this side, or the server went away
    seen.ended = True
