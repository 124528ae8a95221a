"""Settings of what the server does by itself: jobs, notifications, the object store, retention."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Annotated, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

Days = Annotated[int, Field(ge=0, le=36_500)]


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    tls: Literal["starttls", "always", "none"]
    user: str
    password: str


class WorkSettings(BaseModel):
    """A part of `server.settings.Settings`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,  # a settings error is printed and logged; some values are secrets
    )

    jobs: Literal["embedded", "separate"] = "embedded"
    """Who sends notifications, deletes what is over and so on: `embedded` in `langan-server run`, or `separate`
    processes `langan-server worker`, as many as wanted."""
    statement_timeout_s: Annotated[float, Field(ge=0)] = 60.0
    """PostgreSQL ends a statement of `langan-server run` after this; 0: never. Jobs, migrations and commands take as
    long as they need. (SQLite: whoever writes waits up to 30 s for the writers before.)"""
    lock_timeout_s: Annotated[float, Field(ge=0)] = 20.0
    """The same for waiting for a lock: the answer is 503, and edges send again."""
    idle_transaction_timeout_s: Annotated[float, Field(ge=0)] = 300.0
    """The same for a transaction in which nothing happens."""
    smtp_url: SecretStr = SecretStr("")
    """Mail server: `smtp://user:password@mail.example.vn:587` (STARTTLS is demanded), `smtps://...` (TLS from the
    start), or `smtp://127.0.0.1:25?tls=none` for one on this machine. Empty: no mail is sent."""
    mail_from: str = ""
    """Sender of mails: `Làng An <lang-an@example.vn>`."""
    webhook_networks: str = ""
    """Private networks that webhooks may lead to, with commas: `10.8.0.0/16`. Others must be public addresses."""

    store_url: str = ""
    """Where evidence lies: `s3://bucket/folder`, or empty for the data folder."""
    s3_endpoint: str = ""
    """Address of the object store, such as `https://s3.example.vn`. Empty: Amazon's."""
    s3_region: str = "us-east-1"
    """Region of the bucket; most stores of one's own do not mind."""
    s3_access_key_id: SecretStr = SecretStr("")
    """Name of the key for the bucket."""
    s3_secret_access_key: SecretStr = SecretStr("")
    """The key itself."""
    direct_uploads: bool = False
    """Edges may send evidence straight to the object store, by addresses that hold for minutes. They must reach it."""

    keep_false_alarm_evidence_days: Days = 7
    """Pictures, clips, plates of incidents that an officer called a false alarm. 0: for ever, as with all of these."""
    keep_evidence_days: Days = 30
    """The same of incidents that nobody decided."""
    keep_resolved_evidence_days: Days = 90
    """The same of incidents that were resolved. What a proceeding needs for longer gets a hold on its page."""
    keep_incident_days: Days = 400
    """Incidents with their events and timeline: a year, and a month to report on it."""
    keep_still_days: Days = 7
    """The newest still of a camera that has not sent another one since."""
    keep_what_if_days: Days = 7
    """Configurations that admins tried over a box's stored day, with what the box said to them."""
    keep_quarantined_days: Days = 30
    """Events with an impossible clock, which are in no incident."""
    keep_notification_days: Days = 90
    """Who was told what, and when."""
    keep_feedback_days: Days = 400
    """What residents wrote and what they were answered: as long as the incidents it may speak of."""
    keep_audit_days: Days = 1826
    """The audit log, and the list of what was deleted: five years."""

    @model_validator(mode="after")
    def _work_settings_fit(self) -> Self:
        _ = self.smtp, self.webhook_ranges
        if self.smtp_url.get_secret_value() and "@" not in self.mail_from:
            raise ValueError("LANGAN_SMTP_URL is set, LANGAN_MAIL_FROM is not: give the address that mails come from")
        if any(ord(letter) < 32 for letter in self.mail_from):
            raise ValueError("LANGAN_MAIL_FROM: write one line")
        if self.store_url and (urlsplit(self.store_url).scheme != "s3" or not urlsplit(self.store_url).netloc):
            raise ValueError("LANGAN_STORE_URL: write s3://BUCKET or s3://BUCKET/FOLDER, or leave it empty")
        if self.s3_endpoint and not self.s3_endpoint.startswith(("https://", "http://")):
            raise ValueError("LANGAN_S3_ENDPOINT: must start with https:// (or http:// in a network of its own)")
        if self.direct_uploads and not self.store_url:
            raise ValueError("LANGAN_DIRECT_UPLOADS needs an object store: set LANGAN_STORE_URL")
        return self

    @property
    def smtp(self) -> MailServer | None:
        """Where mail is handed in; None where none is sent.

        Raises:
            ValueError: The address is none.
        """
        text = self.smtp_url.get_secret_value()
        if not text:
            return None
        wrong = "LANGAN_SMTP_URL: write smtp://USER:PASSWORD@HOST:587 or smtps://...; %40 stands for @ in a password"
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise ValueError(wrong) from error
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.query not in {"", "tls=none"}:
            raise ValueError(wrong)
        if parts.scheme == "smtps":
            return MailServer(parts.hostname, port or 465, "always", *_credentials(parts.username, parts.password))
        tls: Literal["starttls", "none"] = "none" if parts.query else "starttls"
        return MailServer(parts.hostname, port or 587, tls, *_credentials(parts.username, parts.password))

    @property
    def webhook_ranges(self) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
        """Private networks that webhooks may lead to.

        Raises:
            ValueError: One is no network.
        """
        try:
            return tuple(
                ipaddress.ip_network(item.strip()) for item in self.webhook_networks.split(",") if item.strip()
            )
        except ValueError as error:
            raise ValueError(f"LANGAN_WEBHOOK_NETWORKS: {error}: write 10.8.0.0/16, with commas between") from error


def _credentials(user: str | None, password: str | None) -> tuple[str, str]:
    return unquote(user or ""), unquote(password or "")
