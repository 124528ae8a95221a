"""Makes all sums behind reports anew from the incidents: after a bulk load, a move of places, another time zone.

Village by village, each in a transaction of its own, so that events are taken all the while; then communes from their
villages, and provinces from their communes. What retention has deleted stays counted. While it runs, reports may
show a commune that does not yet agree with its villages.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from server.db.engine import LOCK_REPORTS, Database, lock
from server.db.models import Incident
from server.db.report_models import CameraDay, ReportMark, ReportRollup, ReportState
from server.domain.periods import Grain, month_of
from server.domain.tallies import Counted, Tally
from server.places.service import PlaceTree
from server.reports.rollup import CAMERA_COLUMNS, COUNTED, MARKS_AT_ONCE, Sum, take_marks

log = logging.getLogger(__name__)

BASIS: Final = "basis"
"""Of `ReportState`: the time zone and the places' parents that the sums were made with."""
_AT_ONCE: Final = 1000


def rebuild(database: Database, zone: ZoneInfo) -> int:
    """Make every sum anew; gives how many incidents were counted.

    Raises:
        Unavailable: The database is not to be had now; begin again.
    """
    while True:  # what was deleted cannot be counted again: first into the days that keep it
        with database.write() as session:
            lock(session, LOCK_REPORTS)
            if take_marks(session, zone, MARKS_AT_ONCE, only_erased=True) < MARKS_AT_ONCE:
                break
    with database.read() as session:
        last_mark = session.scalar(select(func.max(ReportMark.id))) or 0
        tree = PlaceTree.read(session)
    counted = 0
    for village_id in tree.villages_in(None):
        with database.write() as session:
            lock(session, LOCK_REPORTS)
            counted += _count_village(session, zone, village_id)
    for kind in ("commune", "province"):
        for place in tree.all():
            if place.kind == kind:
                with database.write() as session:
                    lock(session, LOCK_REPORTS)
                    _sum_up(session, place.id, tree.children(place.id))
    with database.write() as session:
        lock(session, LOCK_REPORTS)
        session.execute(delete(ReportMark).where(ReportMark.id <= last_mark, ReportMark.erased.is_(None)))
        session.merge(ReportState(name=BASIS, value=basis(tree, zone)))
    log.info("reports_rebuilt", extra={"fields": {"incidents": counted}})
    return counted


def check_basis(database: Database, zone: ZoneInfo) -> bool:
    """Make the sums anew if places have moved or the time zone is another; tells whether that was so."""
    with database.read() as session:
        tree = PlaceTree.read(session)
        row = session.get(ReportState, BASIS)
        known: dict[str, Any] | None = row.value if row is not None else None
    now = basis(tree, zone)
    if known == now:
        return False
    same = known is not None and known["zone"] == now["zone"]
    moved = known is None or any(
        now["places"].get(place, parent) != parent for place, parent in known["places"].items()
    )
    if same and not moved:  # only new places: nothing has happened there yet
        with database.write() as session:
            session.merge(ReportState(name=BASIS, value=now))
        return False
    rebuild(database, zone)
    return True


def _have_moved(known: dict[str, str | None], now: dict[str, str | None]) -> bool:
    """Whether a place lies elsewhere. Of those that are only new nothing was summed up yet."""
    return any(now.get(place, parent) != parent for place, parent in known.items())


def basis(tree: PlaceTree, zone: ZoneInfo) -> dict[str, Any]:
    """What the sums depend on beside the incidents."""
    return {"zone": zone.key, "places": {place.id: place.parent_id for place in tree.all()}}


def _count_village(session: Session, zone: ZoneInfo, village_id: str) -> int:
    days: dict[date, Sum] = defaultdict(Sum)
    erased: dict[date, dict[str, Any]] = {}
    kept = select(ReportRollup.start, ReportRollup.erased).where(
        ReportRollup.place_id == village_id, ReportRollup.grain == Grain.DAY.value
    )
    for start, gone in session.execute(kept):
        if gone:
            erased[start] = gone
            days[start].tally.plus(Tally.read(gone))
    counted = 0
    rows = session.execute(
        select(*COUNTED)
        .where(Incident.village_id == village_id, Incident.merged_into_id.is_(None))
        .execution_options(yield_per=_AT_ONCE)
    )
    for row in rows:
        incident = Counted(row[0], row[1], row[2].value, *row[3:])
        days[incident.first_at.astimezone(zone).date()].tally.count(incident, zone)
        counted += 1
    watched = (
        select(CameraDay.day, func.sum(CameraDay.up_s), func.sum(CameraDay.down_s), func.sum(CameraDay.silent_s))
        .where(CameraDay.village_id == village_id)
        .group_by(CameraDay.day)
    )
    for day, up, down, silent in session.execute(watched):
        days[day].cameras = (int(up), int(down), int(silent))
    months: dict[date, Sum] = defaultdict(Sum)
    for day, total in days.items():
        months[month_of(day)].plus(total)
    session.execute(delete(ReportRollup).where(ReportRollup.place_id == village_id))
    _insert(session, village_id, Grain.DAY, days, erased)
    _insert(session, village_id, Grain.MONTH, months, {})
    return counted


def _sum_up(session: Session, place_id: str, parts: Sequence[str]) -> None:
    """Make a place's sums from those of what lies directly in it."""
    for grain in (Grain.DAY, Grain.MONTH):
        sums: dict[date, Sum] = defaultdict(Sum)
        cameras = [getattr(ReportRollup, column) for column in CAMERA_COLUMNS]
        for part in parts:
            rows = select(ReportRollup.start, ReportRollup.tally, *cameras).where(
                ReportRollup.place_id == part, ReportRollup.grain == grain.value
            )
            for start, cells, up, down, silent in session.execute(rows):
                sums[start].plus(Sum(Tally(cells), (up, down, silent)))
        session.execute(
            delete(ReportRollup).where(ReportRollup.place_id == place_id, ReportRollup.grain == grain.value)
        )
        _insert(session, place_id, grain, sums, {})


def _insert(
    session: Session, place_id: str, grain: Grain, sums: dict[date, Sum], erased: dict[date, dict[str, Any]]
) -> None:
    rows = [
        {
            "place_id": place_id,
            "grain": grain.value,
            "start": start,
            "tally": total.tally.cells,
            "erased": erased.get(start),
            **total.tally.totals(),
            **dict(zip(CAMERA_COLUMNS, total.cameras, strict=True)),
        }
        for start, total in sums.items()
        if total or start in erased
    ]
    for begin in range(0, len(rows), _AT_ONCE):
        session.execute(insert(ReportRollup), rows[begin : begin + _AT_ONCE])
