"""HTTP Message Signatures (RFC 9421): signs what the device sends, checks what the server has signed.

The profile is in `contract.device_api`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
    algorithms,
)

from contract.device_api import (
    ANSWER_COMPONENTS,
    BODY_COMPONENTS,
    CLOCK_OFF,
    REQUEST_COMPONENTS,
    SIGNATURE_TAG,
    ErrorAnswer,
    content_digest,
)
from edge.identity import DeviceIdentity

_SERVER_KEY_ID: Final = "server"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})


class NotTheServersWord(Exception):
    """An answer that the server we enrolled at has not signed, or not for this request."""


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Our own clock may be wrong, and an answer fits one request only."""


class RequestSigner:
    """Signs requests with the device's key, by the server's time as far as it is known.

    Args:
        key_id: The device's id.
        key: The device's key.
        now: The device's own clock.
    """

    def __init__(self, key_id: str, key: Ed25519PrivateKey, now: Callable[[], datetime]) -> None:
        self._key_id, self._now = key_id, now
        resolver = MappingKeyResolver(public_keys={}, private_keys={key_id: key})
        self._signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)
        self.correction = timedelta(0)
        """The server's clock minus ours, where ours was so wrong that the server told us."""

    def sign(self, request: httpx.Request, sha256: bytes | None = None) -> None:
        """Sign a request; the headers it had for an earlier attempt are replaced.

        Args:
            request: With its Content-Length.
            sha256: Of its body; None: the body is in memory.
        """
        now = self._now()
        has_body = request.method not in _SAFE_METHODS
        components: tuple[str, ...] = REQUEST_COMPONENTS
        request.headers["Date"] = format_datetime(now.astimezone(UTC), usegmt=True)
        if has_body:
            components = (*REQUEST_COMPONENTS, *BODY_COMPONENTS)
            request.headers["Content-Digest"] = content_digest(sha256 or hashlib.sha256(request.content).digest())
        self._signer.sign(
            request,
            key_id=self._key_id,
            created=now + self.correction,
            nonce=secrets.token_urlsafe(18),
            label=SIGNATURE_TAG,
            tag=SIGNATURE_TAG,
            covered_component_ids=components,
            use_existing_digest=has_body,
        )

    def learn_time(self, identity: DeviceIdentity, response: httpx.Response) -> bool:
        """Take the server's time from a signed refusal; tells whether signing again may help.

        Raises:
            NotTheServersWord: Somebody else tells us the time.
        """
        try:
            error = ErrorAnswer.model_validate_json(response.content).error
        except ValueError:
            return False
        if error.code != CLOCK_OFF or error.server_time is None:
            return False
        check_answer(identity, response)
        self.correction = error.server_time - self._now()
        return True


def check_answer(identity: DeviceIdentity, response: httpx.Response) -> None:
    """Check that the server has signed an answer, and for the request that it answers.

    Raises:
        NotTheServersWord: It has not.
    """
    verifier = _Verifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(public_keys={_SERVER_KEY_ID: identity.server_key}, private_keys={}),
    )
    try:
        verifier.verify(
            response,
            max_age=None,
            expect_tag=SIGNATURE_TAG,
            require_components=ANSWER_COMPONENTS,
            body=response.content,
        )
    except InvalidSignature as error:
        raise NotTheServersWord("it is not signed by the server at which this device enrolled") from error
