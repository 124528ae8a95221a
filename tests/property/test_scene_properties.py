"""Schedules and the ground plane for any input."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st

from contract.geometry import distance, is_simple_polygon, point_in_polygon, polygon_area
from contract.site_config import ScheduleConfig
from edge.scene import Homography, Scene, Schedule
from tests.support.scenes import make_camera, make_site

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

minutes = st.integers(0, 24 * 60 - 1)
times = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001 - made aware in the same line
share = st.floats(0.0, 1.0)


def clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


@given(start=minutes, end=minutes, day=st.integers(0, 6), at=times)
def test_a_range_holds_exactly_from_its_start_for_its_length(start: int, end: int, day: int, at: datetime) -> None:
    assume(start != end)
    schedule = Schedule.from_config(
        ScheduleConfig.model_validate({DAYS[day]: [f"{clock(start)}-{clock(end)}"]}), VIETNAM, {}
    )
    length = timedelta(minutes=(end - start) % (24 * 60))
    local = at.astimezone(VIETNAM)
    expected = False
    for days_back in (0, 1):
        begin = local.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_back)
        begin += timedelta(minutes=start)
        expected |= begin.weekday() == day and begin <= local < begin + length
    assert schedule.is_active(at) is expected


@given(start=minutes, end=minutes, at=times)
def test_a_range_and_its_rest_of_the_day_share_every_moment(start: int, end: int, at: datetime) -> None:
    assume(start != end)
    one = Schedule.from_ranges([f"{clock(start)}-{clock(end)}"], VIETNAM)
    rest = Schedule.from_ranges([f"{clock(end)}-{clock(start)}"], VIETNAM)
    assert one.is_active(at) is not rest.is_active(at)


@given(start=minutes, end=minutes, at=times, offset=st.integers(0, 2))
def test_a_holiday_leaves_out_what_starts_on_it_and_nothing_else(
    start: int, end: int, at: datetime, offset: int
) -> None:
    assume(start != end)
    config = ScheduleConfig.model_validate({"every_day": [f"{clock(start)}-{clock(end)}"], "except": "holidays"})
    holiday: date = at.astimezone(VIETNAM).date() - timedelta(days=offset)
    plain = Schedule.from_config(config, VIETNAM, {"holidays": []}).is_active(at)
    local = at.astimezone(VIETNAM)
    minute = local.hour * 60 + local.minute
    began = local.date() - timedelta(days=1 if end < start and minute < end else 0)
    without = Schedule.from_config(config, VIETNAM, {"holidays": [holiday]})
    assert without.is_active(at) is (plain and began != holiday)


@st.composite
def cameras(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """Ground points and where a camera on a pole sees them: 3 to 12 m up, looking down at 10 to 60 degrees."""
    height = draw(st.floats(3.0, 12.0))
    tilt = np.radians(draw(st.floats(10.0, 60.0)))
    turn = np.radians(draw(st.floats(-180.0, 180.0)))
    focal = draw(st.floats(0.5, 2.0))
    centre = height / np.tan(tilt)
    ground, image = [], []
    for across in (-0.4, -0.15, 0.1, 0.35):
        for along in (0.7, 0.9, 1.2, 1.5):
            x, y = across * centre, along * centre
            depth = y * np.cos(tilt) + height * np.sin(tilt)
            down = height * np.cos(tilt) - y * np.sin(tilt)
            image.append((0.5 + focal * float(x / depth), 0.5 + focal * float(down / depth)))
            ground.append((float(x * np.cos(turn) - y * np.sin(turn)), float(x * np.sin(turn) + y * np.cos(turn))))
    return image, ground


@given(cameras())
def test_four_points_of_a_real_camera_give_the_ground_of_all_others(
    camera: tuple[list[tuple[float, float]], list[tuple[float, float]]],
) -> None:
    image, ground = camera
    corners = (0, 3, 12, 15)
    homography = Homography.fit([image[i] for i in corners], [ground[i] for i in corners])
    for point, metres in zip(image, ground, strict=True):
        mapped = homography.to_ground(point)
        assert mapped is not None
        assert distance(mapped, metres) < 1e-5
        back = homography.to_picture(metres)
        assert back is not None
        assert distance(back, point) < 1e-6


@given(camera=cameras(), noise=st.floats(0.0005, 0.003), seed=st.integers(0, 2**32 - 1))
def test_the_error_grows_with_what_is_wrong_and_stays_a_length(
    camera: tuple[list[tuple[float, float]], list[tuple[float, float]]], noise: float, seed: int
) -> None:
    image, ground = camera
    rng = np.random.default_rng(seed)
    shaken = [(x + rng.normal(0, noise), y + rng.normal(0, noise)) for x, y in image]
    exact, wrong = Homography.fit(image, ground).error_m, Homography.fit(shaken, ground).error_m
    assert exact is not None
    assert wrong is not None
    assert exact < 1e-5
    assert wrong > exact


@given(
    corners=st.lists(st.tuples(share, share), min_size=3, max_size=7),
    points=st.lists(st.tuples(st.floats(-0.2, 1.2), st.floats(-0.2, 1.2)), max_size=30),
)
@example(corners=[(1.0, 0.0), (1.175494351e-38, 0.0), (1.0, 1.0)], points=[(0.0, 0.0)])
def test_a_zone_holds_a_point_as_its_outline_says(
    corners: list[tuple[float, float]], points: list[tuple[float, float]]
) -> None:
    """The picture is cut into cells that remember their zones: nobody may see that, least of all near a border."""
    assume(is_simple_polygon(corners) and polygon_area(corners) > 1e-4)
    camera = make_camera(zones={"a": {"name": "A", "kind": "lane", "coordinates": corners}})
    scene = Scene.from_config(camera, make_site())
    for x, y in [*points, *((x + 1e-6, y) for x, y in corners)]:
        for _ in range(2):
            assert scene.zone_contains("a", (x, y)) is point_in_polygon((x, y), corners)
