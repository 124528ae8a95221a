"""HTTP Message Signatures (RFC 9421): checks what a device signed, signs what a device acts upon.

The profile is in `contract.device_api`. Bodies and clocks are the caller's: a body may be a stream, and the age of a
signature is judged after the signature, so that only devices are told the time.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
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
    NONCE_LENGTH,
    REQUEST_COMPONENTS,
    SIGNATURE_TAG,
    content_digest,
)

_KEY_ID: Final = re.compile(r';keyid="([a-z0-9_-]{1,63})"')
_SERVER_KEY_ID: Final = "server"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
_SAFE: Final = frozenset(f'"{name}"' for name in REQUEST_COMPONENTS)
_WITH_BODY: Final = _SAFE | {f'"{name}"' for name in BODY_COMPONENTS}
"""As covered components are named once they are verified; one with parameters has another name."""
_UNFIT: Final = "the signature does not fit the request and the device's key"


class NotSigned(Exception):
    """A request is not signed as the profile has it; the message says what is missing, for who writes a client."""


@dataclass(frozen=True, slots=True)
class Message:
    """What the library reads of a request."""

    method: str
    url: str
    """Absolute; only its path and query are signed."""
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Answer:
    status_code: int
    request: Message
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Signature:
    """What a request says, once its signature was found to be right."""

    created: datetime
    """When it was signed, by what the device knows of the server's clock."""
    device_clock: datetime
    """What the device's own clock showed."""
    nonce: str
    content_digest: str
    """Of the body that was signed; empty for GET and HEAD."""


class _Verifier(HTTPMessageVerifier):
    def validate_created_and_expires(self, sig_input: Any, max_age: Any = None) -> None:
        """Left to the caller, who knows the time."""


def key_id_of(message: Message) -> str:
    """Whose key a request says that it was signed with; nothing is believed yet.

    Raises:
        NotSigned: It says nothing.
    """
    found = _KEY_ID.search(message.headers.get("Signature-Input", ""))
    if found is None:
        raise NotSigned("the request is not signed")
    return found[1]


def check(message: Message, key_id: str, public_key: bytes) -> Signature:
    """Check a request's signature. The body is not read: compare it with `content_digest`.

    Args:
        message: The request.
        key_id: Whose key it has to be.
        public_key: 32 bytes.

    Raises:
        NotSigned: By nobody, by another key, or not all that must be covered is.
    """
    verifier = _Verifier(
        signature_algorithm=algorithms.ED25519,
        key_resolver=MappingKeyResolver(
            public_keys={key_id: Ed25519PublicKey.from_public_bytes(public_key)}, private_keys={}
        ),
    )
    try:
        (result,) = verifier.verify(message, expect_tag=SIGNATURE_TAG)
    except (InvalidSignature, ValueError) as error:  # ValueError: two signatures with our tag
        raise NotSigned(_UNFIT) from error
    # Not by the verifier's `require_components`: it parses these names, and the covered ones anew, for each request.
    if not result.covered_components.keys() >= (_SAFE if message.method in _SAFE_METHODS else _WITH_BODY):
        raise NotSigned(_UNFIT)
    created, nonce = result.parameters.get("created"), result.nonce
    if not isinstance(created, int) or nonce is None or not NONCE_LENGTH[0] <= len(nonce) <= NONCE_LENGTH[1]:
        raise NotSigned("the signature lacks created, or a nonce of 16 to 64 letters")
    try:
        return Signature(
            created=datetime.fromtimestamp(created, UTC),
            device_clock=parsedate_to_datetime(message.headers["Date"]).astimezone(UTC),
            nonce=nonce,
            content_digest="" if message.method in _SAFE_METHODS else result.covered_components['"content-digest"'],
        )
    except (ValueError, OverflowError, OSError) as error:
        raise NotSigned("created or Date is not a time") from error


class ServerKey:
    """The server's own key: devices pin its public half when they enrol.

    Derived from the secret key (HKDF-SHA256), so that every process of a server has the same without another secret.
    """

    def __init__(self, secret_key: str) -> None:
        seed = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"langan server key v1").derive(secret_key.encode())
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        resolver = MappingKeyResolver(public_keys={}, private_keys={_SERVER_KEY_ID: self._key})
        self._signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)

    @property
    def public_bytes(self) -> bytes:
        """The public half, 32 bytes."""
        return self._key.public_key().public_bytes_raw()

    @property
    def public_key(self) -> str:
        """Base64 of the public half."""
        return base64.b64encode(self.public_bytes).decode("ascii")

    def sign_answer(self, request: Message, status: int, body: bytes, now: datetime) -> dict[str, str]:
        """The headers that make an answer the server's word on this one signed request."""
        answer = _Answer(status, request)
        answer.headers["Content-Digest"] = content_digest(hashlib.sha256(body).digest())
        self._signer.sign(
            answer,
            key_id=_SERVER_KEY_ID,
            created=now,
            label=SIGNATURE_TAG,
            tag=SIGNATURE_TAG,
            covered_component_ids=ANSWER_COMPONENTS,
            use_existing_digest=True,
        )
        return answer.headers
