"""`langan-edge enrol`: makes a key on this box, and lets the server know it with an admin's one-time code.

The key is kept before it is sent: whoever runs the command again because the answer was lost asks with the same key,
and the server answers the same.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import ValidationError

from contract.device_api import ENROLLING, Enrolment, EnrolmentResult, ErrorAnswer
from edge.clock import utc_now
from edge.errors import EdgeError
from edge.identity import DeviceIdentity, IdentityError, write_private
from edge.outbox.link import open_client
from edge.outbox.signing import RequestSigner

PATH: Final = "/api/v1/enrolment"
PENDING: Final = "device.key.pending"
_MAX_CODE: Final = 40


class EnrolmentFailed(EdgeError):
    """The server did not let the device in; the message says why and what to do."""


def enrol(
    url: str, code: str, data_dir: Path, *, now: Callable[[], datetime] = utc_now
) -> tuple[DeviceIdentity, EnrolmentResult]:
    """Enrol this box; its identity is in the data folder when this returns.

    Args:
        url: Of the server.
        code: What the admin was shown.
        data_dir: The edge's data folder.
        now: This box's clock; it need not be right.

    Raises:
        EnrolmentFailed: The server said no, or did not answer.
        IdentityError: The data folder cannot be written.
        DeliveryError: The address cannot be one.
    """
    key = _pending_key(data_dir)
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode("ascii")
    body = Enrolment(code=code.strip()[:_MAX_CODE] or "-", public_key=public).model_dump_json().encode()
    url = url.rstrip("/")
    with open_client(url) as client:
        request = client.build_request("POST", PATH, content=body, headers={"Content-Type": "application/json"})
        RequestSigner(ENROLLING, key, now).sign(request)
        try:
            response = client.send(request)
        except httpx.HTTPError as error:
            raise EnrolmentFailed(
                f"{url}: {type(error).__name__}: {error}: is the server running, and the address right?"
            ) from error
    result = _read(url, response)
    identity = DeviceIdentity(
        device_id=result.device_id,
        server_url=url,
        private_key=key,
        server_key=Ed25519PublicKey.from_public_bytes(base64.b64decode(result.server_key)),
    )
    identity.write(data_dir)
    (data_dir / PENDING).unlink(missing_ok=True)
    return identity, result


def _pending_key(data_dir: Path) -> Ed25519PrivateKey:
    """The key of an attempt whose answer we do not know; else a fresh one."""
    path = data_dir / PENDING
    try:
        return Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_text("ascii")))
    except FileNotFoundError:
        pass
    except ValueError:
        path.unlink()
    except OSError as error:
        raise IdentityError(f"{path}: cannot be read ({error.strerror}): correct its owner and mode") from error
    key = Ed25519PrivateKey.generate()
    write_private(path, base64.b64encode(key.private_bytes_raw()).decode("ascii"))
    return key


def _read(url: str, response: httpx.Response) -> EnrolmentResult:
    try:
        if response.status_code == HTTPStatus.OK:
            return EnrolmentResult.model_validate_json(response.content)
        refusal = ErrorAnswer.model_validate_json(response.content).error
    except ValidationError as error:
        raise EnrolmentFailed(
            f"{url}: {response.status_code}: this is not a Làng An server's answer: check the address"
        ) from error
    raise EnrolmentFailed(f"{url}: {refusal.message}. {refusal.remedy}")
