"""Watches the live feed as an officer's page does: signs in, follows the event stream, resumes when it breaks."""

from __future__ import annotations

import re
import time

import httpx

_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
_READ_TIMEOUT_S = 40.0
"""The server sends a heartbeat every 15 s."""


class AlertWatch:
    """Counts the alerts that an officer is sent.

    Attributes:
        alerts: Alerts received so far.
        seconds_to_first: Seconds from `started` to the first one; None while there is none.
        error: Why the feed could not be followed, if so.
    """

    def __init__(self, url: str, username: str, password: str, started: float) -> None:
        self._url = url
        self._form = {"username": username, "password": password}
        self._started = started
        self.alerts = 0
        self.seconds_to_first: float | None = None
        self.error: str | None = None

    def run(self) -> None:
        """Follow the feed until the server goes away."""
        with httpx.Client(base_url=self._url, timeout=_READ_TIMEOUT_S, follow_redirects=True) as client:
            try:
                self._sign_in(client)
                with client.stream("GET", "/api/v1/live") as response:
                    response.raise_for_status()
                    for line in response.iter_lines():
                        if line.startswith("data:"):
                            self._count()
            except httpx.HTTPStatusError as error:
                self.error = f"{error.request.url.path} answered {error.response.status_code}"
            except httpx.TransportError:
                return  # the server was stopped at the end of the demonstration

    def _sign_in(self, client: httpx.Client) -> None:
        page = client.get("/login")
        page.raise_for_status()
        token = _CSRF.search(page.text)
        form = {**self._form, **({"csrf_token": token.group(1)} if token else {})}
        client.post("/login", data=form, headers={"Origin": self._url}).raise_for_status()

    def _count(self) -> None:
        self.alerts += 1
        if self.seconds_to_first is None:
            self.seconds_to_first = round(time.monotonic() - self._started, 1)
