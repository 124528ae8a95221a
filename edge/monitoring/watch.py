"""The main loop's report to the outside: systemd's watchdog, `/healthz` and `/metrics`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from edge.errors import EdgeError
from edge.monitoring.box import BoxSnapshot
from edge.monitoring.exposition import render
from edge.monitoring.figures import families
from edge.monitoring.health import Health, cameras_of, is_watching, judge
from edge.monitoring.http import Address, MonitoringServer, Pages
from edge.monitoring.systemd import SystemdNotifier
from edge.ports import Clock
from edge.status import EdgeSnapshot

log = logging.getLogger(__name__)

DEFAULT_ADDRESS = Address("127.0.0.1", 9476)
PATIENCE_S = 30.0
"""The pool starts a dead worker again within seconds. When none has run for longer, only a restart of all can help."""
_STATUS_EVERY_S = 5.0


class Watch:
    """Tells how the edge is.

    Args:
        edge: How it is now; may be called from any thread.
        box: What it runs on; may be called from any thread.
        clock: Time.
        notifier: systemd, where it listens.
        address: Where to serve the pages; None: nowhere.
        must_listen: Whether an address that is taken is an error, or only told in the log.

    Raises:
        EdgeError: The address cannot be listened on.
    """

    def __init__(
        self,
        edge: Callable[[], EdgeSnapshot],
        box: Callable[[], BoxSnapshot],
        clock: Clock,
        notifier: SystemdNotifier,
        address: Address | None,
        *,
        must_listen: bool = True,
    ) -> None:
        self._edge, self._box, self._clock, self._notifier = edge, box, clock, notifier
        self._turned_s = self._watching_s = self._told_alive_s = clock.monotonic_s()
        self._looked_s = float("-inf")
        self._server = self._listen(address, must_listen=must_listen) if address is not None else None

    def _listen(self, address: Address, *, must_listen: bool) -> MonitoringServer | None:
        try:
            return MonitoringServer(address, Pages(self.metrics, self.health))
        except EdgeError as error:
            if must_listen:
                raise
            log.warning("no_monitoring cause=%r", str(error))
            return None

    @property
    def port(self) -> int | None:
        """Where the pages are served; None: nowhere."""
        return self._server.port if self._server is not None else None

    def begin(self) -> None:
        """The edge watches: serve, and tell systemd."""
        if self._server is not None:
            self._server.start()
            log.info("monitoring port=%d pages='/metrics /healthz'", self._server.port)
        self._notifier.ready()
        self.turn()

    def turn(self) -> None:
        """The main loop turned: a sign of life, as long as somebody watches the cameras."""
        self._turned_s = now_s = self._clock.monotonic_s()
        if now_s - self._looked_s >= _STATUS_EVERY_S:
            self._looked_s = now_s
            edge = self._edge()
            well, cameras = cameras_of(edge)
            self._notifier.status(f"{well} of {cameras} cameras are well, {edge.outbox_events} events wait")
            if is_watching(edge):
                self._watching_s = now_s
        every_s = self._notifier.watchdog_s
        is_alive = now_s - self._watching_s <= PATIENCE_S
        if every_s is not None and is_alive and now_s - self._told_alive_s >= every_s / 4:
            self._told_alive_s = now_s
            self._notifier.alive()

    def reloading(self) -> None:
        """The configuration is being read again."""
        self._notifier.reloading()

    def reloaded(self) -> None:
        """The configuration was read, or refused and the last good one stays."""
        self._notifier.ready()

    def stopping(self) -> None:
        """The edge ends."""
        self._notifier.stopping()
        if self._server is not None:
            self._server.close()

    def metrics(self) -> str:
        """The page for Prometheus."""
        return render(families(self._edge(), self._box()))

    def health(self) -> Health:
        """The verdict now."""
        return judge(self._edge(), self._box(), self._clock.monotonic_s() - self._turned_s)
