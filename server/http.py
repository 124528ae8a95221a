"""What holds for every answer: errors, security headers, request ids and logs, patience with bodies."""

from __future__ import annotations

import json
import logging
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, current_app, g, jsonify, request
from werkzeug.exceptions import HTTPException, RequestTimeout

from server.auth.web import current_principal, new_request_id, request_id
from server.errors import ServerError
from server.services import services

log = logging.getLogger("server.access")

ErrorPage = Callable[[dict[str, Any], int], Response]

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
FILE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Of our files: a script's worker, or a picture opened by itself, may do no more. Each byte counts on a slow line."""
BYTES_A_SECOND: Final = 16 * 1024
"""A body that comes slower than a poor mobile line is not waited for."""
REQUEST_ID: Final = re.compile(r"[0-9A-Za-z-]{8,32}")
"""An id that the asker may give its request (`X-Request-Id`): an edge logs it as this server does."""
_API_PREFIXES: Final = ("/api/", "/media/", "/healthz", "/readyz", "/metrics")
_REMEDIES: Final = {
    HTTPStatus.NOT_FOUND: "Check the address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "Use the method that the documentation names.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Send less at once.",
    HTTPStatus.REQUEST_TIMEOUT: "Send the body without pauses.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "Send the content type that the documentation names.",
    HTTPStatus.BAD_REQUEST: "Correct the request.",
}
_BODY_NOT_READ: Final = frozenset(
    {HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT}
)

ERROR_PAGE: Final = "langan_error_page"
"""Name of the extension that makes an HTML page of an error: `(body, status) -> Response`."""


def init_app(app: Flask) -> None:
    """Add what holds for every answer."""
    app.before_request(_begin)
    app.after_request(_finish)
    app.register_error_handler(ServerError, _server_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def wants_json() -> bool:
    """Whether the asker is a program rather than a page."""
    return request.path.startswith(_API_PREFIXES) or request.accept_mimetypes.best == "application/json"


def _begin() -> None:
    sent = request.headers.get("X-Request-Id", "")
    g.request_id = sent if REQUEST_ID.fullmatch(sent) else new_request_id()
    g.began_s = time.monotonic()


def _finish(response: Response) -> Response:
    is_file = request.endpoint == "static"
    for name, value in (FILE_HEADERS if is_file else SECURITY_HEADERS).items():
        response.headers.setdefault(name, value)
    if request.is_secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    if not is_file:
        response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-Id"] = request_id()
    principal = current_principal()
    took_s = time.monotonic() - g.get("began_s", time.monotonic())
    route = "-" if request.url_rule is None else request.url_rule.rule
    services().metrics.request(request.method, route, response.status_code, took_s)
    log.info(
        "request",
        extra={
            "fields": {
                "method": request.method,
                "path": request.path[:300],
                "status": response.status_code,
                "ms": round(took_s * 1000, 1),
                "who": principal.actor if principal is not None else "-",
                "request_id": request_id(),
            }
        },
    )
    return response


def _server_error(error: ServerError) -> Response:
    return _answer(error.as_json(), error.status, error.retry_after_s)


def _http_error(error: HTTPException) -> Response:
    if error.response is not None or error.code is None or error.code < HTTPStatus.BAD_REQUEST:
        return error.get_response()  # type: ignore[return-value]  # a redirect: werkzeug's own response
    status = HTTPStatus(error.code)
    body = {
        "error": {
            "code": status.name.lower(),
            "message": status.phrase,
            "remedy": _REMEDIES.get(status, "Try again, or ask an admin."),
        }
    }
    response = _answer(body, status, None)
    for name, value in error.get_headers():
        if name.lower() in {"allow", "content-range"}:
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    """A bug. The log has the traceback and the request's id; the answer tells nothing of it."""
    log.error("unexpected_error", exc_info=error, extra={"fields": {"request_id": request_id()}})
    body = {
        "error": {
            "code": "internal_error",
            "message": "something went wrong on our side",
            "remedy": f"Tell an admin this number: {request_id()}.",
        }
    }
    return _answer(body, HTTPStatus.INTERNAL_SERVER_ERROR, None)


def _answer(body: dict[str, Any], status: int, retry_after_s: int | None) -> Response:
    page: ErrorPage | None = None if wants_json() else current_app.extensions.get(ERROR_PAGE)
    response = jsonify(body) if page is None else page(body, status)
    response.status_code = status
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Signature realm="langan"'
    if status in _BODY_NOT_READ:
        response.headers["Connection"] = "close"  # the rest of the body is not read
    return response


class PatientInput:
    """A request's body that must come at a bearable pace: a base time, and a second for each 16 KiB."""

    def __init__(self, stream: Any, patience_s: float) -> None:
        self._stream = stream
        self._deadline_s = time.monotonic() + patience_s

    def read(self, size: int = -1) -> bytes:
        """Read at most so many bytes.

        Raises:
            RequestTimeout: It comes too slowly.
        """
        return self._timed(self._stream.read, size)

    def readline(self, size: int = -1) -> bytes:
        """Read a line.

        Raises:
            RequestTimeout: It comes too slowly.
        """
        return self._timed(self._stream.readline, size)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def _timed(self, read: Callable[[int], bytes], size: int) -> bytes:
        if time.monotonic() > self._deadline_s:
            raise RequestTimeout
        try:
            data = read(size)
        except TimeoutError as error:
            raise RequestTimeout from error
        self._deadline_s += len(data) / BYTES_A_SECOND
        return data


def patient(wsgi: Callable[..., Any], patience_s: float) -> Callable[..., Any]:
    """Wrap an app so that no client holds a thread by sending slowly."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
        connection = environ.get("gunicorn.socket")
        if isinstance(connection, socket.socket):
            connection.settimeout(patience_s)
        environ["wsgi.input"] = PatientInput(environ["wsgi.input"], patience_s)
        return wsgi(environ, start_response)

    return wrapped


class JsonLines(logging.Formatter):
    """One JSON object a line: nothing that a client sends can start a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "event": record.getMessage(),
            "logger": record.name,
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class TextLines(logging.Formatter):
    """The same for people at a terminal: time, level, event, fields. Escaped, so that a line stays a line."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="seconds")
        fields: dict[str, Any] = getattr(record, "fields", {})
        shown = " ".join(
            f"{name}={json.dumps(value, ensure_ascii=False, default=str)}" for name, value in fields.items()
        )
        line = f"{at} {record.levelname:7} {json.dumps(record.getMessage(), ensure_ascii=False)[1:-1]} {shown}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def set_up_logging(level: str, style: str = "auto") -> None:
    """Log to standard error.

    Args:
        level: From which level on.
        style: `json`, `text`, or `auto`: text on a terminal.
    """
    handler = logging.StreamHandler(sys.stderr)
    is_text = style == "text" or (style == "auto" and sys.stderr.isatty())
    handler.setFormatter(TextLines() if is_text else JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
