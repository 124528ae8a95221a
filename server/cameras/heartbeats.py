"""Takes heartbeats: what changes is written at once, "as before" for many boxes together.

A province has more heartbeats than events, and nearly all of them say what the one before said. Such a one costs no
transaction of its own: when its box was heard is written with that of others each `FLUSH_EVERY`, in one, and all that
it says once in `domain.watching.TOLD_EVERY`. Nothing waits for a timer: the next heartbeat of any box takes the others
along, so a box that is alone is written at once.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.orm import Session

from contract.event import Heartbeat
from server.cameras.health import take_heartbeat
from server.db.engine import Database
from server.db.models import Device
from server.domain.access import Principal
from server.domain.watching import TOLD_EVERY
from server.errors import Replayed, Unavailable

T = TypeVar("T")

FLUSH_EVERY: Final = timedelta(seconds=10)
_AHEAD: Final = timedelta(seconds=2)
"""Of a clock that is further ahead nothing is held back: when it signed does not tell a replayed heartbeat."""
_HEARD: Final = (
    update(Device.__table__)  # type: ignore[arg-type]
    .where(
        Device.__table__.c.id == bindparam("device_id"),
        or_(Device.__table__.c.last_seen_at.is_(None), Device.__table__.c.last_seen_at < bindparam("at")),
    )
    .values(last_seen_at=bindparam("at"), beat_signed_at=bindparam("signed_at"))
)


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat as it came.

    Attributes:
        device: Who signed it.
        heartbeat: What it says.
        received_at: When it came.
        signed_at: When its device signed it, by the server's time as the device believes it to be.
        use_once: Refuses it where it had its effect before.
    """

    device: Principal
    heartbeat: Heartbeat
    received_at: datetime
    signed_at: datetime
    use_once: Callable[[Session], None]

    @property
    def order(self) -> datetime:
        """Heartbeats of a device have their effect in this order only."""
        return min(self.signed_at, self.received_at)


@dataclass(frozen=True, slots=True)
class _Heard:
    at: datetime
    signed_at: datetime


class Heartbeats:
    """What one process has heard and not yet written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, _Heard] = {}
        self._flushed_at: datetime | None = None

    def take(self, database: Database, beat: Beat, answer: Callable[[Session, Principal], T]) -> T:
        """Keep what a heartbeat says; gives the answer, which is read with it.

        Raises:
            Replayed: It came before, or a later one did.
            Unavailable: The database is not to be had now.
        """
        digest = digest_of(beat.heartbeat)
        with database.read() as session:
            known = session.execute(
                select(Device.beat_digest, Device.beat_written_at, Device.beat_signed_at).where(
                    Device.id == beat.device.id
                )
            ).one()
            is_as_before = (
                known.beat_digest == digest
                and known.beat_written_at is not None
                and timedelta(0) <= beat.received_at - known.beat_written_at < TOLD_EVERY
                and beat.signed_at <= beat.received_at + _AHEAD
            )
            if is_as_before:
                told = answer(session, beat.device)
        if is_as_before:
            if known.beat_signed_at is None or known.beat_signed_at < beat.order:
                self._hear(database, beat)
            return told
        with database.write() as session:
            beat.use_once(session)
            row = session.get_one(Device, beat.device.id, with_for_update=True)
            if row.beat_signed_at is not None and beat.order < row.beat_signed_at:
                raise Replayed
            heard = self._forget(beat.device.id)
            take_heartbeat(session, row, beat.heartbeat, beat.received_at, heard)
            row.beat_digest, row.beat_written_at, row.beat_signed_at = digest, beat.received_at, beat.order
            return answer(session, beat.device)

    def _forget(self, device_id: str) -> datetime | None:
        with self._lock:
            heard = self._heard.pop(device_id, None)
        return None if heard is None else heard.at

    def _hear(self, database: Database, beat: Beat) -> None:
        with self._lock:
            before = self._heard.get(beat.device.id)
            if before is not None and before.signed_at >= beat.order:
                return
            self._heard[beat.device.id] = _Heard(beat.received_at, beat.order)
            since = None if self._flushed_at is None else beat.received_at - self._flushed_at
            if since is not None and timedelta(0) <= since < FLUSH_EVERY:
                return
            batch, self._heard, self._flushed_at = self._heard, {}, beat.received_at
        try:
            self._write(database, batch)
        except Unavailable:
            with self._lock:
                self._heard = batch | self._heard
                self._flushed_at = None
            raise

    @staticmethod
    def _write(database: Database, batch: dict[str, _Heard]) -> None:
        rows = [
            {"device_id": device_id, "at": heard.at, "signed_at": heard.signed_at}
            for device_id, heard in sorted(batch.items())  # always in one order: processes do this at the same time
        ]
        with database.write() as session:
            session.connection().execute(_HEARD, rows)


def digest_of(heartbeat: Heartbeat) -> bytes:
    """The same for heartbeats that differ in nothing that anybody waits for: frame rates may be a minute old."""
    told = [
        heartbeat.software_version,
        heartbeat.outbox_events > 0,
        heartbeat.outbox_media > 0,
        *sorted(
            (camera.camera_id, camera.health.value, camera.reason.value, camera.message, camera.fps_in is None)
            for camera in heartbeat.cameras
        ),
    ]
    return hashlib.sha256(json.dumps(told).encode()).digest()
