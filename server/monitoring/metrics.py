"""What the server counts, in Prometheus's format.

With several web processes each writes its numbers into files of a common folder (`PROMETHEUS_MULTIPROC_DIR`, which
`langan-server run` sets), and whichever is asked adds them up. The library looks at that variable when it is first
imported, so it is imported only here, when a server is put together.
"""

from __future__ import annotations

import collections
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from sqlalchemy import Engine, event
from sqlalchemy.exc import SQLAlchemyError

from server.auth.tokens import same
from server.errors import Forbidden, ServerError
from server.settings import Settings

if TYPE_CHECKING:
    from prometheus_client import Metric

log = logging.getLogger(__name__)

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_FORWARDED: Final = ("x-forwarded-for", "x-real-ip", "forwarded", "via")

Look = Callable[[], Mapping[str, float]]


class Metrics:
    """The numbers of one process."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

        # Half of the lines, and nobody asks for them.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._looks: list[tuple[dict[str, str], Look]] = []
        self._requests = Histogram(
            "langan_server_request_seconds",
            "Requests by route and status, and how long the answer took to begin.",
            ("method", "route", "status"),
            buckets=SECONDS,
            registry=registry,
        )
        self._events = Counter("langan_server_events", "Events by what became of them.", ("result",), registry=registry)
        self._unknown_keys = Counter(
            "langan_server_unknown_keys",
            "Keys of a later release in what devices sent, passed over.",
            ("body",),
            registry=registry,
        )
        self._connections = Gauge(
            "langan_server_database_connections",
            "Connections to the database: open, and in use.",
            ("state",),
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.live_clients = Gauge(
            "langan_server_live_clients",
            "Pages that follow the live feed.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.live_messages = Counter("langan_server_live_messages", "Alerts read for live pages.", registry=registry)
        self.live_deliveries = Counter(
            "langan_server_live_deliveries", "Alerts given to live pages.", registry=registry
        )
        self.live_drops = Counter(
            "langan_server_live_drops", "Live pages cut off because they took nothing.", registry=registry
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request. `route` is a template (`/incidents/<uuid:incident_id>`), never an address as it came."""
        self._requests.labels(method, route, str(int(status))).observe(seconds)

    def events(self, results: Iterable[str]) -> None:
        """Count events by the server's word on each (`created`, `duplicate`, ...)."""
        for result, count in collections.Counter(results).items():
            self._events.labels(result).inc(count)

    def unknown_keys(self, body: str, count: int) -> None:
        """Count keys that a device sent and the contract's model `body` does not have."""
        self._unknown_keys.labels(body).inc(count)

    def look(self, numbers: Mapping[str, str], look: Look) -> None:
        """Have some numbers looked up each time somebody asks.

        Args:
            numbers: Their names (without `langan_server_`) and what they mean.
            look: Gives their values; names that it leaves out are left out.
        """
        self._looks.append((dict(numbers), look))

    def gauge(self, name: str, meaning: str, look: Callable[[], float]) -> None:
        """Have one number looked up each time somebody asks."""
        self.look({name: meaning}, lambda: {name: look()})

    def watch_pool(self, engine: Engine) -> None:
        """Count the connections of a database's pool."""
        in_use, opened = self._connections.labels("in_use"), self._connections.labels("open")
        event.listen(engine, "connect", lambda *_: opened.inc())
        event.listen(engine, "close", lambda *_: opened.dec())
        event.listen(engine, "checkout", lambda *_: in_use.inc())
        event.listen(engine, "checkin", lambda *_: in_use.dec())

    def page(self) -> tuple[bytes, str]:
        """The numbers of all processes, and their content type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = self._registry
        if os.environ.get(SHARED_FOLDER):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        looked_up = CollectorRegistry()
        looked_up.register(_Looked(self._looks))
        return generate_latest(registry) + generate_latest(looked_up), CONTENT_TYPE_LATEST

    @staticmethod
    def refuse_strangers(settings: Settings, peer: str, headers: Mapping[str, str]) -> None:
        """Let in who shows the token, or asks from this machine and not through a proxy on it.

        Args:
            settings: Where the token is.
            peer: The address that the connection came from.
            headers: Of the request, with lower-case names.

        Raises:
            Forbidden: It is neither.
        """
        token = settings.metrics_token.get_secret_value()
        if token and same(headers.get("authorization", ""), f"Bearer {token}"):
            return
        try:
            is_local = ip_address(peer).is_loopback
        except ValueError:
            is_local = False
        if not is_local or any(name in headers for name in _FORWARDED):
            raise Forbidden(
                "metrics are for this machine only",
                "Ask on the server itself, or set LANGAN_METRICS_TOKEN and send it as `Authorization: Bearer`.",
            )


class _Looked:
    """Numbers that are looked up when asked for."""

    def __init__(self, looks: list[tuple[dict[str, str], Look]]) -> None:
        self._looks = looks

    def collect(self) -> Iterator[Metric]:
        """Look them up; those that cannot be had now are left out."""
        from prometheus_client.core import GaugeMetricFamily

        for meanings, look in self._looks:
            try:
                values = look()
            except (ServerError, SQLAlchemyError, OSError) as error:
                log.warning("metric_not_to_be_had", extra={"fields": {"cause": type(error).__name__}})
                continue
            for name, value in values.items():
                yield GaugeMetricFamily(f"langan_server_{name}", meanings[name], value=value)
