"""A full run is put in an order that makes it worth something at any time, and goes on where it was cut off."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from bench.worlds import runs
from bench.worlds.junction import ordinary
from bench.worlds.noise import LEVELS
from bench.worlds.runs import Kept, Part, plan
from bench.worlds.scenarios import Scenario
from bench.worlds.score import Score

RATES = (5.0, 1.0, 25.0)


def scenarios() -> dict[str, Scenario]:
    build = partial(ordinary, duration_s=1.0)
    return {
        "eventful": Scenario(build, 3),
        "hours": Scenario(build, 20, ordinary=True),
        "other-hours": Scenario(build, 20, ordinary=True),
    }


def test_the_targets_setting_comes_first_and_hours_of_each_kind_in_turn() -> None:
    parts = plan(scenarios(), LEVELS, RATES)
    assert [part.name for part in parts[:3]] == ["eventful"] * 3
    main = [part for part in parts if part.setting == ("measured", 5.0)]
    assert parts[: len(main)] == main
    assert len(main) == 43
    assert [(part.name, part.number) for part in main[3:7]] == [
        ("hours", 1),
        ("other-hours", 1),
        ("hours", 2),
        ("other-hours", 2),
    ]
    settings = list(dict.fromkeys(part.setting for part in parts))
    assert settings == [("measured", 5.0), ("none", 5.0), ("double", 5.0), ("measured", 1.0), ("measured", 25.0)]
    assert len(set(parts)) == len(parts)


def test_hours_that_only_make_a_rate_surer_come_last() -> None:
    many = {"hours": Scenario(partial(ordinary, duration_s=1.0), runs.FIRST_HOURS + 2, ordinary=True)}
    parts = plan(many, LEVELS, RATES)
    assert [(part.number, part.level) for part in parts[-2:]] == [(61, "measured"), (62, "measured")]
    assert ("none", 5.0) in {part.setting for part in parts[:-2]}


def test_ordinary_hours_run_at_one_rate_and_few_at_other_noise() -> None:
    hours = [part for part in plan(scenarios(), LEVELS, RATES) if part.name == "hours"]
    assert {part.fps for part in hours} == {5.0}
    assert [part.number for part in hours if part.level == "none"] == [1, 11]


def test_a_share_runs_some_of_everything() -> None:
    parts = plan(scenarios(), ("measured",), (5.0,), 0.1)
    assert [(part.name, part.number) for part in parts] == [
        ("eventful", 1),
        ("hours", 1),
        ("other-hours", 1),
        ("hours", 2),
        ("other-hours", 2),
    ]


def test_what_is_done_is_found_again_by_the_same_program_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept, part = Kept(tmp_path), Part("eventful", 1, "none", 5.0)
    score = Score(right=3, false=1, delays_s=[1.5], errors={"speed_kmh": [0.1]}, examples=["gì đó"])
    assert kept.get(part) is None
    kept.put(part, {"speeding": score})
    assert kept.get(part) == {"speeding": score}
    assert kept.get(Part("eventful", 1, "none", 1.0)) is None
    monkeypatch.setattr(runs, "fingerprint", lambda: "another")
    assert kept.get(part) is None


def test_the_fingerprint_changes_with_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "ROOT", tmp_path)
    runs.fingerprint.cache_clear()
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge" / "rule.py").write_text("a = 1\n", encoding="utf-8")
    first = runs.fingerprint()
    runs.fingerprint.cache_clear()
    (tmp_path / "edge" / "rule.py").write_text("a = 2\n", encoding="utf-8")
    second = runs.fingerprint()
    runs.fingerprint.cache_clear()
    assert first != second
