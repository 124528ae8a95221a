"""Sends a message: by SMTP, or as a signed HTTPS POST. A failure says whether trying again can help.

SendingFailed(reason, permanent)   permanent: the address is unknown, gone or refused; else a fault that passes
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import http.client
import json
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from server.domain.notices import Channel
from server.notifications import targets
from server.notifications.targets import Refused
from server.notifications.text import Message
from server.push.sealing import KeyLost, seal
from server.settings import Settings

CONNECT_TIMEOUT_S: Final = 10.0
ANSWER_TIMEOUT_S: Final = 20.0
_MAX_ANSWER: Final = 4096
_UNSUBSCRIBED: Final = frozenset({404, 410})
"""What a push service answers when the browser has gone (RFC 8030)."""
_GONE: Final = frozenset({400, 401, 403, 404, 405, 410, 413, 415, 422})
"""What a receiver answers that will answer the same next time. 3xx too: a redirect is never followed."""


class SendingFailed(Exception):
    """A message was not taken.

    Attributes:
        reason: For the admin; holds no secret and nothing of the message.
        permanent: Trying again cannot help.
        is_gone: Nor will anything that is sent there later: a browser's subscription is over.
    """

    def __init__(self, reason: str, *, permanent: bool, is_gone: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.is_gone = is_gone


def send(settings: Settings, message: Message) -> None:
    """Send a message on its channel.

    Raises:
        SendingFailed: It was not taken.
    """
    sender = _SENDERS.get(message.channel)
    if sender is None:
        raise SendingFailed(f"this server sends nothing by {message.channel.value}", permanent=True)
    sender(settings, message)


def _send_mail(settings: Settings, message: Message) -> None:
    server = settings.smtp
    if server is None:
        raise SendingFailed("no mail server is set (LANGAN_SMTP_URL)", permanent=False)
    domain = settings.mail_from.rpartition("@")[2].rstrip(">")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = settings.mail_from, message.address, message.subject
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = f"<{message.id}@{domain}>"  # the same when it is tried again
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = message.language
    mail.set_content(message.body)
    for file in message.attachments:
        mail.add_attachment(file.content, maintype=file.main_type, subtype=file.sub_type, filename=file.name)
    with _smtp_faults():
        context = ssl.create_default_context()
        connect = functools.partial(smtplib.SMTP_SSL, context=context) if server.tls == "always" else smtplib.SMTP
        with connect(server.host, server.port, timeout=CONNECT_TIMEOUT_S) as connection:
            if server.tls == "starttls":
                connection.starttls(context=context)
            if server.user:
                connection.login(server.user, server.password)
            connection.send_message(mail)


@contextmanager
def _smtp_faults() -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPRecipientsRefused as error:
        code = max((code for code, _ in error.recipients.values()), default=550)
        raise SendingFailed(f"the mail server refused the address ({code})", permanent=code >= 500) from error
    except smtplib.SMTPAuthenticationError as error:
        raise SendingFailed(
            f"the mail server refused our user or password ({error.smtp_code}): see LANGAN_SMTP_URL", permanent=False
        ) from error
    except smtplib.SMTPResponseException as error:
        # A 5xx of the message itself may be about us (a block list) as well as about the address: tried again.
        raise SendingFailed(f"the mail server answered {error.smtp_code}", permanent=False) from error
    except (smtplib.SMTPException, OSError) as error:
        raise SendingFailed(f"the mail server was not reached: {type(error).__name__}", permanent=False) from error


def webhook_secret(settings: Settings, channel_id: int, created_at: datetime) -> str:
    """What signs the posts to a webhook: made of the server's key, so that no table holds it."""
    name = f"webhook {channel_id} {int(created_at.timestamp())}".encode()
    key = hmac.digest(settings.secret_key.get_secret_value().encode(), name, hashlib.sha256)
    return "whsec_" + base64.b64encode(key).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a post, as https://www.standardwebhooks.com has it (version 1)."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed).decode()


def _post(settings: Settings, message: Message) -> None:
    body = json.dumps(message.data, ensure_ascii=False, separators=(",", ":")).encode()
    message_id, timestamp = f"msg_{message.id.hex}", int(message.at.timestamp())
    secret = webhook_secret(settings, message.channel_id, message.created_at)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "langan-server",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, message_id, timestamp, body),
    }
    status = _deliver(settings, message.address, body, headers, "webhook")
    if not 200 <= status < 300:
        permanent = status in _GONE or 300 <= status < 400
        raise SendingFailed(f"the webhook answered {status}", permanent=permanent)


def _push(settings: Settings, message: Message) -> None:
    try:
        sealed = seal(settings, message.push, message.address, message.data, message.at)
    except KeyLost as error:
        raise SendingFailed(
            "the browser must subscribe again: the site's key has changed", permanent=True, is_gone=True
        ) from error
    status = _deliver(settings, message.address, sealed.body, sealed.headers, "push service")
    if not 200 <= status < 300:
        is_gone = status in _UNSUBSCRIBED
        permanent = status in _GONE or 300 <= status < 400
        raise SendingFailed(f"the push service answered {status}", permanent=permanent, is_gone=is_gone)


def _deliver(settings: Settings, address: str, body: bytes, headers: dict[str, str], what: str) -> int:
    """Post to the address that was judged; gives the status of the answer."""
    try:
        target = targets.resolve(address, settings.webhook_ranges)
    except Refused as error:
        raise SendingFailed(str(error), permanent=error.permanent) from error
    connection = targets.PinnedConnection(target, timeout_s=CONNECT_TIMEOUT_S)
    try:
        connection.connect()
        if connection.sock is not None:
            connection.sock.settimeout(ANSWER_TIMEOUT_S)
        connection.request("POST", target.path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read(_MAX_ANSWER)
    except ssl.SSLCertVerificationError as error:
        raise SendingFailed(f"the {what}'s certificate is not valid for its name", permanent=False) from error
    except (OSError, http.client.HTTPException) as error:
        raise SendingFailed(f"the {what} was not reached: {type(error).__name__}", permanent=False) from error
    finally:
        connection.close()
    return answer.status


_SENDERS: Final[dict[Channel, Callable[[Settings, Message], None]]] = {
    Channel.EMAIL: _send_mail,
    Channel.WEBHOOK: _post,
    Channel.PUSH: _push,
}
