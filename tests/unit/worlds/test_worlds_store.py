"""Simulations are remembered exactly, and only for what they were told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.worlds.store import FOLDER, remembered
from bench.worlds.world import Trajectory

ITEMS = [
    Trajectory("a b", "car", (4.0, 2.0, 1.5), np.array([0.0, 0.1, 0.2]), np.eye(3)[:, :2] / 3.0, np.zeros(3)),
    Trajectory("c", "thing", (0.4, 0.4, 0.4), np.array([1.0, 2.0]), np.ones((2, 2)), np.ones(2) / 7.0, 0.5),
]


def test_what_was_simulated_is_found_again_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    runs = []

    def simulate() -> list[Trajectory]:
        runs.append(1)
        return ITEMS

    for _ in range(2):
        found = remembered(("sumo", 1, 2.5), simulate)
        for item, original in zip(found, ITEMS, strict=True):
            assert (item.object_id, item.class_name, item.size_m, item.lift_m) == (
                original.object_id,
                original.class_name,
                original.size_m,
                original.lift_m,
            )
            assert np.array_equal(item.times_s, original.times_s)
            assert np.array_equal(item.xy_m, original.xy_m)
            assert np.array_equal(item.heading_rad, original.heading_rad)
    assert len(runs) == 1
    remembered(("sumo", 2, 2.5), simulate)
    assert len(runs) == 2


def test_nobody_is_remembered_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    assert remembered(("walk",), list) == []
    assert remembered(("walk",), lambda: ITEMS) == []


def test_without_a_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FOLDER, raising=False)
    assert len(remembered(("walk",), lambda: ITEMS)) == 2
    assert remembered(("walk",), list) == []
