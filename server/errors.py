"""The server's errors.

    ServerError(code, status, message, remedy)
    |-- NotFound             404  no such thing, or not yours: the two are never told apart
    |-- NotAuthenticated     401  no valid session, or not signed by a device that may ask
    |   `-- ClockOff              signed long ago or ahead: the answer tells the time
    |-- Forbidden            403  known, but not allowed; CSRF and origin refusals
    |-- Conflict             409  somebody else was faster, or the same id came with another body
    |   |-- StaleVersion          the caller decided on an old version
    |   `-- Replayed              a signed request that had its effect before
    |-- InvalidInput         422  understood, but wrong; `issues` may name lines
    |-- TooLarge             413  a body over its limit
    |-- TooManyRequests      429  rate limit, with Retry-After
    `-- Unavailable          503  disk full, database busy, too many streams; with Retry-After

Each message names the place and the remedy, and never holds a secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from contract.device_api import CLOCK_OFF, MAX_AGE, REPLAYED


class ServerError(Exception):
    """Base of every error that a caller of the server is told.

    Attributes:
        code: Stable word for programs.
        status: HTTP status.
        remedy: What the caller can do about it.
        retry_after_s: Seconds after which trying again may help; None when it cannot.
    """

    code = "error"
    status = 500
    retry_after_s: int | None = None

    def __init__(self, message: str, remedy: str = "", *, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s

    def as_json(self) -> dict[str, Any]:
        """The error's body."""
        return {"error": {"code": self.code, "message": self.message, "remedy": self.remedy}}


class NotFound(ServerError):
    """No such thing, or not yours."""

    code = "not_found"
    status = 404

    def __init__(
        self, message: str = "not found", remedy: str = "Check the address, or ask an admin for access."
    ) -> None:
        super().__init__(message, remedy)


class NotAuthenticated(ServerError):
    """No valid session, or not signed by a device that may ask."""

    code = "not_authenticated"
    status = 401


class ClockOff(NotAuthenticated):
    """Signed too long ago, or ahead of the time.

    Args:
        now: The server's time, which the answer tells.
    """

    code = CLOCK_OFF

    def __init__(self, now: datetime) -> None:
        super().__init__(
            f"signed more than {MAX_AGE.total_seconds():.0f} s from now", "Sign again with the time of this answer."
        )
        self.now = now

    def as_json(self) -> dict[str, Any]:
        """The error's body, with the time."""
        body = super().as_json()
        body["error"]["server_time"] = self.now.isoformat()
        return body


class Forbidden(ServerError):
    """Known, but not allowed."""

    code = "forbidden"
    status = 403


class Conflict(ServerError):
    """Somebody else was faster, or the same id came with another body."""

    code = "conflict"
    status = 409


class StaleVersion(Conflict):
    """The caller decided on an old version."""

    code = "stale_version"


class Replayed(Conflict):
    """A signed request that had its effect before."""

    code = REPLAYED

    def __init__(self) -> None:
        super().__init__("this signed request came before", "Sign a new one, with a new nonce.")


class InvalidInput(ServerError):
    """Understood, but wrong.

    Attributes:
        issues: Single findings with their places, already JSON-ready.
    """

    code = "invalid"
    status = 422

    def __init__(self, message: str, remedy: str = "", issues: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(message, remedy)
        self.issues = tuple(issues)

    def as_json(self) -> dict[str, Any]:
        """The error's body, with its single findings."""
        body = super().as_json()
        if self.issues:
            body["error"]["issues"] = list(self.issues)
        return body


class TooLarge(ServerError):
    """A body over its limit."""

    code = "too_large"
    status = 413


class TooManyRequests(ServerError):
    """Rate limit."""

    code = "too_many_requests"
    status = 429
    retry_after_s = 60


class Unavailable(ServerError):
    """For now only: disk full, database busy, too many streams."""

    code = "unavailable"
    status = 503
    retry_after_s = 10
