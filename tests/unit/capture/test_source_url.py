"""Which inputs may be opened, and that no secret is ever shown (threats 32 and 39)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.source_url import SourceKind, check_host, expand_secrets, parse_source, redact_url
from edge.errors import SecretMissing, SourceNotFound, SourceRefused


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("rtsp://192.168.1.20:554/sub", SourceKind.RTSP),
        ("RTSPS://cam.local/h264?channel=1&subtype=0", SourceKind.RTSP),
        ("http://[fe80::1]:8080/video.mjpg", SourceKind.HTTP),
        ("https://cam/live.flv", SourceKind.HTTP),
    ],
)
def test_a_camera_stream_is_allowed(text: str, kind: SourceKind, tmp_path: Path) -> None:
    assert parse_source(text, tmp_path).kind is kind


@pytest.mark.parametrize(
    "text",
    [
        "file:///etc/passwd",
        "file:clip.mp4",
        "concat:a.mp4|b.mp4",
        "pipe:0",
        "exec:ls",
        "data:text/plain,x",
        "crypto:clip.mp4",
        "ftp://cam/clip.mp4",
        "gopher://cam",
        "rtmp://cam/live",
        "tcp://cam:554",
        "rtsp:/cam/live",
        "rtsp://",
        "rtsp:///live",
        "rtsp://cam:99999999/live",
        "rtsp://cam/live; rm -rf /",
        "rtsp://cam/`id`",
        "rtsp://cam/live|tee",
        "http://cam/a\\b",
        "http://cam/\nHost: evil",
        "rtsp://[::1/live",
        "../clip.mp4",
        "a/../../clip.mp4",
        "/etc/passwd",
        "",
        "  ",
        "clip\x00.mp4",
        "x" * 1001,
    ],
)
def test_anything_else_is_refused_with_the_remedy(text: str, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match=r"below the media folder|give an rtsp") as caught:
        parse_source(text, tmp_path)
    assert caught.value.permanent


def test_a_file_below_the_media_folder_is_allowed(tmp_path: Path) -> None:
    media = tmp_path / "media"
    (media / "ngày 1").mkdir(parents=True)
    address = parse_source("ngày 1/cổng chợ.mp4", media)
    assert (address.kind, address.target) == (SourceKind.FILE, str(media / "ngày 1" / "cổng chợ.mp4"))
    assert parse_source(str(media / "clip.mp4"), media).target == str(media / "clip.mp4")


def test_words_of_ffmpeg_in_a_file_name_stay_a_file_name(tmp_path: Path) -> None:
    name = "subfile,,start,0,end,0,,:clip.mp4"
    assert parse_source(name, tmp_path).target == str(tmp_path / name)


def test_a_symlink_out_of_the_media_folder_is_refused(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"")
    (media / "clip.mp4").symlink_to(tmp_path / "secret.mp4")
    with pytest.raises(SourceRefused, match="does not lie below the media folder"):
        parse_source("clip.mp4", media)


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "0.0.0.0", "224.0.0.1"],  # noqa: S104 - refused
)
def test_metadata_and_group_addresses_are_refused(host: str, tmp_path: Path) -> None:
    with pytest.raises(SourceRefused, match="not the address of a camera"):
        check_host(parse_source(f"http://{host}/latest", tmp_path))


def test_an_unknown_name_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match=r"'no-such-camera\.invalid' cannot be found") as caught:
        check_host(parse_source("rtsp://u:hidden@no-such-camera.invalid/live", tmp_path))
    assert not caught.value.permanent
    assert "hidden" not in str(caught.value)


def test_the_text_form_of_an_address_holds_no_credential(tmp_path: Path) -> None:
    address = parse_source("rtsp://admin:hidden@cam/live", tmp_path)
    assert f"{address} {address!r}" == "rtsp://***@cam/live rtsp://***@cam/live"
    assert "hidden" in address.target


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://cam/live", "rtsp://cam/live"),
        ("rtsp://u:p@cam:554/live", "rtsp://***@cam:554/live"),
        ("rtsp://u:p@ss@cam/live", "rtsp://***@cam/live"),
        ("rtsp://u:p/a@cam/live", "rtsp://***@cam/live"),
        ("http://cam/v?user=u&pwd=p&channel=1", "http://cam/v?user=***&pwd=***&channel=1"),
        ("rtsp://cam/user=u&password=p&channel=1", "rtsp://cam/user=***&password=***&channel=1"),
        ("cannot open 'rtsp://u:p@cam/live'", "cannot open 'rtsp://***@cam/live'"),
    ],
)
def test_credentials_are_stripped(text: str, shown: str) -> None:
    assert redact_url(text) == shown


@given(st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1))
def test_no_password_survives_redaction(password: str) -> None:
    secret = f"s3cr{password}3t"
    assert redact_url(f"rtsp://admin:{secret}@cam/live") == "rtsp://***@cam/live"


def test_secrets_are_put_in_and_encoded_where_they_are_credentials() -> None:
    secrets = {"LANGAN_USER": "admin", "LANGAN_PASSWORD": "p@s/s:1", "LANGAN_HOST": "10.0.0.7"}
    text = "rtsp://{LANGAN_USER}:{LANGAN_PASSWORD}@{LANGAN_HOST}/live"
    assert expand_secrets(text, secrets) == "rtsp://admin:p%40s%2Fs%3A1@10.0.0.7/live"
    assert expand_secrets("clips/{LANGAN_USER}.mp4", secrets) == "clips/admin.mp4"


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(SecretMissing, match="set the environment variable LANGAN_CAM_PASSWORD"):
        expand_secrets("rtsp://u:{LANGAN_CAM_PASSWORD}@cam/live", {})


def test_no_other_variable_of_the_environment_can_be_read() -> None:
    with pytest.raises(SourceRefused, match="begin with LANGAN_"):
        expand_secrets("rtsp://cam/{AWS_SECRET_ACCESS_KEY}", {"AWS_SECRET_ACCESS_KEY": "x"})
