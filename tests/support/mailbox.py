"""A real SMTP server on loopback that keeps what it is given, and can be told to refuse."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.support.ports import free_port

# ruff: noqa: ARG002, N802 (names and arguments are the library's)


@dataclass
class Mailbox:
    """What came. Change `refusals` while it runs."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    """By recipient: the answer, such as `550 unknown`."""

    @property
    def url(self) -> str:
        """For LANGAN_SMTP_URL."""
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if address in self.refusals:
            return self.refusals[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a mail."""
        assert isinstance(envelope.content, bytes)
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def to(self, address: str) -> list[EmailMessage]:
        """What came for somebody."""
        return [mail for mail in self.mails if mail["To"] == address]


@contextmanager
def running_mailbox(port: int | None = None) -> Iterator[Mailbox]:
    """Listen until the end of the block."""
    box = Mailbox(port or free_port())
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
