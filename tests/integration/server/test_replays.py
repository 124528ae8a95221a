"""A request of nothing but duplicates: answered by one look at the database, which has the word, and no write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import event as sql_event
from sqlalchemy import func, select, update

from server.db.models import AuditEntry, Device, EventRecord
from server.devices import service as devices
from server.ingest import quarantine
from server.ingest.recent import SLOTS, Recent
from tests.support.village import Village, event


@contextmanager
def statements(village: Village) -> Iterator[list[str]]:
    """First words of the statements that are sent while the block runs."""
    sent: list[str] = []
    mine = threading.get_ident()

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if threading.get_ident() == mine:  # the relay asks, too
            sent.append(statement.split(maxsplit=1)[0].upper())

    sql_event.listen(village.parts.database.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        sql_event.remove(village.parts.database.engine, "before_cursor_execute", note)


@contextmanager
def commits(village: Village) -> Iterator[list[object]]:
    """Write transactions that end while the block runs."""
    found: list[object] = []
    mine = threading.get_ident()

    def note(session: object) -> None:
        if threading.get_ident() == mine:
            found.append(session)

    village.parts.database.before_commit.append(note)
    try:
        yield found
    finally:
        village.parts.database.before_commit.remove(note)


def words(village: Village, bodies: list[dict[str, Any]]) -> list[str]:
    return [result["status"] for result in village.post(bodies).get_json()["results"]]


def test_a_batch_that_came_before_is_read_once_and_writes_nothing(village: Village) -> None:
    bodies = [event(10 * number) for number in range(20)]
    first = village.post(bodies).get_json()["results"]
    village.settle()
    assert words(village, bodies[:1]) == ["duplicate"]  # the camera was new: whose it is was read
    with statements(village) as sent, commits(village) as written:
        again = village.post(list(reversed(bodies))).get_json()["results"]
    assert [result["status"] for result in again] == ["duplicate"] * 20
    assert [result["incident_id"] for result in reversed(again)] == [result["incident_id"] for result in first]
    assert written == []
    assert [word for word in sent if word != "BEGIN"] == [
        "SELECT",
        "SELECT",
    ]  # the counters of what is kept; the revisions
    with commits(village) as written:
        assert words(village, [*bodies, event(300)]) == ["duplicate"] * 20 + ["created"]
    assert len(written) == 1


def test_the_hint_is_not_believed_where_the_database_says_otherwise(village: Village) -> None:
    body = event(24 * 3600)
    assert words(village, [body]) == ["quarantined"]
    with commits(village) as written:
        assert words(village, [body]) == ["quarantined"]
    assert written == []
    with village.parts.database.write() as session:
        quarantine.discard(session, village.clock, [UUID(body["event_id"])], "test")
    assert words(village, [body]) == ["quarantined"]
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).select_from(EventRecord)) == 1  # it was stored again


def test_the_rights_of_the_sender_are_those_of_now(village: Village) -> None:
    body = event(0)
    assert words(village, [body]) == ["created"]
    with village.parts.database.write() as session:
        session.execute(update(Device).where(Device.id == "box-a").values(place_id="village-b"))
    assert words(village, [body]) == ["refused"]
    with village.parts.database.read() as session:
        assert session.scalar(select(AuditEntry.action).order_by(AuditEntry.sequence.desc())) == "event.refuse"
    with village.parts.database.write() as session:
        devices.revoke_device(session, village.clock, "box-a")
    assert village.post([body]).status_code == 401


def test_another_body_for_the_same_revision_is_a_conflict_still(village: Village) -> None:
    body = event(0)
    other = body | {"confidence": 0.5}
    assert words(village, [body]) == ["created"]
    assert words(village, [other]) == ["conflict"]
    assert words(village, [other]) == ["conflict"]
    assert words(village, [body]) == ["duplicate"]


def test_the_hint_forgets_what_another_took_the_slot_of() -> None:
    recent, one = Recent(), (7).to_bytes(8, "big") + bytes(24)
    other = (7 + SLOTS).to_bytes(8, "big") + bytes(24)
    recent.add(one)
    assert recent.has(one)
    assert not recent.has(other)
    recent.add(other)
    assert not recent.has(one)
