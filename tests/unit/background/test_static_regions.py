"""New static regions in made scenes: what is put down is found, and light, rain, people and vehicles are not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from edge.background.static_regions import StaticRegions
from edge.types import StaticRegion
from tests.support import ground_scenes as gs
from tests.support.ground_scenes import Moment, person, seconds, shade, show, thing, track_at, track_of

Scene = Callable[[float], Moment]
START_S = 5000.0
BAG = thing(300, 250, 22, 26)
BAG_BOX = (289 / 640, 224 / 360, 311 / 640, 250 / 360)


def last(scene: Scene, until_s: float, fps: float = 2.0, noise: float = 2.5) -> tuple[StaticRegion, ...]:
    """The regions at the end of a scene."""
    return list(show(StaticRegions(), scene, seconds(until_s, fps), noise=noise))[-1][1]


def ever(scene: Scene, until_s: float, fps: float = 2.0, noise: float = 2.5) -> dict[int, StaticRegion]:
    """Every region that there was, as it was seen last."""
    found: dict[int, StaticRegion] = {}
    for _, regions in show(StaticRegions(), scene, seconds(until_s, fps), noise=noise):
        found |= {region.region_id: region for region in regions}
    return found


def iou(region: StaticRegion, box: tuple[float, float, float, float]) -> float:
    a, b = region.xyxy, box
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(0.0, width) * max(0.0, height)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def leaves_a_bag(at_s: float, *, tracked: bool = True, bag: gs.Draw = BAG) -> Moment:
    """Somebody comes from the left, puts a bag down at 20 s, and goes at 24 s."""
    things = [bag] if at_s >= 20.0 else []
    x = 300.0 + 25.0 * min(0.0, at_s - 20.0) + 30.0 * max(0.0, at_s - 24.0)
    if -30.0 < x < 670.0:
        things.append(person(x + 12, 255, 90, sway=math.sin(3.0 * at_s)))
        return Moment(tuple(things), (track_of(1, x + 12, 255, 90),) if tracked else ())
    return Moment(tuple(things))


@pytest.mark.parametrize("fps", [0.5, 1.0, 2.0, 5.0])
def test_a_bag_that_is_put_down_is_found_with_the_time_and_place_of_its_appearance(fps: float) -> None:
    (region,) = last(leaves_a_bag, 60.0, fps)
    assert not region.is_hole
    assert iou(region, BAG_BOX) > 0.5
    assert START_S + 18.0 <= region.appeared_s <= START_S + 28.0
    assert region.last_seen_s == pytest.approx(START_S + 60.0, abs=2.1)
    assert 0.0005 < region.area < 0.004


def test_it_is_found_without_any_track() -> None:
    (region,) = last(lambda t: leaves_a_bag(t, tracked=False), 60.0)
    assert iou(region, BAG_BOX) > 0.5


def test_the_same_region_stays_while_people_pass_in_front_and_ends_when_it_is_taken() -> None:
    def scene(at_s: float) -> Moment:
        moment = leaves_a_bag(at_s)
        things, tracks = list(moment.things), list(moment.tracks)
        if at_s > 100.0:
            things = things[1:]
        for index, begins_s in enumerate((45.0, 52.0, 60.0)):
            x = 200.0 + 40.0 * (at_s - begins_s)
            if 200.0 <= x < 420.0:
                things.append(person(x, 262, 95))
                tracks += [track_of(5 + index, x, 262, 95)] if index else []  # one of them the detector does not see
        return Moment(tuple(things), tuple(tracks))

    seen = dict(show(StaticRegions(), scene, seconds(130.0)))
    ids = {region.region_id for regions in seen.values() for region in regions}
    assert len(ids) == 1
    assert all(len(regions) == 1 for at_s, regions in seen.items() if 40.0 <= at_s <= 100.0)
    assert all(not regions for at_s, regions in seen.items() if at_s >= 105.0)


def test_what_belonged_to_the_scene_and_is_taken_is_a_hole_and_later_nothing() -> None:
    def scene(at_s: float) -> Moment:
        return Moment((BAG,) if at_s < 20.0 else ())

    seen = dict(show(StaticRegions(), scene, seconds(120.0)))
    (hole,) = seen[40.0]
    assert hole.is_hole
    assert seen[120.0] == ()


def test_somebody_who_stands_for_five_minutes_is_never_an_object() -> None:
    """As still as a post, with a shadow beside them."""

    def scene(at_s: float) -> Moment:
        if not 15.0 <= at_s < 315.0:
            return Moment()
        sway = math.sin(1.7 * at_s) + 0.6 * math.sin(0.43 * at_s)
        shadow = shade([(325, 268), (420, 262), (425, 270), (330, 276)])
        return Moment((person(320, 270, 100, sway), shadow), (track_of(1, 320, 270, 100),))

    assert ever(scene, 340.0, 1.0) == {}


def test_nor_when_the_detector_loses_them_where_they_stand() -> None:
    def scene(at_s: float) -> Moment:
        if not 15.0 <= at_s < 200.0:
            return Moment()
        return Moment((person(320, 270, 100),), (track_of(1, 320, 270, 100),) if at_s < 60.0 else ())

    assert ever(scene, 240.0) == {}


def test_nor_when_no_detector_ever_finds_them_unless_they_stand_like_a_post() -> None:
    """Their upper body sways by three hundredths of their height at most."""

    def scene(at_s: float) -> Moment:
        sway = 2.0 * (math.sin(0.9 * at_s) + 0.6 * math.sin(0.43 * at_s))
        return Moment((person(320, 270, 100, sway),) if 10.0 <= at_s < 70.0 else ())

    assert ever(scene, 70.0) == {}


def test_a_parked_car_is_no_object_even_when_its_track_is_lost() -> None:
    car = (200.0, 180.0, 340.0, 250.0)

    def scene(at_s: float) -> Moment:
        if at_s < 15.0 or at_s >= 150.0:
            return Moment()
        shift = 20.0 * max(0.0, 20.0 - at_s)
        box = (car[0] - shift, car[1], car[2] - shift, car[3])
        drawn = thing(box[0] + 70, 250, 140, 78, (150, 60, 60), 14.0)
        return Moment((drawn,), (track_at(1, box, "car"),) if at_s < 80.0 else ())

    assert ever(scene, 200.0) == {}


def test_a_bag_beside_somebody_who_waits_is_found() -> None:
    def scene(at_s: float) -> Moment:
        if at_s < 15.0:
            return Moment()
        return Moment((thing(360, 270, 22, 26), person(310, 270, 100)), (track_of(1, 310, 270, 100),))

    (region,) = last(scene, 50.0)
    assert region.xyxy[0] > 340 / 640


LIGHTS: dict[str, Scene] = {
    "a cloud, and the iris": lambda t: Moment((gs.light(1.0 - 0.35 * min(1.0, max(0.0, (t - 20.0) / 4.0))),)),
    "a quick change of gain": lambda t: Moment((gs.light(1.0 if t < 20.0 or t > 50.0 else 1.45),)),
    "a lamp over half of the picture": lambda t: Moment(
        (shade([(0, 0), (320, 0), (320, 360), (0, 360)], 1.6 if t > 20.0 else 1.0, 30),)
    ),
    "the shadow of a house that creeps on": lambda t: Moment(
        (shade([(0, 140), (180 + 0.15 * t, 150), (180 + 0.15 * t, 360), (0, 360)], 0.5, 3),)
    ),
    "a shadow that comes at once": lambda t: Moment(
        (shade([(250, 200), (330, 195), (340, 240), (255, 245)], 0.5, 2),) if t > 20.0 else ()
    ),
    "a patch of sun": lambda t: Moment(
        (shade([(250, 200), (330, 195), (340, 240), (255, 245)], 1.5, 2),) if t > 20.0 else ()
    ),
    "rain": lambda t: Moment((gs.rain(int(10 * t)),) if t > 10.0 else ()),
    "infrared at dusk": lambda t: Moment((gs.light(1.0, grey=True),) if t > 20.0 else ()),
    "a slow evening": lambda t: Moment((gs.light(1.0 - 0.006 * t),)),
}


@pytest.mark.parametrize("name", LIGHTS)
def test_light_and_weather_are_no_objects(name: str) -> None:
    assert ever(LIGHTS[name], 100.0) == {}


def test_noise_of_a_night_camera_is_no_object() -> None:
    assert ever(lambda _: Moment(), 60.0, noise=14.0) == {}


def test_leaves_in_the_wind_are_no_objects() -> None:
    def scene(at_s: float) -> Moment:
        leaves = [
            thing(x + 6 * math.sin(2.1 * at_s + x), y + 4 * math.sin(1.3 * at_s + y), 14, 12, (40, 110, 60), 20.0)
            for x, y in np.random.default_rng(4).integers((420, 20), (620, 110), (60, 2)).tolist()
        ]
        return Moment(tuple(leaves))

    assert ever(scene, 120.0) == {}


def test_the_bag_is_kept_when_infrared_light_comes_on_and_then_seen_to_go() -> None:
    def scene(at_s: float) -> Moment:
        moment = leaves_a_bag(at_s)
        things = list(moment.things) if at_s < 120.0 else []
        return Moment((*things, *((gs.light(1.0, grey=True),) if at_s > 60.0 else ())), moment.tracks)

    seen = dict(show(StaticRegions(), scene, seconds(150.0)))
    assert [region.region_id for region in seen[58.0]] == [region.region_id for region in seen[110.0]] == [1]
    assert [region for region in seen[140.0] if not region.is_hole] == []


def test_a_camera_that_was_turned_begins_anew_without_regions() -> None:
    def scene(at_s: float) -> Moment:
        return leaves_a_bag(at_s)

    background = StaticRegions()
    before = list(show(background, scene, seconds(60.0)))
    assert len(before[-1][1]) == 1
    turned = np.roll(gs.ground(seed=9), 130, axis=1)[::-1].copy()
    after = list(show(background, lambda _: Moment(), seconds(120.0, from_s=60.5), base=turned))
    assert all(regions == () for _, regions in after[1:])


def test_a_gap_of_a_connection_that_shows_the_same_view_keeps_the_region() -> None:
    background = StaticRegions()
    (region,) = list(show(background, leaves_a_bag, seconds(60.0)))[-1][1]
    background.interrupted()
    (same,) = list(show(background, leaves_a_bag, seconds(120.0, from_s=100.0)))[-1][1]
    assert same.region_id == region.region_id


def test_a_long_gap_and_a_clock_that_runs_back_begin_anew() -> None:
    background = StaticRegions()
    assert len(list(show(background, leaves_a_bag, seconds(60.0)))[-1][1]) == 1
    assert list(show(background, leaves_a_bag, seconds(820.0, from_s=800.0)))[-1][1] == ()
    assert list(show(background, leaves_a_bag, seconds(60.0)))[-1][1] != ()
    assert next(iter(show(background, leaves_a_bag, [50.0])))[1] == ()


def test_masks_hide_what_lies_in_them() -> None:
    mask = [(0.4, 0.5), (0.55, 0.5), (0.55, 0.8), (0.4, 0.8)]
    shown = show(StaticRegions([mask]), leaves_a_bag, seconds(60.0))
    assert all(regions == () for _, regions in shown)


def test_it_looks_twice_a_second_only() -> None:
    background = StaticRegions()
    looked = {background._looked_s for _ in show(background, leaves_a_bag, seconds(4.0, fps=25.0))}
    assert len(looked) <= 9
