"""The site's own key, by which push services know who sends (VAPID, RFC 8292): made once, sealed in the database."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import delete
from sqlalchemy.orm import Session

from server.audit import service as audit
from server.auth.sealing import Sealer
from server.clock import Clock
from server.db.engine import LOCK_NOTICES, Database, lock
from server.db.push_models import PushKey
from server.db.work_models import NotificationChannel
from server.domain.notices import Channel

_ID: Final = 1
_PURPOSE: Final = "push key"


@dataclass(frozen=True, slots=True)
class SealedKey:
    """The key as it lies in the database."""

    public_key: str
    """The point, uncompressed, in unpadded base64url: what browsers subscribe with."""
    sealed: bytes


def site_key(database: Database, clock: Clock, sealer: Sealer) -> SealedKey:
    """The site's key; made where there is none, or where the site's secret key has changed and it opens no more.

    Raises:
        Unavailable: The database is not to be had.
    """
    with database.read() as session:
        known = _known(session, sealer)
    if known is not None:
        return known
    with database.write() as session:
        lock(session, LOCK_NOTICES, ["push key"])
        return _known(session, sealer) or _make(session, clock, sealer)


def rotate(session: Session, clock: Clock, sealer: Sealer) -> int:
    """Make another key. Every browser has to subscribe again: those subscriptions go; gives their number."""
    gone = session.execute(delete(NotificationChannel).where(NotificationChannel.kind == Channel.PUSH)).rowcount  # type: ignore[attr-defined]  # of a cursor result
    _make(session, clock, sealer)
    audit.record(
        session, at=clock.utc(), actor=None, action="site.rotate_push", subject="site:1", detail={"gone": gone}
    )
    return int(gone)


def private_key(sealer: Sealer, sealed: bytes) -> ec.EllipticCurvePrivateKey | None:
    """The private half; None where the site's secret key has changed since."""
    text = sealer.unseal(_PURPOSE, _ID, sealed)
    return None if text is None else ec.derive_private_key(int(text, 16), ec.SECP256R1())


def read(session: Session) -> SealedKey | None:
    """The key as it is; None while there is none."""
    row = session.get(PushKey, _ID)
    return None if row is None else SealedKey(row.public_key, row.sealed)


def _known(session: Session, sealer: Sealer) -> SealedKey | None:
    known = read(session)
    return known if known is not None and private_key(sealer, known.sealed) is not None else None


def _make(session: Session, clock: Clock, sealer: Sealer) -> SealedKey:
    key = ec.generate_private_key(ec.SECP256R1())
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    made = SealedKey(base64url(point), sealer.seal(_PURPOSE, _ID, f"{key.private_numbers().private_value:x}"))
    session.merge(PushKey(id=_ID, sealed=made.sealed, public_key=made.public_key, created_at=clock.utc()))
    return made


def base64url(data: bytes) -> str:
    """Unpadded."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Padded or not.

    Raises:
        ValueError: It is none.
    """
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), altchars=b"-_", validate=True)
