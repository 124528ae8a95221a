"""`langan-edge` as scripts use it: exit statuses, one line for each mistake, the same events for the same clip."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from contract.event import Event, EvidenceRole
from edge.cli import main

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "configs" / "demo" / "media" / "vtest.mp4"
SITE = """
site: {name: Xã Nhơn Lộc, timezone: Asia/Ho_Chi_Minh}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""
CAMERA = """
camera: {id: san, name: Sân nhà văn hóa, village: trang-long}
inputs: [{path: rtsp://192.0.2.1/none}]
objects: {track: [person], filters: {person: {min_score: 0.45}}}
zones: {san: {name: Sân, coordinates: [[0, 0], [1, 0], [1, 1], [0, 1]]}}
rules: [{kind: intrusion, zones: [san], min_duration_s: 1}]
evidence: {pre_s: 1, post_s: 1}
"""


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """`main` sends the process's logs to the stderr of the test that called it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def config(tmp_path: Path) -> Path:
    folder = tmp_path / "config"
    (folder / "cameras").mkdir(parents=True)
    (folder / "site.yaml").write_text(SITE, "utf-8")
    (folder / "cameras" / "san.yaml").write_text(CAMERA, "utf-8")
    return folder


@pytest.fixture(scope="session")
def short_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first four seconds of the demo's clip, without encoding them again."""
    path = tmp_path_factory.mktemp("clip") / "short.mp4"
    with av.open(str(CLIP)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is None or packet.pts is None or float(packet.pts * packet.time_base) > 4:
                break
            packet.stream = stream
            target.mux(packet)
    return path


def replay(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge.cli", "replay", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


@pytest.mark.parametrize(
    "command", ["run", "validate", "outbox retry", "replay", "discover", "snapshot", "probe", "models get", "bench"]
)
def test_every_command_says_in_its_help_what_it_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    usage, description, *_ = capsys.readouterr().out.split("\n\n")
    assert usage.startswith(f"usage: langan-edge {command}")
    assert not description.startswith(("positional arguments", "options")), "nothing between usage and options"


def test_a_configuration_that_cannot_run_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", "--config", str(tmp_path / "none"), "--data", str(tmp_path / "data"), "--http", "off"]
    assert main(arguments) == 1
    assert capsys.readouterr().err.count("there is no such file") == 1


def test_quantising_without_a_folder_for_the_result_is_refused_before_the_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["models", "quantize", "default", "--clip", str(CLIP)]) == 1
    told = capsys.readouterr().err
    assert "give --config" in told
    assert "minutes" not in told


def test_validate_says_nothing_on_stdout_when_all_is_well(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(config)]) == 0
    assert capsys.readouterr().out == ""


def test_validate_tells_every_mistake_on_a_line_of_its_own(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = CAMERA.replace("zones: [san]", "zones: [sann]").replace("min_score: 0.45", "min_score: 4")
    (config / "cameras" / "san.yaml").write_text(text, "utf-8")
    assert main(["validate", str(config)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith(f"{config}/cameras/san.yaml:") for line in lines)


@pytest.mark.parametrize(("language", "arguments"), [("vi_VN.UTF-8", []), ("C.UTF-8", ["--language", "vi"])])
def test_validate_speaks_vietnamese_where_the_system_or_the_user_does(
    config: Path, language: str, arguments: list[str]
) -> None:
    wrong = config / "cameras" / "san.yaml"
    wrong.write_text(CAMERA.replace("intrusion", "intruder"), "utf-8")
    environment = {**os.environ, "LANG": language, "LC_ALL": "", "LC_MESSAGES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "validate", str(config), *arguments],
        env=environment, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(
        f"{wrong}:6: rules[0]: không có loại 'intruder': hãy dùng một trong: abandoned_object, "
    )


def test_validate_knows_the_models_and_their_files(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config / "cameras" / "san.yaml"
    file.write_text(CAMERA + "detect: {fps: 5, model: yolo99}\n", "utf-8")
    assert main(["validate", "--language", "en", str(config)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{file}:8: detect.model: unknown model 'yolo99': use one of: ")
    assert "default" in line

    models = tmp_path / "models"
    models.mkdir()
    sha256 = "0" * 64
    entry = f"{{id: yolo99, kind: ultralytics, files: [{{path: w.pt, sha256: {sha256!r}}}], licence: AGPL-3.0}}"
    (models / "manifest.yaml").write_text(f"models: [{entry}]\n", "utf-8")
    monkeypatch.setenv("LANGAN_MODELS_DIR", str(models))
    for english, vietnamese in (
        ("w.pt: no such model file", "w.pt: không có tệp mô hình này: hãy chép nó vào đó"),
        ("its SHA-256 is", "tệp bị hỏng hoặc bị thay"),
    ):
        assert main(["validate", "--language", "en", str(config)]) == 1
        assert english in capsys.readouterr().out
        assert main(["validate", "--language", "vi", str(config)]) == 1
        said = capsys.readouterr().out
        assert "không dùng được mô hình này: " in said
        assert vietnamese in said
        (models / "w.pt").write_bytes(b"another file")


def test_what_stops_a_command_is_told_in_the_systems_language(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for language, said in (("vi_VN.UTF-8", "không có mô hình 'yolo99'"), ("C.UTF-8", "unknown model 'yolo99'")):
        monkeypatch.setenv("LC_ALL", language)
        assert main(["models", "get", "yolo99"]) == 1
        assert capsys.readouterr().err.startswith(f"langan-edge: {said}: ")


def test_validate_builds_the_scene_and_the_rules(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config / "cameras" / "san.yaml"
    points = "calibration: {image: [[0, 0], [0.5, 0.5], [1, 1], [0, 1]], ground_m: [[0, 0], [1, 0], [1, 1], [0, 1]]}"
    file.write_text(CAMERA + points + "\n", "utf-8")
    assert main(["validate", "--language", "en", str(config)]) == 1
    assert "no three of four may lie on one line" in capsys.readouterr().out


def test_validate_tells_how_sure_metres_are(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = config / "cameras" / "san.yaml"
    four = "image: [[0, 0], [1, 0], [1, 1], [0, 1]], ground_m: [[0, 0], [10, 0], [10, 9], [0, 9]]"
    file.write_text(CAMERA + f"calibration: {{{four}}}\n", "utf-8")
    assert main(["validate", "--language", "en", str(config)]) == 0
    assert "san: four calibration points always fit; 0.20 m each" in capsys.readouterr().err
    six = four.replace("[0, 1]]", "[0, 1], [0.5, 0], [0.5, 1]]").replace("[0, 9]]", "[0, 9], [5, 0], [7, 9]]")
    file.write_text(CAMERA + f"calibration: {{{six}}}\n", "utf-8")
    assert main(["validate", "--language", "en", str(config)]) == 0
    told = capsys.readouterr().err
    assert "each point, left out, is off by (m): " in told
    assert told.split("(m): ")[1].splitlines()[0].endswith("2.00"), "five are right, the sixth is 2 m off"
    bent = four + ", lens: {fx: 0.3, fy: 0.5, k1: -0.9}"
    file.write_text(CAMERA + f"calibration: {{{bent}}}\n", "utf-8")
    assert main(["validate", "--language", "en", str(config)]) == 1
    assert "calibration: the ground plane cannot be told (camera san: calibration: lens" in capsys.readouterr().out


def test_validate_tells_where_riders_are_too_small_to_be_found(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A street 20 m wide at 45 m, 6 m wide at 13 m: 16 / 9 * 1.6 / 20 of the picture's height at its far end."""
    file = config / "cameras" / "san.yaml"
    head = CAMERA.split("objects:", maxsplit=1)[0].split("zones:", maxsplit=1)[0]
    text = head + (
        "calibration:\n  image: [[0, 0.3], [1, 0.3], [1, 1], [0, 1]]\n"
        "  ground_m: [[-10, 45], [10, 45], [3, 13], [-3, 13]]\n"
        "zones:\n  lan: {name: Lan, kind: lane, coordinates: [[0.2, 0.3], [0.8, 0.3], [0.8, 0.9], [0.2, 0.9]],\n"
        "        direction: [[0.5, 0.9], [0.5, 0.4]]}\n"
        "  gan: {name: Gan, coordinates: [[0.2, 0.7], [0.8, 0.7], [0.8, 0.9], [0.2, 0.9]]}\n"
        "rules:\n  - {kind: wrong_way, zones: [lan]}\n  - {kind: loitering, zones: [gan]}\n"
    )
    file.write_text(text, "utf-8")
    assert main(["validate", "--language", "en", str(config)]) == 0
    told = capsys.readouterr().err
    assert "san: at the far end of 'lan' a person or rider is only 51 rows high" in told
    assert "and 60 are needed to be found" in told
    assert "takes 17% of the picture's height" in told
    assert "'gan'" not in told
    file.write_text(text.replace("[0.2, 0.3], [0.8, 0.3]", "[0.2, 0.5], [0.8, 0.5]"), "utf-8")
    assert main(["validate", "--language", "vi", str(config)]) == 0
    assert "hàng trong ảnh" not in capsys.readouterr().err


def test_validate_needs_no_heavy_library(config: Path) -> None:
    code = (
        "import sys; from edge.cli import main; status = main(['validate', sys.argv[1]]); "
        "heavy = {'cv2', 'av', 'openvino', 'httpx', 'sqlite3'} & sys.modules.keys(); print(heavy); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(config)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == "set()\n"


def test_the_same_clip_and_configuration_give_the_same_bytes(config: Path, short_clip: Path) -> None:
    runs = [replay("--json", "--config", config, "--camera", "san", short_clip) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
    events = [Event.model_validate_json(line) for line in runs[0].stdout.splitlines()]
    assert [event.revision for event in events] == [0, 1, 2]
    assert [event.state for event in events] == ["start", "update", "end"]
    assert events[0].started_at.isoformat() >= "2026-01-01T05:00:00", "noon at the place, in UTC on the wire"
    assert all(line["observed_at"].endswith("Z") for line in map(json.loads, runs[0].stdout.splitlines()))


def test_the_start_is_the_first_frames_time_in_the_sites_zone_unless_told(config: Path, short_clip: Path) -> None:
    for start, expected in (
        ("2026-03-01T18:30:00", "2026-03-01T11:30:0"),
        ("2026-03-01T18:30:00Z", "2026-03-01T18:30:0"),
    ):
        done = replay("--json", "--config", config, "--camera", "san", "--start", start, short_clip)
        first = json.loads(done.stdout.splitlines()[0])
        assert first["started_at"].startswith(expected)


def test_evidence_and_a_video_to_look_at_are_written(config: Path, short_clip: Path, tmp_path: Path) -> None:
    video, folder = tmp_path / "look.mp4", tmp_path / "evidence"
    done = replay(
        "--json", "--config", config, "--camera", "san", "--evidence", folder, "--annotate", video, short_clip
    )
    assert done.returncode == 0, done.stderr
    last = Event.model_validate_json(done.stdout.splitlines()[-1])
    roles = {ref.role for ref in last.evidence}
    assert roles == {EvidenceRole.SNAPSHOT, EvidenceRole.SNAPSHOT_REDACTED, EvidenceRole.CLIP}
    for ref in last.evidence:
        (path,) = folder.rglob(f"{ref.sha256}.*")
        assert path.stat().st_size == ref.size_bytes
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert sum(1 for _ in container.decode(stream)) == pytest.approx(20, abs=1)


def test_without_json_a_person_can_read_it(config: Path, short_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "--config", str(config), "--camera", "san", str(short_clip)]) == 0
    out = capsys.readouterr().out
    assert "intrusion" in out
    assert "12:00:0" in out


def test_bench_prints_its_figures_as_json(config: Path, short_clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--config", str(config), "--camera", "san", str(short_clip)]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["frames"] == figures["searched"] + figures["gated"]
    assert set(figures["stages"]) == {"decode", "gate", "detect", "track", "rules_and_evidence"}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--camera", "nobody", "CLIP"], 2, "known: san"),
        (["--camera", "san", "nowhere.mp4"], 2, "nowhere.mp4: no such file"),
        (["--camera", "san", "--start", "yesterday", "CLIP"], 2, "2026-03-01T18:30:00+07:00"),
        (["--camera", "san", "BROKEN"], 1, "broken.mp4"),
        (["--camera", "san", "--annotate", "/nowhere/look.mp4", "CLIP"], 1, "--annotate"),
    ],
)
def test_wrong_usage_names_the_remedy(
    config: Path,
    short_clip: Path,
    tmp_path: Path,
    arguments: list[str],
    status: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"this is no video" * 100)
    places = {"CLIP": str(short_clip), "BROKEN": str(broken)}
    typed = [places.get(item, item) for item in arguments]
    assert main(["replay", "--config", str(config), *typed]) == status
    captured = capsys.readouterr()
    assert said in captured.err
    assert "Traceback" not in captured.err
    assert captured.out in {"", *[line for line in [captured.out] if line.startswith("observed")]}


def test_a_configuration_with_mistakes_is_told_by_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (config / "cameras" / "san.yaml").write_text("camera: {id: san\n", "utf-8")
    assert main(["replay", "--config", str(config), "--camera", "san", str(CLIP)]) == 1
    assert f"{config}/cameras/san.yaml:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("language", "said"), [("vi_VN.UTF-8", "không có loại 'intruder'"), ("C.UTF-8", "unknown kind 'intruder'")]
)
def test_run_without_a_valid_camera_ends_with_its_mistakes(
    language: str,
    said: str,
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", language)
    (config / "cameras" / "san.yaml").write_text(CAMERA.replace("intrusion", "intruder"), "utf-8")
    assert main(["run", "--config", str(config), "--data", str(tmp_path / "data")]) == 1
    assert f"{config}/cameras/san.yaml:6: rules[0]: {said}" in capsys.readouterr().err


def test_run_with_a_wrong_secrets_file_is_wrong_usage(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = tmp_path / "secrets.env"
    secrets.write_text("hunter2\n", "utf-8")
    assert main(["run", "--config", str(config), "--env-file", str(secrets)]) == 2
    said = capsys.readouterr().err
    assert f"{secrets}:1:" in said
    assert "hunter2" not in said


@pytest.mark.parametrize("where", ["environment", "file"])
def test_run_says_once_that_a_device_token_means_nothing_any_more(
    where: str, config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = tmp_path / "edge.env"
    secrets.write_text("LANGAN_DEVICE_TOKEN=hunter2\n" if where == "file" else "", "utf-8")
    if where == "environment":
        monkeypatch.setenv("LANGAN_DEVICE_TOKEN", "hunter2")
    (config / "cameras" / "san.yaml").write_text(CAMERA.replace("intrusion", "intruder"), "utf-8")  # so that it ends
    main(["run", "--config", str(config), "--data", str(tmp_path / "data"), "--env-file", str(secrets)])
    said = capsys.readouterr().err
    assert said.count("LANGAN_DEVICE_TOKEN") == 1
    assert "langan-edge enrol URL CODE" in said
    assert "hunter2" not in said
