"""Reads a report out of the sums that `rollup` keeps. Within somebody's scope, and never of a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from contract.event import CameraHealth
from server.clock import Clock
from server.db.models import Camera, Device, Place
from server.db.report_models import CameraDay, CameraRules, ReportMark, ReportRollup
from server.domain import access
from server.domain.access import Permission, Principal, Role
from server.domain.periods import DAY, Grain, Period
from server.domain.reports import (
    Availability,
    CameraRow,
    Coverage,
    Outcomes,
    PlaceRow,
    Report,
    Step,
    kind_rows,
    outcomes_of,
    times_of,
)
from server.domain.tallies import Tally
from server.domain.watching import SILENT_AFTER, told_since
from server.errors import NotFound
from server.places.service import PlaceTree
from server.reports import complaints

WORST: Final = 10
"""Cameras that are named."""
BEHIND_MARKS: Final = 2000
"""More changes than this that are not counted yet are told; a few always wait for the next round."""
_CAMERAS: Final = (ReportRollup.camera_up_s, ReportRollup.camera_down_s, ReportRollup.camera_silent_s)
_OUTCOMES: Final = (ReportRollup.open, ReportRollup.resolved, ReportRollup.false_alarms, ReportRollup.expired)


def report(
    session: Session, clock: Clock, zone: ZoneInfo, principal: Principal, place_id: str | None, period: Period
) -> Report:
    """Read a report.

    Args:
        session: Of `Database.read`.
        clock: The time.
        zone: The site's time zone.
        principal: Who reads it.
        place_id: A place in the reader's scope; None: all of it.
        period: Which days.

    Raises:
        NotFound: No such place in the scope.
    """
    tree = PlaceTree.read(session)
    place_id = place_in_scope(tree, principal, place_id)
    now = clock.utc()
    begun, earlier = period.compared(now.astimezone(zone).date())
    own = tree.children(None) if place_id is None else [place_id]
    tally, cameras = _sum(session, own, begun)
    before, cameras_before = _sum(session, own, earlier)
    kinds, about_cameras = kind_rows(tally, before)
    seen = [row.kind for row in kinds]
    acknowledged, decided = times_of(tally)
    acknowledged_before, decided_before = times_of(before)
    kind = "site" if place_id is None else tree.place(place_id).kind
    villages = _villages(place_id, kind)
    path = tree.path(place_id) if place_id is not None else ()
    written, answered = complaints.count(session, villages, *period.bounds(zone))
    return Report(
        place_id=place_id,
        place="" if place_id is None else tree.place(place_id).name,
        place_kind=kind,
        within=tuple(tree.place(item).name for item in reversed(path[:-1])),
        period=period,
        begun=begun,
        earlier=earlier,
        made_at=now,
        kinds=kinds,
        about_cameras=about_cameras,
        total_before=outcomes_of(before),
        severities=tally.severities(seen),
        hours=tally.hours(seen),
        course=_course(session, own, begun, earlier, period.grain),
        acknowledged=acknowledged,
        decided=decided,
        acknowledged_before=acknowledged_before,
        decided_before=decided_before,
        cameras=cameras,
        cameras_before=cameras_before,
        worst_cameras=_worst_cameras(session, villages, begun) if kind in {"village", "commune"} else (),
        parts=_parts(session, tree, tree.children(place_id), begun, earlier) if kind != "village" else (),
        coverage=_coverage(session, villages, now),
        complaints=written,
        complaints_answered=answered,
        is_behind=session.scalar(select(ReportMark.id).offset(BEHIND_MARKS).limit(1)) is not None,
    )


def place_in_scope(tree: PlaceTree, principal: Principal, place_id: str | None) -> str | None:
    """The place that somebody may read of; their whole scope for None, which is None for the whole site.

    Raises:
        NotFound: There is none, or it lies elsewhere.
    """
    if place_id is None:
        if principal.place_id is None and principal.role is not Role.ADMIN:
            raise NotFound("no place is yours", "Ask an admin.")
        return principal.place_id
    if place_id not in tree or not access.may_here(principal, Permission.READ_OVERVIEW, tree.path(place_id)):
        raise NotFound(f"no place {place_id[:70]!r} in your area", "Choose one of the list.")
    return place_id


def places_of(session: Session, principal: Principal) -> list[tuple[str, str]]:
    """Id and name of the places that somebody may read of, each below what it lies in."""
    tree = PlaceTree.read(session)
    found: list[tuple[str, str]] = []

    def add(place_id: str, depth: int) -> None:
        found.append((place_id, "\u2003" * depth + tree.place(place_id).name))
        for child in tree.children(place_id):
            add(child, depth + 1)

    for top in [principal.place_id] if principal.place_id is not None else tree.children(None):
        add(top, 0)
    return found


def _of_period(period: Period) -> ColumnElement[bool]:
    """The rollups that together are a period: its whole months, and single days beside them."""
    months, days = period.cover()
    parts = []
    if months:
        parts.append(
            and_(
                ReportRollup.grain == Grain.MONTH.value,
                ReportRollup.start >= months[0],
                ReportRollup.start <= months[-1],
            )
        )
    if days:
        parts.append(and_(ReportRollup.grain == Grain.DAY.value, ReportRollup.start.in_(days)))
    return or_(*parts)


def _sum(session: Session, places: Sequence[str], period: Period) -> tuple[Tally, Availability]:
    tally, up, down, silent = Tally(), 0, 0, 0
    rows = session.execute(
        select(ReportRollup.tally, *_CAMERAS).where(ReportRollup.place_id.in_(places), _of_period(period))
    )
    for cells, up_s, down_s, silent_s in rows:
        tally.plus(Tally(cells))
        up, down, silent = up + up_s, down + down_s, silent + silent_s
    return tally, Availability(up, down, silent)


def _course(session: Session, places: Sequence[str], begun: Period, earlier: Period, grain: Grain) -> tuple[Step, ...]:
    now, before = _days(session, places, begun), _days(session, places, earlier)
    earlier_steps = list(earlier.steps(grain))
    course = []
    for number, (first, last) in enumerate(begun.steps(grain)):
        counts = [now[day] for day in _each(first, last) if day in now]
        was: int | None = None
        if number < len(earlier_steps):
            was = sum(before[day][0] for day in _each(*earlier_steps[number]) if day in before)
        watched = Availability(*(sum(count[item] for count in counts) for item in (1, 2, 3)))
        course.append(Step(first, last, sum(count[0] for count in counts), was, watched))
    return tuple(course)


def _each(first: date, last: date) -> list[date]:
    return [first + number * DAY for number in range((last - first).days + 1)]


def _days(session: Session, places: Sequence[str], period: Period) -> dict[date, tuple[int, int, int, int]]:
    """Incidents and cameras' seconds of each day."""
    rows = session.execute(
        select(ReportRollup.start, func.sum(ReportRollup.incidents), *(func.sum(column) for column in _CAMERAS))
        .where(
            ReportRollup.place_id.in_(places),
            ReportRollup.grain == Grain.DAY.value,
            ReportRollup.start >= period.first,
            ReportRollup.start <= period.last,
        )
        .group_by(ReportRollup.start)
    )
    return {row[0]: (int(row[1]), int(row[2]), int(row[3]), int(row[4])) for row in rows}


def _parts(
    session: Session, tree: PlaceTree, places: Sequence[str], begun: Period, earlier: Period
) -> tuple[PlaceRow, ...]:
    sums = [func.sum(column) for column in (*_OUTCOMES, *_CAMERAS)]
    counted_now = session.execute(_by_place(places, begun, *sums))
    now: dict[str, list[int]] = {row[0]: [int(number) for number in row[1:]] for row in counted_now}
    counted = session.execute(_by_place(places, earlier, func.sum(ReportRollup.incidents)))
    before: dict[str, int] = {row[0]: int(row[1]) for row in counted}
    nothing = [0] * len(sums)
    return tuple(
        PlaceRow(
            place_id,
            tree.place(place_id).name,
            Outcomes(*now.get(place_id, nothing)[:4]),
            before.get(place_id, 0),
            Availability(*now.get(place_id, nothing)[4:]),
        )
        for place_id in places
    )


def _by_place(places: Sequence[str], period: Period, *columns: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    return (
        select(ReportRollup.place_id, *columns)
        .where(ReportRollup.place_id.in_(places), _of_period(period))
        .group_by(ReportRollup.place_id)
    )


def _villages(place_id: str | None, kind: str) -> Select[str]:
    """The villages of a place, for the database to find: a site may have more than a statement can name."""
    villages = select(Place.id).where(Place.kind == "village")
    if kind == "village":
        return villages.where(Place.id == place_id)
    if kind == "commune":
        return villages.where(Place.parent_id == place_id)
    if kind == "province":
        commune = aliased(Place)
        communes = select(commune.id).where(commune.parent_id == place_id)
        return villages.where(or_(Place.parent_id == place_id, Place.parent_id.in_(communes)))
    return villages


def _worst_cameras(session: Session, villages: Select[str], period: Period) -> tuple[CameraRow, ...]:
    """The cameras that were well for the smallest share of the time, and less than all of it."""
    up, down, silent = (func.sum(column) for column in (CameraDay.up_s, CameraDay.down_s, CameraDay.silent_s))
    rows = session.execute(
        select(Camera.name, Place.name, up, down, silent)
        .join(Camera, Camera.id == CameraDay.camera_id)
        .join(Place, Place.id == CameraDay.village_id)
        .where(CameraDay.village_id.in_(villages), CameraDay.day >= period.first, CameraDay.day <= period.last)
        .group_by(Camera.id, Camera.name, Place.name)
        .having(down + silent > 0)
        .order_by((1.0 * up / (up + down + silent)), Camera.name)
        .limit(WORST)
    )
    return tuple(
        CameraRow(name, village, Availability(int(up_s), int(down_s), int(silent_s)))
        for name, village, up_s, down_s, silent_s in rows
    )


def _coverage(session: Session, villages: Select[str], now: datetime) -> Coverage:
    heard_since = now - SILENT_AFTER
    is_heard = or_(
        Camera.health_at >= heard_since,
        and_(Device.last_seen_at >= heard_since, Camera.health_at >= told_since(heard_since)),
    )
    is_online = and_(Camera.enabled, Camera.health == CameraHealth.OK, is_heard)
    counted = session.execute(
        select(
            func.count(),
            func.sum(case((Camera.enabled, 1), else_=0)),
            func.sum(case((is_online, 1), else_=0)),
            func.sum(case((and_(Camera.enabled, CameraRules.rules > 0), 1), else_=0)),
        )
        .select_from(Camera)
        .join(Device, Device.id == Camera.device_id)
        .outerjoin(CameraRules, CameraRules.camera_id == Camera.id)
        .where(Camera.village_id.in_(villages))
    ).one()
    has_camera = exists().where(Camera.village_id == Place.id)
    without = session.scalars(villages.with_only_columns(Place.name).where(~has_camera).order_by(Place.name)).all()
    number = session.scalar(select(func.count()).select_from(villages.subquery())) or 0
    return Coverage(number, tuple(without), *(int(item or 0) for item in counted))
