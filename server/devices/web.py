"""Which device asks: checked before each view of the devices' API, by the signature of the request."""

from __future__ import annotations

import base64
import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from flask import Response, g, request
from sqlalchemy.orm import Session

from contract.device_api import ENROLLING, MAX_AGE, MAX_LOOK_BYTES, MAX_STILL_BYTES, Enrolment, content_digest
from server.cameras.service import MAX_YAML_BYTES
from server.devices import service as devices
from server.devices.signatures import Message, NotSigned, Signature, check, key_id_of
from server.domain.access import Principal
from server.errors import ClockOff, InvalidInput, NotAuthenticated
from server.ingest.standing import Credential
from server.services import services

log = logging.getLogger(__name__)

OPEN: Final = frozenset({"api.healthz", "api.openapi", "api.post_enrolment"})
"""Views of the API that no enrolled device stands behind."""
MAX_ENROLMENT_BYTES: Final = 4096
_EVIDENCE: Final = "api.put_evidence"
_CONFIRMS: Final = "api.post_events"
"""The view whose transaction looks at the device again, so that it need not be read before."""
_MAX_BODY_BYTES: Final = {
    "api.put_camera_config": MAX_YAML_BYTES,
    "api.post_enrolment": MAX_ENROLMENT_BYTES,
    "api.put_still": MAX_STILL_BYTES,
    "api.put_look": MAX_LOOK_BYTES,
}
_REMEDY: Final = "Sign the request as docs/reference/http-api.md has it; `langan-edge enrol` lets a device in."
_REQUEST: Final = "device_request"


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A request that its device signed, body and all."""

    device: Principal
    signature: Signature
    received_at: datetime
    credential: Credential

    @property
    def is_late(self) -> bool:
        """Whether it was signed too long ago, or in the future."""
        return abs(self.received_at - self.signature.created) > MAX_AGE

    @property
    def clock_offset(self) -> timedelta:
        """The device's own clock minus the server's; good to a second or two."""
        return self.signature.device_clock - self.received_at

    def use_once(self, session: Session) -> None:
        """Refuse a request that had its effect before; for what is not idempotent by itself.

        Raises:
            Replayed: It had.
        """
        devices.use_once(session, self.device.id, self.signature.nonce, self.received_at)


def identify() -> None:
    """Before each view of the API: find out which device asks.

    Raises:
        NotAuthenticated: No signature, another key's, an unknown or revoked device, or another body than was signed.
        ClockOff: The signature is too old, or from the future.
    """
    if request.endpoint in OPEN:
        return
    message = received()
    try:
        asked = _believed(message) if request.endpoint == _CONFIRMS else None
        asked = asked or _known(message)
    except NotSigned as error:
        raise NotAuthenticated(str(error), _REMEDY) from error
    _check_body(asked.signature)  # before the clock: a body that is not read costs the client our answer
    if asked.is_late:
        raise ClockOff(asked.received_at)
    g.principal = asked.device
    setattr(g, _REQUEST, asked)


def _known(message: Message) -> DeviceRequest:
    """A request and the device that signed it, by what the database knows now."""
    parts, device_id = services(), key_id_of(message)
    with parts.database.read() as session:
        credential = parts.intake.standing.read_credential(session, device_id)
    if credential is None:
        raise NotSigned("this device is not enrolled, or was revoked")
    signature = check(message, device_id, credential.device.public_key)
    return DeviceRequest(credential.device.principal, signature, parts.clock.utc(), credential)


def _believed(message: Message) -> DeviceRequest | None:
    """The same by what was known a moment ago, for a view whose own transaction asks whether it still holds.

    None where the database has to be asked: another key, or a clock that is off, of which only devices are told.
    """
    parts, device_id = services(), key_id_of(message)
    credential = parts.intake.standing.credential(device_id)
    if credential is None:
        return None
    try:
        signature = check(message, device_id, credential.device.public_key)
    except NotSigned:
        return None
    asked = DeviceRequest(credential.device.principal, signature, parts.clock.utc(), credential)
    return None if asked.is_late else asked


def device_request() -> DeviceRequest:
    """The request that `identify` has let through."""
    found: DeviceRequest = getattr(g, _REQUEST)
    return found


def confirm_device() -> None:
    """Look at the device again, for an answer that comes before the transaction that would have.

    Raises:
        NotAuthenticated: It was revoked meanwhile, or has another key.
    """
    try:
        _known(received())
    except NotSigned as error:
        raise NotAuthenticated(str(error), _REMEDY) from error


def check_enrolment(enrolment: Enrolment) -> None:
    """Check that who enrols has the private half of the key: it signed the request. Its clock does not matter.

    Raises:
        NotAuthenticated: It has not.
        InvalidInput: It is no key.
    """
    try:
        signature = check(received(), ENROLLING, base64.b64decode(enrolment.public_key))
    except NotSigned as error:
        raise NotAuthenticated(str(error), _REMEDY) from error
    except ValueError as error:
        raise InvalidInput("public_key: not an Ed25519 key", "Send the 32 bytes of one in base64.") from error
    _check_body(signature)


def limit_body() -> None:
    """Bound the body before anything reads it."""
    limit = _MAX_BODY_BYTES.get(request.endpoint or "")
    if limit is not None:
        request.max_content_length = limit


def sign_answer(response: Response) -> Response:
    """Make an answer the server's word on this one request."""
    parts = services()
    signed = parts.server_key.sign_answer(received(), response.status_code, response.get_data(), parts.clock.utc())
    response.headers.update(signed)
    return response


def received() -> Message:
    """The request as its signature covers it: the path that was routed, whatever stands before us."""
    query = request.query_string.decode("latin-1")
    url = f"http://device{quote(request.path)}"
    return Message(request.method, f"{url}?{query}" if query else url, dict(request.headers))


def _check_body(signature: Signature) -> None:
    """Compare the body with what was signed. A file of evidence is not read here: its address is its digest."""
    if not signature.content_digest:
        return
    is_file = request.endpoint == _EVIDENCE
    digest = _digest_of_address() if is_file else hashlib.sha256(request.get_data()).digest()
    if signature.content_digest != content_digest(digest):
        raise NotAuthenticated("the body is not the one that was signed", "Send the body that Content-Digest is of.")


def _digest_of_address() -> bytes:
    try:
        return bytes.fromhex(str((request.view_args or {}).get("sha256", "")))
    except ValueError:
        return b""
