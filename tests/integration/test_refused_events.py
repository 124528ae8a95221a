"""What the real server refuses: one event is set aside and sent again later; who is not let in keeps everything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.event import Event
from edge.cli import main
from edge.clock import SystemClock
from edge.errors import OutboxError
from edge.identity import DeviceIdentity
from edge.outbox import EventSender, PatientOutbox, ServerLink, SqliteOutbox
from edge.outbox.link import DeviceRefused
from edge.outbox.refused import list_refused
from tests.edge_fakes import make_event, make_media
from tests.support.identity import make_identity
from tests.support.server import RunningServer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with RunningServer(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def open_outbox(data: Path) -> SqliteOutbox:
    return SqliteOutbox(data / "outbox.sqlite", SystemClock())


def send_all(store: SqliteOutbox, server: RunningServer, device: DeviceIdentity) -> None:
    """As the sender's thread does; what it raises is an error of the whole batch."""
    with ServerLink(server.url, device) as link:
        sender = EventSender(PatientOutbox(store, lambda _size: 0), link, SystemClock())
        while not sender.is_empty():
            sender.step()


def in_village(name: str, camera_id: str, village: str) -> Event:
    now = SystemClock().utc()
    times = {"started_at": now, "observed_at": now}
    changes = {"camera_id": camera_id, "spot": camera_id, "village": village, **times}
    return make_event(name).model_copy(update=changes)


def test_one_event_outside_the_devices_village_does_not_hold_up_the_next(server: RunningServer, data: Path) -> None:
    device = server.enrol("box-403", "trang-long")
    store = open_outbox(data)
    foreign, own = in_village("foreign", "cam_403", "dong-lam"), in_village("own", "cam_403b", "trang-long")
    store.put(foreign, [])
    send_all(store, server, device)
    store.put(own, [])
    send_all(store, server, device)
    (dead,) = store.dead_events()
    assert (dead.event_id, dead.status) == (foreign.event_id, "refused")
    assert "dong-lam" in dead.reason
    assert "Remedy" in dead.reason
    assert store.refused_by_camera() == {"cam_403": (1, dead.reason)}
    store.close()


def test_an_unknown_or_revoked_device_keeps_every_event(server: RunningServer, data: Path) -> None:
    device = server.enrol("box-401", "trang-long")
    store = open_outbox(data)
    store.put(in_village("kept", "cam_401", "trang-long"), [])
    with pytest.raises(DeviceRefused, match="langan-edge enrol"):
        send_all(store, server, make_identity("nobody"))
    server.command("device", "revoke", "box-401")
    with pytest.raises(DeviceRefused):
        send_all(store, server, device)
    assert store.counts() == (1, 0)
    assert store.dead_events() == []
    store.close()


def test_refused_events_are_listed_exported_and_sent_again(
    server: RunningServer, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device = server.enrol("box-retry", "trang-long")
    commune = server.enrol("box-commune", "nhon-loc")
    ref, path = make_media(tmp_path, b"jpeg of a refused event")
    event = in_village("retried", "cam_retry", "dong-lam").model_copy(update={"evidence": (ref,)})
    store = open_outbox(data)
    store.put(event, [(ref.sha256, path)])
    send_all(store, server, device)
    store.close()

    assert main(["outbox", "list", "--data", str(data)]) == 0
    listed = capsys.readouterr().out
    assert f"{event.event_id}/0 intrusion start camera=cam_retry village=dong-lam refused:" in listed
    assert "1 refused events, 1 refused files" in listed
    assert main(["outbox", "export", "--data", str(data)]) == 0
    exported = json.loads(capsys.readouterr().out)
    assert Event.model_validate(exported["event"]) == event
    assert main(["outbox", "retry", "--data", str(data), "--camera", "another"]) == 0
    assert "0 events wait again, 1 stay refused" in capsys.readouterr().out
    assert main(["outbox", "retry", "--data", str(data)]) == 0
    assert "1 events wait again, 0 stay refused" in capsys.readouterr().out

    store = open_outbox(data)
    assert store.pending_media(1) == [], "a file waits for its event"
    send_all(store, server, commune)  # the mistake was mended: this device's place holds both villages
    assert store.dead_events() == []
    assert [media.sha256 for media in store.pending_media(10)] == [ref.sha256]
    store.close()


def test_an_outbox_that_is_not_there_or_in_use_is_told(data: Path) -> None:
    with pytest.raises(OutboxError, match=r"--data"):
        list(list_refused(data))
    assert not data.exists(), "looking makes no folder"
    store = open_outbox(data)
    with pytest.raises(OutboxError, match="another process uses this outbox"):
        list(list_refused(data))
    store.close()
