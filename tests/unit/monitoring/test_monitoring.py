"""`/metrics` by Prometheus' own parser, `/healthz`, and clients that mean harm."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from contract.event import CameraHealth, CameraStatus, HealthReason
from edge.errors import EdgeError
from edge.evidence.store import EvidenceFolder
from edge.metrics import CAMERA_FIGURES
from edge.monitoring import http as monitoring_http
from edge.monitoring.box import BoxSnapshot, Temperature, read_box, read_temperatures
from edge.monitoring.exposition import CONTENT_TYPE, Family, render
from edge.monitoring.figures import families
from edge.monitoring.health import judge
from edge.monitoring.http import MAX_AT_ONCE, Address
from edge.monitoring.systemd import SystemdNotifier
from edge.monitoring.watch import Watch
from edge.outbox import SqliteOutbox
from edge.outbox.store import Backlog
from edge.status import CameraSnapshot, EdgeSnapshot, WorkerSnapshot
from tests.edge_fakes import START, FakeClock, make_event


def camera(
    camera_id: str = "cong_cho", health: CameraHealth = CameraHealth.OK, figures: Mapping[str, float] | None = None
) -> CameraSnapshot:
    status = CameraStatus(
        camera_id=camera_id,
        health=health,
        message="rtsp://user:secret@10.0.0.1 did not answer",
        reason=HealthReason.STALLED if health is CameraHealth.RECONNECTING else HealthReason.NONE,
        fps_in=24.5,
        fps_detected=5.0,
        last_frame_at=START - timedelta(seconds=2),
    )
    return CameraSnapshot(status, "w1", figures or {})


WELL = EdgeSnapshot(
    taken_at=START,
    uptime_s=12.5,
    cameras=(camera(), camera("duong_lang")),
    workers=(WorkerSnapshot("w1", "cameras", 42, 100_000, 1.5, 0, ("cong_cho", "duong_lang")),),
    outbox_events=3,
    outbox_media=1,
    events_in_memory=0,
    evidence_bytes=5_000,
    evidence_budget_bytes=1_000_000,
)
BACKLOG = Backlog(3, 1, 5_000, 0, 0, START - timedelta(seconds=90))
BOX = BoxSnapshot(BACKLOG, 2, 1, 300, 10**9, 10**10, (Temperature("cpu:zone0", 51.5),), 7, 0.5)


def parsed(text: str) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(text)}


def value(text: str, name: str, **labels: str) -> float:
    """The one sample of this name and these labels."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    (found,) = [sample for sample in samples if sample.name == name and labels.items() <= sample.labels.items()]
    return float(found.value)


def test_every_number_of_the_table_is_told_by_camera_with_its_kind_and_meaning() -> None:
    figures = {name: float(number) for number, name in enumerate(CAMERA_FIGURES)}
    text = render(families(replace(WELL, cameras=(camera(figures=figures), camera("b"))), BOX))
    known = parsed(text)
    for number, (name, figure) in enumerate(CAMERA_FIGURES.items()):
        unit = f"{name[:-2]}_seconds" if name.endswith("_s") else name
        metric = known[f"langan_camera_{unit}"]
        assert (metric.type, metric.documentation) == (figure.kind, f"{figure.help[0].upper()}{figure.help[1:]}.")
        (sample,) = metric.samples
        assert sample.name == metric.name + ("_total" if figure.kind == "counter" else "")
        assert (sample.labels, sample.value) == ({"camera": "cong_cho"}, number)


def test_the_box_its_workers_and_its_backlog_are_told() -> None:
    down = WorkerSnapshot("detector", "inference", None, restarts=2, figures={"queue": 4.0})
    text = render(families(replace(WELL, workers=(*WELL.workers, down), events_in_memory=5), BOX))
    assert value(text, "langan_camera_fps_in", camera="cong_cho") == 24.5
    assert value(text, "langan_camera_last_frame_age_seconds", camera="cong_cho") == 2
    assert value(text, "langan_camera_health", camera="cong_cho", state="ok") == 1
    assert value(text, "langan_camera_health", camera="cong_cho", state="reconnecting") == 0
    assert value(text, "langan_worker_up", worker="w1") == 1
    assert value(text, "langan_worker_cameras", worker="w1") == 2
    assert value(text, "langan_worker_up", worker="detector", kind="inference") == 0
    assert value(text, "langan_worker_restarts_total", worker="detector") == 2
    assert value(text, "langan_worker_queue", worker="detector") == 4
    assert value(text, "langan_outbox_events") == 3
    assert value(text, "langan_outbox_oldest_event_age_seconds") == 90
    assert value(text, "langan_outbox_memory_events") == 5
    assert value(text, "langan_evidence_lost_total") == 1
    assert value(text, "langan_data_budget_bytes") == 1_000_000
    assert value(text, "langan_box_temperature_celsius", sensor="cpu:zone0") == 51.5
    assert value(text, "langan_edge_info") == 1
    assert "secret" not in text


@given(st.text(), st.text(), st.floats(allow_nan=False))
def test_whatever_stands_in_labels_and_values_is_read_back(label: str, meaning: str, number: float) -> None:
    # Surrogates cannot be sent as UTF-8; the parser trims a help text and reads lines as `str.splitlines` does not.
    label = label.encode("utf-8", "replace").decode().replace("\r", "")
    meaning = " ".join(meaning.encode("utf-8", "replace").decode().split())
    (metric,) = text_string_to_metric_families(
        render([Family("langan_x", "gauge", meaning or "x", [({"camera": label}, number)])])
    )
    (sample,) = metric.samples
    assert (sample.labels, sample.value) == ({"camera": label}, number)


def codes(edge: EdgeSnapshot, box: BoxSnapshot = BOX, idle_s: float = 0.1) -> tuple[str, int, set[str]]:
    health = judge(edge, box, idle_s)
    return health.status, health.http_status, {reason.code for reason in health.reasons}


def test_health_is_503_only_where_a_restart_may_help() -> None:
    assert codes(WELL) == ("ok", 200, set())
    lost = replace(WELL, cameras=(camera(), camera("b", CameraHealth.RECONNECTING)))
    assert codes(lost) == ("degraded", 200, {"camera"})
    off = replace(WELL, cameras=(camera("b", CameraHealth.DISABLED), camera("c", CameraHealth.ENDED)))
    assert codes(off) == ("ok", 200, set())
    late = replace(BOX, backlog=replace(BACKLOG, oldest_event_at=START - timedelta(minutes=11), dead_events=2))
    assert codes(WELL, late) == ("degraded", 200, {"server", "refused"})
    assert codes(WELL, replace(BOX, disk_free_bytes=1000)) == ("degraded", 200, {"disk_low"})
    dead = replace(WELL.workers[0], pid=None)
    assert codes(replace(WELL, workers=(dead, WELL.workers[0]))) == ("degraded", 200, {"worker"})
    assert codes(replace(WELL, workers=(dead,))) == ("failing", 503, {"no_worker", "worker"})
    assert codes(replace(WELL, workers=())) == ("ok", 200, set())
    assert codes(replace(WELL, events_in_memory=1)) == ("failing", 503, {"disk_full"})
    assert codes(WELL, idle_s=31.0) == ("failing", 503, {"main_loop_stalled"})


def test_reasons_name_the_camera_and_repeat_no_message_that_is_for_the_admin() -> None:
    health = judge(replace(WELL, cameras=(camera("b", CameraHealth.RECONNECTING),)), BOX, 0.0)
    assert health.reasons[0].message == "camera b is reconnecting (stalled)"
    assert "secret" not in json.dumps(health.as_json())
    assert (health.cameras_ok, health.cameras) == (0, 1)


def test_the_box_is_read_from_the_real_outbox_and_folder(tmp_path: Path) -> None:
    store = SqliteOutbox(tmp_path / "outbox.sqlite", FakeClock())
    folder = EvidenceFolder(tmp_path / "evidence", 10_000_000, tmp_path)
    store.put(make_event("a"), [])
    store.put(make_event("a", 1), [])
    folder.add_bytes(b"jpeg", ".jpg")
    box = read_box(tmp_path, store, folder)
    store.close()
    assert (box.backlog.events, box.backlog.oldest_event_at) == (2, START)
    assert (box.evidence_files, box.evidence_lost) == (1, 0)
    assert box.beside_bytes > 4096
    assert box.disk_bytes >= box.disk_free_bytes > 0
    assert box.rss_bytes > 1_000_000
    assert box.cpu_s > 0


def test_temperatures_are_read_where_the_kernel_offers_them(tmp_path: Path) -> None:
    def sensor(path: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    sensor("class/thermal/thermal_zone0/temp", "48312\n")
    sensor("class/thermal/thermal_zone0/type", "cpu-thermal\n")
    sensor("class/thermal/thermal_zone1/temp", "broken\n")
    sensor("class/hwmon/hwmon0/name", "nvme\n")
    sensor("class/hwmon/hwmon0/temp1_input", "35850\n")
    sensor("class/hwmon/hwmon0/temp1_label", 'Compo"site\n1\n')
    sensor("class/hwmon/hwmon0/temp2_input", "6553500\n")
    (tmp_path / "class/hwmon/hwmon0/temp3_input").mkdir()
    assert read_temperatures(tmp_path) == (
        Temperature("cpu-thermal:zone0", 48.312),
        Temperature("nvme:Compo_site_1", 35.85),
    )
    assert read_temperatures(tmp_path / "nothing") == ()


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch(lambda: WELL, lambda: BOX, FakeClock(), SystemdNotifier({}), Address("127.0.0.1", 0))
    made.begin()
    yield made
    made.stopping()


def ask(watch: Watch, path: str, method: str = "GET") -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", watch.port, timeout=20)
    connection.request(method, path)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, response.headers["Content-Type"], body


def test_the_pages_are_served(watch: Watch) -> None:
    status, kind, text = ask(watch, "/metrics")
    assert (status, kind) == (200, CONTENT_TYPE)
    assert value(text, "langan_outbox_events") == 3
    status, kind, text = ask(watch, "/healthz?x=1")
    assert (status, kind) == (200, "application/json")
    assert json.loads(text) == {"status": "ok", "cameras_ok": 2, "cameras": 2, "reasons": []}
    assert ask(watch, "/metrics", "HEAD")[::2] == (200, "")
    assert ask(watch, "/../etc/passwd")[0] == 404
    assert ask(watch, "/metrics", "POST")[0] == 501


def test_clients_that_are_slow_are_cut_and_harm_nobody(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring_http, "REQUEST_S", 1.0)
    slow = []
    for _ in range(MAX_AT_ONCE * 2):
        client = socket.create_connection(("127.0.0.1", watch.port or 0), timeout=30)
        client.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        slow.append(client)
    threads = [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]
    assert len(threads) <= MAX_AT_ONCE
    for client in slow:
        with contextlib.suppress(ConnectionError):
            assert client.recv(1) == b"", "cut without an answer"
        client.close()
    assert until_served(watch) == 200


def until_served(watch: Watch) -> int:
    for _ in range(100):
        try:
            return ask(watch, "/healthz")[0]
        except (http.client.RemoteDisconnected, ConnectionError):
            threading.Event().wait(0.1)
    raise AssertionError("never served again")


def test_an_address_that_is_taken_is_an_error_where_it_was_asked_for_and_a_warning_else(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    def make(**options: Any) -> Watch:
        taken = Address("127.0.0.1", watch.port or 0)
        return Watch(lambda: WELL, lambda: BOX, FakeClock(), SystemdNotifier({}), taken, **options)

    with pytest.raises(EdgeError, match="choose another port"):
        make()
    assert make(must_listen=False).port is None
    assert "no_monitoring" in caplog.text


@pytest.mark.parametrize("text", ["", "9476", ":9476", "localhost:", "localhost:x", "localhost:70000", "a:-1"])
def test_an_address_that_is_none_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write HOST:PORT"):
        Address.parse(text)


@pytest.mark.parametrize("text", ["127.0.0.1:9476", "[::1]:80", "0.0.0.0:0"])
def test_addresses_are_read(text: str) -> None:
    assert str(Address.parse(text)) == text
