"""Cameras over HTTPS with certificates of their own: MJPEG and HLS, by `tls: any` and `tls: verify` (threat 32)."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli import main
from edge.errors import SourceError
from edge.models.camera_pictures import camera_pictures
from tests.support.clips import make_clip
from tests.support.http_camera import HttpCamera
from tests.support.https_files import https_files, make_certificate
from tests.support.sources import first_frames, live_source

SITE = """\
site: {name: Thử, timezone: Asia/Ho_Chi_Minh}
places:
  - {id: gia-lai, kind: province, name: Gia Lai}
  - {id: nhon-loc, kind: commune, name: Xã Nhơn Lộc, parent: gia-lai}
  - {id: trang-long, kind: village, name: Thôn Tráng Long, parent: nhon-loc}
"""
CAMERA = """\
camera: {{id: cong, name: Cổng, village: trang-long}}
inputs: [{{path: "{url}", tls: {tls}}}]
"""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["mjpeg", "hls"])
def address(request: pytest.FixtureRequest, certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[str]:
    """A camera that speaks TLS by its own certificate, made out to localhost."""
    if request.param == "mjpeg":
        with HttpCamera(user="an", password="pw-secret", certificate=certificate) as camera:
            yield camera.url("mjpeg", credentials="an:pw-secret")
        return
    clip = make_clip(tmp_path / "segment.ts", frames=30)
    with https_files(*certificate) as files:
        text = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nsegment.ts\n#EXT-X-ENDLIST\n"
        files.files = {"/live.m3u8": text.encode(), "/segment.ts": clip.read_bytes()}
        yield files.url("/live.m3u8").replace("https://", "https://an:pw-secret@")


def test_any_certificate_will_do_unless_it_is_to_be_verified(address: str) -> None:
    assert first_frames(live_source(address), 3)
    with pytest.raises(SourceError) as refused:
        first_frames(live_source(address, verify_tls=True), 1)
    assert "localhost" in str(refused.value)
    assert "certificate" in str(refused.value)
    assert "pw-secret" not in str(refused.value)
    assert not refused.value.permanent


def test_a_site_makes_its_own_authority_known_to_the_machine(
    address: str, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert first_frames(live_source(address, verify_tls=True), 3)
    with pytest.raises(SourceError):  # a true certificate of somebody else
        first_frames(live_source(address.replace("localhost", "127.0.0.1"), verify_tls=True), 1)


@pytest.mark.parametrize("command", ["snapshot cong -o {out}", "probe cong --seconds 0.5"])
def test_the_commands_that_look_at_a_camera_keep_to_its_tls_too(
    command: str,
    certificate: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else a password would go to whoever answers at the camera's address."""
    monkeypatch.setenv("LANGAN_CAM_USER", "an")
    monkeypatch.setenv("LANGAN_CAM_PASSWORD", "pw-secret")
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    (tmp_path / "cameras").mkdir()
    arguments = [*command.format(out=tmp_path / "picture.png").split(), "--config", str(tmp_path)]
    with HttpCamera(user="an", password="pw-secret", certificate=certificate) as camera:
        url = camera.url("mjpeg", credentials="{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}")
        file = tmp_path / "cameras" / "cong.yaml"
        file.write_text(CAMERA.format(url=url, tls="verify"), "utf-8")
        assert main(arguments) != 0
        said = capsys.readouterr().err
        assert "certificate must be made out to this address" in said
        assert "pw-secret" not in said
        file.write_text(CAMERA.format(url=url, tls="any"), "utf-8")
        assert main(arguments) == 0
        assert main([*arguments, "--tls", "verify"]) != 0


def test_pictures_for_a_calibration_keep_to_it_too(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`models quantize --camera` takes them."""
    monkeypatch.setenv("LANGAN_CAM_USER", "an")
    monkeypatch.setenv("LANGAN_CAM_PASSWORD", "pw-secret")
    (tmp_path / "site.yaml").write_text(SITE, "utf-8")
    (tmp_path / "cameras").mkdir()
    options = Namespace(config=tmp_path, camera="cong", media=None, env_file=None, every_s=0.04)
    with HttpCamera(user="an", password="pw-secret", certificate=certificate) as camera:
        url = camera.url("mjpeg", credentials="{LANGAN_CAM_USER}:{LANGAN_CAM_PASSWORD}")
        file = tmp_path / "cameras" / "cong.yaml"
        file.write_text(CAMERA.format(url=url, tls="verify"), "utf-8")
        with pytest.raises(SourceError, match="certificate must be made out to this address") as told:
            list(camera_pictures(options, 1))
        assert "pw-secret" not in str(told.value)
        file.write_text(CAMERA.format(url=url, tls="any"), "utf-8")
        assert len(list(camera_pictures(options, 2))) == 2
