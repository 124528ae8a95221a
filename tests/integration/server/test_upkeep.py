"""What time ends by itself, and whom that may hold up: nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text

from server import create_services
from server.db.engine import LOCK_VILLAGE, lock
from server.db.models import Incident
from server.maintenance import maintain
from tests.support.postgres import Cluster
from tests.support.village import Village, event, running_village

PATIENCE_S = 60.0


def held_keys(village: Village) -> dict[str, bool]:
    """By village: whether its incidents take new events."""
    with village.parts.database.read() as session:
        rows = session.execute(select(Incident.village_id, Incident.open_key))
        return {village_id: key is not None for village_id, key in rows}


@pytest.mark.postgres
def test_ending_what_is_over_in_one_village_holds_no_other_up(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as url, running_village(tmp_path / "data", url) as village:
        village.post([event(0)])
        village.post([event(0, village="village-b")], device="box-b")
        village.clock.advance(hours=3)
        with busy("village-b", village):
            upkeep = threading.Thread(target=maintain, args=(village.parts,), daemon=True)
            upkeep.start()
            wait_for_somebody(village)
            answer: list[int] = []
            posting = threading.Thread(
                target=lambda: answer.append(village.post([event(20_000)]).status_code), daemon=True
            )
            posting.start()
            posting.join(PATIENCE_S)
            assert answer == [200]
        upkeep.join(PATIENCE_S)
        assert held_keys(village)["village-b"] is False


@pytest.mark.postgres
def test_a_village_where_nothing_is_over_is_not_locked(cluster: Cluster, tmp_path: Path) -> None:
    with cluster.database() as url, running_village(tmp_path / "data", url) as village:
        village.post([event(0)])
        village.clock.advance(hours=3)
        village.post([event(3 * 3600 + 3500, village="village-b")], device="box-b")
        with busy("village-b", village):
            maintain(village.parts)
        assert held_keys(village) == {"village-a": False, "village-b": True}


@contextmanager
def busy(village_id: str, village: Village) -> Iterator[None]:
    """Something of a village takes long, in another process."""
    other = create_services(village.parts.settings, village.clock)
    try:
        with other.database.write() as session:
            lock(session, LOCK_VILLAGE, [village_id])
            yield
    finally:
        other.database.close()


def wait_for_somebody(village: Village) -> None:
    """Wait until somebody waits for a lock."""
    deadline = time.monotonic() + PATIENCE_S
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    while True:
        with village.parts.database.read() as session:
            if session.scalar(query):
                return
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.02)


def test_what_is_over_is_found_by_an_index(embedded_village: Village) -> None:
    from server.incidents.service import _past_reach

    village = embedded_village
    with village.parts.database.read() as session:
        query = _past_reach(village.clock.utc()).compile(session.get_bind())
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", tuple(query.params.values()))
        assert "open_key>?" in " ".join(str(row[-1]) for row in plan)
