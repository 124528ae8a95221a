"""How a device and the server talk besides events: enrolment, signatures, configurations, errors.

Signatures are HTTP Message Signatures (RFC 9421) with Ed25519, label and tag `langan`. A device signs every request:

    keyid  the device's id ("new" while it enrols)    nonce  random, used once
    created  when, by the *server's* clock: a device whose clock is wrong is told the time in a signed refusal
    covered  method, path, query, Date (by the *device's* clock); with a body also Content-Digest and Content-Length

The server signs what a device acts upon (configurations, the refusal that tells the time), and covers the device's own
signature with it: an answer fits one request only, so none can be kept and played back.

Edge and server may be of different releases: each passes over keys that it does not know (`WireModel`), and a new key
is never needed by whoever reads it. docs/reference/http-api.md has the whole rule.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from contract.base import Slug, UtcDatetime, WireModel

SIGNATURE_TAG: Final = "langan"
REQUEST_COMPONENTS: Final = ("@method", "@path", "@query", "date")
BODY_COMPONENTS: Final = ("content-digest", "content-length")
"""Covered besides `REQUEST_COMPONENTS` by every request but GET and HEAD, an empty body included."""
ANSWER_COMPONENTS: Final = ("@status", "content-digest", f'"signature";req;key="{SIGNATURE_TAG}"')
MAX_AGE: Final = timedelta(minutes=5)
"""A signature made longer ago, or further ahead, is refused."""
NONCE_LENGTH: Final = (16, 64)
ENROLLING: Final = "new"
"""The key id of a device that has none yet."""
CLOCK_OFF: Final = "clock_off"
"""Code of the refusal that tells the server's time."""
REPLAYED: Final = "replayed"
"""Code of the refusal of a nonce that was used before: sign again."""

PublicKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""The 32 bytes of an Ed25519 public key in base64."""


def content_digest(sha256: bytes) -> str:
    """The Content-Digest header (RFC 9530) of a body with this SHA-256."""
    return f"sha-256=:{base64.b64encode(sha256).decode('ascii')}:"


class Enrolment(WireModel):
    """Body of `POST /api/v1/enrolment`, signed with the key that it brings."""

    code: Annotated[str, Field(min_length=1, max_length=40)]
    """The one-time code of an admin; case, spaces and hyphens do not matter."""
    public_key: PublicKey


class EnrolmentResult(WireModel):
    """What a device is told of itself. The same code and key get the same answer while the code is valid."""

    device_id: Slug
    name: str
    place: Slug
    """The village or commune that it is bound to."""
    place_name: str
    villages: tuple[Slug, ...]
    """For which it may post."""
    cameras: tuple[Slug, ...]
    """That are its own so far; a camera whose file it sends becomes its own."""
    server_key: PublicKey
    """With which the server signs: the device believes no other from now on."""


class CameraConfigVersion(WireModel):
    """The configuration of one camera that is in force."""

    camera_id: Slug
    version: Annotated[int, Field(ge=1)]
    yaml: str
    author: str
    """`user:<number>` or `device:<id>`."""


class CameraConfigs(WireModel):
    """Answer to `GET /api/v1/cameras/config`, signed by the server."""

    version: str
    """Changes with any of them; the same as the ETag."""
    cameras: tuple[CameraConfigVersion, ...]


class CameraConfigTaken(WireModel):
    """Answer to `PUT /api/v1/cameras/ID/config`: the version in force."""

    camera_id: Slug
    version: Annotated[int, Field(ge=1)]
    author: str


OFFERS_DIRECT_UPLOADS: Final = "Langan-Direct-Uploads"
"""Header of the answer to a file of evidence: `1` where `POST .../upload` gives an address."""


class UploadAddress(WireModel):
    """Answer to `POST /api/v1/evidence/SHA256/upload`: where the device may write one file straight to the store."""

    url: str
    upload: str
    """Given back with `POST .../uploaded?upload=` once the file was written."""
    holds_s: int


STILL_SIDE_PX: Final = 1280
"""A camera's still is made no wider or higher than this."""
MAX_STILL_BYTES: Final = 512 * 1024
LOOK_SIDE_PX: Final = 640
"""The same of the pictures of a live look."""
MAX_LOOK_BYTES: Final = 192 * 1024
LOOK_EVERY_S: Final = 0.5
LOOK_LEFT: Final = "Langan-Look-Left-S"
"""Header of the answer to a picture of a live look: for how many seconds somebody still looks; `0`: nobody does."""
LOOK_HELD_S: Final = 25.0
"""So long `GET /api/v1/look` is held while there is nothing new: shorter than any proxy's patience."""


class LookWish(WireModel):
    """Somebody looks at a camera now."""

    camera_id: Slug
    left_s: Annotated[float, Field(gt=0, le=600)]


class LookWishes(WireModel):
    """Answer to `GET /api/v1/look?seen=VERSION`, signed by the server: what it wants to be shown now."""

    version: Annotated[str, Field(max_length=64)]
    """Changes with any of it: asked with the newest one, the answer waits for another."""
    looks: Annotated[tuple[LookWish, ...], Field(max_length=64)] = ()
    stills: Annotated[tuple[Slug, ...], Field(max_length=256)] = ()
    """Cameras of which a fresh still is wanted at once."""
    ask_again_s: Annotated[float, Field(ge=0, le=3600)] = 0.0
    """Above 0: the server could not hold the question, or shall not be asked at once."""


class RunningConfig(WireModel):
    """Which configuration a camera runs."""

    camera_id: Slug
    version: Annotated[str, Field(max_length=64)]
    """The first 12 characters of its text's SHA-256; empty: none."""
    refused: Annotated[str, Field(max_length=500)] = ""
    """Why the server's newest version is not in force; empty: it is, or has not come yet."""


class RunningConfigs(WireModel):
    """Body of `PUT /api/v1/cameras/running`: told when it changes, and now and then."""

    cameras: Annotated[tuple[RunningConfig, ...], Field(max_length=256)]


class WhatIfTask(WireModel):
    """Answer to `GET /api/v1/what-if/ID`, signed by the server: what the box is to try over its stored observations."""

    id: UUID
    camera_id: Slug
    yaml: Annotated[str, Field(max_length=65536)]
    """What an admin would put in force."""


def _can_be_stored(facts: dict[str, Any]) -> dict[str, Any]:
    """No rule reads these again, so their form is all that is checked: no database keeps what these refuse."""
    try:
        text = json.dumps(facts, allow_nan=False, ensure_ascii=False).encode().decode()
    except RecursionError as error:
        raise ValueError("too many levels") from error
    if "\\u0000" in text:
        raise ValueError("a NUL letter")
    return facts


class WhatIfEvent(WireModel):
    """An event that the one configuration raises and the other does not."""

    kind: Annotated[str, Field(max_length=40)]
    zone: Annotated[str, Field(max_length=63)] | None = None
    started_at: UtcDatetime
    ended_at: UtcDatetime | None = None
    facts: Annotated[dict[str, Any], AfterValidator(_can_be_stored)]


class WhatIfReport(WireModel):
    """Body of `PUT /api/v1/what-if/ID`: what would have been told by the other configuration."""

    state: Literal["working", "done", "nothing_stored", "failed"]
    why: Annotated[str, Field(max_length=1000)] = ""
    """With `failed`: the program's own words."""
    first: UtcDatetime | None = None
    last: UtcDatetime | None = None
    observations: Annotated[int, Field(ge=0)] = 0
    same: Annotated[int, Field(ge=0)] = 0
    changed: Annotated[int, Field(ge=0)] = 0
    appearing: Annotated[int, Field(ge=0)] = 0
    vanishing: Annotated[int, Field(ge=0)] = 0
    appear: Annotated[tuple[WhatIfEvent, ...], Field(max_length=100)] = ()
    """The first of those that only the new one raises."""
    vanish: Annotated[tuple[WhatIfEvent, ...], Field(max_length=100)] = ()
    notes: Annotated[tuple[Annotated[str, Field(max_length=300)], ...], Field(max_length=20)] = ()


class ErrorDetail(WireModel):
    """What went wrong and what to do."""

    code: str
    """A stable word for programs."""
    message: str
    remedy: str
    issues: tuple[dict[str, Any], ...] = ()
    """Single findings of a camera's file, with their lines."""
    server_time: UtcDatetime | None = None
    """Only with `clock_off`, in an answer that the server signed."""


class ErrorAnswer(WireModel):
    """Body of every answer from 400 on."""

    error: ErrorDetail


class Health(WireModel):
    """Answer to `GET /healthz`."""

    status: Literal["ok", "unavailable"]
    database: Literal["ok", "unreachable"]
    disk_free_bytes: int
    low_disk: bool
