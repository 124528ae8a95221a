"""The evidence folder: whole files by content, within a budget (threat 8)."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from edge.errors import DiskFull, OutboxError
from edge.evidence import store
from edge.evidence.store import EvidenceFolder, StoredFile


def content(index: int) -> bytes:
    return bytes([index]) * 1000


def filled(root: Path, count: int, budget_bytes: int = 10_000) -> tuple[EvidenceFolder, list[StoredFile]]:
    """A folder with files of 1000 bytes, the first the oldest."""
    folder, files = EvidenceFolder(root, budget_bytes), []
    for index in range(count):
        files.append(folder.add_bytes(content(index), ".jpg"))
        os.utime(files[-1].path, (1000 + index, 1000 + index))
    return folder, files


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    _, (stored,) = filled(tmp_path, 1)
    assert stored.sha256 == hashlib.sha256(content(0)).hexdigest()
    assert (stored.path.read_bytes(), stored.size_bytes) == (content(0), 1000)
    assert stored.path == tmp_path / stored.sha256[:2] / f"{stored.sha256}.jpg"


def test_the_same_bytes_twice_are_one_file(tmp_path: Path) -> None:
    folder, (first,) = filled(tmp_path, 1)
    assert folder.add_bytes(content(0), ".jpg") == first
    assert folder.used_bytes == 1000


def test_a_finished_clip_is_moved_in(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path / "media", 10_000)
    with folder.scratch(".mp4") as path:
        path.write_bytes(content(1))
        stored = folder.add_file(path)
    assert stored.path.read_bytes() == content(1)
    assert stored.path.suffix == ".mp4"
    assert list((tmp_path / "media" / "tmp").iterdir()) == []


def test_uploaded_files_go_first_then_the_oldest(tmp_path: Path) -> None:
    folder, files = filled(tmp_path, 4, budget_bytes=4_000)
    folder.mark_uploaded(files[2].sha256)
    assert folder.enforce_budget(room_for_bytes=2_000) == [files[0].sha256]
    assert [file.path.exists() for file in files] == [False, True, False, True]
    assert folder.used_bytes == 2_000


def test_adding_makes_room_by_itself(tmp_path: Path) -> None:
    folder, files = filled(tmp_path, 3, budget_bytes=3_500)
    folder.add_bytes(content(9), ".jpg")
    assert [file.path.exists() for file in files] == [False, True, True]
    assert folder.path_of(files[0].sha256) is None
    assert folder.used_bytes <= 3_500


def test_what_was_uploaded_is_known_after_a_restart(tmp_path: Path) -> None:
    folder, files = filled(tmp_path, 3)
    folder.mark_uploaded(files[1].sha256)
    again = EvidenceFolder(tmp_path, 3_000)
    assert again.used_bytes == 3_000
    assert again.enforce_budget(500) == []
    assert [file.path.exists() for file in files] == [True, False, True]
    assert not list(tmp_path.glob("*/*.uploaded"))


def test_half_written_files_are_gone_after_a_restart(tmp_path: Path) -> None:
    EvidenceFolder(tmp_path, 1_000)
    (tmp_path / "tmp" / "half").write_bytes(b"x")
    EvidenceFolder(tmp_path, 1_000)
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_file_larger_than_the_budget_is_refused_and_nothing_is_deleted_for_it(tmp_path: Path) -> None:
    folder, (stored,) = filled(tmp_path, 1, budget_bytes=2_000)
    with pytest.raises(DiskFull, match="raise the budget"):
        folder.add_bytes(bytes(3_000), ".mp4")
    assert stored.path.exists()


def full_until(monkeypatch: pytest.MonkeyPatch, gone: Path | None) -> None:
    """The disk refuses to write as long as a file exists; for ever where it is None."""
    write = store._write

    def refuse(target: Path, data: bytes) -> None:
        if gone is None or gone.exists():
            target.write_bytes(data[:10])  # what a full disk leaves behind
            raise OSError(errno.ENOSPC, "No space left on device")
        write(target, data)

    monkeypatch.setattr(store, "_write", refuse)


def test_on_a_full_disk_the_oldest_media_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, files = filled(tmp_path, 3)
    full_until(monkeypatch, files[1].path)
    stored = folder.add_bytes(content(9), ".jpg")
    assert stored.path.read_bytes() == content(9)
    assert [file.path.exists() for file in files] == [False, False, True]
    assert folder.used_bytes == 2_000


def test_a_disk_that_stays_full_is_told_and_nothing_half_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = filled(tmp_path, 2)
    full_until(monkeypatch, None)
    with pytest.raises(DiskFull, match="free space"):
        folder.add_bytes(content(9), ".jpg")
    assert folder.used_bytes == 0
    assert list((tmp_path / "tmp").iterdir()) == []
    assert folder.path_of(hashlib.sha256(content(9)).hexdigest()) is None


def test_a_place_that_is_no_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutboxError, match="check its owner"):
        EvidenceFolder(tmp_path / "file", 1_000)


@pytest.mark.parametrize("suffix", ["jpg", "/../x", ".JPG", "", ".a/b"])
def test_suffixes_cannot_lead_out_of_the_folder(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="suffix"):
        EvidenceFolder(tmp_path, 1_000).add_bytes(b"x", suffix)


@pytest.mark.parametrize("name", ["../../etc/passwd", "*", "a" * 63, ""])
def test_only_hashes_are_looked_up(name: str, tmp_path: Path) -> None:
    assert EvidenceFolder(tmp_path, 1_000).path_of(name) is None


def test_what_is_lost_is_counted_and_the_log_does_not_grow_with_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder, _ = filled(tmp_path, 100, budget_bytes=1_000)
    assert folder.lost_files == 99
    assert caplog.text.count("evidence_deleted_before_upload") == 7
    assert "files_since_start=64" in caplog.text
