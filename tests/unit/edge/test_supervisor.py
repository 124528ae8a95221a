"""Cameras fail alone, come back by themselves, and are exchanged one by one."""

from __future__ import annotations

import time

import pytest

from contract.event import CameraHealth, HealthReason
from edge import supervisor as supervisor_module
from edge import worker as worker_module
from edge.clock import SystemClock
from edge.errors import SecretMissing, SourceNotFound, SourceRefused, SourceStalled
from edge.metrics import CAMERA_FIGURES
from edge.status import CameraMonitor
from edge.supervisor import Supervisor
from edge.worker import CameraParts
from tests.support.house import House, Source, Stage, loaded, until


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
