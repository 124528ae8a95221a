"""Writes files straight to the server's object store, where the server offers that: its line is spared.

offered by an answer --> ask for an address --> PUT there --> tell the server, which checks
                              `-- anything else than a plain yes: the usual way, and no second try for an hour
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

import httpx
from pydantic import ValidationError

from contract.device_api import OFFERS_DIRECT_UPLOADS, UploadAddress
from edge.outbox.store import PendingMedia

log = logging.getLogger(__name__)

_ASK_AGAIN_AFTER_S: Final = 3600.0
_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)

Ask = Callable[[str], httpx.Response]
"""POSTs to a path of the server; raises `DeliveryError` where it says no."""


class DirectUploads:
    """What one connection knows of the server's object store.

    Attributes:
        done: Files that went this way.

    Args:
        is_private: The server itself is asked over TLS: then so must the store be.
        monotonic: Seconds that only rise.
        transport: Replaces the network in tests.
    """

    def __init__(
        self,
        *,
        is_private: bool,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._is_private = is_private
        self._monotonic = monotonic
        self._transport = transport
        self._is_offered = False
        self._not_before_s = 0.0
        self.done = 0

    def learn(self, response: httpx.Response) -> None:
        """Look whether an answer offers it."""
        self._is_offered = response.headers.get(OFFERS_DIRECT_UPLOADS) == "1"

    @property
    def is_worth_a_try(self) -> bool:
        """The server offers it, and it has not failed lately."""
        return self._is_offered and self._monotonic() >= self._not_before_s

    def put(self, media: PendingMedia, ask: Ask) -> bool:
        """Write a file; False where it has to go the usual way.

        Raises:
            DeliveryError: The server was not reached, or refuses this file.
            OSError: The file cannot be read.
        """
        path = f"/api/v1/evidence/{media.sha256}"
        answer = ask(f"{path}/upload")
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return True
        try:
            address = UploadAddress.model_validate_json(answer.content)
        except ValidationError:
            return self._give_up("no address came")
        if self._is_private and not address.url.startswith("https://"):
            return self._give_up("the address is not https")
        try:
            status = self._write(address.url, media)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return self._give_up(type(error).__name__)
        if not 200 <= status < 300:
            return self._give_up(f"the store answered {status}")
        ask(f"{path}/uploaded?upload={address.upload}")
        self.done += 1
        return True

    def _write(self, url: str, media: PendingMedia) -> int:
        headers = {"Content-Length": str(media.size_bytes)}
        with (
            media.path.open("rb") as file,
            httpx.Client(timeout=_TIMEOUT, transport=self._transport, follow_redirects=False) as client,
        ):
            return client.put(url, content=file, headers=headers).status_code

    def _give_up(self, why: str) -> bool:
        """The address gives a right: it is never logged."""
        self._not_before_s = self._monotonic() + _ASK_AGAIN_AFTER_S
        log.warning("direct_upload_failed why='%s' remedy='files go through the server for an hour'", why)
        return False
