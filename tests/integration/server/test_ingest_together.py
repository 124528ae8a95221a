"""Requests that come at once share transactions: each is answered as if it had one of its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select

from server.audit.queries import list_entries
from server.db.models import Alert, EventRecord, EventRevision, Incident
from server.domain.access import Principal, Role
from server.errors import Unavailable
from server.ingest import intake as intake_module
from server.ingest.batch import Batch
from server.ingest.service import Delivery, Intake, Taken, read_body
from tests.support.village import Village, event

BOX_A = Principal(Role.DEVICE, "box-a", "box-a", "village-a")
BOX_B = Principal(Role.DEVICE, "box-b", "box-b", "village-b")


def delivery(*bodies: dict[str, Any], device: Principal = BOX_A, request_id: str = "") -> Delivery:
    return Delivery(device, tuple(map(read_body, bodies)), request_id=request_id)


class Together:
    """An intake whose first transactions wait at their end until as many requests have come as a test says."""

    def __init__(self, village: Village) -> None:
        self._village = village
        self.intake = Intake(village.parts.database, village.clock, village.parts.settings.zone)
        self.answers: dict[int, tuple[Taken, ...] | BaseException] = {}

    def take(self, *deliveries: Delivery) -> list[tuple[Taken, ...] | BaseException]:
        """Send a first one, and all others while its transaction is held open."""
        held = threading.Event()
        is_in = threading.Event()

        def hold(_session: object) -> None:
            is_in.set()
            assert held.wait(120)

        hooks = self._village.parts.database.before_commit
        hooks.append(hold)
        leaders = 1 if self._village.parts.database.dialect == "sqlite" else 2
        firsts = [delivery(event(9000 + n, spot=f"first-{n}")) if n else delivery() for n in range(leaders)]
        threads = [threading.Thread(target=self._run, args=(-1 - n, item)) for n, item in enumerate(firsts)]
        for thread in threads:
            thread.start()
        try:
            assert is_in.wait(120)
            others = [threading.Thread(target=self._run, args=(n, item)) for n, item in enumerate(deliveries)]
            for thread in others:
                thread.start()
            threads += others
            self._wait_for(len(deliveries), leaders)
        finally:
            hooks.remove(hold)
            held.set()
            for thread in threads:
                thread.join(120)
        return [self.answers[number] for number in range(len(deliveries))]

    def _wait_for(self, count: int, leaders: int) -> None:
        for _ in range(12000):
            if len(self.intake._queue) == count and self.intake._free_leaders == 0:
                return
            threading.Event().wait(0.01)
        raise AssertionError(f"{len(self.intake._queue)} of {count} wait, beside {leaders}")

    def _run(self, number: int, item: Delivery) -> None:
        try:
            self.answers[number] = self.intake.take(item)
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.answers[number] = error


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many requests each transaction of ingest had."""
    seen: list[int] = []

    class Counted(Batch):
        def take(self, deliveries: Sequence[Delivery]) -> list[tuple[Taken, ...] | None]:
            seen.append(len(deliveries))
            return super().take(deliveries)

    monkeypatch.setattr(intake_module, "Batch", Counted)
    return seen


def statuses(answers: list[tuple[Taken, ...] | BaseException]) -> list[list[str]]:
    return [[item.result.status for item in answer] for answer in answers if not isinstance(answer, BaseException)]


def stored(village: Village) -> int:
    with village.parts.database.read() as session:
        return session.scalar(select(func.count()).select_from(EventRevision)) or 0


def test_requests_that_wait_share_a_transaction_and_are_each_answered(
    village: Village, transactions: list[int]
) -> None:
    together = Together(village)
    body = event(0)
    sent = [
        delivery(body, event(10)),
        delivery(body),  # somebody sends the same again before the first is answered
        delivery(event(20, village="village-b", camera="cam-b"), device=BOX_B),
        delivery(event(30), device=BOX_B, request_id="not-theirs"),
        delivery({"kind": "nonsense"}),
    ]
    answers = together.take(*sent)
    assert [count for count in transactions if count > 1] == [5]
    assert statuses(answers) == [["created", "created"], ["duplicate"], ["created"], ["refused"], ["refused"]]
    with village.parts.database.read() as session:
        (entry,) = [item for item in list_entries(session) if item.action == "event.refuse"]
        assert (entry.actor, entry.request_id) == ("device:box-b", "not-theirs")
    assert stored(village) == 3 + (0 if village.parts.database.dialect == "sqlite" else 1)


def test_an_incident_that_several_requests_of_a_transaction_touch_is_told_once(village: Village) -> None:
    together = Together(village)
    answers = together.take(*(delivery(event(10 * number, spot="spot-1")) for number in range(6)))
    assert statuses(answers) == [["created"]] * 6
    village.settle()
    with village.parts.database.read() as session:
        incident = session.scalars(select(Incident).where(Incident.spot == "spot-1")).one()
        assert incident.event_count == 6
        assert [row.change for row in session.scalars(select(Alert).where(Alert.incident_id == incident.id))] == [
            "opened"
        ]


def test_what_is_wrong_with_one_request_is_told_to_nobody_else(
    village: Village, monkeypatch: pytest.MonkeyPatch
) -> None:
    poison = delivery(event(0, spot="poison"))

    class Poisoned(Batch):
        def take(self, deliveries: Sequence[Delivery]) -> list[tuple[Taken, ...] | None]:
            answers = super().take(deliveries)
            if poison in deliveries:
                raise KeyError("a bug")
            return answers

    monkeypatch.setattr(intake_module, "Batch", Poisoned)
    together = Together(village)
    answers = together.take(delivery(event(10, spot="spot-1")), poison, delivery(event(20, spot="spot-1")))
    assert statuses(answers) == [["created"], ["created"]]
    assert isinstance(answers[1], KeyError)
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).where(EventRecord.spot == "poison")) == 0
        assert session.scalars(select(Incident).where(Incident.spot == "spot-1")).one().event_count == 2
    assert statuses(together.take(delivery(event(30)))) == [["created"]]  # and it goes on


def test_a_database_that_is_away_is_told_to_all_who_waited(village: Village) -> None:
    together = Together(village)

    def away(_session: object) -> None:
        raise Unavailable("the database is busy", "Try again; nothing was stored.")

    hooks = village.parts.database.before_commit
    first = len(hooks)
    original = together.intake._hand_over

    def then_fail() -> None:
        if away not in hooks and len(hooks) <= first + 1:
            hooks.append(away)
        original()

    together.intake._hand_over = then_fail  # type: ignore[method-assign]
    try:
        answers = together.take(delivery(event(0, spot="spot-1")), delivery(event(10, spot="spot-1")))
    finally:
        if away in hooks:
            hooks.remove(away)
    assert [type(answer) for answer in answers] == [Unavailable, Unavailable]
    with village.parts.database.read() as session:
        assert session.scalar(select(func.count()).where(EventRecord.spot == "spot-1")) == 0


def test_a_transaction_does_not_grow_without_bounds(
    village: Village, transactions: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "MAX_EVENTS", 4)
    together = Together(village)
    answers = together.take(*(delivery(event(10 * number), event(10 * number + 5)) for number in range(5)))
    assert sum(transactions) - transactions.count(1) in {4, 5}
    assert max(transactions) == 2
    assert statuses(answers) == [["created", "created"]] * 5
