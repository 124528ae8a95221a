"""Gives a stored file to a browser or a device. Whoever calls has authorised it: on every request, never by a link."""

from __future__ import annotations

from flask import Response, request, send_file
from werkzeug.wsgi import FileWrapper

from server.db.models import EvidenceFile
from server.storage.store import EvidenceStore
from server.storage.thumbnails import MEDIA_TYPE, Thumbnails

_CHUNK = 256 * 1024


def send_evidence(store: EvidenceStore, file: EvidenceFile) -> Response:
    """Answer with a file, or the part of it that was asked for.

    Raises:
        FileNotFoundError: It is not there any more.
        StoreUnavailable: The store does not answer.
    """
    path = store.path_of(file.sha256)
    if path is not None:
        return send_file(path, mimetype=file.media_type, conditional=True, etag=file.sha256)
    reader = store.open(file.sha256, file.size_bytes)
    response = Response(
        FileWrapper(reader, _CHUNK),  # type: ignore[arg-type]  # any object with read(), seek(), tell() and close()
        mimetype=file.media_type,
        direct_passthrough=True,
    )
    response.call_on_close(reader.close)
    response.content_length = file.size_bytes
    response.set_etag(file.sha256)
    response.make_conditional(request, accept_ranges=True, complete_length=file.size_bytes)
    return response


def send_thumbnail(store: EvidenceStore, thumbnails: Thumbnails, file: EvidenceFile) -> Response:
    """Answer with a snapshot as small as a card; with the whole file where it cannot be made smaller.

    Raises:
        FileNotFoundError: It is not there any more.
        StoreUnavailable: The store does not answer.
    """
    response = Response(mimetype=MEDIA_TYPE)
    response.set_etag(f"{file.sha256}-card")
    if request.if_none_match.contains(f"{file.sha256}-card"):
        response.status_code = 304
        return response
    small = thumbnails.of(file.sha256, lambda: store.open(file.sha256, file.size_bytes))
    if small is None:
        return send_evidence(store, file)
    response.data = small
    return response
