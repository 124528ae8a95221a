"""Pictures that are converted when somebody looks, and always with the privacy masks burned in."""

from __future__ import annotations

import threading

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from edge.capture.picture import Darkroom, PrivacyMasks, VideoPicture
from edge.picture import ArrayPicture

LEFT_HALF = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]


def street(width: int = 322, height: int = 182) -> NDArray[np.uint8]:
    """A smooth picture in colours with a bright square, of a width whose lines FFmpeg pads."""
    rows, columns = np.mgrid[0:height, 0:width]
    image = np.stack([rows * 200 // height + 20, columns * 200 // width + 20, np.full_like(rows, 90)], axis=2)
    image[60:120, 200:260] = (40, 200, 220)
    return image.astype(np.uint8)


def decoded(pixels: str = "yuv420p", masks: PrivacyMasks | None = None) -> VideoPicture:
    frame = VideoFrame.from_ndarray(street(), "bgr24").reformat(format=pixels)
    return VideoPicture(frame, Darkroom(masks or PrivacyMasks([])))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv422p", "nv12", "gray", "yuv420p10le", "bgr24"])
def test_every_pixel_format_of_a_decoder_becomes_the_same_picture(pixels: str) -> None:
    picture, meant = decoded(pixels), ArrayPicture(street())
    assert picture.resolution_wh == (322, 182)
    assert picture.luma().shape == (182, 322)
    # Limited range squeezes brightness by 219 / 255: neither motion nor focus cares.
    assert difference(picture.luma(), meant.luma()) < 16
    if pixels != "gray":
        assert difference(picture.bgr(), meant.bgr()) < 3
        assert difference(picture.resized(160, 90), meant.resized(160, 90)) < 4


def test_the_brightness_is_the_decoders_own_memory() -> None:
    frame = VideoFrame.from_ndarray(street(), "bgr24").reformat(format="yuv420p")
    luma = VideoPicture(frame, Darkroom(PrivacyMasks([]))).luma()
    np.asarray(frame.planes[0])[0] = 77
    assert luma[0, 0] == 77


def test_a_conversion_is_made_once() -> None:
    picture = decoded()
    assert picture.bgr() is picture.bgr()
    assert picture.luma() is picture.luma()
    assert picture.resized(*picture.resolution_wh) is picture.bgr()


@pytest.mark.parametrize("pixels", ["yuv420p", "nv12", "bgr24"])
def test_masks_are_burned_into_every_view(pixels: str) -> None:
    picture = decoded(pixels, PrivacyMasks([LEFT_HALF]))
    for image in (picture.luma(), picture.bgr(), picture.resized(160, 90)):
        middle = image.shape[1] // 2
        assert not image[:, :middle].any()
        assert image[:, middle + 2 :].any()
    assert decoded(pixels).luma()[:, :100].any()  # a mask is one source's only


def test_masks_leave_the_decoders_memory_alone() -> None:
    """A decoder still refers to it for the pictures that follow."""
    frame = VideoFrame.from_ndarray(street(), "bgr24").reformat(format="yuv420p")
    before = np.asarray(frame.planes[0]).copy()
    VideoPicture(frame, Darkroom(PrivacyMasks([LEFT_HALF]))).luma()
    assert np.array_equal(before, np.asarray(frame.planes[0]))


def test_threads_may_convert_at_once() -> None:
    darkroom = Darkroom(PrivacyMasks([]))
    frame = VideoFrame.from_ndarray(street(), "bgr24").reformat(format="yuv420p")
    meant = VideoPicture(frame, darkroom).resized(160, 90)
    wrong: list[int] = []

    def convert() -> None:
        made = (VideoPicture(frame, darkroom).resized(160, 90) for _ in range(50))
        wrong.extend(index for index, image in enumerate(made) if not np.array_equal(image, meant))

    threads = [threading.Thread(target=convert) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_boxes_of_a_small_picture_lie_where_those_of_the_large_one_do() -> None:
    """Scaling moves nothing: the bright square's edges are found at the same place."""
    small = decoded().resized(161, 91)
    bright = cv2.boundingRect(((small[..., 1] > 180) & (small[..., 2] > 180)).astype(np.uint8))
    assert bright == pytest.approx((100, 30, 30, 30), abs=1.01)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "nv12", "yuv422p", "bgr24"])
@pytest.mark.parametrize("box", [(200, 60, 260, 120), (201, 61, 215, 75), (0, 0, 322, 182), (321, 181, 322, 182)])
def test_a_part_of_a_picture_is_that_part_of_the_whole(pixels: str, box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    part = decoded(pixels).crop(left, top, right, bottom)
    assert part.shape == (bottom - top, right - left, 3)
    assert difference(part, decoded(pixels).bgr()[top:bottom, left:right]) < 6
    looked_at = decoded(pixels)
    whole = looked_at.bgr()
    assert np.array_equal(looked_at.crop(left, top, right, bottom), whole[top:bottom, left:right])


@pytest.mark.parametrize("pixels", ["yuv420p", "nv12", "bgr24"])
def test_masks_are_burned_into_a_part(pixels: str) -> None:
    part = decoded(pixels, PrivacyMasks([LEFT_HALF])).crop(101, 41, 241, 141)
    assert not part[:, :59].any()
    assert part[:, 62:].any()
