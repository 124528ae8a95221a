"""What a message says: kind, place, time, a link. Never a picture, a plate or what was seen of a person.

Plain text only: whatever a camera or a village is called stays a word. Outside of requests, so the language is named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID, uuid4

from babel import dates
from sqlalchemy import select
from sqlalchemy.orm import Session

from server import i18n
from server.db.models import Camera, Incident
from server.db.work_models import NotificationChannel
from server.domain.access import NOT_PUBLIC_KINDS
from server.domain.grouping import SEVERITIES, Severity
from server.domain.notices import Channel
from server.places.service import PlaceTree
from server.push.subscriptions import PushAddress
from server.settings import Settings

MAX_LISTED: Final = 30
"""Incidents of a summary that are named one by one."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Line ends, and letters that turn the direction of others: a name must stay within its line."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one incident."""

    id: UUID
    kind: str
    severity: Severity
    state: str
    village_id: str
    place: str
    camera: str
    first_at: datetime
    event_count: int

    @classmethod
    def of(cls, session: Session, tree: PlaceTree, incident: Incident) -> Self:
        """What is told of an incident as it is now."""
        names = tree.names(incident.village_id)
        camera = session.scalar(select(Camera.name).where(Camera.id == incident.camera_id)) or incident.camera_id
        return cls(
            id=incident.id,
            kind=incident.kind,
            severity=incident.severity,
            state=incident.state.value,
            village_id=incident.village_id,
            place=one_line(", ".join(name for name in (names.village, names.commune) if name)),
            camera=one_line(camera),
            first_at=incident.first_at,
            event_count=incident.event_count,
        )


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a mail carries."""

    name: str
    main_type: str
    sub_type: str
    """Together its media type."""
    content: bytes


@dataclass(frozen=True, slots=True)
class Message:
    """One message to one channel, in words and as data."""

    id: UUID
    channel_id: int
    channel: Channel
    address: str
    created_at: datetime
    """Of the channel: a webhook's secret is made of it."""
    language: str
    subject: str
    body: str
    data: dict[str, Any]
    at: datetime
    push: PushAddress | None = None
    """Of a browser: what it is sealed with."""
    attachments: tuple[Attachment, ...] = ()
    """Of mails about no incident."""


def compose(
    settings: Settings,
    channel: NotificationChannel,
    language: str,
    told: Sequence[Told],
    message_id: UUID,
    at: datetime,
) -> Message:
    """Write the message about one incident, or the summary of several."""
    say = _Words(settings, language)
    subject, body = say.single(told[0]) if len(told) == 1 else say.summary(told)
    data = (
        say.push(told)
        if channel.kind is Channel.PUSH
        else {
            "type": "incident" if len(told) == 1 else "incidents.summary",
            "timestamp": at.isoformat(),
            "data": {"text": subject, "count": len(told), "incidents": [say.data(item) for item in told]},
        }
    )
    return Message(
        id=message_id,
        channel_id=channel.id,
        channel=channel.kind,
        address=channel.address,
        created_at=channel.created_at,
        language=language,
        subject=subject,
        body=body,
        data=data,
        at=at,
    )


def compose_code(settings: Settings, channel: NotificationChannel, language: str, code: str, at: datetime) -> Message:
    """Write the message that proves an address: it holds a code and nothing else."""
    say = _Words(settings, language)
    return Message(
        id=uuid4(),
        channel_id=channel.id,
        channel=channel.kind,
        address=channel.address,
        created_at=channel.created_at,
        language=language,
        subject=say("notice.code.subject", site=one_line(settings.site_name)),
        body=say("notice.code.body", code=code, site=one_line(settings.site_name)) + "\n",
        data={"type": "channel.confirm", "timestamp": at.isoformat(), "data": {"code": code}},
        at=at,
    )


def one_line(name: str) -> str:
    """A name without letters that would leave its line."""
    return _CONTROL.sub(" ", name).strip()[:200]


class _Words:
    """Strings and times in one language."""

    def __init__(self, settings: Settings, language: str) -> None:
        self._settings = settings
        self._language = language if language in i18n.LOCALES else i18n.LOCALES[0]
        self._strings = i18n.translations(self._language)

    def __call__(self, msgid: str, **values: object) -> str:
        return self._strings.gettext(msgid) % values

    def single(self, item: Told) -> tuple[str, str]:
        """Subject and body about one incident."""
        site = one_line(self._settings.site_name)
        subject = self(
            "notice.subject", site=site, severity=self._severity(item), kind=self._kind(item), place=item.place
        )
        lines = [
            self._kind(item),
            self("notice.line.severity", severity=self._severity(item)),
            self("notice.line.place", place=item.place),
            self("notice.line.camera", camera=item.camera),
            self("notice.line.since", time=self._time(item.first_at)),
        ]
        return subject, "\n".join([*lines, "", *self._link(item), self._footer()]) + "\n"

    def summary(self, told: Sequence[Told]) -> tuple[str, str]:
        """Subject and body about several."""
        worst_first = sorted(told, key=lambda item: (-SEVERITIES.index(item.severity), item.first_at))
        site = one_line(self._settings.site_name)
        subject = self("notice.summary.subject", site=site, count=len(told), severity=self._severity(worst_first[0]))
        lines = [
            self(
                "notice.summary.line",
                severity=self._severity(item),
                kind=self._kind(item),
                place=item.place,
                time=self._time(item.first_at),
            )
            for item in worst_first[:MAX_LISTED]
        ]
        if len(told) > MAX_LISTED:
            lines.append(self("notice.summary.more", count=len(told) - MAX_LISTED))
        wall = [f"{self._settings.public_url}/live", ""] if self._settings.public_url else []
        head = self("notice.summary.head", count=len(told))
        return subject, "\n".join([head, "", *lines, "", *wall, self._footer()]) + "\n"

    def data(self, item: Told) -> dict[str, Any]:
        """What a webhook's receiver is told."""
        return {
            "id": str(item.id),
            "kind": item.kind,
            "severity": item.severity.value,
            "state": item.state,
            "suspected": item.kind not in NOT_PUBLIC_KINDS,
            "village_id": item.village_id,
            "place": item.place,
            "camera": item.camera,
            "first_at": item.first_at.isoformat(),
            "event_count": item.event_count,
            "url": self._url(item),
        }

    def push(self, told: Sequence[Told]) -> dict[str, Any]:
        """What a browser's notice says: kind, place, time; no name of a camera or a person, no plate, no picture."""
        worst = max(told, key=lambda item: SEVERITIES.index(item.severity))
        words = {
            "kind": self._kind(worst),
            "place": worst.place,
            "severity": self._severity(worst),
            "time": self._clock(worst.first_at),
            "count": len(told),
        }
        title, body = ("push.single.title", "push.single.body")
        if len(told) > 1:
            title, body = ("push.summary.title", "push.summary.body")
        return {
            "title": self(title, **words),
            "body": self(body, **words),
            "tag": worst.id.hex if len(told) == 1 else "summary",
            "url": f"/incidents/{worst.id}" if len(told) == 1 else "/live",
            "lang": self._language,
            "urgent": worst.severity in {Severity.HIGH, Severity.CRITICAL},
        }

    def _clock(self, at: datetime) -> str:
        return dates.format_time(at, "HH:mm", tzinfo=self._settings.zone, locale=self._language)

    def _kind(self, item: Told) -> str:
        kind = self(f"kind.{item.kind}")
        return kind if item.kind in NOT_PUBLIC_KINDS else self("notice.suspected", kind=kind)

    def _severity(self, item: Told) -> str:
        return self(f"severity.{item.severity}")

    def _time(self, at: datetime) -> str:
        return dates.format_datetime(
            at, i18n.MINUTE_FORMATS[self._language], tzinfo=self._settings.zone, locale=self._language
        )

    def _url(self, item: Told) -> str | None:
        return f"{self._settings.public_url}/incidents/{item.id}" if self._settings.public_url else None

    def _link(self, item: Told) -> list[str]:
        url = self._url(item)
        return [url, ""] if url is not None else []

    def _footer(self) -> str:
        url = f" {self._settings.public_url}/notifications" if self._settings.public_url else ""
        return self("notice.footer") + url
