"""A frozen picture is told from a still scene: only what is the same to the last bit is frozen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.capture.still_picture import StillPicture


def street(seed: int | None = None) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[0:240, 0:320]
    image = (rows + columns) % 200 + 20
    if seed is not None:  # a denoised night: one pixel in a hundred trembles by one level
        image = image + (np.random.default_rng(seed).random(image.shape) < 0.01)
    return np.asarray(image, np.uint8)


def watch(still: StillPicture, pictures: list[NDArray[np.uint8]], *, start_s: float = 0.0, gop: int = 2) -> list[float]:
    """A picture a second, a keyframe every `gop`."""
    return [
        still.look(picture, start_s + index, is_keyframe=index % gop == 0)
        for index, picture in enumerate(pictures)
        if still.wants(start_s + index, is_keyframe=index % gop == 0)
    ]


def test_a_frozen_picture_is_told_after_the_time() -> None:
    frozen = watch(StillPicture(60.0), [street()] * 70)
    assert not any(frozen[:60])
    assert frozen[60:] == [float(second) for second in range(60, 70)]


def test_a_still_scene_at_night_is_not_frozen() -> None:
    assert not any(watch(StillPicture(60.0), [street(seed // 2) for seed in range(300)]))


def test_what_an_encoder_repeats_between_two_keyframes_is_not_frozen() -> None:
    """Nothing but skipped blocks for 100 s; only each keyframe shows the sensor's noise."""
    assert not any(watch(StillPicture(60.0), [street(second // 100) for second in range(400)], gop=100))


def test_darkness_and_a_covered_lens_are_not_frozen() -> None:
    assert not any(watch(StillPicture(60.0), [np.full((240, 320), 16, np.uint8)] * 200))


def test_a_reconnection_that_brings_the_same_picture_has_mended_nothing() -> None:
    still = StillPicture(60.0)
    watch(still, [street()] * 70)
    assert watch(still, [street()], start_s=80.0) == [80.0]
    assert watch(still, [street(1)], start_s=90.0) == [0.0]


def test_a_short_scene_that_is_played_again_and_again_is_not_frozen() -> None:
    moved = street()
    moved[100:140, 100:140] = 250
    assert not any(watch(StillPicture(60.0), [street(), moved] * 100))


def test_an_encoder_that_refines_the_frozen_picture_between_keyframes_hides_nothing() -> None:
    refined = street() + np.uint8(6)
    assert watch(StillPicture(60.0), [street(), refined] * 40)[-1] > 60.0


def test_it_can_be_turned_off() -> None:
    assert watch(StillPicture(0.0), [street()] * 200) == []
