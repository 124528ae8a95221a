"""Cameras are exchanged one by one, and those that cannot begin are told and tried again."""

from __future__ import annotations

import threading

import pytest

from contract.config_loader import LoadedCamera
from contract.event import CameraHealth, HealthReason
from edge import supervisor as supervisor_module
from edge import worker as worker_module
from edge.clock import SystemClock
from edge.supervisor import Supervisor
from edge.worker import CameraParts
from tests.support.house import House, loaded, until


def test_only_the_camera_whose_configuration_changed_is_exchanged(house: House) -> None:
    house.supervisor.apply({"a": loaded("a"), "b": loaded("b")})
    until(lambda: house.stage("a").frames > 2 and house.stage("b").frames > 2)
    house.supervisor.apply({"a": loaded("a"), "b": loaded("b", "2")})
    until(lambda: house.stage("b").pipelines == 2)
    assert sorted(house.built) == [("a", "1"), ("b", "1"), ("b", "2")]
    assert house.stage("b").told.count("finish") == 1
    assert house.stage("a").pipelines == 1
    assert "finish" not in house.stage("a").told


def test_a_camera_that_hangs_while_it_is_exchanged_or_made_holds_up_no_other(house: House) -> None:
    let_go = threading.Event()
    make_parts = house.make_parts

    def make(camera: LoadedCamera) -> CameraParts:
        if camera.config.camera.id == "slow":
            let_go.wait(20)  # a model that is being loaded
        return make_parts(camera)

    house.supervisor = Supervisor(make, SystemClock())
    house.supervisor.apply({name: loaded(name) for name in ("gone", "hangs", "well")})
    until(lambda: all(stage.frames > 2 for stage in house.stages.values()))
    for name in ("gone", "hangs"):
        house.stage(name).hold = let_go
    until(lambda: house.stage("gone").held and house.stage("hangs").held)
    news = {name: loaded(name, "2") for name in ("slow", "hangs", "well")}
    applying = threading.Thread(target=house.supervisor.apply, args=(news,))
    applying.start()
    until(lambda: house.stage("well").pipelines == 2)
    assert house.supervisor.versions() == {"gone": "1", "hangs": "1", "well": "2"}
    let_go.set()
    applying.join(20)
    assert house.supervisor.versions() == {"slow": "2", "hangs": "2", "well": "2"}


def test_all_cameras_that_hang_together_are_waited_for_as_long_as_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited_s: list[float] = []
    join = worker_module.CameraWorker.join

    def note(worker: worker_module.CameraWorker, timeout_s: float) -> None:
        waited_s.append(timeout_s)
        join(worker, timeout_s)

    monkeypatch.setattr(worker_module.CameraWorker, "join", note)
    monkeypatch.setattr(supervisor_module, "STOP_S", 0.3)
    let_go = threading.Event()
    house.supervisor.apply({name: loaded(name) for name in "abc"})
    for name in "abc":
        house.stage(name).hold = let_go
    until(lambda: all(house.stage(name).held for name in "abc"))
    house.supervisor.stop()
    let_go.set()
    assert waited_s[0] > 0.2
    assert waited_s[1:] == [0.0, 0.0]


def test_a_configuration_that_cannot_be_put_to_work_leaves_the_last_good_one(house: House) -> None:
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: house.stage("a").frames > 2)
    house.refuse = {"2"}
    house.supervisor.apply({"a": loaded("a", "2")})
    frames = house.stage("a").frames
    until(lambda: house.stage("a").frames > frames)
    assert house.health("a") is CameraHealth.OK
    house.refuse = set()
    house.supervisor.apply({"a": loaded("a", "2")})
    assert house.built == [("a", "1"), ("a", "2")]


def test_a_refused_version_is_told_to_the_admin_until_it_is_mended(house: House) -> None:
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: house.health("a") is CameraHealth.OK)
    house.refuse = {"2"}
    house.supervisor.apply({"a": loaded("a", "2")})
    assert house.status("a")[1] == "version 2 was refused, version 1 stays in force: no such model: choose another"
    house.supervisor.apply({"a": loaded("a")})
    assert house.status("a")[1] == ""


def test_a_camera_that_cannot_begin_is_told_and_the_others_begin(house: House) -> None:
    house.refuse = {"bad"}
    house.supervisor.apply({"a": loaded("a", "bad"), "b": loaded("b")})
    until(lambda: house.stage("b").frames > 2)
    assert house.status("a") == (CameraHealth.REFUSED, "no such model: choose another")
    assert house.reason("a") is HealthReason.CONFIGURATION


def test_a_camera_that_could_not_begin_is_tried_again_and_told_once(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.refuse = {"1"}
    cameras = {"a": loaded("a"), "b": loaded("b", "2"), "off": loaded("off", "3", enabled=False)}
    house.supervisor.apply(cameras)
    until(lambda: house.stage("b").frames > 2)
    house.supervisor.try_again()
    assert house.health("a") is CameraHealth.REFUSED
    assert caplog.text.count("configuration_refused") == 1
    house.supervisor.apply(dict(cameras))
    assert caplog.text.count("configuration_refused") == 2, "a reload is answered"
    house.refuse = set()
    house.supervisor.try_again()
    until(lambda: house.health("a") is CameraHealth.OK)
    house.supervisor.try_again()
    assert house.built == [("b", "2"), ("a", "1")], "who runs is left alone"
    assert house.health("off") is CameraHealth.DISABLED


def test_a_defect_while_a_camera_is_made_is_told_and_the_others_begin(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.supervisor.apply({"a": loaded("a", "defect"), "b": loaded("b")})
    until(lambda: house.stage("b").frames > 2)
    assert house.status("a") == (CameraHealth.REFUSED, "a defect, ZeroDivisionError: see the log")
    assert house.reason("a") is HealthReason.DEFECT
    assert "a defect in a part" in caplog.text


def test_removed_and_disabled_cameras_stop(house: House) -> None:
    house.supervisor.apply({"a": loaded("a"), "b": loaded("b")})
    until(lambda: house.stage("a").frames > 2 and house.stage("b").frames > 2)
    house.supervisor.apply({"b": loaded("b", "2", enabled=False)})
    assert house.stage("a").told[-1] == house.stage("b").told[-1] == "finish"
    assert [status.camera_id for status in house.supervisor.statuses()] == ["b"]
    assert house.health("b") is CameraHealth.DISABLED


def test_stopping_ends_every_event_and_nothing_begins_afterwards(house: House) -> None:
    house.supervisor.apply({"a": loaded("a"), "b": loaded("b")})
    until(lambda: house.stage("a").frames > 2 and house.stage("b").frames > 2)
    house.supervisor.stop()
    assert house.stage("a").told[-1] == house.stage("b").told[-1] == "finish"
    house.supervisor.apply({"c": loaded("c")})
    assert sorted(house.built) == [("a", "1"), ("b", "1")]
