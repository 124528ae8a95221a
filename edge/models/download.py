"""Fetches a file over https: resumed where an earlier try stopped, trusted only when its SHA-256 is the right one.

target.part   grows while bytes come in and stays after an interruption
target        appears, whole and checked, by an atomic rename
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from edge.detection.manifest_reader import wrong_address
from edge.errors import ModelError

MAX_BYTES = 4_000_000_000
"""No model is larger; a server that never stops sending must not fill the disk."""
TRIES = 5
"""Breaks of the connection in a row without a new byte."""
MAX_REDIRECTS = 5
_TIMEOUT = httpx.Timeout(60.0, connect=15.0)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are here and, where the server told, how many there will be."""


class _Interrupted(Exception):
    """The connection broke, or the server asked for patience."""


def download(
    url: str,
    target: Path,
    sha256: str | None,
    progress: Progress,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Fetch a file.

    Args:
        url: https only, redirects too.
        target: Where it goes; its folder is made.
        sha256: What its bytes must hash to; None: the caller checks what it takes out of it.
        progress: Told how far it is.
        sleep: Waits between two tries.

    Raises:
        ModelError: It cannot be fetched or stored, or is another file. What came in is kept for the next try, but not
            a whole file with a wrong hash.
    """
    part = target.with_name(target.name + ".part")
    with _storing(target), _locked(part) as file, _client() as client:
        if not (sha256 and _sha256(part) == sha256):  # else it was whole before, and only the rename was missing
            _receive_all(client, url, file, progress, sleep)
            if sha256 and (found := _sha256(part)) != sha256:
                part.unlink()
                raise ModelError(
                    f"{_shown(url)}: gave a file with SHA-256 {found}, but the manifest wants {sha256}: it was thrown "
                    "away; correct url or sha256 in the manifest, or ask where the model comes from"
                )
        part.replace(target)
        _sync_folder(target.parent)


def _shown(url: str) -> str:
    """Without the query, which may hold somebody's key."""
    address = urlsplit(url)
    return f"{address.scheme}://{address.hostname or ''}{f':{address.port}' if address.port else ''}{address.path}"


def _client() -> httpx.Client:
    # Redirects are followed below, one by one, so that none leads away from https.
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False, headers={"Accept-Encoding": "identity"})


@contextmanager
def _storing(target: Path) -> Iterator[None]:
    """Say what a failing disk means."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ModelError(
                f"{target.parent}: no room is left: make some and run the command again; it goes on where it stopped"
            ) from error
        raise ModelError(
            f"{target}: cannot be written ({error.strerror}): correct the folder's owner or mode"
        ) from error


@contextmanager
def _locked(part: Path) -> Iterator[BinaryIO]:
    """Open the unfinished file; only one process may append to it."""
    with part.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.path.samestat(os.fstat(file.fileno()), part.stat())
        except (BlockingIOError, FileNotFoundError):
            mine = False
        if not mine:  # another process holds it, or has just finished it
            raise ModelError(f"{part}: is being fetched by another process: wait until it is done")
        yield file


def _receive_all(
    client: httpx.Client, url: str, file: BinaryIO, progress: Progress, sleep: Callable[[float], None]
) -> None:
    failures = 0
    while True:
        before = file.seek(0, os.SEEK_END)
        try:
            _receive(client, url, file, progress)
        except (_Interrupted, httpx.TransportError) as error:
            here = file.seek(0, os.SEEK_END)
            failures = failures + 1 if here <= before else 1
            if failures >= TRIES:
                kept = f", from byte {here} on" if here else ""
                reason = str(error) or type(error).__name__
                raise ModelError(
                    f"{_shown(url)}: cannot be fetched ({reason}): look at the network and run the command again{kept}"
                ) from error
            sleep(2.0 ** (failures - 1))
        else:
            file.flush()
            os.fsync(file.fileno())
            return


def _receive(client: httpx.Client, url: str, file: BinaryIO, progress: Progress) -> None:
    """One answer of the server, appended to the file."""
    offset = file.tell()
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    with _opened(client, url, headers) as response:
        if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            if _whole_size(response) == offset:
                return
            file.truncate(0)
            raise _Interrupted("the server has no such part of the file")
        if response.status_code in _TRY_AGAIN:
            raise _Interrupted(f"the server answered {response.status_code}")
        if response.status_code not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
            raise ModelError(f"{_shown(url)}: the server answered {response.status_code}: correct url in the manifest")
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {offset}-"):
            file.truncate(0)
            raise _Interrupted("the server sent another part than asked for")
        if not resumed:
            file.truncate(0)
            offset = 0
        length = response.headers.get("Content-Length", "")
        total = offset + int(length) if length.isdecimal() else None
        progress(offset, total)
        for chunk in response.iter_raw():
            offset += len(chunk)
            if offset > MAX_BYTES:
                raise ModelError(f"{_shown(url)}: is larger than {MAX_BYTES} bytes: correct url in the manifest")
            file.write(chunk)
            progress(offset, total)
        file.flush()


@contextmanager
def _opened(client: httpx.Client, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    """The answer of the last of a chain of redirects."""
    for _ in range(MAX_REDIRECTS + 1):
        try:
            request = client.build_request("GET", url, headers=headers)
        except httpx.InvalidURL as error:
            raise ModelError(f"{url}: is no address: correct url in the manifest") from error
        response = client.send(request, stream=True)
        try:
            if response.status_code not in _REDIRECTS:
                yield response
                return
            following = response.url.join(response.headers.get("Location", ""))
        finally:
            response.close()
        if problem := wrong_address(str(following)):
            raise ModelError(
                f"{_shown(url)}: sends us on to {_shown(str(following))}, which {problem}: not followed; "
                "ask where the model has moved and correct url in the manifest"
            )
        url = str(following)
    raise ModelError(f"{_shown(url)}: redirects more than {MAX_REDIRECTS} times: correct url in the manifest")


def _whole_size(response: httpx.Response) -> int | None:
    match = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
