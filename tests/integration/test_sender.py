"""The senders against a real HTTP server that fails, drops connections, refuses and forgets."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.event import EvidenceRole
from edge.backoff import Backoff
from edge.clock import SystemClock
from edge.errors import DeliveryError
from edge.outbox import EventSender, MediaSender, PatientOutbox, ServerLink, SqliteOutbox
from edge.outbox.link import DeviceRefused, NotOurServer, Rejected, Unreachable
from tests.edge_fakes import FakeClock, make_event, make_media
from tests.edge_server import IDENTITY, EdgeServer
from tests.support.identity import make_identity


@pytest.fixture
def server() -> Iterator[EdgeServer]:
    with EdgeServer() as server:
        yield server


@pytest.fixture
def link(server: EdgeServer) -> Iterator[ServerLink]:
    with ServerLink(server.url, IDENTITY) as link:
        yield link


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteOutbox]:
    outbox = SqliteOutbox(tmp_path / "outbox.sqlite", FakeClock())
    yield outbox
    outbox.close()


def event_sender(store: SqliteOutbox, link: ServerLink) -> EventSender:
    patient = PatientOutbox(store, lambda _size: 0)
    return EventSender(patient, link, SystemClock(), backoff=Backoff(first_s=0.01, cap_s=0.02))


def media_sender(store: SqliteOutbox, link: ServerLink, forgotten: list[str] | None = None) -> MediaSender:
    def forget(media: Any) -> None:
        if forgotten is not None:
            forgotten.append(media.sha256)

    return MediaSender(store, link, SystemClock(), backoff=Backoff(first_s=0.01, cap_s=0.02), forget=forget)


def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def revisions(names: int, each: int) -> list[tuple[str, int]]:
    return [(str(make_event(f"e{n}").event_id), r) for r in range(each) for n in range(names)]


def put_all(store: SqliteOutbox, names: int, each: int) -> list[tuple[str, int]]:
    for r in range(each):
        for n in range(names):
            store.put(make_event(f"e{n}", r), [])
    return revisions(names, each)


def test_events_arrive_in_order_and_in_batches(store: SqliteOutbox, server: EdgeServer, link: ServerLink) -> None:
    expected = put_all(store, names=90, each=3)
    sender = event_sender(store, link)
    while not sender.is_empty():
        sender.step()
    assert server.events == expected
    assert server.batch_sizes == [100, 100, 70]


def test_a_server_that_fails_drops_and_forgets_to_answer_gets_every_event_once_and_in_order(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink
) -> None:
    moods = ["500", "drop", "take_and_drop", "503", "well", "429", "take_and_drop", "drop"]
    server.mood = lambda number, _path: moods[number - 1] if number <= len(moods) else "well"
    expected = put_all(store, names=50, each=5)
    sender = event_sender(store, link)
    sender.start()
    until(sender.is_empty)
    sender.stop()
    assert server.events == expected
    assert server.requests > len(moods)


def test_a_server_that_is_down_and_comes_back_loses_nothing(store: SqliteOutbox, tmp_path: Path) -> None:
    with EdgeServer() as down:
        url, port = down.url, down.port
    expected = put_all(store, names=3, each=1)
    with ServerLink(url, IDENTITY) as link:
        sender = event_sender(store, link)
        with pytest.raises(Unreachable, match="is the server running"):
            sender.step()
        assert store.counts() == (3, 0)
        sender.start()
        with EdgeServer(port) as back:
            until(sender.is_empty)
            sender.stop()
    assert back.events == expected


def test_a_batch_that_is_too_large_is_split(store: SqliteOutbox, server: EdgeServer, link: ServerLink) -> None:
    server.max_batch = 10
    expected = put_all(store, names=40, each=1)
    sender = event_sender(store, link)
    while not sender.is_empty():
        sender.step()
    assert server.events == expected
    assert store.dead_events() == []


def test_one_event_that_the_server_rejects_does_not_hold_up_the_rest(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink
) -> None:
    expected = put_all(store, names=20, each=1)
    bad = expected[7]
    server.poison = {bad[0]}
    sender = event_sender(store, link)
    while not sender.is_empty():
        sender.step()
    assert server.events == [key for key in expected if key != bad]
    (dead,) = store.dead_events()
    assert str(dead.event_id) == bad[0]
    assert "poison" in dead.reason


def test_a_device_that_is_not_let_in_keeps_the_events_and_says_what_to_do(
    store: SqliteOutbox, server: EdgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    put_all(store, names=2, each=1)
    with ServerLink(server.url, make_identity("another")) as link:
        sender = event_sender(store, link)
        with pytest.raises(DeviceRefused, match="not let in"):
            sender.step()
        sender.start()
        until(lambda: "delivery_refused" in caplog.text)
        sender.stop()
    assert "langan-edge enrol" in caplog.text
    assert store.counts() == (2, 0)


@pytest.mark.parametrize("status", ["301", "404", "405"])
def test_somebody_elses_answer_keeps_the_events(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink, status: str
) -> None:
    server.mood = lambda _number, _path: status
    put_all(store, names=2, each=1)
    with pytest.raises(NotOurServer, match=r"check server\.url"):
        event_sender(store, link).step()
    assert store.counts() == (2, 0)


def test_an_answer_about_other_events_settles_nothing(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_all(store, names=2, each=1)
    monkeypatch.setattr(server, "take_events", lambda _body: (200, {"results": []}))
    with pytest.raises(DeliveryError, match="answered for none"):
        event_sender(store, link).step()
    assert store.counts() == (2, 0)


def test_media_follow_their_event_and_leave_the_disk(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink, tmp_path: Path
) -> None:
    ref, path = make_media(tmp_path, b"clip" * 1000, EvidenceRole.CLIP)
    store.put(make_event("a", evidence=(ref,)), [(ref.sha256, path)])
    forgotten: list[str] = []
    uploader = media_sender(store, link, forgotten)
    uploader.step()
    assert server.evidence == {}, "the server does not know the event yet"
    event_sender(store, link).step()
    uploader.step()
    assert server.evidence == {ref.sha256: b"clip" * 1000}
    assert forgotten == [ref.sha256]
    assert store.counts() == (0, 0)


def test_an_event_does_not_wait_for_a_clip_that_cannot_be_uploaded(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink, tmp_path: Path
) -> None:
    server.mood = lambda _number, path: "500" if "evidence" in path else "well"
    ref, path = make_media(tmp_path, b"clip", EvidenceRole.CLIP)
    store.put(make_event("a", evidence=(ref,)), [(ref.sha256, path)])
    sender, uploader = event_sender(store, link), media_sender(store, link)
    sender.start()
    uploader.start()
    until(lambda: len(server.events) == 1)
    store.put(make_event("b"), [])
    sender.wake()
    until(lambda: len(server.events) == 2)
    assert store.counts()[1] == 1, "the clip is kept"
    server.mood = lambda _number, _path: "well"
    until(uploader.is_empty)
    sender.stop()
    uploader.stop()
    assert server.evidence == {ref.sha256: b"clip"}


def test_a_file_that_the_server_rejects_is_set_aside_and_one_that_is_gone_is_forgotten(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    altered, altered_path = make_media(tmp_path, b"altered")
    gone, gone_path = make_media(tmp_path, b"gone")
    good, good_path = make_media(tmp_path, b"good")
    altered_path.write_bytes(b"ALTERED")
    gone_path.unlink()
    refs = (altered, gone, good)
    store.put(
        make_event("a", evidence=refs),
        [(ref.sha256, path) for ref, path in zip(refs, (altered_path, gone_path, good_path), strict=True)],
    )
    event_sender(store, link).step()
    uploader = media_sender(store, link)
    for _ in range(3):
        uploader.step()
    assert server.evidence == {good.sha256: b"good"}
    assert uploader.is_empty()
    assert "media_gone" in caplog.text
    assert "media_refused" in caplog.text
    assert altered_path.exists(), "a refused file is kept for a person to look at"


def test_stopping_sends_what_waits_if_the_server_takes_it(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink
) -> None:
    expected = put_all(store, names=250, each=1)
    sender = event_sender(store, link)
    sender.start()
    sender.stop(drain_s=10.0)
    assert server.events == expected


def test_a_defect_in_a_step_is_logged_and_the_sender_goes_on(
    store: SqliteOutbox,
    server: EdgeServer,
    link: ServerLink,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put_all(store, names=1, each=1)
    post = link.post_events
    failures = [RuntimeError("a defect")]

    def fail_once(events: Any) -> Any:
        if failures:
            raise failures.pop()
        return post(events)

    monkeypatch.setattr(link, "post_events", fail_once)
    sender = event_sender(store, link)
    sender.start()
    until(sender.is_empty)
    sender.stop()
    assert len(server.events) == 1
    assert any(record.levelno == logging.ERROR and record.exc_info for record in caplog.records)


def test_a_proxys_page_takes_no_file(
    store: SqliteOutbox, server: EdgeServer, link: ServerLink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref, path = make_media(tmp_path, b"clip", EvidenceRole.CLIP)
    store.put(make_event("a", evidence=(ref,)), [(ref.sha256, path)])
    event_sender(store, link).step()
    monkeypatch.setattr(server, "take_evidence", lambda _digest, _body: (200, "<html>Please log in</html>"))
    with pytest.raises(NotOurServer, match=r"check server\.url"):
        media_sender(store, link).step()
    assert store.counts() == (0, 1)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:99999", "http://[::1", "http://a:b", "127.0.0.1:8000", "ftp://server", "http://", "server"],
)
def test_an_impossible_url_is_told(url: str) -> None:
    with pytest.raises(NotOurServer, match=r"server\.url"):
        ServerLink(url, IDENTITY)


def test_a_rejection_repeats_the_servers_words_on_one_line(
    server: EdgeServer, link: ServerLink, tmp_path: Path
) -> None:
    server.mood = lambda _number, _path: "422"
    outbox = SqliteOutbox(tmp_path / "o.sqlite", FakeClock())
    outbox.put(make_event(), [])
    with pytest.raises(Rejected, match="422 Unprocessable Entity: told to answer 422"):
        link.post_events(outbox.pending(1))
    outbox.close()
