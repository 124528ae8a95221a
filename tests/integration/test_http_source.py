"""Cameras over HTTP: MJPEG, refusals, redirects, playlists (threats 32, 35 and 41)."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import SourceError, SourceNotFound, SourceRefused, SourceStalled, SourceUnreadable
from tests.support.clips import make_clip
from tests.support.http_camera import HttpCamera
from tests.support.sources import first_frames, live_source


def test_mjpeg_frames_arrive() -> None:
    with HttpCamera() as camera:
        frames = first_frames(live_source(camera.url("mjpeg")), 10)
    assert {frame.resolution_wh for frame in frames} == {(320, 240)}
    assert len(frames) == 10


def test_a_user_and_password_are_sent() -> None:
    with HttpCamera(user="an", password="s/1") as camera:
        assert first_frames(live_source(camera.url("mjpeg", credentials="an:s%2F1")), 1)
        with pytest.raises(SourceRefused, match="401") as caught:
            first_frames(live_source(camera.url("mjpeg", credentials="an:wrong-secret")), 1)
    assert caught.value.permanent
    assert "wrong-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "error", "permanent"),
    [
        (403, SourceRefused, True),
        (404, SourceNotFound, False),
        (429, SourceNotFound, False),
        (503, SourceUnreadable, False),
    ],
)
def test_statuses_become_errors_with_remedies(status: int, error: type[SourceError], permanent: bool) -> None:
    with HttpCamera() as camera, pytest.raises(error) as caught:
        first_frames(live_source(camera.url(str(status))), 1)
    assert caught.value.permanent is permanent
    assert ": " in str(caught.value)


def test_a_redirect_is_not_followed() -> None:
    with HttpCamera() as camera, pytest.raises(SourceNotFound, match="redirects must be replaced"):
        first_frames(live_source(camera.url("302")), 1)


@pytest.mark.parametrize(
    "body",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile 'http://127.0.0.1:1/a'\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 26\n",
        b"<html>log in</html>",
    ],
    ids=["playlist", "concat script", "session description", "web page"],
)
def test_what_names_other_addresses_or_is_no_video_is_refused(body: bytes) -> None:
    with HttpCamera(file=body) as camera, pytest.raises(SourceUnreadable, match="set the camera to H"):
        first_frames(live_source(camera.url("file")), 1)


def test_a_camera_that_falls_silent_runs_into_the_time_out() -> None:
    with HttpCamera(stall_after=40) as camera, pytest.raises(SourceStalled, match="could not be read in time"):
        first_frames(live_source(camera.url("mjpeg"), read_timeout_s=1.0), 1000)


def test_a_video_file_whose_index_stands_at_the_end_says_how_to_mend_it(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "clip.mp4", frames=30)
    with HttpCamera(file=clip.read_bytes()) as camera, pytest.raises(SourceUnreadable, match=r"\+faststart"):
        list(live_source(camera.url("file")).frames())
