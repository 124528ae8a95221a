"""The server's HTTP interface, as an edge uses it.

    DeliveryError(permanent)
    |-- Unreachable       no connection, a timeout, 5xx or 429: try again soon
    |-- DeviceRefused     401 or 403: only a person can help; try again slowly
    |-- NotOurServer      a redirect, 404, 405 or an answer we cannot read: a wrong `server.url`; try again slowly
    |   `-- NotSigned     what had to be signed is not signed by the server at which we enrolled
    |-- TooLarge          413: send less at once
    `-- Rejected          400, 409, 415 or 422: this body is never taken

Every request is signed with the device's key, which stays here. Redirects are not followed. Where our clock is wrong
the server says what time it is, in an answer that it signs; then we sign again, and go on with that time.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import secrets
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import ValidationError

from contract.device_api import REPLAYED, CameraConfigs, CameraConfigTaken
from contract.event import CopyReport, CopyWish, EventBatchResult, EventResult, Heartbeat, HeartbeatResult
from edge.clock import utc_now
from edge.errors import DeliveryError
from edge.identity import DeviceIdentity
from edge.outbox.answers import error_code, error_detail
from edge.outbox.direct import DirectUploads
from edge.outbox.signing import NotTheServersWord, RequestSigner, check_answer
from edge.outbox.store import PendingEvent, PendingMedia

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_REQUEST_ID = "X-Request-Id"  # ours; the server's log and its audit log repeat it
_ENROL_AGAIN = "check server.url, or let an admin make a code and enrol this device (`langan-edge enrol`)"
_UNKNOWN_THERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
"""The server does not know the event, or is older than the question."""
_STATUS_OF_ONE_EVENT = {HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}


class Unreachable(DeliveryError):
    """No connection, a timeout, 5xx or 429."""


class DeviceRefused(DeliveryError):
    """401 or 403."""


class NotOurServer(DeliveryError):
    """Somebody else answered."""


class NotSigned(NotOurServer):
    """What had to be signed is not signed by the server at which we enrolled."""


class TooLarge(DeliveryError):
    """413."""


class Rejected(DeliveryError):
    """This body is never taken."""


def open_client(url: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """A client for a server's address.

    Raises:
        NotOurServer: `url` cannot be one.
    """
    try:
        parts = httpx.URL(url)  # httpx itself finds these only when it connects
        if parts.scheme not in {"http", "https"} or not parts.host:
            raise httpx.InvalidURL("it must begin with http:// or https:// and name a host")  # noqa: TRY301 - one remedy for all
        if not 0 < (parts.port or 1) < 1 << 16:
            raise httpx.InvalidURL("no such port")  # noqa: TRY301 - the same
        # Signed answers are compared byte by byte: nothing on the way is to compress them.
        headers = {"Accept-Encoding": "identity"}
        return httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT, transport=transport, follow_redirects=False)
    except httpx.InvalidURL as error:
        raise NotOurServer(f"{url}: {error}: correct server.url in site.yaml", permanent=True) from error


class ServerLink:
    """A connection to the server. Safe between threads.

    Args:
        url: `server.url` of site.yaml, or where the device enrolled.
        identity: Who we are, and whose word we take.
        now: Our own clock.
        transport: Replaces the network in tests.
        direct: Writes files straight to the server's object store; made here when None.

    Raises:
        NotOurServer: `url` cannot be one.
    """

    def __init__(
        self,
        url: str,
        identity: DeviceIdentity,
        *,
        now: Callable[[], datetime] = utc_now,
        transport: httpx.BaseTransport | None = None,
        direct: DirectUploads | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self._identity = identity
        self._signer = RequestSigner(identity.device_id, identity.private_key, now)
        self._client = open_client(self.url, transport)
        self._direct = direct or DirectUploads(is_private=self.url.startswith("https:"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def post_events(self, events: Sequence[PendingEvent]) -> tuple[EventResult, ...]:
        """Send a batch; return the server's word on each event it names.

        Raises:
            DeliveryError: The batch was not taken as a whole.
        """
        body = '{"events":[' + ",".join(event.body for event in events) + "]}"
        response = self._send(
            "POST", "/api/v1/events", content=body.encode(), headers={"Content-Type": "application/json"}
        )
        # A batch of one event is answered with that event's own status: read the word before the status. A refused
        # token brings no results.
        with suppress(ValidationError):
            if response.status_code in _STATUS_OF_ONE_EVENT:
                return EventBatchResult.model_validate_json(response.content).results
        self._check("/api/v1/events", response)
        try:
            return EventBatchResult.model_validate_json(response.content).results
        except ValidationError as error:
            raise NotOurServer(self._strange("/api/v1/events", response), permanent=True) from error

    def put_evidence(self, media: PendingMedia) -> None:
        """Upload one file, addressed by its content.

        Raises:
            DeliveryError: It was not taken.
            OSError: The file cannot be read.
        """
        if self._direct.is_worth_a_try and self._direct.put(media, functools.partial(self.request, "POST")):
            return
        path = f"/api/v1/evidence/{media.sha256}"
        with media.path.open("rb") as file:
            response = self.request(
                "PUT",
                path,
                content=file,
                headers={"Content-Type": media.media_type, "Content-Length": str(media.size_bytes)},
                sha256=bytes.fromhex(media.sha256),
                rejections=frozenset({HTTPStatus.NOT_FOUND}),
            )
        # A proxy's page for signing in comes with 200: it has taken nothing.
        if response.status_code not in {HTTPStatus.CREATED, HTTPStatus.NO_CONTENT}:
            raise NotOurServer(self._strange(path, response), permanent=True)
        self._direct.learn(response)

    def evidence_gone(self, sha256: str) -> None:
        """Tell that a file which an event names will not come, so that nobody waits for it.

        Raises:
            DeliveryError: It was not taken.
        """
        self.request("POST", f"/api/v1/evidence/{sha256}/gone", rejections=_UNKNOWN_THERE)

    def fetch_clip(self, wish: CopyWish, into: Path) -> None:
        """Fetch a clip back of which a copy is wanted.

        Raises:
            DeliveryError: It was not given, or is not what was sent once.
            OSError: It cannot be written.
        """
        path, size, digest = f"/api/v1/evidence/{wish.sha256}", 0, hashlib.sha256()
        try:
            request = self._client.build_request("GET", path)
            self._signer.sign(request)
            with closing(self._client.send(request, stream=True)) as response, into.open("wb") as file:
                if not response.is_success:
                    response.read()
                    raise self._error(path, response, _UNKNOWN_THERE)
                for chunk in response.iter_bytes():
                    size += len(chunk)
                    if size > wish.size_bytes:
                        break
                    digest.update(chunk)
                    file.write(chunk)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if size != wish.size_bytes or digest.hexdigest() != wish.sha256:
            raise Unreachable(f"{self.url}{path}: another file came than was sent: it is fetched again")

    def report_copy(self, clip_sha256: str, report: CopyReport) -> None:
        """Tell how far the copy of a clip is.

        Raises:
            DeliveryError: It was not taken.
        """
        self.request(
            "PUT",
            f"/api/v1/copies/{clip_sha256}",
            content=report.model_dump_json().encode(),
            headers={"Content-Type": "application/json"},
            rejections=_UNKNOWN_THERE,
        )

    def heartbeat(self, heartbeat: Heartbeat) -> HeartbeatResult:
        """Tell the server how the edge is; return what it asks for.

        Raises:
            DeliveryError: It was not taken.
        """
        path = "/api/v1/heartbeat"
        response = self.request(
            "POST",
            path,
            content=heartbeat.model_dump_json().encode(),
            headers={"Content-Type": "application/json"},
        )
        if response.status_code == HTTPStatus.NO_CONTENT:
            return HeartbeatResult()
        try:
            return HeartbeatResult.model_validate_json(response.content)
        except ValidationError as error:
            raise NotOurServer(self._strange(path, response), permanent=True) from error

    def put_camera_config(self, camera_id: str, text: str) -> bool:
        """Tell the server a camera's file; True when it is in force there, False when an admin's version is.

        Raises:
            DeliveryError: It was not taken.
        """
        path = f"/api/v1/cameras/{camera_id}/config"
        response = self.request(
            "PUT", path, content=text.encode(), headers={"Content-Type": "application/yaml; charset=utf-8"}
        )
        try:
            return not CameraConfigTaken.model_validate_json(response.content).author.startswith("user:")
        except ValidationError as error:
            raise NotOurServer(self._strange(path, response), permanent=True) from error

    def camera_configs(self, version: str) -> CameraConfigs | None:
        """Fetch the configurations in force for this device's cameras; None: they are still of this version.

        Raises:
            NotSigned: They are not the word of the server at which we enrolled.
            DeliveryError: The server was not reached, or did not answer so.
        """
        path = "/api/v1/cameras/config"
        response = self.request("GET", path, headers={"If-None-Match": f'"{version}"'} if version else None)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return None
        self.check_signed(path, response)
        try:
            return CameraConfigs.model_validate_json(response.content)
        except ValidationError as error:
            raise NotOurServer(self._strange(path, response), permanent=True) from error

    def check_signed(self, path: str, response: httpx.Response) -> None:
        """Check an answer that we act upon; raises NotSigned where it is not the word of the server that we know."""
        try:
            check_answer(self._identity, response)
        except NotTheServersWord as error:
            raise NotSigned(f"{self.url}{path}: {error}: {_ENROL_AGAIN}", permanent=True) from error

    def request(
        self,
        method: str,
        path: str,
        *,
        content: Any = None,
        headers: dict[str, str] | None = None,
        sha256: bytes | None = None,
        rejections: frozenset[HTTPStatus] = frozenset(),
        timeout: httpx.Timeout = TIMEOUT,
    ) -> httpx.Response:
        """Sign and send a request; raises DeliveryError where it was not taken (`rejections`: more that never is)."""
        response = self._send(method, path, content=content, headers=headers, sha256=sha256, timeout=timeout)
        self._check(path, response, rejections)
        return response

    def _send(
        self,
        method: str,
        path: str,
        *,
        content: Any = None,
        headers: dict[str, str] | None = None,
        sha256: bytes | None = None,
        timeout: httpx.Timeout = TIMEOUT,
    ) -> httpx.Response:
        """Sign and send a request; once more where the server had to tell us the time."""
        request_id = secrets.token_hex(8)
        try:
            request = self._client.build_request(method, path, content=content, headers=headers, timeout=timeout)
            request.headers[_REQUEST_ID] = request_id
            self._signer.sign(request, sha256)
            response = self._client.send(request)
            log.debug("request %s %s status=%d request_id=%s", method, path, response.status_code, request_id)
            if not self._has_learned_time(path, response):
                return response
            if sha256 is not None:  # a file that was read to its end
                raise Unreachable(f"{self.url}{path}: our clock is off: it is sent again with the server's time")
            self._signer.sign(request)
            return self._client.send(request)
        except httpx.HTTPError as error:
            raise self._unreachable(error, request_id) from error

    def _has_learned_time(self, path: str, response: httpx.Response) -> bool:
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return False
        try:
            has_learned = self._signer.learn_time(self._identity, response)
        except NotTheServersWord as error:
            raise NotSigned(f"{self.url}{path}: {error}: {_ENROL_AGAIN}", permanent=True) from error
        if has_learned:
            log.warning(
                "clock_off correction_s=%.0f remedy='set the clock of this box (NTP): its events carry wrong times'",
                self._signer.correction.total_seconds(),
            )
        return has_learned

    def _unreachable(self, error: httpx.HTTPError, request_id: str = "") -> Unreachable:
        why = f"{self.url}: {type(error).__name__}: {error}: is the server running, and server.url right?"
        return Unreachable(why, request_id=request_id)

    def _check(self, path: str, response: httpx.Response, rejections: frozenset[HTTPStatus] = frozenset()) -> None:
        if not (response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED):
            error = self._error(path, response, rejections)
            error.request_id = response.request.headers.get(_REQUEST_ID, "")
            raise error

    def _error(self, path: str, response: httpx.Response, rejections: frozenset[HTTPStatus]) -> DeliveryError:
        status = response.status_code
        said = error_detail(response)
        where = f"{self.url}{path}: {status} {response.reason_phrase}: {said}"
        if status == HTTPStatus.UNAUTHORIZED:
            return DeviceRefused(f"this device is not let in: {where}: {_ENROL_AGAIN}", permanent=True)
        if status == HTTPStatus.FORBIDDEN:
            return DeviceRefused(
                f"this device may not: {where}: give the camera another village or id, or the device another place",
                permanent=True,
            )
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge(where)
        if (
            status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}
            or status >= HTTPStatus.INTERNAL_SERVER_ERROR
            or (status == HTTPStatus.CONFLICT and error_code(response) == REPLAYED)  # a proxy sent it twice
        ):
            return Unreachable(where)
        if status in rejections or status in {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.CONFLICT,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }:
            return Rejected(where, permanent=True)
        return NotOurServer(self._strange(path, response), permanent=True)

    def _strange(self, path: str, response: httpx.Response) -> str:
        return (
            f"{self.url}{path}: {response.status_code} {error_detail(response)}: this is not a Làng An server's "
            "answer: check server.url in site.yaml"
        )
