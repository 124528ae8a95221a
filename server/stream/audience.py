"""Who follows the feed, what each has got, and the newest messages. Touched by the event loop's thread only."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from server.domain.access import Principal

RECENT: Final = 4000
"""Messages of some 700 bytes that are kept for those who come back: whoever was away for longer asks the database."""
MAX_WAITING: Final = 256
"""Messages that wait for one client; one that takes them no faster is dropped, and resumes."""
BEATS: Final = 15
"""Heartbeats go to one of so many parts of the clients at a time."""


@dataclass(frozen=True, slots=True)
class Message:
    """One alert as all who may see it are sent it."""

    sequence: int
    village_id: str
    payload: bytes


class Client:
    """One open page.

    Args:
        token_hash: Of its session.
        principal: Who holds it now.
        position: The number up to which it has got the feed.
        wake: Called when something begins to wait for it: begin sending.
        drop: Cut its connection at once, unsent messages and all.
    """

    __slots__ = ("_drop", "_wake", "beat", "ended", "position", "principal", "sending_since_s", "token_hash", "waiting")

    def __init__(
        self,
        token_hash: bytes,
        principal: Principal,
        position: int,
        wake: Callable[[Client], None],
        drop: Callable[[], None],
    ) -> None:
        self.token_hash = token_hash
        self.principal = principal
        self.position = position
        self.waiting: list[bytes] = []
        self.sending_since_s: float | None = None
        """The event loop's time at which the present sending began; None while nothing is being sent."""
        self.ended = False
        self.beat = 0
        self._drop = drop
        self._wake = wake

    @property
    def actor(self) -> str:
        """The person."""
        return self.principal.actor

    def give(self, message: Message) -> None:
        """Hand it a message, unless it has it."""
        if message.sequence > self.position:
            self.position = message.sequence
            self.say(message.payload)

    def say(self, payload: bytes) -> None:
        """Send some bytes after all that waits."""
        if self.ended:
            return
        if len(self.waiting) >= MAX_WAITING:
            self.cut()
            return
        self.waiting.append(payload)
        if self.sending_since_s is None:
            self._wake(self)

    def cut(self) -> None:
        """It does not keep up: cut it off. It resumes where it stopped."""
        self.ended = True
        self._drop()

    def end(self, last_words: bytes) -> None:
        """Close the stream after some last words."""
        self.say(last_words)
        self.ended = True


class Audience:
    """Everybody who follows the feed in this process.

    Args:
        max_clients: How many this process takes.
        max_each: How many pages one person may have open.
    """

    def __init__(self, *, max_clients: int, max_each: int) -> None:
        self._max_clients = max_clients
        self._max_each = max_each
        self._clients: dict[Client, None] = {}
        self._by_scope: dict[str | None, dict[Client, None]] = {}
        self._by_beat: list[dict[Client, None]] = [{} for _ in range(BEATS)]
        self._persons: Counter[str] = Counter()
        self._recent: deque[Message] = deque()
        self.position = 0
        """The feed was read up to here."""
        self._floor = 0
        """`_recent` holds every message after this number."""

    def __len__(self) -> int:
        return len(self._clients)

    def __iter__(self) -> Iterator[Client]:
        return iter(list(self._clients))

    def begin(self, floor: int, messages: Iterable[Message], position: int) -> None:
        """Take what was read at the start."""
        self._floor = floor
        self._remember(messages)
        self.position = position

    # Coming and going

    def reserve(self, person: str) -> bool:
        """Keep a place for a person's page, if there is one; `release` gives it back."""
        if self._persons.total() >= self._max_clients or self._persons[person] >= self._max_each:
            return False
        self._persons[person] += 1
        return True

    def release(self, person: str) -> None:
        """Give a place back."""
        self._persons[person] -= 1
        if self._persons[person] <= 0:
            del self._persons[person]

    def knows_after(self, position: int) -> bool:
        """Whether everything after a position is here, so that the database need not be asked."""
        return position >= self._floor

    def since(self, position: int, villages: frozenset[str]) -> list[Message]:
        """What came after a position in some villages, from memory."""
        found: list[Message] = []
        for message in reversed(self._recent):
            if message.sequence <= position:
                break
            if message.village_id in villages:
                found.append(message)
        found.reverse()
        return found

    def admit(self, client: Client) -> None:
        """From now on it gets what is new."""
        self._clients[client] = None
        self._by_scope.setdefault(client.principal.place_id, {})[client] = None
        client.beat = len(self._clients) % BEATS
        self._by_beat[client.beat][client] = None

    def dismiss(self, client: Client) -> None:
        """It has gone."""
        self._clients.pop(client, None)
        self._by_beat[client.beat].pop(client, None)
        self._leave_scope(client)

    def renew(self, client: Client, principal: Principal) -> None:
        """Its holder's rights have changed."""
        self._leave_scope(client)
        client.principal = principal
        self._by_scope.setdefault(principal.place_id, {})[client] = None

    def _leave_scope(self, client: Client) -> None:
        scope = client.principal.place_id
        members = self._by_scope.get(scope, {})
        members.pop(client, None)
        if not members:
            self._by_scope.pop(scope, None)

    # News

    def publish(self, messages: Sequence[Message], reached: int, paths: dict[str, tuple[str, ...]]) -> int:
        """Give each message to all whose scope covers its village.

        Args:
            messages: In rising order.
            reached: The number up to which the feed has now been read.
            paths: The ids from the province down, by village.

        Returns:
            How many deliveries that makes.
        """
        deliveries = 0
        for message in messages:
            for scope in (None, *paths.get(message.village_id, ())):
                members = self._by_scope.get(scope)
                if members:
                    deliveries += len(members)
                    for client in members:
                        client.give(message)
        self._remember(messages)
        self.position = max(self.position, reached)
        return deliveries

    def set_back(self, position: int, payload: bytes) -> None:
        """The database was restored from a backup: what is in memory never was, and everybody begins anew.

        Args:
            position: The newest number that there is.
            payload: What tells pages so.
        """
        self._recent.clear()
        self._floor = self.position = position
        for client in self:
            client.position = position
            client.say(payload)

    def beat(self, number: int) -> list[Client]:
        """The clients whose heartbeat is due."""
        return list(self._by_beat[number % BEATS])

    def _remember(self, messages: Iterable[Message]) -> None:
        self._recent.extend(messages)
        while len(self._recent) > RECENT:
            self._floor = self._recent.popleft().sequence
