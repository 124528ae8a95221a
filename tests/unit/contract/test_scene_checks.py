"""Shapes and references that cannot be meant are refused with line, path and remedy."""

from __future__ import annotations

import pytest

from contract.config_loader import load_camera, load_site
from contract.geometry import is_simple_polygon, offset_from_line, polygon_centre
from tests.unit.contract.test_config_loader import CAMERA, SITE, errors_of, site

SCENE = (
    CAMERA
    + """\
lines: {vach: {name: Vạch dừng, coordinates: [[0.1, 0.8], [0.9, 0.8]], into: duong}}
calibration:
  image: [[0.2, 0.9], [0.8, 0.9], [0.62, 0.45], [0.38, 0.45]]
  ground_m: [[0, 0], [7, 0], [7, 20], [0, 20]]
privacy: {masks: [[[0, 0.6], [1, 0.6], [1, 1], [0, 1]]]}
"""
)
SHOWN = SCENE.replace("privacy:", "motion: {mask: []}\n#")
"""The same without the mask."""


def test_the_scene_itself_is_right_but_for_its_mask() -> None:
    assert load_camera(SHOWN, "a.yaml", site()).errors == ()


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "part_of_message", "part_of_remedy"),
    [
        ("[0.9, 0.8]], into", "[0.1, 0.8]], into", 11, "lines.vach.coordinates", "no length", "two ends"),
        ("[[0.1, 0.8], [0.9, 0.8]]", "[[0.1, 1], [0.9, 0.999]]", 11, "lines.vach.coordinates", "border", "into the"),
        ("[[0.1, 0.8], [0.9, 0.8]]", "[[0, 0.1], [0, 0.9]]", 11, "lines.vach.coordinates", "border", "into the"),
        ("into: duong", "into: song", 11, "lines.vach.into", "unknown zone 'song'", "duong, lan"),
        (
            "[[0.1, 0.8], [0.9, 0.8]]",
            "[[0.1, 0.5833], [0.9, 0.5833]]",
            11,
            "lines.vach.into",
            "centre of 'duong' lies on the line",
            "beyond the line",
        ),
        ("[0.62, 0.45]", "[1.62, 0.45]", 13, "calibration.image[2][0]", "1.62 should be 1 or less", "in this range"),
        ("[0.62, 0.45]", "[0.5, 0.9]", 13, "calibration.image", "all points but one lie on one line", "no three"),
        (
            "[[0, 0], [7, 0], [7, 20], [0, 20]]",
            "[[0, 0], [7, 7], [9, 9], [3, 3]]",
            14,
            "calibration.ground_m",
            "one line",
            "span the ground",
        ),
        ("[[0, 0], [7, 0], [7, 20]", "[[0, 0], [7, 20], [7, 0]", 14, "calibration.ground_m", "belong", "same order"),
        ("[[0.5, 0.4], [0.9, 0.4]", "[[0.5, 0.4], [1.2, 0.4]", 7, "zones.lan.coordinates[1][0]", "1.2", "range"),
        (
            "lan: {name: Làn, kind: lane, coordinates: [[0.5, 0.4], [0.9, 0.4], [0.9, 0.95]]",
            "lan: {name: Làn, kind: lane, coordinates: [[0, 0], [1, 1], [1, 0], [0, 1]]",
            7,
            "zones.lan.coordinates",
            "crosses itself",
            "in order",
        ),
        (
            "direction: [[0.7, 0.9], [0.6, 0.4]]",
            "direction: [[0.7, 0.9], [0.7, 0.9]]",
            7,
            "zones.lan.direction",
            "same",
            "arrow",
        ),
        ("zones: [lan]", "zones: [lan, lan]", 10, "rules[1].zones[1]", "'lan' stands here twice", "keep one"),
        (
            "zones: [lan]",
            "zones: [lan], objects: [car, car]",
            10,
            "rules[1].objects[1]",
            "'car' stands here twice",
            "one",
        ),
        ("zones: [lan]", "zones: [lan], schedule: []", 10, "rules[1].schedule", "never in force", "time ranges"),
        (
            "  - {kind: wrong_way, zones: [lan]}",
            "  - {kind: wrong_way, zones: [lan]}\n  - {kind: wrong_way, zones: [lan]}",
            11,
            "rules[2]",
            "the rule wrong_way stands here twice",
            "keep one",
        ),
        ("kind: lane", "kind: street", 7, "zones.lan.kind", "should be one of", "words listed"),
        ("duong: {name", "lan: {name", 7, "", "the key 'lan' stands here twice", "keep one"),
    ],
)
def test_a_scene_that_cannot_be_meant_is_refused(
    old: str, new: str, line: int, path: str, part_of_message: str, part_of_remedy: str
) -> None:
    assert old in SHOWN
    errors = errors_of(SHOWN.replace(old, new, 1))
    matching = [error for error in errors if (error.line, error.path) == (line, path)]
    assert matching, [str(error) for error in errors]
    assert part_of_message in matching[0].message
    assert part_of_remedy in matching[0].remedy


def test_what_lies_wholly_under_a_privacy_mask_is_refused() -> None:
    (error,) = errors_of(SCENE)
    assert (error.line, error.path) == (11, "lines.vach.coordinates")
    assert "privacy mask" in error.message
    lower = SCENE.replace("[[0.1, 0.4], [0.9, 0.4], [0.9, 0.95]]", "[[0.1, 0.7], [0.9, 0.7], [0.9, 0.95]]", 1)
    assert {error.path for error in errors_of(lower)} == {"lines.vach.coordinates", "zones.duong.coordinates"}


def test_schedules_that_never_happen_are_refused() -> None:
    for written, path in (
        ("{dates: {2026-02-14: []}}", "schedules.dem"),
        ("{except: holidays}", "schedules.dem"),
        ("{dates: {2026-02-14: ['08:00-08:00']}}", "schedules.dem.dates.2026-02-14[0]"),
        ("{monday: ['08:00-08:00']}", "schedules.dem.monday[0]"),
    ):
        (error,) = load_site(SITE.replace('{every_day: ["22:00-05:00"]}', written), "site.yaml").errors
        assert (error.line, error.path) == (7, path), str(error)


def test_named_days_are_dates_and_spans() -> None:
    text = SITE + "days: {phien_cho: [2026-03-05, 2026-03-10], nghi_he: [[2026-06-01, 2026-08-31], 2026-09-01]}\n"
    text = text.replace('{every_day: ["22:00-05:00"]}', '{days: {phien_cho: ["04:00-11:00"]}, except: nghi_he}')
    result = load_site(text, "site.yaml")
    assert result.config is not None, result.errors
    days = result.config.named_days
    assert {len(days[name]) for name in ("phien_cho", "nghi_he", "holidays")} == {2, 93, 0}
    assert result.config.schedules["dem"].left_out == ("nghi_he",)


@pytest.mark.parametrize(
    ("days", "written", "path", "part"),
    [
        ("{}", "{days: {cho: ['08:00-09:00']}}", "schedules.dem.days", "unknown days 'cho'"),
        ("{}", "{every_day: ['08:00-09:00'], except: cho}", "schedules.dem.except", "unknown days 'cho'"),
        ("{}", "{every_day: ['08:00-09:00'], except: [holidays, cho]}", "schedules.dem.except", "unknown days 'cho'"),
        ("{cho: []}", "{days: {cho: ['08:00-09:00']}}", "schedules.dem", "never in force"),
        ("{cho: [2026-03-05]}", "{days: {cho: ['08:00-08:00']}}", "schedules.dem.days.cho[0]", "is empty"),
        ("{cho: [[2026-03-05, 2026-03-01]]}", "{every_day: ['08:00-09:00']}", "days.cho[0]", "end before they begin"),
        ("{holidays: [2026-03-05]}", "{every_day: ['08:00-09:00']}", "days.holidays", "by themselves"),
    ],
)
def test_days_that_cannot_be_meant_are_refused(days: str, written: str, path: str, part: str) -> None:
    text = SITE.replace('{every_day: ["22:00-05:00"]}', written) + f"days: {days}\n"
    errors = load_site(text, "site.yaml").errors
    assert [error for error in errors if error.path == path and part in error.message], [str(e) for e in errors]


@pytest.mark.parametrize(
    ("polygon", "simple"),
    [
        ([(0, 0), (1, 0), (1, 1), (0, 1)], True),
        ([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)], True),  # a closed ring
        ([(0, 0), (1, 1), (1, 0), (0, 1)], False),  # a bow tie
        ([(0, 0), (0.5, 0.5), (1, 0), (1, 1), (0.5, 0.5), (0, 1)], False),  # pinched at a corner
        ([(0, 0), (1, 0), (1, 1), (0.5, 0), (0, 1)], False),  # a corner on another edge
        ([(0, 0), (1, 0), (0.5, 0), (0.5, 1)], False),  # a spike
        ([(0, 0), (2, 0), (2, 2), (1, 1), (0, 2)], True),  # hollow on one side
    ],
)
def test_edges_meet_only_where_one_follows_the_other(polygon: list[tuple[float, float]], simple: bool) -> None:
    assert is_simple_polygon(polygon) is simple
    assert is_simple_polygon(polygon[::-1]) is simple


def test_the_centre_is_that_of_the_area_and_not_of_the_corners() -> None:
    assert polygon_centre([(0, 0), (2, 0), (2, 1), (1, 1), (0, 1)]) == pytest.approx((1.0, 0.5))
    assert polygon_centre([(0, 0), (1, 1)]) == (0.5, 0.5)
    assert offset_from_line((0.0, 2.0), ((0.0, 0.0), (3.0, 0.0))) == pytest.approx(2.0)
    assert offset_from_line((0.0, 2.0), ((3.0, 0.0), (0.0, 0.0))) == pytest.approx(-2.0)
