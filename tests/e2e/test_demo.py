"""`make demo` as a newcomer runs it, without a browser."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def demo(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.demo", "--folder", str(tmp_path / "demo"), "--port", "0", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=270,
        check=False,
    )


def test_the_demo_raises_incidents_from_the_real_clip_and_streams_alerts(tmp_path: Path) -> None:
    done = demo(tmp_path, "--seconds", "40")
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["events"] >= 1
    assert result["incidents"] >= 1
    assert result["alerts_streamed"] >= 1
    assert result["seconds_to_first_alert"] > 0  # how soon says nothing on a machine that does much else
    log = (tmp_path / "demo" / "edge.log").read_text(encoding="utf-8")
    assert "camera=san_nha_van_hoa kind=crowding" in log


def test_a_users_own_clip_is_watched_as_easily(tmp_path: Path) -> None:
    clip = ROOT / "configs" / "demo" / "media" / "vtest.mp4"
    done = demo(tmp_path, "--seconds", "25", DEMO_SOURCE=str(clip))
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["incidents"] >= 1


def test_a_demo_without_any_incident_ends_with_1(tmp_path: Path) -> None:
    done = demo(tmp_path, "--seconds", "1")
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["incidents"] == 0


def test_a_missing_source_is_told_with_its_remedy(tmp_path: Path) -> None:
    done = demo(tmp_path, "--seconds", "5", DEMO_SOURCE=str(tmp_path / "none.mp4"))
    assert done.returncode == 1
    assert "no such file" in done.stderr
    assert "rtsp://" in done.stderr


def test_credentials_of_a_users_camera_stay_out_of_files_and_output(tmp_path: Path) -> None:
    done = demo(tmp_path, "--seconds", "4", DEMO_SOURCE="rtsp://boss:hunter2secret@127.0.0.1:9/x")
    written = [path.read_bytes() for path in (tmp_path / "demo").rglob("*") if path.is_file()]
    assert written
    assert not any(b"hunter2secret" in content for content in written)
    assert "hunter2secret" not in done.stdout + done.stderr


def test_ctrl_c_ends_the_demo_and_everything_it_started(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    process = subprocess.Popen(
        [sys.executable, "-m", "tools.demo", "--folder", str(folder), "--port", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            for line in process.stdout:
                if "Ctrl-C" in line:
                    break
            deadline = time.monotonic() + 120
            while b"camera_started" not in read_bytes(folder / "edge.log") and time.monotonic() < deadline:
                time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            said = process.stdout.read()
            status = process.wait(60)
        finally:
            process.terminate()  # ends its server and edge too; nothing to do where all is well
    assert status == 0
    assert "Stopping" in said
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if str(folder).encode() in read_bytes(path)]
    assert left == []
    assert "stopped outbox_events=0" in (folder / "edge.log").read_text(encoding="utf-8")


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended meanwhile
        return b""


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "precious.txt").write_text("keep", encoding="utf-8")
    done = demo(tmp_path, "--seconds", "1")
    assert done.returncode == 1
    assert "something else" in done.stderr
    assert (folder / "precious.txt").read_text(encoding="utf-8") == "keep"
