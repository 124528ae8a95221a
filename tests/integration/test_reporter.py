"""Heartbeats go out, camera files are told, and what an admin wrote comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from contract.event import CameraHealth, CameraStatus
from edge.config_store import ConfigStore
from edge.identity import DeviceIdentity
from edge.outbox import ServerLink, SqliteOutbox
from edge.outbox.link import DeviceRefused
from edge.reporter import EVERY_S, STARTING_EVERY_S, Reporter
from tests.edge_fakes import START, FakeClock, make_event
from tests.edge_server import IDENTITY, EdgeServer
from tests.support.identity import make_identity

SITE = """
site: {name: Xã Nhơn Lộc}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""
CAMERA = "camera: {id: cong_cho, name: Cổng chợ, village: trang-long}\ninputs: [{path: clip.mp4}]\n"


class House:
    def __init__(self, folder: Path, url: str, identity: DeviceIdentity = IDENTITY) -> None:
        (folder / "config" / "cameras").mkdir(parents=True)
        (folder / "config" / "site.yaml").write_text(SITE, "utf-8")
        (folder / "config" / "cameras" / "cong_cho.yaml").write_text(CAMERA, "utf-8")
        self.store = SqliteOutbox(folder / "outbox.sqlite", FakeClock())
        self.configs = ConfigStore(folder / "config", folder / "data")
        self.configs.load()
        self.link = ServerLink(url, identity)
        self.taken: list[Mapping[str, str]] = []
        self.health = CameraHealth.REFUSED
        self.reporter = Reporter(
            self.link,
            FakeClock(),
            store=self.store,
            configs=self.configs,
            statuses=lambda: (CameraStatus(camera_id="cong_cho", health=self.health, message="set it"),),
            on_configs=self.taken.append,
        )

    def close(self) -> None:
        self.link.close()
        self.store.close()


@pytest.fixture
def server() -> Iterator[EdgeServer]:
    with EdgeServer() as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, server: EdgeServer) -> Iterator[House]:
    house = House(tmp_path, server.url)
    yield house
    house.close()


def test_a_heartbeat_tells_the_backlog_and_every_camera(house: House, server: EdgeServer) -> None:
    house.store.put(make_event(), [])
    assert house.reporter.step() == EVERY_S
    (heartbeat,) = server.heartbeats
    assert heartbeat["sent_at"] == START.isoformat().replace("+00:00", "Z")
    assert (heartbeat["outbox_events"], heartbeat["outbox_media"]) == (1, 0)
    assert heartbeat["cameras"][0] | {"fps_in": 0, "fps_detected": 0} == {
        "camera_id": "cong_cho",
        "health": "refused",
        "message": "set it",
        "reason": "",
        "fps_in": 0,
        "fps_detected": 0,
        "last_frame_at": None,
    }


def test_while_a_camera_starts_reports_come_sooner(house: House) -> None:
    house.health = CameraHealth.STARTING
    assert house.reporter.step() == STARTING_EVERY_S


def test_a_camera_file_is_told_once_and_the_answer_is_fetched_only_when_it_changed(
    house: House, server: EdgeServer
) -> None:
    house.reporter.step()
    house.reporter.step()
    assert server.files == {"cong_cho": CAMERA}
    assert house.taken == [{"cong_cho": CAMERA}]
    server.pulled["cong_cho"] = CAMERA.replace("Cổng", "Ngõ")
    house.reporter.step()
    house.reporter.step()
    assert house.taken[1:] == [{"cong_cho": CAMERA.replace("Cổng", "Ngõ")}]


def test_an_admins_older_version_wins_over_a_new_file_and_that_is_told(
    house: House, server: EdgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.pulled["cong_cho"] = CAMERA.replace("Cổng", "Ngõ")
    house.reporter.step()
    assert "config_superseded camera=cong_cho" in caplog.text
    assert house.taken == [{"cong_cho": CAMERA.replace("Cổng", "Ngõ")}]


@pytest.mark.parametrize("status", ["422", "413"])
def test_a_file_that_the_server_refuses_is_told_once_and_heartbeats_go_on(
    house: House, server: EdgeServer, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.mood = lambda _number, path: status if path.endswith("cong_cho/config") else "well"
    house.reporter.step()
    house.reporter.step()
    assert caplog.text.count("config_rejected") == 1
    assert len(server.heartbeats) == 2


def test_a_camera_of_another_device_does_not_stop_the_heartbeat(
    house: House, server: EdgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.mood = lambda _number, path: "403" if path.endswith("cong_cho/config") else "well"
    house.reporter.step()
    assert "config_refused" in caplog.text
    assert len(server.heartbeats) == 1


def test_configurations_are_asked_for_again_when_putting_them_to_work_failed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Mapping[str, str]] = []

    def fail_once(texts: Mapping[str, str]) -> None:
        taken.append(texts)
        if len(taken) == 1:
            raise RuntimeError("a defect")

    monkeypatch.setattr(house.reporter, "_on_configs", fail_once)
    with pytest.raises(RuntimeError):
        house.reporter.step()
    house.reporter.step()
    assert len(taken) == 2


def test_a_device_that_is_not_let_in_is_told(tmp_path: Path, server: EdgeServer) -> None:
    house = House(tmp_path, server.url, make_identity("another"))
    with pytest.raises(DeviceRefused, match="not let in"):
        house.reporter.step()
    house.close()


def test_a_file_that_the_server_forbids_is_logged_once_and_heartbeats_go_on(
    house: House, server: EdgeServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.mood = lambda _number, path: "403" if path.endswith("/cong_cho/config") else "well"
    for _ in range(5):
        house.reporter.step()
    assert caplog.text.count("config_refused") == 1
    assert "this device may not" in caplog.text
    assert "enrol" not in caplog.text, "it is let in"
    assert len(server.heartbeats) == 5
