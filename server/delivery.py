"""How pages reach a browser over a slow line: compressed text, and built files that are fetched once.

Compression and secrets (BREACH): who lets a victim's browser ask for a page again and again, each time with another
guess in the address, can read a secret of that page from the lengths of compressed answers on the line. So over HTTPS
an answer is compressed only when the browser says that no other site made it ask (`Sec-Fetch-Site`, which scripts
cannot set); plain HTTP hides nothing from the line in the first place. Files of ours hold no secret. Server-sent
events, pictures and clips are never compressed.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import brotli
from flask import Flask, Response, request
from flask_compress import Compress

_MIMETYPES: Final = ("text/html", "text/css", "text/javascript", "application/json", "image/svg+xml", "text/plain")
_OUR_OWN_WISH: Final = frozenset({"same-origin", "none"})
"""A page of ours asked, or the person: by the address line, a bookmark, the app's icon."""
_NAMED_BY_CONTENT: Final = re.compile(r"js/shared-[0-9A-Z]{8}\.js")
"""What esbuild splits off carries its hash in its name (server/frontend/build.mjs)."""
YEAR_S: Final = 365 * 24 * 3600
_TO_ASK_AGAIN: Final = ("ETag", "Last-Modified", "Accept-Ranges", "Content-Disposition")
_SQUEEZED_BYTES: Final = 64 * 1024
"""Brotli's highest level takes some 40 ms for so much, once for each process."""


def init_app(app: Flask) -> None:
    """Compress text answers, and give files of ours addresses that change with their content."""
    app.config.update(
        COMPRESS_REGISTER=False,  # only what `_may_compress` lets through
        COMPRESS_MIMETYPES=list(_MIMETYPES),
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_STREAMS=False,
        COMPRESS_BR_LEVEL=5,
    )
    compress = Compress(app)
    folder = Path(str(app.static_folder))

    @app.url_defaults
    def _name_the_content(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and "v" not in values:
            version = _version(folder / str(values.get("filename", "")))
            if version:
                values["v"] = version

    @app.after_request
    def _deliver(response: Response) -> Response:
        if request.endpoint == "static":
            is_fixed = _keep_built_files(response, folder)
            _read_whole(response)
            if is_fixed:
                _send_little(response)
        return compress.after_request(response) if _may_compress() else response


def _may_compress() -> bool:
    if request.endpoint == "static" or not request.is_secure:
        return True
    return request.headers.get("Sec-Fetch-Site") in _OUR_OWN_WISH


def _keep_built_files(response: Response, folder: Path) -> bool:
    """Say how long a file is kept; gives whether its address names its content."""
    name = str((request.view_args or {}).get("filename", ""))
    named = request.args.get("v")
    is_fixed = bool(_NAMED_BY_CONTENT.fullmatch(name)) or (named is not None and named == _version(folder / name))
    response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable" if is_fixed else "no-cache"
    return is_fixed


def _send_little(response: Response) -> None:
    """Compress a file that is fetched once as far as it goes, and leave out what only asking again would need."""
    for name in _TO_ASK_AGAIN:
        response.headers.pop(name, None)
    is_small = response.status_code == HTTPStatus.OK and 0 < (response.content_length or 0) <= _SQUEEZED_BYTES
    if is_small and response.mimetype in _MIMETYPES and request.accept_encodings["br"] > 0:
        response.set_data(_squeezed(response.get_data()))
        response.headers["Content-Encoding"] = "br"
        response.vary.add("Accept-Encoding")


@lru_cache(maxsize=128)
def _squeezed(data: bytes) -> bytes:
    squeezed: bytes = brotli.compress(data, quality=11)
    return squeezed


def _read_whole(response: Response) -> None:
    """Take a small file of text into memory: what is compressed piece by piece does not let go of its file."""
    if response.status_code == HTTPStatus.OK and response.mimetype in _MIMETYPES:
        body = response.response
        data = b"".join(response.iter_encoded())
        if hasattr(body, "close"):
            body.close()
        response.direct_passthrough = False
        response.set_data(data)


def _version(path: Path) -> str:
    """The first digits of a file's SHA-256; empty where there is none."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    return _hash_of(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=256)
def _hash_of(path: Path, _changed_ns: int, _size_bytes: int) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    except OSError:
        return ""
