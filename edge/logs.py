"""Structured logs on stderr: one line an entry, `time level logger event key=value ...`."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
MIN_SECRET_LENGTH = 4
"""Shorter values (a user called `tt`) would blank innocent parts of messages."""


class OneLineFormatter(logging.Formatter):
    """Writes each entry on one line: foreign text cannot forge another one, and secrets are blanked.

    Args:
        secrets: Values that must never be written, whoever logs them. A second line of defence: nobody should.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(levelname)s %(name)s %(message)s")
        self._secrets = sorted((value for value in secrets if len(value) >= MIN_SECRET_LENGTH), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """One line, with UTC in front."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return f"{moment} " + _CONTROL.sub(lambda match: ascii(match[0])[1:-1], text)


def configure_logging(secrets: Iterable[str] = (), level: int = logging.INFO) -> None:
    """Send every log of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request


def log_threads_that_fail() -> None:
    """Let a thread's uncaught error go through the log: one line, and no secret, as everything else."""

    def tell(failed: threading.ExceptHookArgs) -> None:
        name = failed.thread.name if failed.thread is not None else ""
        error = failed.exc_value or failed.exc_type()
        logging.getLogger(__name__).critical("thread_failed thread=%s", name, exc_info=error)

    threading.excepthook = tell
