"""Cameras fail alone, come back by themselves, and are exchanged one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from contract.camera_config import CameraConfig
from contract.config_loader import LoadedCamera
from contract.event import CameraHealth, HealthReason
from edge import supervisor as supervisor_module
from edge import worker as worker_module
from edge.clock import SystemClock
from edge.errors import ModelError, SecretMissing, SourceError, SourceNotFound, SourceRefused, SourceStalled
from edge.metrics import CAMERA_FIGURES
from edge.picture import ArrayPicture
from edge.status import CameraMonitor
from edge.supervisor import Supervisor
from edge.types import Frame
from edge.worker import CameraParts


class Stage:
    """One camera's fake parts: what its sources do in turn, and what its pipeline was told."""

    def __init__(self, camera_id: str) -> None:
        self.camera_id = camera_id
        self.script: list[Exception | int | str] = []
        """For each opening: an error, a number of frames before the stream breaks, `live` or `end`."""
        self.openings = 0
        self.trouble = ""
        self.told: list[str] = []
        self.pipelines = 0
        self.crash_at: set[int] = set()
        self.frames = 0
        self.hold: threading.Event | None = None
        """The pipeline hangs until it is set."""
        self.held = False

    def parts(self) -> CameraParts:
        return CameraParts(self.camera_id, lambda: Source(self), None, self.make_pipeline)

    def make_pipeline(self, monitor: CameraMonitor) -> Pipeline:  # noqa: ARG002 - the port's signature
        self.pipelines += 1
        return Pipeline(self)

    def act(self) -> Exception | int | str:
        self.openings += 1
        return self.script.pop(0) if self.script else "live"


class Source:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.closed = threading.Event()
        self.trouble = stage.trouble
        self.catching_up = False
        self.given = 0

    def frames(self) -> Iterator[Frame]:
        act = self.stage.act()
        if isinstance(act, Exception):
            raise act
        count = 3 if act == "end" else act if isinstance(act, int) else 1_000_000
        for i in range(count):
            if self.closed.wait(0.005):
                return
            self.given += 1
            yield Frame(
                self.stage.camera_id,
                ArrayPicture(np.zeros((2, 2, 3), np.uint8)),
                time.monotonic(),
                datetime.now(UTC),
                i,
            )
        if act != "end":
            raise SourceError("the stream broke: look at the cable")

    def figures(self) -> dict[str, float]:
        return {"packets": self.given, "decode_idle": 1.0}

    def close(self) -> None:
        self.closed.set()


class Pipeline:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def process(self, frame: Frame) -> None:  # noqa: ARG002 - the port's signature
        self.stage.frames += 1
        if self.stage.hold is not None:
            self.stage.held = True
            self.stage.hold.wait(20)
        if self.stage.frames in self.stage.crash_at:
            raise ZeroDivisionError("a defect in a rule")
        self.stage.told.append("frame")

    def idle(self, now_s: float) -> None:  # noqa: ARG002 - the port's signature
        self.stage.told.append("idle")

    def stream_ended(self) -> None:
        self.stage.told.append("stream_ended")

    def finish(self) -> None:
        self.stage.told.append("finish")

    def figures(self) -> dict[str, float]:
        return {"frames_searched": self.stage.frames}


def loaded(camera_id: str, version: str = "1", enabled: bool = True) -> LoadedCamera:
    config = CameraConfig.model_validate(
        {
            "camera": {"id": camera_id, "name": camera_id, "village": "v", "enabled": enabled},
            "inputs": [{"path": "clip.mp4"}],
        }
    )
    return LoadedCamera(config, "", Path(f"{camera_id}.yaml"), version)


def until(condition: Callable[[], bool], limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


class House:
    """A supervisor over stages."""

    def __init__(self) -> None:
        self.stages: dict[str, Stage] = {}
        self.refuse: set[str] = set()
        self.built: list[tuple[str, str]] = []
        self.supervisor = Supervisor(self.make_parts, SystemClock())

    def stage(self, camera_id: str) -> Stage:
        return self.stages.setdefault(camera_id, Stage(camera_id))

    def make_parts(self, camera: LoadedCamera) -> CameraParts:
        camera_id = camera.config.camera.id
        if camera.version == "defect":
            raise ZeroDivisionError("a defect in a part")
        if camera.version in self.refuse:
            raise ModelError("no such model: choose another")
        self.built.append((camera_id, camera.version))
        return self.stage(camera_id).parts()

    def health(self, camera_id: str) -> CameraHealth:
        return self.status(camera_id)[0]

    def status(self, camera_id: str) -> tuple[CameraHealth, str]:
        return next((s.health, s.message) for s in self.supervisor.statuses() if s.camera_id == camera_id)

    def reason(self, camera_id: str) -> HealthReason:
        return next(s.reason for s in self.supervisor.statuses() if s.camera_id == camera_id)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    import edge.backoff

    # Retries are tested without waiting; the delays have a test of their own.
    monkeypatch.setattr(edge.backoff.Backoff, "failed", lambda *_: 0.01)
    house = House()
    yield house
    house.supervisor.stop()


def test_a_camera_that_breaks_is_opened_again_and_its_events_go_on(house: House) -> None:
    stage = house.stage("a")
    stage.script = [SourceNotFound("no route: check the cable"), 3, 2, "live"]
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: stage.openings == 4 and stage.frames > 10)
    assert house.health("a") is CameraHealth.OK
    assert stage.told.count("stream_ended") >= 1
    assert "finish" not in stage.told, "a short loss ends no event"
    assert stage.pipelines == 1


def test_a_password_that_is_not_set_is_no_refusal_of_the_camera(house: House) -> None:
    stage = house.stage("a")
    stage.script = [SecretMissing("{LANGAN_CAM_PASSWORD} is not set", permanent=True)] * 100
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: house.health("a") is CameraHealth.REFUSED)
    assert house.reason("a") is HealthReason.CONFIGURATION


def test_wrong_credentials_are_tried_seldom_and_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = house.stage("a")
    stage.script = [SourceRefused("401: set the password", permanent=True)] * 100
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: house.health("a") is CameraHealth.REFUSED)
    assert house.reason("a") is HealthReason.REFUSED
    assert house.status("a")[1] == "401: set the password"
    time.sleep(0.1)
    assert stage.openings == 1


def test_one_camera_that_fails_never_touches_another(house: House) -> None:
    good, bad = house.stage("good"), house.stage("bad")
    bad.script = [RuntimeError("a defect in the decoder")] * 1000
    house.supervisor.apply({"good": loaded("good"), "bad": loaded("bad")})
    until(lambda: bad.openings > 5 and good.frames > 5)
    assert house.health("good") is CameraHealth.OK
    assert house.health("bad") is CameraHealth.RECONNECTING
    assert good.pipelines == 1


def test_a_defect_in_a_rule_begins_a_fresh_pipeline(house: House, caplog: pytest.LogCaptureFixture) -> None:
    stage = house.stage("a")
    stage.crash_at = {3}
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: stage.frames > 10)
    assert stage.pipelines == 2
    assert stage.told.count("finish") == 1, "what was open is ended"
    assert "a defect in a rule" in caplog.text


def test_frames_do_not_hide_that_the_pipeline_fails_at_each_of_them(house: House) -> None:
    stage = house.stage("a")
    stage.crash_at = set(range(3, 1_000_000))
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: stage.pipelines > 5)
    assert house.status("a") == (CameraHealth.RECONNECTING, "a defect stopped it: ZeroDivisionError: see the log")
    assert house.reason("a") is HealthReason.DEFECT
    stage.crash_at = set()
    until(lambda: house.status("a") == (CameraHealth.OK, ""))
    assert house.reason("a") is HealthReason.NONE


def test_a_defect_after_a_long_time_is_a_new_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    recovered: list[bool] = []
    monkeypatch.setattr("edge.backoff.Backoff.succeeded", lambda _: recovered.append(True))
    stage = house.stage("a")
    stage.crash_at = {3}
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: stage.frames > 5)
    assert recovered == []
    monkeypatch.setattr(supervisor_module, "STABLE_S", 0.0)
    stage.crash_at = {stage.frames + 5}
    until(lambda: stage.pipelines == 3)
    assert recovered == [True]


def test_a_long_loss_of_the_picture_ends_events(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "FORGET_AFTER_S", 0.02)
    monkeypatch.setattr(worker_module, "_IDLE_S", 0.01)
    stage = house.stage("a")
    stage.script = [2, *[SourceRefused("gone", permanent=True)] * 50]
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: "finish" in stage.told)
    time.sleep(0.1)
    assert stage.told.count("finish") == 1


def test_a_clip_that_was_played_to_its_end_is_told(house: House) -> None:
    stage = house.stage("a")
    stage.script = ["end"]
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: house.supervisor.all_ended)
    until(lambda: "finish" in stage.told)
    assert house.health("a") is CameraHealth.ENDED
    assert stage.openings == 1


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


def test_what_troubles_a_source_is_told_while_it_goes_on(house: House) -> None:
    stage = house.stage("a")
    stage.trouble = "3 of 100 pictures are broken: check the network"
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: house.health("a") is CameraHealth.OK)
    assert house.status("a")[1] == stage.trouble


def test_a_camera_that_stays_away_is_logged_once_and_not_at_each_try(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    stage = house.stage("a")
    stage.script = [
        *[SourceNotFound("no route: check the cable")] * 20,
        *[SourceRefused("401: set the password")] * 20,
    ]
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: house.health("a") is CameraHealth.OK)
    told = [record.message for record in caplog.records if "source_failed" in record.message]
    assert len(told) == 2, told
    assert "no route" in told[0]
    assert "401" in told[1]


def test_a_camera_that_breaks_at_once_again_and_again_is_opened_more_and_more_seldom(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures: list[str] = []

    def failed(_: object) -> float:
        failures.append("failed")
        return 0.01

    monkeypatch.setattr("edge.backoff.Backoff.failed", failed)
    monkeypatch.setattr("edge.backoff.Backoff.succeeded", lambda _: failures.append("succeeded"))
    stage = house.stage("a")
    stage.script = [1, 1, 1, "live"]
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: stage.openings == 4)
    assert failures == ["failed"] * 3, "a single picture is no recovery"
    monkeypatch.setattr(worker_module, "STABLE_S", 0.0)
    stage = house.stage("b")
    stage.script = [1, "live"]
    house.supervisor.apply({"a": loaded("a"), "b": loaded("b")})
    until(lambda: stage.openings == 2)
    assert failures[3:] == ["succeeded", "failed"]


def test_a_lost_recording_is_told_until_packets_come_again(house: House) -> None:
    searched, recorded = house.stage("a"), Stage("a-main")
    recorded.script = [SourceStalled("rtsp://cam/main: check it"), "live"]
    newest: list[float] = []
    parts = CameraParts(
        "a",
        lambda: Source(searched),
        lambda: Source(recorded),
        searched.make_pipeline,
        recorded_until_s=lambda: newest[-1] if newest else None,
    )
    house.supervisor = Supervisor(lambda _loaded: parts, SystemClock())
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: recorded.openings == 2 and house.health("a") is CameraHealth.OK)
    assert house.status("a")[1] == "no clips, the stream for recording is lost: rtsp://cam/main: check it"
    newest.append(time.monotonic() + 1)
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


def test_numbers_that_cannot_be_told_stop_no_camera(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.supervisor.apply({"a": loaded("a"), "b": loaded("b")})
    until(lambda: house.stage("a").frames > 2 and house.stage("b").frames > 2)

    def broken() -> dict[str, float]:
        raise ZeroDivisionError("a rate of nothing")

    house.supervisor._running["a"].monitor.add_figures("broken", broken)
    for _ in range(3):
        figures = house.supervisor.figures()
    assert figures["a"] == {}
    assert figures["b"]["frames_searched"] > 2
    assert caplog.text.count("figures_failed") == 1


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


def test_counters_go_on_through_a_reconnection_and_gauges_are_those_of_now(house: House) -> None:
    stage = house.stage("a")
    stage.script = [3, SourceNotFound("no route: check the cable"), 4, "live"]
    house.supervisor.apply({"a": loaded("a")})
    until(lambda: stage.openings == 4 and stage.frames > 0)
    until(lambda: house.supervisor.figures()["a"]["packets"] > 7)
    figures = house.supervisor.figures()["a"]
    assert figures["reconnects"] == 3
    assert figures["decode_idle"] == 1.0
    assert figures["frames_searched"] > 0
    assert figures["decode_cpu_s"] > 0.0
    assert figures.keys() <= CAMERA_FIGURES.keys()


def test_rates_count_from_the_last_report() -> None:
    from tests.edge_fakes import START, FakeClock

    clock = FakeClock()
    monitor = CameraMonitor("a", clock)
    assert monitor.report().health is CameraHealth.STARTING
    for _ in range(50):
        monitor.frame_came(START)
    for _ in range(20):
        monitor.frame_searched()
    clock.advance(10)
    status = monitor.report()
    assert (status.health, status.fps_in, status.fps_detected) == (CameraHealth.OK, 5.0, 2.0)
    assert status.last_frame_at == START
    clock.advance(10)
    assert monitor.report().fps_in == 0.0
