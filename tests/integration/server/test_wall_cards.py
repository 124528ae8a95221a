"""What stands on cards: facts of the newest event, and why a picture is not there."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import update

from server.db.models import EvidenceReference
from server.domain.views import IncidentCard
from server.incidents import queries
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
