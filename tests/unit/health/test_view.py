"""The camera's view against its reference: what is done to it is seen, what happens in front of it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from contract.event import EventState
from contract.rules.camera_tampered import CameraTamperedFacts
from edge.health import view
from edge.health.reference import load_references
from edge.health.view import ViewWatch
from edge.picture import ArrayPicture
from edge.types import Frame, Observation
from tests.support.scenes import NOON, make_rule

Image = NDArray[np.uint8]
WIDTH, HEIGHT = 640, 360
LEARN = 30


@cache
def street(seed: int = 7) -> Image:
    """A large view with houses, windows and signs: wider than the camera sees."""
    rng = np.random.default_rng(seed)
    image = np.full((HEIGHT, 2 * WIDTH, 3), (190, 170, 150), np.uint8)
    image[HEIGHT * 6 // 10 :] = (90, 95, 100)
    for _ in range(260):
        x, y = int(rng.integers(0, 2 * WIDTH)), int(rng.integers(0, HEIGHT))
        size = (int(rng.integers(12, 90)), int(rng.integers(8, 60)))
        colour = [int(value) for value in rng.integers(20, 235, 3)]
        cv2.rectangle(image, (x, y), (x + size[0], y + size[1]), colour, -1 if rng.random() < 0.7 else 2)
    return image


@cache
def noise(index: int) -> NDArray[np.float32]:
    return np.random.default_rng(index).standard_normal((HEIGHT, WIDTH), np.float32)


def noisy(image: NDArray[Any], index: int, sigma: float = 3.0) -> Image:
    grain = noise(index % 8) * np.float32(sigma)
    return np.asarray(np.clip(image + (grain[:, :, None] if image.ndim == 3 else grain), 0, 255), np.uint8)


def seen(index: int, x: int = 0) -> Image:
    """What the camera sees, with a car that drives through."""
    image = street()[:, x : x + WIDTH].copy()
    car = 40 + index * 37 % WIDTH
    cv2.rectangle(image, (car, 250), (car + 90, 300), (40, 40, 200), -1)
    return noisy(image, index)


def infrared(index: int) -> Image:
    """Grey, uneven, noisy, and some things bright that were dark."""
    image = seen(index)
    grey = 0.6 * image[:, :, 2] + 0.4 * (255.0 - image[:, :, 0])
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    light = np.exp(-(((x - WIDTH / 2) / (0.6 * WIDTH)) ** 2) - ((y - HEIGHT / 2) / (0.7 * HEIGHT)) ** 2)
    return np.repeat(noisy(grey * light, index, 6.0)[:, :, None], 3, axis=2)


def bus(index: int) -> Image:
    image = seen(index)
    cv2.rectangle(image, (60, 30), (580, 350), (60, 130, 200), -1)
    for window in range(6):
        cv2.rectangle(image, (80 + 82 * window, 80), (140 + 82 * window, 170), (40, 35, 30), -1)
    return noisy(image, index)


def fog(index: int) -> Image:
    share = min(0.9, index / 600)
    return noisy((1 - share) * seen(index) + share * 200.0, index, 1.5)


def play(images: Iterable[Image], step_s: float = 1.0, watch: ViewWatch | None = None) -> list[tuple[float, str]]:
    """`(seconds, what)` of each event that starts."""
    watch, rule = watch or ViewWatch(86400.0), make_rule("camera_tampered")
    raised = []
    for index, image in enumerate(images):
        utc = NOON + timedelta(seconds=index * step_s)
        frame = Frame("cam", ArrayPicture(image), 100.0 + index * step_s, utc, index)
        reading = watch.look(frame)
        for event in rule.observe(Observation("cam", frame.monotonic_s, utc, 16 / 9, (), view=reading)):
            assert isinstance(event.facts, CameraTamperedFacts)
            if event.state is EventState.START:
                raised.append((index * step_s, str(event.facts.tampering)))
    return raised


def then(change: Callable[[int], Image], count: int = 20, learn: int = LEARN) -> Iterator[Image]:
    yield from (seen(index) for index in range(learn))
    yield from (change(learn + index) for index in range(count))


TAMPERED: dict[str, tuple[Callable[[int], Image], str]] = {
    "cloth": (lambda index: noisy(np.full((HEIGHT, WIDTH, 3), 20.0), index, 6.0), "covered"),
    "spray": (
        lambda index: noisy(
            0.2 * cv2.GaussianBlur(seen(index), (0, 0), 25) + 0.8 * np.array([40.0, 30.0, 200.0]), index
        ),
        "covered",
    ),
    "blur": (lambda index: np.asarray(cv2.GaussianBlur(seen(index), (0, 0), 4), np.uint8), "defocused"),
    "turned a little": (lambda index: seen(index, x=90), "moved"),
    "turned far": (lambda index: seen(index, x=600), "moved"),
    "another view": (lambda index: noisy(street(99)[:, :WIDTH], index), "moved"),
}


@pytest.mark.parametrize("step_s", [1.0, 2.0])
@pytest.mark.parametrize("name", TAMPERED)
def test_tampering_is_told_within_ten_seconds(name: str, step_s: float) -> None:
    change, expected = TAMPERED[name]
    (event,) = play(then(change), step_s)
    assert event[1] == expected
    assert 5.0 <= event[0] - LEARN * step_s <= 10.0


def test_a_lens_that_is_put_out_of_focus_step_by_step_is_told() -> None:
    def ever_more(index: int) -> Image:
        return np.asarray(cv2.GaussianBlur(seen(index), (0, 0), 0.3 * (index - LEARN + 1)), np.uint8)

    ((_, what),) = play(then(ever_more, 30))
    assert what == "defocused"


def dusk(index: int, step_s: float, lasts_s: float = 1800.0) -> Image:
    """From day to a black picture with the sensor's noise, in half an hour: a camera without lamp or infrared."""
    left = max(0.0, 1.0 - (index - LEARN) * step_s / lasts_s)
    return noisy(seen(index) * left**2, index, 2.0)


def test_a_dark_night_is_no_cover_but_one_that_never_ends_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view, "LONGEST_NIGHT_S", 2000.0)  # of seconds: hours take long to draw
    step_s, black_s = 10.0, 0.88 * 1800.0
    evening_and_night = [dusk(LEARN + index, step_s) for index in range(400)]
    ((at_s, what),) = play([*(seen(index) for index in range(LEARN)), *evening_and_night], step_s)
    assert what == "covered"
    assert at_s == pytest.approx(LEARN * step_s + black_s + 2000.0, abs=500.0)


def test_a_cloth_at_dusk_is_told() -> None:
    step_s = 5.0
    evening = [dusk(LEARN + index, step_s) for index in range(120)]
    cloth = [noisy(np.full((HEIGHT, WIDTH, 3), 20.0), index, 3.0) for index in range(6)]
    ((at_s, what),) = play([*(seen(index) for index in range(LEARN)), *evening, *cloth], step_s)
    assert what == "covered"
    assert at_s >= (LEARN + len(evening)) * step_s


def light(index: int, gain: float, offset: float) -> Image:
    return np.asarray(np.clip(seen(index) * gain + offset, 0, 255), np.uint8)


QUIET: dict[str, tuple[Callable[[int], Image], int]] = {
    "infrared at dusk and back": (infrared, 40),
    "a bus for half a minute": (bus, 30),
    "the exposure flickers": (lambda index: light(index, 0.5 if index % 2 else 1.4, 0.0), 40),
    "a mast that sways": (lambda index: seen(index, x=index * 7 % 13), 40),
    "headlights for four seconds": (lambda index: light(index, 0.3, 210.0), 4),
}


def blurred(index: int) -> Image:
    return np.asarray(cv2.GaussianBlur(seen(index), (0, 0), 5), np.uint8)


def test_the_first_night_is_learned_although_the_camera_hunted_for_focus_as_it_came(tmp_path: Path) -> None:
    dusk = [*(seen(index) for index in range(LEARN)), *(blurred(index) for index in range(2))]
    path = tmp_path / "cam.npz"
    assert play([*dusk, *(infrared(index) for index in range(20))], watch=ViewWatch(86400.0, path)) == []
    assert set(load_references(path)) == {"colour", "grey"}


def test_the_first_night_is_not_learned_from_a_camera_that_was_turned_before(tmp_path: Path) -> None:
    turned = [*(seen(index) for index in range(LEARN)), *(seen(index, x=600) for index in range(20))]
    path = tmp_path / "cam.npz"
    play([*turned, *(infrared(index) for index in range(20))], watch=ViewWatch(86400.0, path))
    assert set(load_references(path)) == {"colour"}


@pytest.mark.parametrize("name", QUIET)
def test_what_happens_before_the_camera_is_not_tampering(name: str) -> None:
    change, count = QUIET[name]
    assert play([*then(change, count), *(seen(index) for index in range(20))]) == []


def test_fog_that_comes_in_ten_minutes_is_not_tampering() -> None:
    assert play((fog(index) for index in range(0, 700, 3)), 3.0) == []


def test_a_camera_that_was_turned_while_the_edge_was_off_is_told_of(tmp_path: Path) -> None:
    path = tmp_path / "views" / "cam.npz"
    assert play((seen(index) for index in range(LEARN)), watch=ViewWatch(86400.0, path)) == []
    assert 1_000 < path.stat().st_size < 100_000
    assert play((seen(index) for index in range(20)), watch=ViewWatch(86400.0, path)) == []
    assert play((seen(index, x=300) for index in range(20)), watch=ViewWatch(86400.0, path)) == [(5.0, "moved")]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY"])
def test_a_broken_file_is_learned_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cam.npz"
    path.write_bytes(content)
    assert play((seen(index) for index in range(20)), watch=ViewWatch(86400.0, path)) == []


def test_nothing_is_learned_from_a_tampered_view() -> None:
    """A cloth for ten minutes, and the camera sees as before: no second event for the view that came back."""
    cloth = TAMPERED["cloth"][0]
    images = [*then(cloth, 200), *(seen(index) for index in range(30))]
    assert [what for _, what in play(images, 3.0)] == ["covered"]


@pytest.mark.parametrize("share", [0.72, 0.64])
def test_a_cover_that_slips_a_little_is_not_learned(share: float) -> None:
    """It is no longer bad enough to raise an event, but the one that is open goes on."""
    tint = np.array([40.0, 30.0, 200.0]) * np.linspace(1.6, 0.2, WIDTH)[None, :, None]

    def sprayed(index: int, share: float) -> Image:
        return noisy((1 - share) * cv2.GaussianBlur(seen(index), (0, 0), 1.5) + share * tint, index, 1.0)

    images = [*then(lambda index: sprayed(index, 0.85), 15), *(sprayed(index, share) for index in range(200))]
    watch, rule = ViewWatch(86400.0), make_rule("camera_tampered")
    states = []
    for index, image in enumerate(images):
        utc = NOON + timedelta(seconds=index)
        frame = Frame("cam", ArrayPicture(image), 100.0 + index, utc, index)
        states += rule.observe(Observation("cam", 100.0 + index, utc, 16 / 9, (), view=watch.look(frame)))
    assert EventState.START in {event.state for event in states}
    assert EventState.END not in {event.state for event in states}


def test_a_view_that_stayed_wrong_long_enough_is_the_new_one() -> None:
    images = [*(seen(index) for index in range(LEARN)), *(seen(index, x=400) for index in range(120))]
    watch, rule = ViewWatch(40.0), make_rule("camera_tampered")
    states = []
    for index, image in enumerate(images):
        utc = NOON + timedelta(seconds=index)
        frame = Frame("cam", ArrayPicture(image), 100.0 + index, utc, index)
        states += rule.observe(Observation("cam", 100.0 + index, utc, 16 / 9, (), view=watch.look(frame)))
    assert [event.state for event in states if event.state is not EventState.UPDATE] == [
        EventState.START,
        EventState.END,
    ]


def test_a_camera_that_was_turned_and_then_got_another_shape_is_learned_anew(tmp_path: Path) -> None:
    path = tmp_path / "cam.npz"
    turned = [*(seen(index) for index in range(LEARN)), *(seen(index, x=600) for index in range(20))]
    play([*turned, *(seen(index)[:, : WIDTH * 3 // 4] for index in range(20))], watch=ViewWatch(86400.0, path))
    (reference,) = load_references(path).values()
    assert reference.edges.shape[:2] == (120, 160)
