"""The stream process's loop: reads for all, delivers, looks after rights, heartbeats and slow clients."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from server.alerts import service as alerts
from server.alerts.doorbell import FeedBell
from server.alerts.hub import MAX_CLIENTS_A_PERSON
from server.domain.access import Principal
from server.errors import ServerError, Unavailable
from server.monitoring.metrics import Metrics
from server.stream.audience import BEATS, Audience
from server.stream.reader import Reader, Welcome

log = logging.getLogger(__name__)

POLL_S: Final = 0.1
"""The feed's newest number is looked up so often ..."""
POLL_BESIDE_DOORBELL_S: Final = 0.5
"""... or so, while the doorbell is heard."""
RIGHTS_S: Final = 1.0
"""Rights are read again at least so often, and before a delivery ..."""
RIGHTS_COST: Final = 5.0
"""... unless that was done this many times as long ago as it takes."""
TICK_S: Final = 1.0
HEARTBEAT_S: Final = BEATS * TICK_S
WELCOMES: Final = 4
"""So many who connect are looked up at once."""
FULL_RETRY_S: Final = 15
END: Final = b"event: end\ndata: {}\n\n"


class Live:
    """The feed and its audience in this process.

    Args:
        reader: Of the database.
        bell: Hurries the reading.
        metrics: Where deliveries and drops are counted.
        max_clients: How many pages this process takes.
        send_timeout_s: A client that takes nothing for this long is dropped.
    """

    def __init__(
        self, reader: Reader, bell: FeedBell, metrics: Metrics, *, max_clients: int, send_timeout_s: float
    ) -> None:
        self.audience = Audience(max_clients=max_clients, max_each=MAX_CLIENTS_A_PERSON)
        self.is_closing = False
        self.last_read_s = float("-inf")
        """The event loop's time of the last successful look at the database."""
        self._reader = reader
        self._bell = bell
        self._metrics = metrics
        self._send_timeout_s = send_timeout_s
        self._rung = asyncio.Event()
        self._threads = ThreadPoolExecutor(WELCOMES + 1, thread_name_prefix="stream-reader")
        self._welcomes = asyncio.Semaphore(WELCOMES)
        self._tasks: list[asyncio.Task[None]] = []
        self._rights_read_s = float("-inf")
        self._rights_cost_s = 0.0

    async def start(self) -> None:
        """Read the newest messages and begin to follow the feed.

        Raises:
            Unavailable: The database is not to be had.
        """
        self._loop = loop = asyncio.get_running_loop()
        floor, news = await loop.run_in_executor(self._threads, self._reader.begin)
        self.audience.begin(floor, news.messages, news.reached)
        self.last_read_s = loop.time()
        self._bell.listen(self._ring)
        self._tasks = [asyncio.create_task(self._follow()), asyncio.create_task(self._look_after())]

    def _ring(self) -> None:
        """Called by the doorbell's thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._rung.set)

    async def stop(self) -> None:
        """End the loop; streams were ended by `close`."""
        self.is_closing = True
        self._rung.set()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._bell.close()
        self._threads.shutdown()

    def close(self) -> None:
        """Tell everybody to come back, not all at the same moment."""
        self.is_closing = True
        for client in self.audience:
            client.end(b"retry: %d\n\n" % random.randint(200, 3000))  # noqa: S311 (spreads a crowd)

    async def welcome(self, token: str, position: int | None) -> tuple[Welcome | None, int]:
        """Look up who connects and what they missed; memory need not reach back to it, but holds all since.

        Returns:
            That, and the position from which it is counted.

        Raises:
            Unavailable: The database is not to be had.
        """
        if position is None:
            position = self.audience.position
        loop = asyncio.get_running_loop()
        while True:
            # Ahead of this process: another one read faster, or the database was set back. The database knows.
            is_here = self.audience.knows_after(position) and position <= self.audience.position
            ask_after = None if is_here else position
            async with self._welcomes:
                found = await loop.run_in_executor(self._threads, self._reader.welcome, token, ask_after)
            if found is not None and found.is_set_back:
                return found, found.reached
            if found is None or found.is_more or self.audience.knows_after(max(position, found.reached)):
                return found, position
            # So much came meanwhile that memory has lost what follows: once more, from the database.

    def reserve(self, principal: Principal) -> None:
        """Keep a place for somebody; `audience.release` gives it back.

        Raises:
            Unavailable: There is none.
        """
        if self.is_closing or not self.audience.reserve(principal.actor):
            raise Unavailable(
                "too many live views are open", "Close one, or try again soon.", retry_after_s=FULL_RETRY_S
            )

    async def _follow(self) -> None:
        while not self.is_closing:
            try:
                if await self._look():
                    continue
            except (ServerError, SQLAlchemyError) as error:
                log.warning("feed_read_failed", extra={"fields": {"cause": type(error).__name__}})
            try:
                async with asyncio.timeout(POLL_BESIDE_DOORBELL_S if self._bell.is_heard else POLL_S):
                    await self._rung.wait()
            except TimeoutError:
                pass
            self._rung.clear()

    async def _look(self) -> bool:
        """Look for news and deliver it under rights that were read after it; tells whether there may be more."""
        loop = asyncio.get_running_loop()
        news = await loop.run_in_executor(self._threads, self._reader.look, self.audience.position)
        self.last_read_s = loop.time()
        age_s = self.last_read_s - self._rights_read_s
        if age_s >= RIGHTS_S or (news.messages and age_s > RIGHTS_COST * self._rights_cost_s):
            await self._renew_rights()
        if news.reached < self.audience.position:
            log.warning("feed_set_back", extra={"fields": {"to": news.reached}})
            self.audience.set_back(news.reached, alerts.set_back_message(news.reached).encode())
            return False
        deliveries = self.audience.publish(news.messages, news.reached, news.paths)
        self._metrics.live_messages.inc(len(news.messages))
        self._metrics.live_deliveries.inc(deliveries)
        return news.is_more

    async def _renew_rights(self) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        clients = list(self.audience)
        hashes = {client.token_hash for client in clients}
        rights = await loop.run_in_executor(self._threads, self._reader.rights, hashes)
        self._rights_read_s = loop.time()
        self._rights_cost_s = self._rights_read_s - began_s
        for client in clients:  # whoever connected since has rights that are as new
            principal = rights.get(client.token_hash)
            if principal is None:
                client.end(END)
            elif principal != client.principal:
                self.audience.renew(client, principal)

    async def _look_after(self) -> None:
        """Each second: heartbeats for a part of the audience, and an end to those who take nothing."""
        loop = asyncio.get_running_loop()
        number = 0
        while True:
            await asyncio.sleep(TICK_S)
            number += 1
            late_s = loop.time() - self._send_timeout_s
            for client in self.audience:
                if client.sending_since_s is not None and client.sending_since_s < late_s:
                    client.cut()
            # With the position: who saw nothing for a week does not come back asking for the week.
            heartbeat = b": still here\nid: %d\n\n" % self.audience.position
            for client in self.audience.beat(number):
                client.say(heartbeat)
            self._metrics.live_clients.set(len(self.audience))
