"""The server's word on a camera's configuration counts, when it is valid; the last good one stays otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config_store import ConfigStore

SITE = """
site: {name: Xã Nhơn Lộc}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""


def camera(camera_id: str, name: str, village: str = "trang-long") -> str:
    return f"camera: {{id: {camera_id}, name: {name}, village: {village}}}\ninputs: [{{path: clip.mp4}}]\n"


class Place:
    """A configuration folder and a data folder; each `start` is an edge that starts."""

    def __init__(self, folder: Path) -> None:
        self.config, self.data = folder / "config", folder / "data"
        (self.config / "cameras").mkdir(parents=True)
        (self.config / "site.yaml").write_text(SITE, "utf-8")
        self.write("a", camera("a", "từ tệp"))

    def write(self, camera_id: str, text: str) -> None:
        (self.config / "cameras" / f"{camera_id}.yaml").write_text(text, "utf-8")

    def start(self) -> ConfigStore:
        return ConfigStore(self.config, self.data)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def send_all(store: ConfigStore) -> list[str]:
    sent = store.to_send()
    for item in sent:
        store.was_sent(item)
    return [item.config.camera.id for item in sent]


def name_in_force(store: ConfigStore, camera_id: str = "a") -> str:
    return store.load().cameras[camera_id].config.camera.name


def test_a_file_is_sent_once_and_again_when_it_changed(place: Place) -> None:
    store = place.start()
    store.load()
    assert send_all(store) == ["a"]
    assert send_all(store) == []
    again = place.start()
    again.load()
    assert send_all(again) == []
    place.write("a", camera("a", "sửa"))
    again.load()
    assert send_all(again) == ["a"]


def test_an_admins_version_is_in_force_and_survives_a_restart_without_a_network(place: Place) -> None:
    store = place.start()
    config = store.load()
    send_all(store)
    config = store.take({"a": camera("a", "từ máy chủ")}, config)
    assert config.cameras["a"].config.camera.name == "từ máy chủ"
    assert name_in_force(place.start()) == "từ máy chủ"


def test_the_same_text_as_in_force_changes_nothing(place: Place) -> None:
    store = place.start()
    config = store.load()
    send_all(store)
    assert store.take({"a": config.cameras["a"].text}, config).cameras["a"] is config.cameras["a"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("camera: {", "pulled_config_refused"),
        (camera("a", "tên", village="nowhere"), "nowhere"),
        (camera("b", "tên"), "never change a camera's id"),
    ],
)
def test_an_invalid_version_is_refused_and_the_last_good_one_stays(
    place: Place, text: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = place.start()
    config = store.load()
    send_all(store)
    config = store.take({"a": camera("a", "tốt")}, config)
    config = store.take({"a": text}, config)
    assert config.cameras["a"].config.camera.name == "tốt"
    assert reason in caplog.text
    assert name_in_force(place.start()) == "tốt"


def test_a_file_that_was_changed_is_in_force_until_the_server_has_answered(place: Place) -> None:
    store = place.start()
    config = store.load()
    send_all(store)
    store.take({"a": camera("a", "từ máy chủ")}, config)
    place.write("a", camera("a", "sửa tại chỗ"))
    config = store.load()
    assert config.cameras["a"].config.camera.name == "sửa tại chỗ"
    config = store.take({"a": camera("a", "từ máy chủ")}, config)
    assert config.cameras["a"].config.camera.name == "sửa tại chỗ", "the server has not got it yet"
    send_all(store)
    config = store.take({"a": camera("a", "từ máy chủ")}, config)
    assert config.cameras["a"].config.camera.name == "từ máy chủ", "an admin's version counts"


def test_a_server_that_has_forgotten_a_camera_is_told_again(place: Place) -> None:
    store = place.start()
    config = store.load()
    send_all(store)
    assert store.take({}, config).cameras == config.cameras
    assert send_all(store) == ["a"]


def test_a_camera_that_an_admin_added_begins_and_goes_with_its_configuration(place: Place) -> None:
    store = place.start()
    config = store.load()
    send_all(store)
    config = store.take({"a": config.cameras["a"].text, "b": camera("b", "mới")}, config)
    assert sorted(config.cameras) == ["a", "b"]
    assert name_in_force(place.start(), "b") == "mới"
    config = store.take({"a": config.cameras["a"].text}, config)
    assert sorted(config.cameras) == ["a"]
    assert sorted(place.start().load().cameras) == ["a"]


@pytest.mark.parametrize("camera_id", ["../../etc/cron", "a/b", "", "A", ".."])
def test_an_id_that_is_none_never_becomes_a_file_name(place: Place, camera_id: str) -> None:
    store = place.start()
    config = store.load()
    before = sorted(place.config.parent.rglob("*"))
    store.take({camera_id: camera("a", "x")}, config)
    assert sorted(place.config.parent.rglob("*")) == before


def test_a_broken_file_in_the_folder_does_not_stop_what_the_server_has(place: Place) -> None:
    store = place.start()
    config = store.load()
    send_all(store)
    store.take({"a": camera("a", "từ máy chủ")}, config)
    place.write("a", "camera: {")
    loaded = store.load()
    assert loaded.errors
    assert loaded.cameras["a"].config.camera.name == "từ máy chủ"


def test_an_unreadable_state_sends_every_file_again(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    store = place.start()
    store.load()
    send_all(store)
    (place.data / "sent_configs.json").write_text("{torn", "utf-8")
    again = place.start()
    again.load()
    assert "state_unreadable" in caplog.text
    assert send_all(again) == ["a"]
