"""What stands on cards: facts of the newest event, and why a picture is not there."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select, update

from server.db.models import EvidenceReference, Incident, Place
from server.domain.incident import IncidentState
from server.domain.views import IncidentCard
from server.incidents import paging, queries
from server.incidents.queries import IncidentFilter
from server.places.service import PlaceTree
from server.police.wall import absent_snapshots, newest_facts
from tests.support.media import jpeg
from tests.support.village import FACTS, Village, event, reference


def cards_of(village: Village) -> dict[str, IncidentCard]:
    with village.parts.database.read() as session:
        page = queries.list_incidents(session, village.principal("officer_a"))
    return {card.spot: card for card in page.items}


def test_a_card_says_why_it_has_no_picture(village: Village) -> None:
    gone, pending, refused = reference(jpeg(1)), reference(jpeg(2)), reference(jpeg(3), role="clip")
    village.post([event(spot="gone", evidence=[gone]), event(spot="pending", evidence=[pending])])
    village.post([event(spot="none", ended=True), event(spot="begun", evidence=[refused])])
    flood = [event(number * 12.0, spot="flood", ended=True) for number in range(30)]
    village.post([event(-5.0, spot="flood", evidence=[reference(jpeg(4))])])
    for start in range(0, 30, 10):
        village.post(flood[start : start + 10])
    with village.parts.database.write() as session:
        lost = update(EvidenceReference).where(EvidenceReference.sha256 == gone["sha256"])
        session.execute(lost.values(gone_at=datetime(2026, 3, 2, tzinfo=UTC)))
    cards = cards_of(village)
    assert cards["flood"].event_count == 31
    with village.parts.database.read() as session:
        absent = absent_snapshots(session, list(cards.values()))
    assert {spot: absent[card.id] for spot, card in cards.items()} == {
        "gone": "gone", "pending": "pending", "none": "none", "begun": "pending", "flood": "none",
    }  # fmt: skip


def test_a_card_tells_the_facts_of_its_newest_event(village: Village) -> None:
    more = FACTS["crowding"] | {"peak_people": 31}
    village.post([event(60.0, facts=more), event(0.0), event(0.0, spot="b")])
    cards = cards_of(village)
    with village.parts.database.read() as session:
        facts = newest_facts(session, [card.id for card in cards.values()] + [UUID(int=1)])
    assert {spot: facts[card.id]["peak_people"] for spot, card in cards.items()} == {"cam-village-a": 31, "b": 12}
    assert len(facts) == 2


@pytest.mark.parametrize("one_by_one", [paging.ONE_BY_ONE, 0])
@pytest.mark.parametrize("who", ["officer_a", "officer_commune", "admin"])
def test_pages_show_every_incident_of_the_scope_once_and_newest_first(
    village: Village, who: str, one_by_one: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with village.parts.database.write() as session:  # so that a commune is not everywhere
        session.add(Place(id="village-c", kind="village", name="Thôn C", parent_id="gia-lai"))
    for place, box in (("village-a", "box-a"), ("village-b", "box-b")):
        bodies = [
            event(
                number % 7 * 60.0, spot=f"{place}-{number}", village=place, kind=("crowding", "intrusion")[number % 2]
            )
            for number in range(14)
        ]
        assert {item["status"] for item in village.post(bodies, box).get_json()["results"]} == {"created"}
    monkeypatch.setattr(paging, "ONE_BY_ONE", one_by_one)
    principal = village.principal(who)
    with village.parts.database.read() as session:
        tree = PlaceTree.read(session)
        rows = session.scalars(select(Incident).order_by(Incident.first_at.desc(), Incident.id.desc())).all()
        mine = [row for row in rows if row.village_id in tree.villages_of(principal)]
        assert len(mine) == (14 if who == "officer_a" else 28)
        for wanted in (
            IncidentFilter(),
            IncidentFilter(kinds=("intrusion",)),
            IncidentFilter(kinds=("intrusion",), states=(IncidentState.NEW,)),
            IncidentFilter(kinds=("intrusion",), states=(IncidentState.RESOLVED,)),
            IncidentFilter(place_id="village-b"),
        ):
            expected = [
                row.id
                for row in mine
                if (not wanted.kinds or row.kind in wanted.kinds)
                and (not wanted.states or row.state in wanted.states)
                and wanted.place_id in (None, row.village_id)
            ]
            found: list[UUID] = []
            cursor = None
            while True:
                page = queries.list_incidents(session, principal, wanted, cursor=cursor, limit=5)
                found += [card.id for card in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert found == expected
