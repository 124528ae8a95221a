"""`langan-edge discover`, `snapshot` and `probe` against a camera on loopback: ONVIF by multicast, and real RTSP."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path

import cv2
import pytest

from edge.cli import main
from edge.errors import SourceNotFound, SourceRefused, SourceUnreadable
from edge.onvif.client import OnvifClient, StreamProfile, choose
from edge.onvif.discovery import MAX_OF_ONE, discover, read_answer
from edge.onvif.soap import MAX_BYTES, parse
from tests.support.clips import make_clip
from tests.support.onvif_camera import OnvifCamera, Stream
from tests.support.rtsp_server import RtspServer, gstreamer_missing

MAIN = Stream("main", "H265", 2560, 1440, 25, "rtsp://127.0.0.1:554/main")
SUB = Stream("sub", "H264", 704, 576, 12, "rtsp://127.0.0.1:554/sub")
TINY = Stream("third", "H264", 320, 240, 10, "rtsp://127.0.0.1:554/third")


def test_a_camera_is_found_by_multicast_and_asked_with_a_digest_at_its_own_time() -> None:
    camera = OnvifCamera((TINY, MAIN, SUB), "admin", "s3cret", clock_offset=timedelta(hours=-7))
    with camera:
        [found] = [device for device in discover(1.5, ["127.0.0.1"]) if device.service_url == camera.service_url]
        assert (found.address, found.name, found.hardware) == ("127.0.0.1", "Cong cho", "IPC-1")
        with OnvifClient(found.service_url, "admin", "s3cret") as client:
            told, profiles = client.information(), client.profiles()
    assert (told.manufacturer, told.model, told.firmware) == ("Acme", "IPC <1>", "1.2")
    assert told.clock_offset_s == pytest.approx(-7 * 3600, abs=5)
    assert [(p.token, p.encoding, p.width, p.height, p.fps) for p in profiles] == [
        ("main", "H265", 2560, 1440, 25.0), ("sub", "H264", 704, 576, 12.0), ("third", "H264", 320, 240, 10.0),
    ]  # fmt: skip
    assert all("s3cret" not in body for body in camera.requests)


def test_a_profile_without_a_stream_hides_no_other() -> None:
    """Profiles for sound or metadata only, as many cameras have."""
    empty = Stream("meta", "", 0, 0, 0, "")
    with OnvifCamera((empty, SUB)) as camera, OnvifClient(camera.service_url) as client:
        assert [profile.token for profile in client.profiles()] == ["sub"]
    with (
        OnvifCamera((empty,)) as camera,
        OnvifClient(camera.service_url) as client,
        pytest.raises(SourceUnreadable, match="cannot do this"),
    ):
        client.profiles()


def test_one_machine_cannot_crowd_the_others_out() -> None:
    with OnvifCamera((SUB,), services=150) as crowd:
        found = [device for device in discover(1.0, ["127.0.0.1"]) if str(crowd.port) in device.service_url]
    assert len(found) == MAX_OF_ONE


def test_a_camera_that_wants_the_digest_of_http_gets_it() -> None:
    with OnvifCamera((SUB,), "admin", "s3cret", http_digest=True) as camera:
        with OnvifClient(camera.service_url, "admin", "s3cret") as client:
            assert client.information().model == "IPC <1>"
            assert [profile.token for profile in client.profiles()] == ["sub"]
        with OnvifClient(camera.service_url, "admin", "wrong") as client, pytest.raises(SourceRefused):
            client.information()


def test_wrong_credentials_and_none_are_told_apart() -> None:
    with OnvifCamera((SUB,), "admin", "s3cret") as camera:
        with OnvifClient(camera.service_url, "admin", "wrong") as client, pytest.raises(SourceRefused) as wrong:
            client.information()
        with OnvifClient(camera.service_url) as client, pytest.raises(SourceRefused) as none:
            client.information()
    assert "refused the account" in str(wrong.value)
    assert "asks for an account" in str(none.value)
    assert "wrong" not in str(wrong.value).replace("wrong address", "")


def test_nobody_there_is_told_with_the_remedy() -> None:
    with OnvifClient("http://127.0.0.1:1/onvif/device_service") as client, pytest.raises(SourceNotFound, match="ONVIF"):
        client.information()


def test_an_answer_that_leads_elsewhere_is_not_followed() -> None:
    """Whoever answers could otherwise send our digest to a machine of his choice."""
    with OnvifCamera((SUB,), told_address="192.0.2.1") as camera:
        assert [device for device in discover(1.0, ["127.0.0.1"]) if str(camera.port) in device.service_url] == []
        with OnvifClient(camera.service_url) as client:  # the media service is asked at the camera's own address
            assert [profile.token for profile in client.profiles()] == ["sub"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe<\x00a\x00/\x00>\x00",
        b"<a>",
        b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 100 + b'">]><a>&b;</a>',
        b"<a>" + b" " * MAX_BYTES + b"</a>",
        b"not xml",
    ],
)
def test_hostile_answers_are_refused(data: bytes) -> None:
    assert read_answer(data, "192.0.2.7") == []
    with pytest.raises(SourceUnreadable):
        parse(data)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("rtsp://192.0.2.1:554/sub", "rtsp://127.0.0.1:554/sub"),
        ("rtsp://evil:x@192.0.2.1/sub", "rtsp://127.0.0.1/sub"),
        ("rtsp://127.0.0.1:554/{LANGAN_CAM_PASSWORD}", ""),
        ("rtsp://127.0.0.1:554/sub #x", ""),
        ("rtsp://[127.0.0.1/sub", ""),
        ("rtsp://127.0.0.1:99999/sub", ""),
        ("file:///etc/passwd", ""),
    ],
)
def test_a_stream_is_asked_for_at_the_camera_and_names_none_of_our_secrets(told: str, shown: str) -> None:
    """The admin copies it into a camera file: the password would go wherever a stranger says."""
    with (
        OnvifCamera((Stream("s", "H264", 704, 576, 12, told),)) as camera,
        OnvifClient(camera.service_url) as client,
    ):
        assert [profile.url for profile in client.profiles()] == [shown]


@pytest.mark.parametrize("year", ["10000000000", "0", "9" * 5000, "year"])
def test_a_clock_that_is_none_is_no_clock(year: str) -> None:
    with OnvifCamera((SUB,), year=year) as camera, OnvifClient(camera.service_url) as client:
        assert client.information().clock_offset_s is None


@pytest.mark.parametrize(
    "host", ["http://127.0.0.1:abc/x", "http://[127.0.0.1/x", "http://a..b/x", "http://admin:s3cret@127.0.0.1:1/x", "["]
)
def test_discover_says_what_is_wrong_with_an_address(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["discover", "--host", host]) == 1
    printed = capsys.readouterr().out
    assert "address" in printed
    assert "s3cret" not in printed


@pytest.mark.parametrize("port", ["abc", "99999"])
def test_a_media_service_at_no_address_is_asked_at_the_cameras_own(port: str) -> None:
    with OnvifCamera((SUB,), told_address=f"127.0.0.1:{port}") as camera, OnvifClient(camera.service_url) as client:
        assert [profile.token for profile in client.profiles()] == ["sub"]


def test_an_answer_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.onvif.client.ANSWER_S", 0.3)
    with (
        OnvifCamera((SUB,), drips=True) as camera,
        OnvifClient(camera.service_url) as client,
        pytest.raises(SourceNotFound, match="ReadTimeout"),
    ):
        client.information()


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-1", "1e9", "x"])
def test_spans_that_are_none_are_refused(seconds: str) -> None:
    with pytest.raises(SystemExit):
        main(["probe", "rtsp://127.0.0.1:1/x", "--seconds", seconds])


def profile(token: str, encoding: str, width: int, height: int) -> StreamProfile:
    return StreamProfile(token, token, encoding, width, height, 15.0, f"rtsp://192.0.2.9/{token}")


def test_the_sub_stream_is_searched_and_the_main_stream_recorded() -> None:
    main, sub, tiny = (profile("m", "H264", 1920, 1080), profile("s", "H264", 640, 360), profile("t", "H264", 320, 180))
    assert choose([main, sub, tiny]) == (sub, main)
    assert choose([main, tiny]) == (main, main), "320 wide shows nobody far away"
    assert choose([main]) == (main, main)
    assert choose([profile("j", "JPEG", 640, 360), main]) == (main, main)
    hevc = profile("h", "H265", 640, 360)
    larger = profile("l", "H264", 1280, 720)
    assert choose([main, hevc, larger]) == (larger, main), "H.264 plays everywhere"
    assert choose([]) is None


def test_discover_prints_a_camera_file_without_credentials(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGAN_CAM_USER", "admin")
    monkeypatch.setenv("LANGAN_CAM_PASSWORD", "s3cret")
    with OnvifCamera((MAIN, SUB), "admin", "s3cret", clock_offset=timedelta(hours=1)) as camera:
        assert main(["discover", "--host", camera.service_url, "--language", "vi"]) == 0
        printed = capsys.readouterr().out
        assert main(["discover", "--host", camera.service_url, "--json", "--language", "vi"]) == 0
        told = json.loads(capsys.readouterr().out)
    assert any("hãy bật NTP" in hint for hint in told["hints"])
    assert "path: rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@127.0.0.1:554/sub\n       roles: [detect]" in printed
    assert "path: rtsp://{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}@127.0.0.1:554/main\n       roles: [record]" in printed
    assert "NTP" in printed, "an hour off is told"
    assert "s3cret" not in printed
    assert (told["detect"], told["record"]) == ("sub", "main")


def test_discover_asks_cameras_side_by_side(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answers once the other has been asked, too: one after the other, neither would answer in time."""
    both = threading.Barrier(2)
    answer = OnvifCamera.answer

    def together(camera: OnvifCamera, body: str, authorization: str) -> tuple[int, str, str]:
        if len(camera.requests) == 1:
            both.wait(20)
        return answer(camera, body, authorization)

    monkeypatch.setattr(OnvifCamera, "answer", together)
    with OnvifCamera((MAIN, SUB)) as one, OnvifCamera((MAIN, SUB)) as other:
        assert main(["discover", "--host", one.service_url, "--host", other.service_url, "--json"]) == 0
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [camera["service_url"] for camera in told] == [one.service_url, other.service_url], "in order"
    assert [camera["trouble"] for camera in told] == ["", ""]


def test_discover_goes_on_where_one_camera_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    with OnvifCamera((SUB,), "admin", "other") as closed, OnvifCamera((SUB,)) as opened:
        assert main(["discover", "--host", closed.service_url, "--host", opened.service_url, "--user", "admin"]) == 0
    printed = capsys.readouterr().out
    assert "! 127.0.0.1: refused the account" in printed
    assert "2. 127.0.0.1  Acme IPC <1>" in printed


def test_probe_and_snapshot_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=75, fps=25, size=(1920, 1080), gop=25)
    assert main(["probe", str(clip), "--json", "--language", "en"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["codec"], told["width"], told["height"], told["clock"]) == ("h264", 1920, 1080, "steady")
    assert told["fps"] == pytest.approx(25, abs=0.5)
    assert told["keyframe_s"] == pytest.approx(1.0, abs=0.05)
    assert any("sub-stream" in text for text in told["suggestions"])
    picture = tmp_path / "out" / "a.jpg"
    assert main(["snapshot", str(clip), "-o", str(picture)]) == 0
    image = cv2.imread(str(picture))
    assert image is not None
    assert image.shape == (1080, 1920, 3)
    for output, said in ((clip / "a.jpg", "cannot be written"), (tmp_path / "a.gif", "name a .jpg or .png file")):
        assert main(["snapshot", str(clip), "-o", str(output)]) == 1
        assert f"{output}: " in (told := capsys.readouterr().err)
        assert said in told


@pytest.mark.rtsp
@pytest.mark.skipif(gstreamer_missing() is not None, reason=str(gstreamer_missing()))
def test_probe_and_snapshot_of_a_camera_with_a_password(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=60, fps=10, size=(640, 360), gop=20)
    monkeypatch.setenv("LANGAN_CAM_USER", "admin")
    monkeypatch.setenv("LANGAN_CAM_PASSWORD", "s3cret/@:")
    with RtspServer({"sub": clip}, folder=tmp_path, user="admin", password="s3cret/@:") as server:
        url = f"rtsp://{{LANGAN_CAM_USER}}:{{LANGAN_CAM_PASSWORD}}@127.0.0.1:{server.port}/sub"
        assert main(["probe", url, "--seconds", "4", "--language", "vi"]) == 0
        printed = capsys.readouterr()
        assert main(["snapshot", url, "-o", str(tmp_path / "b.png")]) == 0
        monkeypatch.setenv("LANGAN_CAM_PASSWORD", "wrong")
        assert main(["probe", url]) == 1
    assert "h264" in printed.out
    assert "640x360" in printed.out
    assert "phù hợp" in printed.out
    everything = printed.out + printed.err + "".join(capsys.readouterr())
    assert "s3cret" not in everything
    assert "401" in everything
    assert cv2.imread(str(tmp_path / "b.png")) is not None


@pytest.mark.rtsp
@pytest.mark.skipif(gstreamer_missing() is not None, reason=str(gstreamer_missing()))
@pytest.mark.parametrize("sound", [False, True])
def test_probe_tells_of_a_microphone(tmp_path: Path, capsys: pytest.CaptureFixture[str], sound: bool) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=60, fps=10, size=(640, 360), gop=20)
    with RtspServer({"sub": clip}, folder=tmp_path, sound=sound) as server:
        assert main(["probe", server.url("sub"), "--seconds", "2", "--json", "--language", "en"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sound"] is sound
    assert any("microphone" in text for text in told["suggestions"]) is sound
