"""The sums behind reports are what a count of the incidents says, whatever happens to these, on both databases."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from server.db.models import EventRecord, Incident, Place
from server.db.report_models import ReportMark, ReportRollup
from server.domain.access import NOT_PUBLIC_KINDS
from server.domain.incident import actions_from
from server.domain.tallies import ACKNOWLEDGED, DECIDED, HOURS, STATES, Tally, quantile
from server.errors import ServerError
from server.incidents import by_hand, service
from server.reports import rebuild, rollup
from server.retention.erasing import erase_incidents
from tests.support.postgres import Cluster
from tests.support.village import Village, event, running_village

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
Facts = tuple[str, str, str, int, str, float | None, float | None]
"""Village, day, kind, hour of the week, state, seconds to the first reaction and to the decision."""


def facts_of(row: Incident) -> Facts:
    """What reports count of an incident, found without the code that is tested."""
    local = row.first_at.astimezone(ZONE)
    took = [
        None if at is None else (at - row.received_at).total_seconds() for at in (row.acknowledged_at, row.decided_at)
    ]
    if row.state.value not in {"resolved", "false_alarm"}:
        took[1] = None
    hour = 24 * local.weekday() + local.hour
    return (row.village_id, f"{local:%Y-%m-%d}", row.kind, hour, row.state.value, took[0], took[1])


def in_table(session: Session) -> list[Facts]:
    return [facts_of(row) for row in session.scalars(select(Incident).where(Incident.merged_into_id.is_(None)))]


def check(village: Village, erased: list[Facts]) -> int:
    """Compare every sum with a count; gives how many incidents there are."""
    with village.parts.database.read() as session:
        truth = in_table(session) + erased
        rows = session.scalars(select(ReportRollup)).all()
        parents = dict(session.execute(select(Place.id, Place.parent_id)).all())
    wanted: dict[tuple[str, str, str], list[Facts]] = {}
    for facts in truth:
        place: str | None = facts[0]
        while place is not None:
            for grain, start in (("day", facts[1]), ("month", f"{facts[1][:7]}-01")):
                wanted.setdefault((place, grain, start), []).append(facts)
            place = parents[place]
    found = {(row.place_id, row.grain, row.start.isoformat()): row for row in rows if row.tally}
    assert found.keys() == wanted.keys()
    for key, row in found.items():
        tally, mine = Tally(row.tally), wanted[key]
        for part, place_of in ((STATES, 4), (HOURS, 3)):
            counted = {
                (kind, word): number
                for kind, cell in tally.cells.items()
                for word, number in cell.get(part, {}).items()
            }
            assert counted == Counter((facts[2], str(facts[place_of])) for facts in mine), key
        for part, took in ((ACKNOWLEDGED, [facts[5] for facts in mine]), (DECIDED, [facts[6] for facts in mine])):
            times = sorted(seconds for seconds in took if seconds is not None)
            for share in (0.5, 0.9):
                told = quantile(tally.sketch(part, tally.kinds()), share)
                if not times:
                    assert told is None
                else:
                    assert told == pytest.approx(max(times[int(share * (len(times) - 1))], 1.0), rel=0.0201)
        happened = [facts for facts in mine if facts[2] not in NOT_PUBLIC_KINDS]
        assert row.incidents == len(happened)
        assert row.false_alarms == sum(facts[4] == "false_alarm" for facts in happened)
        assert row.open == sum(facts[4] in {"new", "acknowledged", "dispatched"} for facts in happened)
    return len(truth)


class Happenings:
    """Chooses at random what happens next."""

    def __init__(self, village: Village, seed: int) -> None:
        self._village = village
        self._random = random.Random(seed)
        self._last: list[dict[str, Any]] = []
        self.erased: list[Facts] = []
        self.done: Counter[str] = Counter()

    def go(self, steps: int) -> None:
        for _ in range(steps):
            name = self._random.choices(
                ("post", "revise", "act", "merge", "split", "unmerge", "wait", "expire", "erase", "catch_up"),
                (9, 3, 9, 3, 3, 2, 2, 1, 1, 2),
            )[0]
            try:
                getattr(self, name)()
            except (ServerError, IndexError):
                continue  # nothing there to do it to, or not allowed in this state
            self.done[name] += 1

    def post(self) -> None:
        late_s = self._random.choice((0, 0, -3600, -26 * 3600, -80 * 3600)) + self._random.uniform(-600, 600)
        kind, spot = self._random.choice(("crowding", "intrusion")), self._random.choice(("gate", "square"))
        lasts_s = self._random.choice((5, 60, 400))
        self._last.append(self._post(self._random.choice("ab"), late_s - 600, kind, spot, lasts_s))

    def _post(self, letter: str, from_now_s: float, kind: str, spot: str, lasts_s: float = 5) -> dict[str, Any]:
        """An event that began so long from now."""
        zero = datetime.fromisoformat(event(0)["started_at"])
        began_s = (self._village.clock.utc() - zero).total_seconds() + from_now_s
        body = event(began_s, lasts_s=lasts_s, kind=kind, village=f"village-{letter}", spot=spot)
        assert self._village.post([body], device=f"box-{letter}").status_code == 200
        return body

    def revise(self) -> None:
        body = self._random.choice(self._last[-6:])
        body = {**body, "revision": body["revision"] + 1}
        if self._random.random() < 0.3:  # it began earlier than was thought
            earlier = datetime.fromisoformat(body["started_at"]) - timedelta(minutes=50)
            body["started_at"] = earlier.isoformat()
        self._last.append(body)
        self._village.post([body], device=f"box-{body['village'][-1]}")

    def act(self) -> None:
        with self._village.parts.database.write() as session:
            row = self._any(session)
            action = self._random.choice(actions_from(row.state))
            service.act(session, self._village.clock, self._officer, row.id, action, version=row.version, note="vì vậy")

    def merge(self) -> None:
        with self._village.parts.database.write() as session:
            one = self._any(session)
            other = self._any(session, one.village_id)
            by_hand.merge(
                session,
                self._village.clock,
                ZONE,
                self._officer,
                one.id,
                other.id,
                version=one.version,
                other_version=other.version,
                reason="một vụ",
            )

    def split(self) -> None:
        with self._village.parts.database.write() as session:
            row = self._any(session)
            events = session.scalars(select(EventRecord.event_id).where(EventRecord.incident_id == row.id)).all()
            chosen = self._random.sample(list(events), len(events) // 2)
            by_hand.split(
                session,
                self._village.clock,
                ZONE,
                self._officer,
                row.id,
                version=row.version,
                reason="hai vụ",
                event_ids=chosen,
            )

    def split_surely(self) -> Any:
        """Two events of one incident become two incidents; gives the new one."""
        self._village.clock.advance(hours=9)
        for later_s in (-600, -590):
            self._post("a", later_s, "crowding", "well")
        with self._village.parts.database.write() as session:
            row = session.scalars(select(Incident).order_by(Incident.first_at.desc()).limit(1)).one()
            assert row.event_count == 2
            events = session.scalars(select(EventRecord.event_id).where(EventRecord.incident_id == row.id)).all()
            who = self._officer
            return by_hand.split(
                session,
                self._village.clock,
                ZONE,
                who,
                row.id,
                version=row.version,
                reason="hai vụ",
                event_ids=events[:1],
            ).id

    def unmerge(self) -> None:
        with self._village.parts.database.write() as session:
            taken = self._random.choice(
                session.scalars(select(Incident).where(Incident.merged_into_id.is_not(None))).all()
            )
            assert taken.merged_into_id is not None
            kept = session.get_one(Incident, taken.merged_into_id)
            by_hand.unmerge(
                session,
                self._village.clock,
                ZONE,
                self._officer,
                kept.id,
                taken.id,
                version=kept.version,
                reason="nhầm",
            )

    def wait(self) -> None:
        self._village.clock.advance(minutes=self._random.choice((2, 40, 600)))

    def expire(self) -> None:
        self._village.clock.advance(hours=25)
        service.close_and_expire(self._village.parts.database, self._village.clock)

    def erase(self) -> None:
        with self._village.parts.database.write() as session:
            row = self._any(session)
            self.erased.append(facts_of(row))
            erase_incidents(session, [row.id])
        self._last.clear()  # a box that tells an erased event again makes a new incident of it

    def catch_up(self) -> None:
        rollup.catch_up(self._village.parts.database, ZONE)

    @property
    def _officer(self) -> Any:
        return self._village.principal("officer_commune")

    def _any(self, session: Session, village_id: str | None = None) -> Incident:
        wanted = select(Incident).where(Incident.merged_into_id.is_(None)).order_by(Incident.id)
        if village_id is not None:
            wanted = wanted.where(Incident.village_id == village_id)
        return self._random.choice(session.scalars(wanted).all())


@pytest.mark.parametrize("seed", [1, 2])
def test_sums_are_what_a_count_says_after_anything(village: Village, seed: int) -> None:
    happenings = Happenings(village, seed)
    for _ in range(3):
        happenings.go(80)
        happenings.catch_up()
        check(village, happenings.erased)
    assert {"post", "revise", "act", "merge", "expire", "erase"} <= happenings.done.keys()
    assert happenings.split_surely() != happenings.split_surely()
    happenings.catch_up()
    assert check(village, happenings.erased) > 20
    before = _sums(village)
    happenings.go(10)  # marks that nobody has dealt with are among what a rebuild finds
    rebuild.rebuild(village.parts.database, ZONE)
    check(village, happenings.erased)
    assert _marks(village) == 0
    assert before != {}
    again = _sums(village)
    rebuild.rebuild(village.parts.database, ZONE)
    assert _sums(village) == again


def test_an_event_of_an_open_incident_alone_marks_nothing(village: Village) -> None:
    village.post([event(0)])
    rollup.catch_up(village.parts.database, ZONE)
    village.post([event(20), event(40)])
    with village.parts.database.read() as session:
        assert session.scalar(select(Incident.event_count)) == 3
    assert _marks(village) == 0


@pytest.mark.postgres
def test_what_a_transaction_is_still_writing_is_counted_when_it_has(cluster: Cluster, tmp_path: Path) -> None:
    """The mark of an open transaction is not seen, not dealt with, and not lost. (SQLite has one writer at a time.)"""
    with cluster.database() as url, running_village(tmp_path / "data", url) as village:
        village.post([event(0)])
        with village.parts.database.write() as writing:
            writing.execute(update(Incident).values(state="resolved", decided_at=village.clock.utc()))
            rollup.catch_up(village.parts.database, ZONE)
            assert _states(village) == {"new": 1}
        rollup.catch_up(village.parts.database, ZONE)
        assert _states(village) == {"resolved": 1}


def test_places_that_move_are_summed_up_anew(village: Village) -> None:
    village.post([event(0)])
    assert rebuild.check_basis(village.parts.database, ZONE)  # never summed up before
    assert not rebuild.check_basis(village.parts.database, ZONE)
    with village.parts.database.write() as session:
        session.add(Place(id="nhon-phuc", kind="commune", name="Xã Nhơn Phúc", parent_id="gia-lai"))
    assert not rebuild.check_basis(village.parts.database, ZONE)  # only new
    with village.parts.database.write() as session:
        session.get_one(Place, "village-a").parent_id = "nhon-phuc"
    assert rebuild.check_basis(village.parts.database, ZONE)
    check(village, [])
    with village.parts.database.read() as session:
        totals = dict(session.execute(select(ReportRollup.place_id, ReportRollup.incidents)).all())
    assert totals == {"village-a": 1, "nhon-phuc": 1, "gia-lai": 1}


def test_days_are_those_of_the_site_not_of_utc(village: Village) -> None:
    village.post([event(-9 * 3600 - 60)])  # 23:59 on the first of March in the village, 16:59 in UTC
    village.post([event(-9 * 3600 + 60, spot="other")])
    rollup.catch_up(village.parts.database, ZONE)
    with village.parts.database.read() as session:
        rows = session.execute(
            select(ReportRollup.start, ReportRollup.incidents).where(
                ReportRollup.place_id == "village-a", ReportRollup.grain == "day"
            )
        ).all()
    assert {(start.isoformat(), number) for start, number in rows} == {("2026-03-01", 1), ("2026-03-02", 1)}


def _sums(village: Village) -> dict[Any, Any]:
    with village.parts.database.read() as session:
        return {
            (row.place_id, row.grain, row.start): (Tally().plus(Tally(row.tally)).cells, row.incidents, row.open)
            for row in session.scalars(select(ReportRollup))
            if row.tally
        }


def _marks(village: Village) -> int:
    with village.parts.database.read() as session:
        return session.scalar(select(func.count()).select_from(ReportMark)) or 0


def _states(village: Village) -> dict[str, int]:
    with village.parts.database.read() as session:
        row = session.get_one(ReportRollup, ("village-a", "day", date(2026, 3, 2)))
        return Tally(row.tally).states("crowding")
