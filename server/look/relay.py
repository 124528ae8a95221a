"""Carries the newest picture of each camera that is looked through from the process that got it to those that show it.

One picture a camera, in memory only, gone after seconds: where Redis or Valkey is configured, there; else in the
machine's shared memory, which all processes of one server see. No disk ever holds one.

RedisRelay     several machines
SharedRelay    the processes of one machine: files below /dev/shm, which is memory
MemoryRelay    one process, where the system has no /dev/shm
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
import stat
import struct
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from server.settings import Settings

if TYPE_CHECKING:
    from redis import Redis

log = logging.getLogger(__name__)

FRESH_S: Final = 5.0
"""An older picture is not shown any more: nobody takes what was for what is."""
_HEAD: Final = struct.Struct(">Q")
_SHARED: Final = Path("/dev/shm")  # noqa: S108 - made private below; the point is that it is memory
_REDIS_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What a camera saw at a moment."""

    at_ms: int
    """Milliseconds since 1970, by the box's clock: what tells a newer picture."""
    jpeg: bytes


class Relay(Protocol):
    """Holds the newest picture of each camera for some seconds."""

    def put(self, camera_id: str, picture: Picture) -> None:
        """Keep a picture, unless it is not newer than the one that is there."""
        ...

    def get(self, camera_id: str) -> Picture | None:
        """The newest picture; None when there is no fresh one."""
        ...

    def drop(self, camera_id: str) -> None:
        """Nobody looks any more."""
        ...


def make_relay(settings: Settings) -> Relay:
    """The relay of a server's settings."""
    if settings.redis_url:
        return RedisRelay(settings.redis_url)
    if _SHARED.is_mount() and os.access(_SHARED, os.W_OK):
        name = hashlib.sha256(str(settings.data_dir.resolve()).encode()).hexdigest()[:16]
        try:
            return SharedRelay(_SHARED / f"langan-look-{os.getuid()}-{name}")
        except OSError as error:
            log.warning("look_not_shared", extra={"fields": {"cause": str(error)}})
    return MemoryRelay()


class MemoryRelay:
    """In this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[str, tuple[float, Picture]] = {}

    def put(self, camera_id: str, picture: Picture) -> None:
        """See `Relay`."""
        with self._lock:
            known = self._newest.get(camera_id)
            if known is None or known[1].at_ms < picture.at_ms:
                self._newest[camera_id] = time.monotonic(), picture

    def get(self, camera_id: str) -> Picture | None:
        """See `Relay`."""
        with self._lock:
            known = self._newest.get(camera_id)
            if known is not None and time.monotonic() - known[0] > FRESH_S:
                del self._newest[camera_id]
                return None
            return None if known is None else known[1]

    def drop(self, camera_id: str) -> None:
        """See `Relay`."""
        with self._lock:
            self._newest.pop(camera_id, None)


class SharedRelay:
    """In files that are memory, private to this user.

    Args:
        folder: Below a file system of memory; made here.

    Raises:
        OSError: It cannot be made, or somebody else has made it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{folder}: not a private folder of ours: remove it")
        self._folder = folder

    def put(self, camera_id: str, picture: Picture) -> None:
        """See `Relay`."""
        known = self.get(camera_id)
        if known is not None and known.at_ms >= picture.at_ms:
            return
        fresh = self._folder / f".{secrets.token_hex(8)}"
        try:
            fresh.write_bytes(_HEAD.pack(picture.at_ms) + picture.jpeg)
            fresh.replace(self._path(camera_id))  # whoever reads has the old one or the new one, never half of one
        except OSError as error:
            log.warning("look_not_relayed", extra={"fields": {"cause": str(error)}})
            fresh.unlink(missing_ok=True)

    def get(self, camera_id: str) -> Picture | None:
        """See `Relay`."""
        path = self._path(camera_id)
        try:
            with path.open("rb") as file:
                age_s = time.time() - os.fstat(file.fileno()).st_mtime
                content = file.read()
        except OSError:
            return None
        if age_s > FRESH_S or len(content) < _HEAD.size:
            path.unlink(missing_ok=True)
            return None
        return Picture(_HEAD.unpack_from(content)[0], content[_HEAD.size :])

    def drop(self, camera_id: str) -> None:
        """See `Relay`."""
        with suppress(OSError):
            self._path(camera_id).unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove everything: what a server that was killed has left, or at the end of the last process."""
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            with suppress(OSError):
                path.unlink()

    def close(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, camera_id: str) -> Path:
        return self._folder / hashlib.sha256(camera_id.encode()).hexdigest()[:32]


class RedisRelay:
    """In Redis or Valkey, with an end after seconds. One that saves its memory to a disk must not be used for this."""

    def __init__(self, url: str) -> None:
        self._url = url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
        self._client: Redis | None = None

    def put(self, camera_id: str, picture: Picture) -> None:
        """See `Relay`."""
        from redis import RedisError

        key = _key(camera_id)
        try:
            known = self._redis().getrange(key, 0, _HEAD.size - 1)
            if isinstance(known, bytes) and len(known) == _HEAD.size and _HEAD.unpack(known)[0] >= picture.at_ms:
                return
            self._redis().set(key, _HEAD.pack(picture.at_ms) + picture.jpeg, px=int(FRESH_S * 1000))
        except (RedisError, OSError) as error:
            log.warning("look_not_relayed", extra={"fields": {"cause": type(error).__name__}})

    def get(self, camera_id: str) -> Picture | None:
        """See `Relay`."""
        from redis import RedisError

        try:
            content = self._redis().get(_key(camera_id))
        except (RedisError, OSError) as error:
            log.warning("look_not_relayed", extra={"fields": {"cause": type(error).__name__}})
            return None
        if not isinstance(content, bytes) or len(content) < _HEAD.size:
            return None
        return Picture(_HEAD.unpack_from(content)[0], content[_HEAD.size :])

    def drop(self, camera_id: str) -> None:
        """See `Relay`."""
        from redis import RedisError

        with suppress(RedisError, OSError):
            self._redis().delete(_key(camera_id))

    def _redis(self) -> Redis:
        if self._client is None:
            from redis import Redis
            from redis.backoff import NoBackoff
            from redis.retry import Retry

            self._client = Redis.from_url(
                self._url, socket_timeout=_REDIS_S, socket_connect_timeout=_REDIS_S, retry=Retry(NoBackoff(), 0)
            )
        return self._client


def _key(camera_id: str) -> str:
    return f"langan:look:{camera_id}"
