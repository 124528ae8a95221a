"""Holds the questions of boxes in the stream process: thousands of them, for a few kB each, and one query for all.

`server.look.board` is the same for `langan-server run`, where each held question takes a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy.exc import SQLAlchemyError

from contract.device_api import LOOK_HELD_S, MAX_AGE, LookWishes
from server.devices.signatures import Message, NotSigned, check, key_id_of
from server.errors import ClockOff, NotAuthenticated, ServerError
from server.look import service
from server.look.board import ASK_AGAIN_S, POLL_S
from server.services import Services

log = logging.getLogger(__name__)

LOOK: Final = "/api/v1/look"
_REMEDY: Final = "Sign the request as docs/reference/http-api.md has it."
_LOOKERS_UP: Final = 8
"""So many signatures are checked at once."""

Answer = tuple[HTTPStatus, bytes, dict[str, str]]


class LookDesk:
    """The questions that are held now, and the loop that looks for what is wished.

    Args:
        parts: The server's.
        max_held: Questions at once; the others are asked to come again.
        is_closing: The process is to end.
    """

    def __init__(self, parts: Services, max_held: int, is_closing: Callable[[], bool]) -> None:
        self._parts = parts
        self._max_held = max_held
        self._is_closing = is_closing
        self._held: dict[asyncio.Future[LookWishes], tuple[str, str]] = {}
        """Device and version that it knows, by the question."""
        self._checks = asyncio.Semaphore(_LOOKERS_UP)
        self._loop: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._held)

    async def answer(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
    ) -> tuple[Answer, str] | None:
        """Answer one question; None where the box has gone meanwhile. Gives also who asked.

        Args:
            method: Of the request.
            path: The same.
            query: Its query, as it came.
            headers: With lower-case names.
            receive: ASGI's: tells when the box has gone.

        Raises:
            ServerError: It is not let in.
        """
        url = f"http://device{quote(path)}"
        message = Message(
            method, f"{url}?{query}" if query else url, {name.title(): value for name, value in headers.items()}
        )
        seen = next((part[5:] for part in query.split("&") if part.startswith("seen=")), "")[:64]
        try:
            async with self._checks:
                device_id = await asyncio.to_thread(self._identify, message)
        except ClockOff as error:  # only devices are told the time, and only in our own word
            return self._signed(message, HTTPStatus.UNAUTHORIZED, json.dumps(error.as_json()).encode()), "-"
        wishes = await self._wait(device_id, seen, receive)
        if wishes is None:
            return None
        return self._signed(message, HTTPStatus.OK, wishes.model_dump_json().encode()), f"device:{device_id}"

    def _signed(self, message: Message, status: HTTPStatus, body: bytes) -> Answer:
        return status, body, self._parts.server_key.sign_answer(message, status, body, self._parts.clock.utc())

    def _identify(self, message: Message) -> str:
        parts = self._parts
        try:
            device_id = key_id_of(message)
            with parts.database.read() as session:
                credential = parts.intake.standing.read_credential(session, device_id)
            if credential is None:
                raise NotSigned("this device is not enrolled, or was revoked")  # noqa: TRY301 - one answer for all
            signature = check(message, device_id, credential.device.public_key)
        except NotSigned as error:
            raise NotAuthenticated(str(error), _REMEDY) from error
        now = parts.clock.utc()
        if abs(now - signature.created) > MAX_AGE:
            raise ClockOff(now)
        return device_id

    async def _wait(
        self, device_id: str, seen: str, receive: Callable[[], Awaitable[MutableMapping[str, Any]]]
    ) -> LookWishes | None:
        wishes = (await asyncio.to_thread(self._read)).get(device_id, service.NOTHING)
        if wishes.version != seen or self._is_closing():
            return wishes
        if len(self._held) >= self._max_held:
            return wishes.model_copy(update={"ask_again_s": ASK_AGAIN_S})
        question: asyncio.Future[LookWishes] = asyncio.get_running_loop().create_future()
        self._held[question] = (device_id, seen)
        gone = asyncio.create_task(_until_gone(receive))
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._look())
        try:
            either: tuple[asyncio.Future[Any], ...] = (question, gone)
            await asyncio.wait(either, timeout=LOOK_HELD_S, return_when=asyncio.FIRST_COMPLETED)
            if question.done():
                return question.result()
            return None if gone.done() else wishes
        finally:
            del self._held[question]
            question.cancel()
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _look(self) -> None:
        """While a question is held: look for what is wished, and answer those that it concerns."""
        while self._held:
            try:
                found = await asyncio.to_thread(self._read)
            except (ServerError, SQLAlchemyError) as error:
                log.warning("look_wishes_not_read", extra={"fields": {"cause": type(error).__name__}})
                found = None
            for question, (device_id, seen) in list(self._held.items()):
                if question.done():
                    continue
                wishes = service.NOTHING if found is None else found.get(device_id, service.NOTHING)
                if self._is_closing():
                    question.set_result(wishes.model_copy(update={"version": seen, "ask_again_s": ASK_AGAIN_S}))
                elif found is not None and wishes.version != seen:
                    question.set_result(wishes)
            await asyncio.sleep(POLL_S)

    def _read(self) -> dict[str, LookWishes]:
        with self._parts.database.read() as session:
            return service.read_wishes(session, self._parts.clock.utc())


async def _until_gone(receive: Callable[[], Awaitable[MutableMapping[str, Any]]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
