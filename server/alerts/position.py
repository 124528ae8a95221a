"""The position from which a client follows the feed."""

from __future__ import annotations

from server.errors import InvalidInput


def read_position(text: str) -> int | None:
    """Read `Last-Event-ID`; None where nothing was sent: from now on.

    Raises:
        InvalidInput: It is no number of ours.
    """
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput("last_event_id: not a number", "Send the id of the last alert you have.")
    return int(text)
