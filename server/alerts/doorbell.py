"""Valkey or Redis as a doorbell: "look at the feed", to all processes at once. Nothing is kept there.

Who listens polls the feed's table, too: while the doorbell is lost, alerts come some hundred milliseconds later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

CHANNEL: Final = "langan:feed"
TIMEOUT_S: Final = 0.3
"""The relay waits no longer for a doorbell that does not answer, ..."""
RETRY_S: Final = 3.0
"""... and tries again after this."""
SCHEMES: Final = ("redis", "rediss", "valkey", "valkeys", "unix")


class FeedBell:
    """Rings at, and listens to, one server.

    Args:
        url: `redis://`, `rediss://` (TLS), `valkey://`, `valkeys://` or `unix://`; empty: there is none.
    """

    def __init__(self, url: str) -> None:
        self._url = url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
        self._client: Redis | None = None
        self._silent_until_s = 0.0
        self._stop = threading.Event()
        self._listener: threading.Thread | None = None
        self.is_heard = False
        """Whether the listener is connected now."""

    def ring(self) -> None:
        """Tell every listener to look. A lost doorbell delays, it loses nothing: this never fails."""
        if not self._url or time.monotonic() < self._silent_until_s:
            return
        from redis import RedisError

        try:
            if self._client is None:
                self._client = self._connect(TIMEOUT_S)
            self._client.publish(CHANNEL, b"")
        except (RedisError, OSError) as error:
            self._silent_until_s = time.monotonic() + RETRY_S
            log.warning("doorbell_lost", extra={"fields": {"side": "ring", "cause": type(error).__name__}})

    def listen(self, on_ring: Callable[[], None]) -> None:
        """Call `on_ring` in a thread of its own for each ring, and whenever the doorbell is found again."""
        if self._url and self._listener is None:
            self._listener = threading.Thread(target=self._hear, args=(on_ring,), name="doorbell", daemon=True)
            self._listener.start()

    def close(self) -> None:
        """Stop listening, and close the connections."""
        self._stop.set()
        if self._listener is not None:
            self._listener.join(timeout=5)
        if self._client is not None:
            self._client.close()

    def _connect(self, timeout_s: float) -> Redis:
        from redis import Redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        return Redis.from_url(
            self._url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
        )

    def _hear(self, on_ring: Callable[[], None]) -> None:
        from redis import RedisError

        while not self._stop.is_set():
            try:
                with self._connect(RETRY_S) as client, client.pubsub(ignore_subscribe_messages=True) as channel:
                    channel.subscribe(CHANNEL)
                    self.is_heard = True
                    on_ring()  # for what was written while nobody heard
                    while not self._stop.is_set():
                        # Asks the server now and then: a connection that a firewall forgot is silent for ever.
                        if channel.get_message(timeout=RETRY_S / 2) is not None:
                            on_ring()
                        else:
                            channel.ping()
            except (RedisError, OSError) as error:
                if self.is_heard:
                    log.warning("doorbell_lost", extra={"fields": {"side": "listen", "cause": type(error).__name__}})
            finally:
                self.is_heard = False
            self._stop.wait(RETRY_S / 3)


def check_url(url: str) -> str:
    """A doorbell's address, if it is one.

    Raises:
        ValueError: It is of another kind.
    """
    if url and urlsplit(url).scheme not in SCHEMES:
        raise ValueError("not an address of Redis or Valkey: use redis://HOST:6379/0, rediss:// (TLS) or unix:///PATH")
    return url
