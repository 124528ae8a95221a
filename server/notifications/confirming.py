"""Proves that an address belongs to who gave it: a code is sent there, and comes back through the account's page.

Nothing about incidents goes to an address before. The code is made when it is sent, so that no queue holds it.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Final

from server.db.models import User
from server.db.work_models import NotificationChannel
from server.errors import InvalidInput, TooManyRequests
from server.notifications import senders, text
from server.notifications.senders import SendingFailed
from server.services import Services

CODE_DIGITS: Final = 6
CODE_HOLDS: Final = timedelta(minutes=30)
MAX_ATTEMPTS: Final = 5
"""One in 200,000 to guess a code; a new one must be asked for then."""
_PURPOSE: Final = "notification code"


def send_code(parts: Services, channel_id: int) -> None:
    """Send a fresh code to an address: a job.

    Raises:
        SendingFailed: It was not taken; worth another try.
    """
    now = parts.clock.utc()
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    with parts.database.write() as session:
        channel = session.get(NotificationChannel, channel_id)
        if channel is None or channel.confirmed_at is not None:
            return
        user = session.get_one(User, channel.user_id)
        channel.code_hash = parts.sealer.digest(f"{_PURPOSE} {channel_id}", code)
        channel.code_expires_at, channel.code_attempts = now + CODE_HOLDS, 0
        message = text.compose_code(parts.settings, channel, user.language or parts.settings.language, code, now)
    failure: SendingFailed | None = None
    try:
        senders.send(parts.settings, message)
    except SendingFailed as error:
        failure = error
    with parts.database.write() as session:
        channel = session.get(NotificationChannel, channel_id)
        if channel is not None:
            channel.last_error = failure.reason[:300] if failure is not None else ""
    if failure is not None and not failure.permanent:
        raise failure


def confirm(parts: Services, user_id: int, channel_id: int, code: str) -> None:
    """Take a code that came back.

    Raises:
        InvalidInput: It is not the one that was sent, or too old.
        TooManyRequests: Too many were tried.
    """
    now = parts.clock.utc()
    with parts.database.write() as session:
        channel = session.get(NotificationChannel, channel_id, with_for_update=True)
        if channel is None or channel.user_id != user_id or channel.code_hash is None:
            raise InvalidInput("no code is waited for", "Ask for a new one.")
        if channel.code_attempts >= MAX_ATTEMPTS:
            raise TooManyRequests("too many codes were tried", "Ask for a new one.")
        channel.code_attempts += 1
        expected = parts.sealer.digest(f"{_PURPOSE} {channel_id}", "".join(code.split())[:20])
        is_right = secrets.compare_digest(channel.code_hash, expected)
        is_in_time = channel.code_expires_at is not None and now <= channel.code_expires_at
        if is_right and is_in_time:
            channel.confirmed_at, channel.code_hash, channel.code_expires_at = now, None, None
    if not (is_right and is_in_time):
        raise InvalidInput("this is not the code that was sent, or it is too old", "Look again, or ask for a new one.")
