"""A light's colour from drawn lamps: by day, by night, in glare, and what is no lamp at all."""

from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.picture import ArrayPicture
from edge.signals.lamp import FORGET_S, HOLD_S, Lamp, Order, SteadyState, colour_of
from edge.types import Frame, SignalState

RED, YELLOW, GREEN, UNKNOWN = SignalState.RED, SignalState.YELLOW, SignalState.GREEN, SignalState.UNKNOWN
COLOURS = {RED: (60, 40, 235), YELLOW: (30, 170, 250), GREEN: (190, 230, 40)}
"""BGR, as Vietnamese LED lamps look on cameras: red a little pink, green nearly cyan."""
PLACE = {RED: 0, YELLOW: 1, GREEN: 2}


def housing(lit: SignalState | None, *, ground: int = 35, order: Order = "vertical") -> NDArray[np.uint8]:
    """A dark housing with three lamps, one of them lit, before a grey wall."""
    image = np.full((96, 40, 3), 120, np.uint8)
    cv2.rectangle(image, (4, 2), (35, 93), (ground, ground, ground), -1)
    for state, place in PLACE.items():
        shade = COLOURS[state] if state is lit else (ground + 15, ground + 15, ground + 15)
        cv2.circle(image, (20, 17 + 31 * place), 11, shade, -1)
    return image if order == "vertical" else np.ascontiguousarray(image.transpose(1, 0, 2))


def halo(
    colour: SignalState, *, core: tuple[int, int, int] = (255, 255, 255), place: int | None = None
) -> NDArray[np.uint8]:
    """A lamp by night: a core that the sensor cannot follow, and its light around it."""
    image = np.full((96, 40, 3), 8, np.uint8)
    y = 48 if place is None else 17 + 31 * place
    cv2.ellipse(image, (20, y), (18, 22 if place is None else 14), 0, 0, 360, COLOURS[colour], -1)
    cv2.ellipse(image, (20, y), (9, 12 if place is None else 7), 0, 0, 360, core, -1)
    return image


@pytest.mark.parametrize("order", [None, "vertical", "horizontal"])
@pytest.mark.parametrize("lit", [RED, YELLOW, GREEN])
def test_a_lamp_by_day(lit: SignalState, order: Order) -> None:
    assert colour_of(housing(lit, order=order or "vertical"), order) is lit


@pytest.mark.parametrize("lit", [RED, YELLOW, GREEN])
def test_a_lamp_by_night_is_its_halo_and_not_its_core(lit: SignalState) -> None:
    assert colour_of(halo(lit)) is lit


def test_a_red_lamp_with_a_yellow_core_is_red() -> None:
    assert colour_of(halo(RED, core=(120, 220, 255))) is RED


@pytest.mark.parametrize("order", [None, "vertical"])
def test_nothing_that_shines_is_unknown(order: Order) -> None:
    assert colour_of(housing(None), order) is UNKNOWN
    assert colour_of(np.zeros((0, 0, 3), np.uint8), order) is UNKNOWN
    assert colour_of(np.full((90, 40, 3), 8, np.uint8), order) is UNKNOWN
    assert colour_of(np.full((90, 40, 3), 255, np.uint8), order) is UNKNOWN, "the sun in the lens"


def test_leaves_and_sky_are_no_green_lamp() -> None:
    leaves = np.full((90, 40, 3), (40, 120, 60), np.uint8)
    sky = np.full((90, 40, 3), (235, 190, 140), np.uint8)
    assert colour_of(leaves) is UNKNOWN
    assert colour_of(sky) is UNKNOWN


def test_two_lamps_at_once_are_unknown() -> None:
    both = housing(RED)
    cv2.circle(both, (20, 17 + 62), 11, COLOURS[GREEN], -1)
    assert colour_of(both) is UNKNOWN


def test_a_colour_in_another_lamps_place_is_unknown() -> None:
    upside_down = np.ascontiguousarray(housing(GREEN)[::-1])
    assert colour_of(upside_down) is GREEN, "where nobody said how they stand, the colour decides"
    assert colour_of(upside_down, "vertical") is UNKNOWN


@pytest.mark.parametrize("lit", [RED, YELLOW, GREEN])
def test_a_lamp_that_glare_made_white_is_told_by_its_place_or_not_at_all(lit: SignalState) -> None:
    white = housing(lit)
    cv2.circle(white, (20, 17 + 31 * PLACE[lit]), 11, (255, 255, 255), -1)
    assert colour_of(white) is UNKNOWN
    assert colour_of(white, "vertical") is lit
    bright = cv2.add(white, np.full_like(white, 140))
    assert colour_of(np.asarray(bright, np.uint8), "vertical") is UNKNOWN, "the sun on the whole housing"


def looks(*seen: SignalState, every_s: float = 0.2) -> list[SignalState]:
    steady = SteadyState()
    return [steady.take(10.0 + index * every_s, state) for index, state in enumerate(seen)]


def test_a_colour_counts_from_its_second_look() -> None:
    assert looks(RED, RED, RED) == [UNKNOWN, RED, RED]
    assert looks(RED, RED, GREEN, RED, GREEN, GREEN) == [UNKNOWN, RED, RED, RED, RED, GREEN]
    assert looks(*[RED] * 4, every_s=0.04) == [UNKNOWN] * 4, "two looks of a fast camera are one look"
    assert looks(*[RED] * 6, every_s=0.04)[-1] is RED


def test_a_flicker_is_bridged_and_darkness_is_not() -> None:
    assert looks(RED, RED, UNKNOWN, RED, UNKNOWN, UNKNOWN, RED)[1:] == [RED] * 6
    dark = looks(RED, RED, *[UNKNOWN] * 8)
    assert dark[1 : 2 + round(HOLD_S / 0.2)] == [RED] * (1 + round(HOLD_S / 0.2))
    assert dark[-1] is UNKNOWN


def test_after_a_gap_or_when_time_runs_backwards_nothing_is_known() -> None:
    for step in (FORGET_S + 0.1, -5.0):
        steady = SteadyState()
        assert [steady.take(10.0, RED), steady.take(10.2, RED)] == [UNKNOWN, RED]
        assert steady.take(10.2 + step, RED) is UNKNOWN


def test_a_lamp_reads_its_own_box_only() -> None:
    image = np.full((200, 400, 3), 90, np.uint8)
    image[20:116, 300:340] = housing(RED)
    image[20:116, 200:240] = housing(GREEN)
    lamp = Lamp((300 / 400, 20 / 200, 340 / 400, 116 / 200), "vertical")
    frames = [
        Frame("cam", ArrayPicture(image), 5.0 + 0.2 * index, datetime(2026, 3, 2, tzinfo=UTC), index)
        for index in range(3)
    ]
    assert [lamp.read(frame) for frame in frames] == [UNKNOWN, RED, RED]
    assert Lamp((0.999, 0.999, 1.0, 1.0), None).read(frames[0]) is UNKNOWN
