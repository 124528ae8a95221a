"""Two threads that empty the outbox: one for events, one for media, so that an alert never waits for a clip."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress

from contract.event import EventResult
from edge.backoff import Backoff
from edge.errors import DeliveryError, EdgeError
from edge.outbox.link import DeviceRefused, NotOurServer, Rejected, ServerLink, TooLarge
from edge.outbox.patient import PatientOutbox
from edge.outbox.store import PendingEvent, PendingMedia, SqliteOutbox
from edge.ports import Clock

log = logging.getLogger(__name__)

MAX_BATCH = 100
IDLE_S = 1.0
"""How long an empty outbox is left alone when nobody wakes the sender."""
REFUSED_RETRY_S = 60.0
"""Only a person can help (a device that is not let in, a wrong address): ask seldom."""


class SenderThread(ABC):
    """A thread that repeats `step`. Whatever goes wrong in a step is logged, and the step is tried again later."""

    name: str

    def __init__(self, link: ServerLink, clock: Clock, backoff: Backoff | None = None) -> None:
        self._link = link
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._said = ""

    @abstractmethod
    def step(self) -> float:
        """Send some of what waits; return how many seconds to leave it then.

        Raises:
            EdgeError: Something is still to be sent.
        """

    @abstractmethod
    def is_empty(self) -> bool:
        """Nothing waits."""

    def start(self) -> None:
        """Begin to send in a thread."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is something new: do not wait out an idle second. A backoff is not cut short."""
        self._wake.set()

    def stop(self, drain_s: float = 0.0) -> None:
        """End the thread, at the earliest of: nothing waits, `drain_s` have passed."""
        if self._thread is None:
            return
        deadline_s = self._clock.monotonic_s() + drain_s
        self.wake()
        while self._clock.monotonic_s() < deadline_s and self._thread.is_alive() and not self.is_empty():
            self._clock.sleep(0.05)
        self._stop.set()
        self.wake()
        self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                idle_s = self.step()
            except Exception as error:  # noqa: BLE001 - the sender outlives every defect: events wait on the disk
                if self._stop.is_set():
                    return  # its connection was closed under it, as the edge ends
                self._stop.wait(self._delay_after(error))
                continue
            if self._said:
                log.warning("delivery_recovered sender=%s", self.name)
                self._said = ""
            self._backoff.succeeded()
            if idle_s > 0:
                self._wake.wait(idle_s)
                self._wake.clear()

    def _delay_after(self, error: Exception) -> float:
        """Log a failure; return how long to wait before the next attempt, in seconds."""
        if isinstance(error, (DeviceRefused, NotOurServer)):
            delay_s = self._backoff.jitter(REFUSED_RETRY_S)
            self._say("delivery_refused", error, delay_s)
        elif isinstance(error, EdgeError):
            delay_s = self._backoff.failed()
            self._say("delivery_failed", error, delay_s)
        else:
            delay_s = self._backoff.failed()
            log.error("sender_failed sender=%s retry_in_s=%.1f", self.name, delay_s, exc_info=error)
        return delay_s

    def _say(self, name: str, error: EdgeError, delay_s: float) -> None:
        """Log a new cause loudly, and a repeated one quietly. The server's log names the same request."""
        cause, request_id = str(error), error.request_id if isinstance(error, DeliveryError) else ""
        level = logging.DEBUG if cause == self._said else logging.ERROR
        words = "%s sender=%s cause=%r retry_in_s=%.1f kept=outbox request_id=%s"
        log.log(level, words, name, self.name, cause, delay_s, request_id or "-")
        self._said = cause


class EventSender(SenderThread):
    """Posts events in batches, oldest first, and settles what the server has answered.

    Args:
        outbox: Where events wait.
        link: The server.
        clock: Measures the time that `stop` may take.
        backoff: Between failed attempts.
        on_settled: Called after a batch was settled: wakes the media sender.
    """

    name = "event-sender"

    def __init__(
        self,
        outbox: PatientOutbox,
        link: ServerLink,
        clock: Clock,
        *,
        backoff: Backoff | None = None,
        on_settled: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(link, clock, backoff)
        self._outbox = outbox
        self._on_settled = on_settled

    def is_empty(self) -> bool:
        """Nothing waits."""
        return not self._outbox.pending(1)

    def step(self) -> float:
        """Send one batch.

        Raises:
            EdgeError: Events are still to be sent.
        """
        self._outbox.retry()
        batch = self._outbox.pending(MAX_BATCH)
        if not batch:
            return IDLE_S
        results = self._post(batch)
        sent = {(event.event_id, event.revision) for event in batch}
        answered = [result for result in results if (result.event_id, result.revision) in sent]
        if not answered:
            raise NotOurServer(
                f"{self._link.url}: it answered for none of {len(batch)} events: check server.url", permanent=True
            )
        self._outbox.settle(answered)
        self._on_settled()
        return 0.0

    def _post(self, batch: Sequence[PendingEvent]) -> tuple[EventResult, ...]:
        """Post a batch; in halves where it is too large, or refused as a whole for the sake of one event."""
        try:
            return self._link.post_events(batch)
        except (TooLarge, Rejected) as error:
            if len(batch) == 1:
                event = batch[0]
                return (
                    EventResult(event_id=event.event_id, revision=event.revision, status="refused", detail=str(error)),
                )
            # Only the first half: it is settled before the rest is sent, so that an event's revisions stay in order.
            return self._post(batch[: len(batch) // 2])


class MediaSender(SenderThread):
    """Uploads files whose event the server has taken, one at a time.

    Args:
        store: Where files wait.
        link: The server.
        clock: Measures the time that `stop` may take.
        backoff: Between failed attempts.
        forget: Called with a file that is not needed any more: frees its place on the disk.
    """

    name = "media-sender"

    def __init__(
        self,
        store: SqliteOutbox,
        link: ServerLink,
        clock: Clock,
        *,
        backoff: Backoff | None = None,
        forget: Callable[[PendingMedia], None],
    ) -> None:
        super().__init__(link, clock, backoff)
        self._store = store
        self._forget = forget

    def is_empty(self) -> bool:
        """Nothing waits."""
        return not self._store.pending_media(1)

    def step(self) -> float:
        """Upload one file.

        Raises:
            EdgeError: Files are still to be uploaded.
        """
        waiting = self._store.pending_media(1)
        if not waiting:
            return IDLE_S
        media = waiting[0]
        try:
            self._link.put_evidence(media)
        except FileNotFoundError:
            log.warning("media_gone sha256=%s path=%s cause='given up for room, or deleted'", media.sha256, media.path)
            with suppress(Rejected):  # nobody waits for it there
                self._link.evidence_gone(media.sha256)
        except (Rejected, TooLarge) as error:
            self._store.media_refused(media.sha256, str(error))
            return 0.0
        except OSError as error:
            self._store.media_failed(media.sha256)
            raise DeliveryError(f"{media.path}: cannot be read ({error.strerror}): check the disk") from error
        except DeliveryError:
            self._store.media_failed(media.sha256)
            raise
        # In this order: a file without a row is swept at the next start, a row without a file is a warning.
        self._store.media_done(media.sha256)
        self._forget(media)
        return 0.0
