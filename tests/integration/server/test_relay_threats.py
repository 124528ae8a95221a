"""The relay that numbers the feed on PostgreSQL: nothing lost, nothing twice, numbers that rise as they are seen."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from server import create_services
from server.alerts import service as alerts
from server.alerts.relay import waiting
from server.db.models import Alert, Incident
from server.services import Services
from tests.support.live import live
from tests.support.postgres import Cluster
from tests.support.processes import ServerProcess, real_token, server_process
from tests.support.redis import RunningRedis, find_server
from tests.support.village import Village, event, running_village

pytestmark = pytest.mark.postgres


@pytest.fixture
def village(cluster: Cluster, tmp_path: Path) -> Iterator[Village]:
    with cluster.database() as url, running_village(tmp_path / "data", url) as made:
        yield made


def an_incident(village: Village, number: int = 0) -> None:
    assert village.post([event(number % 100, spot=f"spot-{number}")]).status_code == 200


def tell(session: Session, village: Village, change: str) -> None:
    """What a use case does: tell the feed of the incident when it commits."""
    alerts.publish(session, session.scalars(select(Incident).limit(1)).one(), change, village.clock.utc())


def changes(village: Village) -> list[str]:
    with village.parts.database.read() as session:
        return list(session.scalars(select(Alert.change).order_by(Alert.sequence)))


def wait_until(what: str, condition: Callable[[], bool], patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def others(village: Village, count: int) -> list[Services]:
    return [create_services(village.parts.settings, village.clock) for _ in range(count)]


class Follower:
    """Reads the feed as every reader does, by position, as fast as it can."""

    def __init__(self, parts: Services) -> None:
        self._parts = parts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.seen: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        position = 0
        while not self._stop.is_set():
            with self._parts.database.read() as session:
                newest = alerts.latest_sequence(session)
                query = select(Alert.sequence).where(Alert.sequence > position, Alert.sequence <= newest)
                self.seen += session.scalars(query.order_by(Alert.sequence))
            position = newest


def test_an_alert_that_commits_late_is_numbered_late_and_no_reader_misses_it(village: Village) -> None:
    """The id that its row took before lies below that of one which was numbered long since."""
    an_incident(village)
    village.settle()
    (slow,) = others(village, 1)
    with Follower(village.parts) as follower:
        with slow.database.write() as session:
            tell(session, village, "slow")
            alerts.write_pending(session)  # its row has its id; the transaction stays open
            session.flush()
            with village.parts.database.write() as beside:
                tell(beside, village, "quick")
            wait_until("the quick one's number", lambda: "quick" in changes(village))
        wait_until("the slow one's number", lambda: "slow" in changes(village))
        wait_until("both seen", lambda: len(follower.seen) == 3)
    assert changes(village) == ["opened", "quick", "slow"]
    assert follower.seen == sorted(follower.seen)
    slow.database.close()


def test_threat_12_two_relays_that_both_think_they_are_elected_number_nothing_twice(village: Village) -> None:
    an_incident(village)
    village.parts.relay.stop()
    writers, relays = others(village, 4), others(village, 3)
    stop = threading.Event()

    def write(parts: Services, name: int) -> None:
        for number in range(25):
            with parts.database.write() as session:
                tell(session, village, f"{name}-{number}")

    def relay(parts: Services) -> None:
        while not stop.is_set():
            parts.relay.round()  # without an election

    with Follower(village.parts) as follower:
        relaying = [threading.Thread(target=relay, args=(parts,)) for parts in relays]
        writing = [threading.Thread(target=write, args=(parts, n)) for n, parts in enumerate(writers)]
        for thread in relaying + writing:
            thread.start()
        for thread in writing:
            thread.join()
        village.settle()
        stop.set()
        for thread in relaying:
            thread.join()
        wait_until("all seen", lambda: len(follower.seen) >= 101)
    told = changes(village)
    assert sorted(told) == sorted(["opened", *(f"{name}-{number}" for name in range(4) for number in range(25))])
    for name in range(4):  # of one writer, in its own order
        own = [int(change.split("-")[1]) for change in told if change.startswith(f"{name}-")]
        assert own == list(range(25))
    assert follower.seen == sorted(set(follower.seen))
    assert len(follower.seen) == len(told)
    for parts in writers + relays:
        parts.database.close()


def test_threat_12_another_relay_is_elected_when_the_first_is_killed(village: Village) -> None:
    an_incident(village)
    village.settle()
    village.parts.relay.stop()
    with ExitStack() as stack:
        relays = [stack.enter_context(server_process(village, "relay")) for _ in range(2)]
        wait_until("an election", lambda: any("feed_relay_elected" in relay.log() for relay in relays))
        first = next(relay for relay in relays if "feed_relay_elected" in relay.log())
        (second,) = [relay for relay in relays if relay is not first]
        with village.parts.database.write() as session:
            tell(session, village, "by the first")
        wait_until("a number", lambda: "by the first" in changes(village))
        assert "feed_relay_elected" not in second.log()
        first.child.kill()
        with village.parts.database.write() as session:
            tell(session, village, "by the second")
        wait_until("a number", lambda: "by the second" in changes(village))
        assert "feed_relay_elected" in second.log()
        second.child.send_signal(signal.SIGTERM)
        assert second.child.wait(30) == 0
    assert changes(village) == ["opened", "by the first", "by the second"]


def test_threat_12_a_relay_that_loses_its_election_stands_again(village: Village) -> None:
    an_incident(village)
    village.settle()
    wait_until("an election", lambda: village.parts.relay.is_elected)
    for number in range(3):
        with village.parts.database.read() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                    "AND datname = current_database()"
                )
            )
        (other,) = others(village, 1)
        with other.database.write() as session:
            tell(session, village, f"after {number}")
        other.database.close()
        wait_until("a number", lambda number=number: f"after {number}" in changes(village))  # type: ignore[misc]
    assert changes(village) == ["opened", "after 0", "after 1", "after 2"]


def test_readyz_tells_of_a_feed_that_nobody_numbers(village: Village) -> None:
    browser = village.browser(None)
    first = browser.get("/readyz").get_json()
    first.pop("partitions", None)  # made for the months of the real clock; this village lives in another year
    assert first | {"feed_lag_s": 0.0} == {
        "status": "ready",
        "database": "ok",
        "revision": "ok",
        "store": "ok",
        "feed": "ok",
        "feed_lag_s": 0.0,
    }
    village.parts.relay.stop()
    an_incident(village)
    assert browser.get("/readyz").status_code == 200
    village.clock.advance(minutes=1)
    answer = browser.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["feed"].startswith("late")
    assert "langan_server_feed_waiting 1.0" in browser.get("/metrics").get_data(as_text=True)
    village.parts.relay.round()
    assert browser.get("/readyz").status_code == 200
    with village.parts.database.read() as session:
        assert waiting(session).rows == 0
        assert session.scalar(select(func.count()).select_from(Alert)) == 1


@pytest.mark.redis
def test_threat_10_a_lost_doorbell_delays_and_loses_nothing(cluster: Cluster, tmp_path: Path) -> None:
    program = find_server()
    if program is None:
        pytest.skip("no Redis or Valkey here: install the package redis-server or valkey-server")
    redis = RunningRedis(program, tmp_path)
    redis.start()
    try:
        with (
            cluster.database() as url,
            running_village(tmp_path / "data", url, redis_url=redis.url) as village,
            server_process(village, "stream", "--port", "0", LANGAN_REDIS_URL=redis.url) as streaming,
        ):
            _ring_and_lose(village, streaming, redis)
    finally:
        redis.stop()


def _ring_and_lose(village: Village, streaming: ServerProcess, redis: RunningRedis) -> None:
    rings: list[float] = []
    (listener,) = others(village, 1)
    listener.bell.listen(lambda: rings.append(time.monotonic()))
    wait_until("a listener", lambda: bool(rings))

    def spots(alerts_: list[dict[str, str]]) -> set[str]:
        return {alert["spot"] for alert in alerts_}

    with live(streaming.url, real_token(village, "officer_a")) as stream:
        heard = len(rings)
        an_incident(village, 1)
        stream.wait_for("alert", lambda seen: "spot-1" in spots(seen.alerts))
        wait_until("a ring", lambda: len(rings) > heard)
        redis.stop()
        for number in range(2, 12):
            an_incident(village, number)
        stream.wait_for("alerts without a doorbell", lambda seen: len(spots(seen.alerts)) == 11)
        redis.start()
        heard = len(rings)
        wait_until("the doorbell again", lambda: len(rings) > heard)
        an_incident(village, 12)
        stream.wait_for("the last", lambda seen: "spot-12" in spots(seen.alerts))
        ids = [int(item[0]) for item in stream.messages if item[1] == "alert"]
        assert ids == sorted(set(ids))
    listener.bell.close()
    listener.database.close()


def test_several_web_processes_number_one_feed_and_sum_up_their_metrics(village: Village) -> None:
    import httpx

    village.parts.relay.stop()
    with server_process(village, "run", "--port", "0", "--workers", "2") as web:
        for number in range(5):
            an_incident(village, number)  # written by this process, numbered by one of the workers
        wait_until("numbers", lambda: len(changes(village)) == 5)
        asked = 40
        for _ in range(asked):
            assert httpx.get(f"{web.url}/login").status_code == 200
        page = httpx.get(f"{web.url}/metrics").text
        counts = re.findall(r'langan_server_request_seconds_count\{.*route="/login",status="200"\} (\S+)', page)
        assert sum(float(count) for count in counts) == asked
        web.wait_for_log("feed_relay_elected")
        assert "langan_server_feed_sequence" in page
