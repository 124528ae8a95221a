"""Evidence in an S3 bucket. Bodies are received and checked on this machine first, then handed over whole.

Direct uploads: an edge gets an address that holds for minutes and lets it write one object of `incoming/`. What it
wrote is copied to where it cannot write, checked there, and only then put in its place: nobody changes it in between.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast
from urllib.parse import urlsplit

from server.errors import InvalidInput, TooLarge
from server.settings import Settings
from server.storage.media import detect_media_type
from server.storage.store import (
    Body,
    Incoming,
    Readable,
    StoredFile,
    StoreUnavailable,
    check_arrived,
    check_sha256,
)

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Store

log = logging.getLogger(__name__)

_INCOMING: Final = "incoming"
_CHECKED: Final = "checking"
UPLOAD_HOLDS: Final = timedelta(minutes=10)
_FORGOTTEN_AFTER: Final = timedelta(days=1)
_ANSWER_S: Final = 20
_CHUNK: Final = 1024 * 1024


class ObjectStore:
    """A bucket, or a folder in it.

    Args:
        settings: Name the bucket and how to reach it.
        incoming: Where bodies are received on this machine.
    """

    def __init__(self, settings: Settings, incoming: Path) -> None:
        self._settings = settings
        self._incoming = Incoming(incoming, min_free_bytes=settings.min_free_bytes)

    @cached_property
    def _bucket(self) -> S3Store:
        """Made on first use: its threads must be of the process that uses it."""
        from obstore.store import S3Store

        settings, parts = self._settings, urlsplit(self._settings.store_url)
        config: S3Config = {
            "region": settings.s3_region,
            "access_key_id": settings.s3_access_key_id.get_secret_value(),
            "secret_access_key": settings.s3_secret_access_key.get_secret_value(),
        }
        if settings.s3_endpoint:
            config["endpoint"] = settings.s3_endpoint
        return S3Store(
            parts.netloc,
            prefix=parts.path.strip("/") or None,
            config=config,
            client_options={
                "allow_http": settings.s3_endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(seconds=_ANSWER_S * 6),
            },
            # The edge comes again by itself; a request must not wait for long.
            retry_config={"max_retries": 2, "retry_timeout": timedelta(seconds=_ANSWER_S)},
        )

    def put(self, sha256: str, body: Body, *, max_bytes: int, expected_bytes: int) -> StoredFile:
        """See `EvidenceStore`."""
        import obstore

        key = _key(sha256)
        received = self._incoming.received(sha256, body, max_bytes=max_bytes, expected_bytes=expected_bytes)
        with received as (temporary, stored), _available():
            obstore.put(self._bucket, key, temporary, attributes={"Content-Type": stored.media_type})
        return stored

    def has(self, sha256: str) -> bool:
        """See `EvidenceStore`."""
        import obstore

        key = _key(sha256)
        try:
            with _available():
                obstore.head(self._bucket, key)
        except FileNotFoundError:
            return False
        return True

    def open(self, sha256: str, size_bytes: int) -> Readable:
        """See `EvidenceStore`."""
        import obstore

        if not self.has(sha256):
            raise FileNotFoundError(sha256)
        with _available():
            return _Reader(obstore.open_reader(self._bucket, _key(sha256), size=size_bytes, buffer_size=_CHUNK))

    def path_of(self, sha256: str) -> Path | None:  # noqa: ARG002 (the port's signature)
        """Not on this machine."""
        return None

    def remove(self, sha256: str) -> None:
        """See `EvidenceStore`."""
        self._delete(_key(sha256))

    def names(self) -> Iterator[tuple[str, datetime]]:
        """See `EvidenceStore`. Also removes direct uploads that nobody finished."""
        import obstore

        with _available():
            for page in obstore.list(self._bucket, chunk_size=1000):
                for item in page:
                    folder, _, name = item["path"].rpartition("/")
                    modified = item["last_modified"]
                    if folder.split("/")[-1] in {_INCOMING, _CHECKED}:
                        if modified < datetime.now(modified.tzinfo) - _FORGOTTEN_AFTER:
                            self._delete(item["path"])
                    elif len(name) == 64:
                        yield name, modified

    def forget_unfinished(self) -> None:
        """See `EvidenceStore`."""
        self._incoming.forget_unfinished()

    def free_bytes(self) -> int:
        """See `EvidenceStore`."""
        return self._incoming.free_bytes()

    def begin_upload(self, sha256: str) -> tuple[str, str, timedelta]:
        """Let somebody write one object.

        Returns:
            The address to PUT it to, the object's name for `finish_upload`, and how long the address holds.
        """
        import obstore

        key = f"{_INCOMING}/{check_sha256(sha256)}-{secrets.token_hex(16)}"
        with _available():
            return obstore.sign(self._bucket, "PUT", key, UPLOAD_HOLDS), key, UPLOAD_HOLDS

    def finish_upload(self, sha256: str, key: str, *, max_bytes: int, expected_bytes: int) -> StoredFile:
        """Check what was written directly, and put it in its place.

        Raises:
            InvalidInput: Nothing was written, or it is not what was announced.
            TooLarge: More than `max_bytes` were written.
        """
        import obstore

        checked = f"{_CHECKED}/{key.rpartition('/')[2]}"
        try:
            with _available():
                size = obstore.head(self._bucket, key)["size"]
                if size > max_bytes:
                    raise TooLarge(
                        f"the file is larger than {max_bytes} bytes", "Make the clip shorter or the picture smaller."
                    )
                obstore.copy(self._bucket, key, checked)
                stored = self._check(sha256, checked, expected_bytes)
                obstore.copy(self._bucket, checked, _key(sha256))
        except FileNotFoundError as error:
            raise InvalidInput("nothing was written to the address", "PUT the file there first.") from error
        finally:
            self._delete(key)
            self._delete(checked)
        return stored

    def _check(self, sha256: str, key: str, expected_bytes: int) -> StoredFile:
        import obstore

        digest, size = hashlib.sha256(), 0
        for chunk in obstore.get(self._bucket, key).stream(min_chunk_size=_CHUNK):
            digest.update(chunk)
            size += len(chunk)
        check_arrived(sha256, size, expected_bytes, digest.hexdigest())
        reader = cast("BinaryIO", _Reader(obstore.open_reader(self._bucket, key, size=size, buffer_size=64 * 1024)))
        return StoredFile(sha256, detect_media_type(reader, size), size)

    def _delete(self, key: str) -> None:
        import obstore

        try:
            with _available():
                obstore.delete(self._bucket, key)
        except FileNotFoundError:
            return


class _Reader:
    """obstore's reader as Python's files are: bytes of its own, and `StoreUnavailable`."""

    def __init__(self, reader: Any) -> None:
        self._reader = reader

    def read(self, size: int = -1, /) -> bytes:
        """Read at most so many bytes."""
        with _available():
            return bytes(self._reader.read(None if size < 0 else size))

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place."""
        return int(self._reader.seek(offset, whence))

    def tell(self) -> int:
        """Where it stands."""
        return int(self._reader.tell())

    def seekable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """End."""
        self._reader.close()


def _key(sha256: str) -> str:
    check_sha256(sha256)
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


@contextmanager
def _available() -> Iterator[None]:
    """Tell an object that is not there from a store that does not answer.

    Raises:
        StoreUnavailable: The store does not answer, or refuses us.
        FileNotFoundError: The object is not there.
    """
    from obstore.exceptions import BaseError, NotFoundError

    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise FileNotFoundError from error
    except BaseError as error:
        # The text of the fault may hold a signed address: only its kind is logged.
        log.warning("store_unavailable", extra={"fields": {"cause": type(error).__name__}})
        raise StoreUnavailable from error
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError):
            raise StoreUnavailable from error
        raise
