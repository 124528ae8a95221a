"""A camera's YAML is changed by drawing: it says what is wanted, and whatever else stood in it stands there still."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contract.yaml_tree import parse_yaml
from server.admin import rewriting
from server.admin.rewriting import rewrite

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "configs").rglob("*.yaml"))
TEXTS = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in FILES if path.name != "site.yaml"}

share = st.floats(0, 1).map(lambda value: round(value, 4))
point = st.tuples(share, share).map(list)
polygon = st.lists(point, min_size=3, max_size=6)
names = st.text("aăâđêôơưxyz ộ12-:#'\"{}[],&*!|>%@`", min_size=1, max_size=12).map(lambda text: f"V{text}".strip())
ids = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
zone = st.fixed_dictionaries(
    {"name": names, "kind": st.sampled_from(["area", "lane"]), "coordinates": polygon},
    optional={"direction": st.lists(point, min_size=2, max_size=2)},
)


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, dict[str, Any], list[str]]:
    """A file, what it shall say after one change as the page makes it, and the entries that were taken away."""
    name = draw(st.sampled_from(sorted(TEXTS)))
    wanted = copy.deepcopy(parse_yaml(TEXTS[name]).data)
    zones = wanted.setdefault("zones", {}) or {}
    wanted["zones"] = zones
    kind = draw(st.sampled_from(["add", "move", "corner", "drop", "remove", "name", "mask", "calibrate"]))
    chosen = draw(st.sampled_from(sorted(zones))) if zones else None
    gone: list[str] = []
    if kind == "mask":
        section = draw(st.sampled_from([("privacy", "masks"), ("motion", "mask")]))
        wanted.setdefault(section[0], {}).setdefault(section[1], []).append(draw(polygon))
    elif kind == "calibrate":
        pairs = draw(st.lists(st.tuples(point, point), min_size=4, max_size=6))
        wanted.setdefault("calibration", {}).update(image=[a for a, _ in pairs], ground_m=[b for _, b in pairs])
    elif kind == "add" or chosen is None:
        zones[draw(ids)] = draw(zone)
    elif kind == "remove":
        del zones[chosen]
        gone.append(chosen)
    elif kind == "name":
        zones[chosen]["name"] = draw(names)
    elif not zones[chosen].get("coordinates"):
        zones[chosen]["coordinates"] = draw(polygon)
    elif kind == "corner":
        corners = zones[chosen]["coordinates"]
        corners.insert(draw(st.integers(0, len(corners))), draw(point))
    elif kind == "drop":
        corners = zones[chosen]["coordinates"]
        del corners[draw(st.integers(0, len(corners) - 1))]
    else:
        corners = zones[chosen]["coordinates"]
        corners[draw(st.integers(0, len(corners) - 1))] = draw(point)
    return name, wanted, gone


@given(changes())
@settings(max_examples=200)
def test_a_change_says_what_is_wanted_and_every_comment_stays(change: tuple[str, dict[str, Any], list[str]]) -> None:
    name, wanted, gone = change
    before = TEXTS[name]
    after = rewrite(before, wanted)
    assert parse_yaml(after).data == wanted
    for line in before.splitlines():
        if "#" in line and not any(f"{entry}:" in line for entry in gone):
            assert line.partition("#")[2] in after
    # All lines that the change is not about stand there as they stood, in their order.
    untouched = [line for line in before.splitlines() if line.lstrip().startswith("#") or "{kind:" in line]
    rest = iter(after.splitlines())
    assert all(any(line == other for other in rest) for line in untouched)


@given(changes())
@settings(max_examples=50)
def test_the_round_trip_that_stands_behind_it_keeps_what_is_wanted(
    change: tuple[str, dict[str, Any], list[str]],
) -> None:
    name, wanted, _ = change
    assume(wanted["zones"])  # ruamel cannot write a comment into a mapping that has become empty
    assert parse_yaml(rewriting._round_trip(TEXTS[name], wanted)).data == wanted


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_number_is_read_as_it_was_written(value: float) -> None:
    assert float(rewriting.number(value)) == value


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_file_that_shall_say_what_it_says_is_not_touched(name: str) -> None:
    assert rewrite(TEXTS[name], parse_yaml(TEXTS[name]).data) == TEXTS[name]
