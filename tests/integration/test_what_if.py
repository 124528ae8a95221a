"""`langan-edge replay --against`: what a changed configuration adds, drops and changes, over clips or a stored day."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import pytest

import edge.what_if
from contract.camera_config import ObservationsConfig
from contract.event import Event
from edge.cli import main
from edge.observations.log import ObservationLog
from edge.replay import ReplayReport
from edge.replay import replay as replay_clip
from edge.what_if import Comparison, compare_events
from tests.edge_fakes import make_event
from tests.support.scenes import crowd, observation, person

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "configs" / "demo" / "media" / "vtest.mp4"
SITE = """
site: {{name: Xã Nhơn Lộc, timezone: Asia/Ho_Chi_Minh, language: {language}}}
places:
  - {{id: gia-lai, kind: province, name: Gia Lai}}
  - {{id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}}
  - {{id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}}
"""
CAMERA = """
camera: {id: cam, name: Sân nhà văn hóa, village: trang-long}
inputs: [{path: rtsp://192.0.2.1/none}]
objects: {track: [person], filters: {person: {min_score: 0.45}}}
zones:
  san: {name: Sân, coordinates: [[0, 0], [1, 0], [1, 1], [0, 1]]}
  trong: {name: Góc trống, coordinates: [[0, 0], [0.02, 0], [0.02, 0.02]]}
"""
INTRUSION = "rules: [{kind: intrusion, zones: [san], min_duration_s: 1}]\n"
CROWD = "rules: [{kind: crowding, zones: [san], min_people: %d, min_duration_s: 10, clear_after_s: 5}]\n"


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def folder(path: Path, rules: str, language: str = "en", camera: str = CAMERA) -> Path:
    (path / "cameras").mkdir(parents=True)
    (path / "site.yaml").write_text(SITE.format(language=language), "utf-8")
    (path / "cameras" / "cam.yaml").write_text(camera + rules, "utf-8")
    return path


@pytest.fixture(scope="session")
def seconds_of_a_yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("yard") / "yard.mp4"
    with av.open(str(CLIP)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is None or packet.pts is None or float(packet.pts * packet.time_base) > 4:
                break
            packet.stream = stream
            target.mux(packet)
    return path


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Clips that were really searched."""
    done: list[str] = []

    def counted(*arguments: Any, **named: Any) -> ReplayReport:
        done.append(str(arguments[2]))
        return replay_clip(*arguments, **named)

    monkeypatch.setattr(edge.what_if, "replay", counted)
    return done


def compared(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert main(["replay", "--json", *map(str, arguments)]) == 0
    [comparison] = json.loads(capsys.readouterr().out)["comparisons"]
    assert isinstance(comparison, dict)
    return comparison


def test_a_clip_is_searched_once_and_its_events_compared(
    tmp_path: Path, seconds_of_a_yard: Path, searches: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    old = folder(tmp_path / "old", INTRUSION)
    new = folder(tmp_path / "new", INTRUSION.replace("zones: [san]", "zones: [trong]"))
    told = compared(capsys, "--config", new, "--against", old, seconds_of_a_yard)
    assert [event["kind"] for event in told["vanish"]] == ["intrusion"]
    assert told["appear"] == told["changed"] == told["same"] == told["notes"] == []
    assert len(searches) == 1
    told = compared(capsys, "--config", old, "--against", new, seconds_of_a_yard)
    assert [event["zone"] for event in told["appear"]] == ["san"]
    told = compared(capsys, "--config", old, "--against", old, seconds_of_a_yard)
    assert len(told["same"]) == 1
    assert told["appear"] == told["vanish"] == told["changed"] == []


def test_what_is_compared_is_what_a_plain_replay_says(
    tmp_path: Path, seconds_of_a_yard: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder(tmp_path / "old", INTRUSION)
    assert main(["replay", "--json", "--config", str(config), "--camera", "cam", str(seconds_of_a_yard)]) == 0
    revisions = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    ends = [item for item in revisions if item["state"] == "end"]
    [same] = compared(capsys, "--config", config, "--against", config, seconds_of_a_yard)["same"]
    said = ("kind", "zone", "started_at", "ended_at", "confidence", "facts", "paths")
    assert {key: same[key] for key in said} == {key: ends[-1][key] for key in said}


def test_a_clip_is_searched_twice_where_the_searches_differ(
    tmp_path: Path, seconds_of_a_yard: Path, searches: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    old = folder(tmp_path / "old", INTRUSION)
    new = folder(tmp_path / "new", INTRUSION, camera=CAMERA.replace("0.45", "0.99"))
    told = compared(capsys, "--config", new, "--against", old, seconds_of_a_yard)
    assert len(told["vanish"]) == 1
    assert "twice" in told["notes"][0]
    assert len(searches) == 2


@pytest.fixture
def day(tmp_path: Path) -> Path:
    """Two gatherings, of eight and of twelve people, as `run` stores them."""
    log = ObservationLog("cam", tmp_path / "data" / "observations", ObservationsConfig(store=True))
    for index in range(5 * 240):
        at_s = index / 5
        people = 8 if 20 < at_s < 60 else 12 if 140 < at_s < 200 else 0
        log.add(observation(at_s, crowd(people) if people else [person(99, 0.1, 0.9)]))
    log.finish()
    return tmp_path / "data"


def test_a_stored_day_tells_what_a_higher_limit_would_have_spared(
    tmp_path: Path, day: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = folder(tmp_path / "old", CROWD % 6), folder(tmp_path / "new", CROWD % 10)
    told = compared(capsys, "--config", new, "--against", old, "--observations", day)
    assert [event["facts"]["peak_people"] for event in told["vanish"]] == [8]
    assert [(pair["old"]["facts"]["min_people"], pair["new"]["facts"]["min_people"]) for pair in told["changed"]] == [
        (6, 10)
    ]
    assert told["appear"] == told["same"] == []
    assert told["observations"] == 1200
    assert main(["replay", "--config", str(old), "--observations", str(day), "--json"]) == 0
    events = [Event.model_validate_json(line) for line in capsys.readouterr().out.splitlines()]
    assert [event.state.value for event in events if event.state.value != "update"] == ["start", "end"] * 2


@pytest.mark.parametrize(
    ("language", "word", "said"), [("vi", "chỉ cũ", "Tụ tập: 8"), ("en", "only old", "Crowding: 8")]
)
def test_a_person_reads_it_in_the_sites_language(
    tmp_path: Path, day: Path, language: str, word: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    old = folder(tmp_path / "old", CROWD % 6, language)
    new = folder(tmp_path / "new", CROWD % 10, language, camera=CAMERA.replace("0.45", "0.5"))
    assert main(["replay", "--config", str(new), "--against", str(old), "--observations", str(day)]) == 0
    out = capsys.readouterr().out
    assert word in out
    assert "objects" in out, "a search that differs cannot be judged by what was stored"
    [vanished] = [line for line in out.splitlines() if line.startswith("  - ")]
    assert said in vanished
    assert "02-03-2026 12:00:2" in vanished


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--against", "OLD"], "no clip"),
        (["--against", "OLD", "--observations", "DAY", "clip.mp4"], "one or the other"),
        (["--against", "OLD", "--observations", "DAY", "--camera", "kho"], "stored observations are of: cam"),
        (["--against", "OLD", "--camera", "kho", "clip.mp4"], "has: cam"),
        (["--against", "OLD", "--annotate", "x.mp4", "clip.mp4"], "--annotate"),
        (["clip.mp4"], "--camera ID"),
        (["--camera", "cam"], "one CLIP"),
        (["--camera", "cam", "a.mp4", "b.mp4"], "one CLIP"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(
    tmp_path: Path, day: Path, typed: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder(tmp_path / "old", INTRUSION)
    places = {"OLD": str(config), "DAY": str(day)}
    assert main(["replay", "--config", str(config), *[places.get(item, item) for item in typed]]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_a_folder_without_observations_tells_how_to_get_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder(tmp_path / "old", INTRUSION)
    assert main(["replay", "--config", str(config), "--observations", str(tmp_path)]) == 1
    assert "store: true" in capsys.readouterr().err


def test_events_are_paired_by_kind_zone_time_and_tracks() -> None:
    first, second = make_event("a"), make_event("b")
    later = make_event("c").model_copy(
        update={
            "started_at": first.started_at + timedelta(hours=1),
            "observed_at": first.started_at + timedelta(hours=1),
        }
    )
    elsewhere = make_event("d").model_copy(update={"zone": "kho"})
    surer = make_event("e").model_copy(update={"confidence": 0.9})
    result = Comparison("cam")
    compare_events([first, later], [surer, second, elsewhere], result)
    assert result.vanish == [later]
    assert (len(result.same) + len(result.changed), len(result.appear)) == (1, 2)
    assert elsewhere in result.appear
