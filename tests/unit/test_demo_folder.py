"""The folder of `make demo`: emptied for each, never under one that runs, never with something else in it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tools.demo import make_anew
from tools.demo_site import DemoError


def test_an_earlier_demonstrations_folder_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    make_anew(folder).close()
    (folder / "server.log").write_text("old")
    with closing(make_anew(folder)):
        assert not (folder / "server.log").exists()


def test_a_demonstration_that_runs_keeps_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with closing(make_anew(folder)):
        (folder / "server.log").write_text("mine")
        with pytest.raises(DemoError, match="runs in"):
            make_anew(folder)
        assert (folder / "server.log").read_text() == "mine"


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DemoError, match="something else"):
        make_anew(tmp_path)
    assert (tmp_path / "thesis.txt").exists()
