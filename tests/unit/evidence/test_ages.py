"""The order in which evidence is given up, against a plain list that is sorted each time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from edge.evidence.ages import AgeIndex
from edge.evidence.store import EvidenceFolder


class Model(RuleBasedStateMachine):
    """Uploaded files go first, the oldest of them before the others; then the oldest of the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.index = AgeIndex()
        self.files: list[tuple[str, int, bool]] = []
        """SHA-256, bytes, uploaded; in order of age."""
        self.made = 0

    @rule(size=st.integers(0, 1000), uploaded=st.booleans())
    def add(self, size: int, uploaded: bool) -> None:
        sha256 = hashlib.sha256(str(self.made).encode()).hexdigest()
        self.made += 1
        self.files.append((sha256, size, uploaded))
        self.index.add(sha256, Path(sha256), size, uploaded=uploaded)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def upload(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.files) - 1))
        sha256, size, _ = self.files[place]
        self.files[place] = (sha256, size, True)
        self.index.mark_uploaded(sha256)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """Somebody deletes a file, or the oldest goes and the same content comes again."""
        sha256, size, uploaded = self.files.pop(data.draw(st.integers(0, len(self.files) - 1)))
        self.index.remove(sha256)
        if data.draw(st.booleans()):
            self.files.append((sha256, size, uploaded))
            self.index.add(sha256, Path(sha256), size, uploaded=uploaded)

    @precondition(lambda self: self.files)
    @rule()
    def give_up(self) -> None:
        expected = next((file for file in self.files if file[2]), self.files[0])
        entry = self.index.oldest()
        assert entry is not None
        assert (entry.sha256, entry.size_bytes, entry.uploaded) == expected
        self.index.remove(entry.sha256)
        self.files.remove(expected)

    @invariant()
    def sizes_add_up(self) -> None:
        assert self.index.used_bytes == sum(size for _, size, _ in self.files)
        assert len(self.index) == len(self.files)
        assert (self.index.oldest() is None) == (not self.files)


TestOrder = Model.TestCase
TestOrder.settings = settings(max_examples=100, stateful_step_count=40)


def test_memory_follows_the_files_that_are_there_not_those_that_ever_were() -> None:
    index = AgeIndex()
    for number in range(20_000):
        sha256 = f"{number:064x}"
        index.add(sha256, Path(sha256), 1, uploaded=False)
        index.mark_uploaded(sha256)
        if number >= 10:
            entry = index.oldest()
            assert entry is not None
            index.remove(entry.sha256)
    assert len(index) == 10
    assert len(index._uploaded) <= 11
    assert len(index._waiting) == 0


def test_no_folder_is_read_to_add_a_file_or_to_find_the_next_to_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 10,000 files, reading the folder for each new one would take seconds of each minute."""
    folder = EvidenceFolder(tmp_path, 3_000)
    looked: list[Path] = []
    glob, stat = Path.glob, Path.stat

    def counted_glob(self: Path, pattern: str) -> object:
        looked.append(self)
        return glob(self, pattern)

    def counted_stat(self: Path, *, follow_symlinks: bool = True) -> object:
        looked.append(self)
        return stat(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "glob", counted_glob)
    monkeypatch.setattr(Path, "stat", counted_stat)
    for number in range(200):
        looked.clear()
        stored = folder.add_bytes(number.to_bytes(2, "big") * 50, ".jpg")
        folder.mark_uploaded(stored.sha256)
        assert len(looked) <= 12, "work for one file does not grow with the number of files"
    assert folder.files == 30
