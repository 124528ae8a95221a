"""The server's HTTP interface, as an edge uses it.

    DeliveryError(permanent)
    |-- Unreachable       no connection, a timeout, 5xx or 429: try again soon
    |-- TokenRefused      401 or 403: only a person can help; try again slowly
    |-- NotOurServer      a redirect, 404, 405 or an answer we cannot read: a wrong `server.url`; try again slowly
    |-- TooLarge          413: send less at once
    `-- Rejected          400, 409, 415 or 422: this body is never taken

The token goes into one header and nowhere else: redirects are not followed, and no message repeats it.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr, ValidationError

from contract.event import CopyReport, CopyWish, EventBatchResult, EventResult, Heartbeat, HeartbeatResult
from edge.errors import DeliveryError
from edge.outbox.store import PendingEvent, PendingMedia

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_DETAIL_CHARS = 300
_UNKNOWN_THERE = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})
"""The server does not know the event, or is older than the question."""
_STATUS_OF_ONE_EVENT = {HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}


class Unreachable(DeliveryError):
    """No connection, a timeout, 5xx or 429."""


class TokenRefused(DeliveryError):
    """401 or 403."""


class NotOurServer(DeliveryError):
    """Somebody else answered."""


class TooLarge(DeliveryError):
    """413."""


class Rejected(DeliveryError):
    """This body is never taken."""


@dataclass(frozen=True, slots=True)
class CameraConfigs:
    """What the server holds for this device's cameras.

    Attributes:
        etag: Sent back at the next pull; the server then answers 304 while nothing changed.
        texts: Camera id to YAML text.
    """

    etag: str
    texts: dict[str, str]


class ServerLink:
    """A connection to the server. Safe between threads.

    Args:
        url: `server.url` of site.yaml.
        token: The device token.
        transport: Replaces the network in tests.

    Raises:
        NotOurServer: `url` cannot be one.
    """

    def __init__(self, url: str, token: SecretStr, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        try:
            parts = httpx.URL(url)  # httpx itself finds these only when it connects
            if parts.scheme not in {"http", "https"} or not parts.host:
                raise httpx.InvalidURL("it must begin with http:// or https:// and name a host")  # noqa: TRY301 - one remedy for all
            if not 0 < (parts.port or 1) < 1 << 16:
                raise httpx.InvalidURL("no such port")  # noqa: TRY301 - the same
            self._client = httpx.Client(
                base_url=self.url,
                headers={"Authorization": f"Bearer {token.get_secret_value()}"},
                timeout=TIMEOUT,
                transport=transport,
                follow_redirects=False,
            )
        except httpx.InvalidURL as error:
            raise NotOurServer(f"{url}: {error}: correct server.url in site.yaml", permanent=True) from error

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
        path = f"/api/v1/evidence/{media.sha256}"
        with media.path.open("rb") as file:
            response = self._request(
                "PUT",
                path,
                content=file,
                headers={"Content-Type": media.media_type, "Content-Length": str(media.size_bytes)},
                rejections=frozenset({HTTPStatus.NOT_FOUND}),
            )
        # A proxy's page for signing in comes with 200: it has taken nothing.
        if response.status_code not in {HTTPStatus.CREATED, HTTPStatus.NO_CONTENT}:
            raise NotOurServer(self._strange(path, response), permanent=True)

    def evidence_gone(self, sha256: str) -> None:
        """Tell that a file which an event names will not come, so that nobody waits for it.

        Raises:
            DeliveryError: It was not taken.
        """
        self._request("POST", f"/api/v1/evidence/{sha256}/gone", rejections=_UNKNOWN_THERE)

    def fetch_clip(self, wish: CopyWish, into: Path) -> None:
        """Fetch a clip back of which a copy is wanted.

        Raises:
            DeliveryError: It was not given, or is not what was sent once.
            OSError: It cannot be written.
        """
        path, size, digest = f"/api/v1/evidence/{wish.sha256}", 0, hashlib.sha256()
        try:
            with self._client.stream("GET", path) as response, into.open("wb") as file:
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
        self._request(
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
        response = self._request(
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
        response = self._request(
            "PUT", path, content=text.encode(), headers={"Content-Type": "application/yaml; charset=utf-8"}
        )
        try:
            return not str(response.json()["author"]).startswith("user:")
        except (ValueError, KeyError, TypeError) as error:
            raise NotOurServer(self._strange(path, response), permanent=True) from error

    def camera_configs(self, etag: str) -> CameraConfigs | None:
        """Fetch the configurations in force for this device's cameras; None: nothing changed since `etag`.

        Raises:
            DeliveryError: The server was not reached, or did not answer so.
        """
        path = "/api/v1/cameras/config"
        response = self._request("GET", path, headers={"If-None-Match": etag} if etag else None)
        if response.status_code == HTTPStatus.NOT_MODIFIED:
            return None
        try:
            texts = {str(item["camera_id"]): str(item["yaml"]) for item in response.json()["cameras"]}
        except (ValueError, KeyError, TypeError) as error:
            raise NotOurServer(self._strange(path, response), permanent=True) from error
        return CameraConfigs(response.headers.get("ETag", ""), texts)

    def _request(
        self,
        method: str,
        path: str,
        *,
        content: Any = None,
        headers: dict[str, str] | None = None,
        rejections: frozenset[HTTPStatus] = frozenset(),
    ) -> httpx.Response:
        response = self._send(method, path, content=content, headers=headers)
        self._check(path, response, rejections)
        return response

    def _send(
        self, method: str, path: str, *, content: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            return self._client.request(method, path, content=content, headers=headers)
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: httpx.HTTPError) -> Unreachable:
        return Unreachable(f"{self.url}: {type(error).__name__}: {error}: is the server running, and server.url right?")

    def _check(self, path: str, response: httpx.Response, rejections: frozenset[HTTPStatus] = frozenset()) -> None:
        if not (response.is_success or response.status_code == HTTPStatus.NOT_MODIFIED):
            raise self._error(path, response, rejections)

    def _error(self, path: str, response: httpx.Response, rejections: frozenset[HTTPStatus]) -> DeliveryError:
        status = response.status_code
        said = _detail(response)
        where = f"{self.url}{path}: {status} {response.reason_phrase}: {said}"
        if status == HTTPStatus.UNAUTHORIZED:
            return TokenRefused(
                f"device token refused: {where}: enrol this device at the server and set LANGAN_DEVICE_TOKEN",
                permanent=True,
            )
        if status == HTTPStatus.FORBIDDEN:
            return TokenRefused(
                f"this device may not: {where}: give the camera another village or id, or the device another place",
                permanent=True,
            )
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return TooLarge(where)
        if (
            status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}
            or status >= HTTPStatus.INTERNAL_SERVER_ERROR
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
            f"{self.url}{path}: {response.status_code} {_detail(response)}: this is not a Làng An server's answer: "
            "check server.url in site.yaml"
        )


def _detail(response: httpx.Response) -> str:
    """The server's own words, short and on one line."""
    if "html" in response.headers.get("Content-Type", ""):
        return "a web page"  # of a proxy, or of somebody else's server: its markup would only hide the remedy
    try:
        said = json.loads(response.content)
    except ValueError:
        said = response.text
    if isinstance(said, dict):
        said = said.get("error") or said
    if isinstance(said, dict) and "message" in said:
        said = f"{said['message']} {said.get('remedy', '')}"
    return " ".join(str(said).split())[:_DETAIL_CHARS]
