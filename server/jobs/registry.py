"""Every kind of job: what it does, how long it may take, when it comes again. A new one is one entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from server.services import Services

Run = Callable[[Services, Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class JobKind:
    """A kind of job.

    Attributes:
        run: Does it. May be done again after a crash: it must not mind.
        lease: A worker that has said nothing for this long is taken for dead.
        every: Regular work comes again this long after it was done.
        daily_at: Regular work of a day, in the site's time zone.
        give_up_after: Tries; regular work never gives up.
    """

    run: Run
    lease: timedelta = timedelta(minutes=10)
    every: timedelta | None = None
    daily_at: time | None = None
    give_up_after: int | None = None

    @property
    def is_regular(self) -> bool:
        """Whether it comes again by itself."""
        return self.every is not None or self.daily_at is not None

    def next_at(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """When it is due after it was done now; None when it is done for good."""
        if self.every is not None:
            return now + self.every
        if self.daily_at is None:
            return None
        local = now.astimezone(zone)
        today = datetime.combine(local.date(), self.daily_at, zone)
        return today if today > local else datetime.combine(local.date() + timedelta(days=1), self.daily_at, zone)

    def first_at(self, now: datetime, zone: ZoneInfo) -> datetime:
        """When regular work is due on a server that never did it."""
        return now if self.every is not None else self.next_at(now, zone) or now


def _upkeep(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.maintenance import maintain

    maintain(parts)


def _retention(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.retention.service import enforce

    enforce(parts)


def _months(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.retention.months import keep_months

    keep_months(parts)


def _sweep(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.retention.sweep import sweep

    sweep(parts)


def _purge(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.retention.sweep import purge_removed

    purge_removed(parts)


def _confirm_channel(parts: Services, arguments: Mapping[str, Any]) -> None:
    from server.notifications.confirming import send_code

    send_code(parts, int(arguments["channel_id"]))


def _end_looks(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.look import service as looks

    with parts.database.read() as session:
        if not looks.is_anything_over(session, parts.clock.utc()):
            return
    with parts.database.write() as session:
        looks.end_over(session, parts.clock)


def _anchor_audit(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.audit.anchors import anchor_head

    anchor_head(parts.database, parts.clock, parts.settings.data_dir)


def _sum_reports(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.reports import rebuild, rollup

    rebuild.check_basis(parts.database, parts.settings.zone)
    rollup.catch_up(parts.database, parts.settings.zone)


def _sum_cameras(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.reports import cameras

    while cameras.count_rules(parts.database):
        pass
    cameras.sum_up(parts.database, parts.clock, parts.settings.zone)


def _mail_reports(parts: Services, _arguments: Mapping[str, Any]) -> None:
    from server.reports.mailing import send_due

    send_due(parts)


REGISTRY: Final[dict[str, JobKind]] = {
    "upkeep": JobKind(_upkeep, every=timedelta(seconds=30)),
    "evidence.purge": JobKind(_purge, lease=timedelta(minutes=30), every=timedelta(minutes=10)),
    "evidence.sweep": JobKind(_sweep, lease=timedelta(hours=2), daily_at=time(3, 30)),
    "retention": JobKind(_retention, lease=timedelta(hours=2), daily_at=time(2, 30)),
    "months": JobKind(_months, lease=timedelta(hours=2), every=timedelta(hours=12)),
    "look.end": JobKind(_end_looks, every=timedelta(seconds=30)),
    "audit.anchor": JobKind(_anchor_audit, daily_at=time(0, 5)),
    "reports.sum": JobKind(_sum_reports, lease=timedelta(hours=1), every=timedelta(seconds=20)),
    "reports.cameras": JobKind(_sum_cameras, lease=timedelta(hours=1), every=timedelta(minutes=10)),
    "reports.mail": JobKind(_mail_reports, lease=timedelta(minutes=30), every=timedelta(minutes=5)),
    "notifications.confirm": JobKind(_confirm_channel, lease=timedelta(minutes=2), give_up_after=5),
}
