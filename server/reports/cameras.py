"""How long cameras watched: their states as heartbeats told them, summed up by local day; and how many rules they have.

A day is summed up again each hour until it is over; what it changes is added to the sums of its village and above.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import and_, delete, exists, func, insert, or_, select
from sqlalchemy.orm import Session, aliased

from contract.config_loader import load_camera
from contract.event import CameraHealth
from contract.rules import RULES
from server.clock import Clock
from server.db.engine import LOCK_REPORTS, Database, lock
from server.db.models import Camera, CameraConfigVersion, Device
from server.db.report_models import CameraDay, CameraRules, CameraState, ReportState
from server.domain.periods import DAY, Grain, starts_at
from server.domain.watching import Change, Watch, Watched, changes, heard_at, watched
from server.places.service import PlaceTree, site_config
from server.reports.rollup import Key, Sum, add_up

log = logging.getLogger(__name__)

SUMMED: Final = "cameras_summed"
"""Of `ReportState`: the last day that was summed up when it was not over."""
KEEP: Final = timedelta(days=40)
"""How long single states are kept: their days are summed up long before."""
_RULES_AT_ONCE: Final = 100


def note(session: Session, camera: Camera, health: CameraHealth, now: datetime, heard: datetime | None) -> None:
    """Keep what a heartbeat changes of a camera's history. To be called before the camera's row takes the news."""
    for change in changes(health, now, camera.health, heard):
        session.add(CameraState(camera_id=camera.id, since=change.since, state=change.state.value))


def sum_up(database: Database, clock: Clock, zone: ZoneInfo) -> None:
    """Sum up the days since the last time, today as far as it has come.

    Raises:
        Unavailable: The database is not to be had now.
    """
    now = clock.utc()
    today = now.astimezone(zone).date()
    with database.read() as session:
        tree = PlaceTree.read(session)
        known = session.get(ReportState, SUMMED)
        oldest = session.scalar(select(func.min(CameraState.since)))
    if oldest is None:
        return
    day = date.fromisoformat(known.value) if known is not None else oldest.astimezone(zone).date()
    day = max(day, (now - KEEP).astimezone(zone).date())
    while day <= today:
        for village_id in tree.villages_in(None):
            with database.write() as session:
                lock(session, LOCK_REPORTS)
                sum_up_day(session, tree, zone, village_id, day, now)
        day += DAY
    with database.write() as session:
        session.merge(ReportState(name=SUMMED, value=today.isoformat()))
        _forget_old(session, now - KEEP)


def sum_up_day(session: Session, tree: PlaceTree, zone: ZoneInfo, village_id: str, day: date, now: datetime) -> None:
    """Sum up how long the cameras of a village watched on a day. The caller holds `LOCK_REPORTS`."""
    cameras = session.execute(
        select(Camera.id, Camera.health_at, Device.last_seen_at)
        .join(Device, Device.id == Camera.device_id)
        .where(Camera.village_id == village_id, Camera.health.is_not(None))
    ).all()
    if not cameras:
        return
    start, end = starts_at(day, zone), starts_at(day + DAY, zone)
    histories = _histories(session, village_id, start, end)
    rows = {}
    for camera_id, told_at, box_heard_at in cameras:
        times = watched(histories.get(camera_id, ()), heard_at(told_at, box_heard_at), start, end, now)
        if times != Watched():
            rows[camera_id] = times
    of_day = and_(CameraDay.village_id == village_id, CameraDay.day == day)
    before = session.execute(
        select(func.sum(CameraDay.up_s), func.sum(CameraDay.down_s), func.sum(CameraDay.silent_s)).where(of_day)
    ).one()
    session.execute(delete(CameraDay).where(of_day))
    # A camera that came from another village today has a row of its own there; it stays where it was.
    elsewhere = set(
        session.scalars(select(CameraDay.camera_id).where(CameraDay.camera_id.in_(rows), CameraDay.day == day))
    )
    told = {camera_id: times for camera_id, times in rows.items() if camera_id not in elsewhere}
    if told:
        session.execute(
            insert(CameraDay),
            [
                {
                    "camera_id": camera_id,
                    "day": day,
                    "village_id": village_id,
                    "up_s": times.up_s,
                    "down_s": times.down_s,
                    "silent_s": times.silent_s,
                }
                for camera_id, times in told.items()
            ],
        )
    now_s = [sum(getattr(times, name) for times in told.values()) for name in ("up_s", "down_s", "silent_s")]
    up, down, silent = (seconds - int(was or 0) for seconds, was in zip(now_s, before, strict=True))
    key: Key = (village_id, Grain.DAY.value, day)
    add_up(session, tree, {key: Sum(cameras=(up, down, silent))})


def _histories(session: Session, village_id: str, start: datetime, end: datetime) -> dict[str, list[Change]]:
    """The changes of each camera in a time, and the last one before."""
    earlier = aliased(CameraState)
    last_before = (
        select(func.max(earlier.since))
        .where(earlier.camera_id == CameraState.camera_id, earlier.since <= start)
        .correlate(CameraState)
        .scalar_subquery()
    )
    rows = session.execute(
        select(CameraState.camera_id, CameraState.since, CameraState.state)
        .join(Camera, Camera.id == CameraState.camera_id)
        .where(
            Camera.village_id == village_id,
            CameraState.since < end,
            or_(CameraState.since > start, CameraState.since == last_before),
        )
        .order_by(CameraState.camera_id, CameraState.since, CameraState.id)
    )
    found: dict[str, list[Change]] = defaultdict(list)
    for camera_id, since, state in rows:
        found[camera_id].append(Change(since, Watch(state)))
    return found


def _forget_old(session: Session, until: datetime) -> None:
    """Forget states whose days are summed up, but for the one that each camera was in at that time."""
    later = aliased(CameraState)
    followed = exists().where(
        later.camera_id == CameraState.camera_id, later.since > CameraState.since, later.since <= until
    )
    session.execute(
        delete(CameraState).where(CameraState.since < until, followed).execution_options(synchronize_session=False)
    )


def count_rules(database: Database) -> int:
    """Count the rules of camera files that are new; gives how many files were read.

    Raises:
        Unavailable: The database is not to be had now.
    """
    with database.read() as session:
        stale = session.execute(
            select(Camera.id, CameraConfigVersion.number, CameraConfigVersion.yaml)
            .join(
                CameraConfigVersion,
                and_(CameraConfigVersion.camera_id == Camera.id, CameraConfigVersion.number == Camera.config_number),
            )
            .outerjoin(CameraRules, CameraRules.camera_id == Camera.id)
            .where(or_(CameraRules.camera_id.is_(None), CameraRules.config_number != Camera.config_number))
            .limit(_RULES_AT_ONCE)
        ).all()
        site = site_config(session) if stale else None
    counted = []
    for camera_id, number, text in stale:
        config = load_camera(text, f"{camera_id}.yaml", site, camera_id).config
        rules = () if config is None else [rule for rule in config.rules if not RULES[rule.kind].about_camera]
        counted.append(CameraRules(camera_id=camera_id, config_number=number, rules=len(rules)))
    if counted:
        with database.write() as session:
            for row in counted:
                session.merge(row)
    return len(counted)
