"""A snapshot says where its picture ends; small pictures for cards come without the bar of text."""

from __future__ import annotations

import io
from functools import partial

import cv2
import numpy as np
import pytest
from PIL import Image

from contract.snapshot import PictureSize, read_picture_size, with_picture_size
from edge.evidence.snapshot import draw_snapshot
from server.storage.media import detect_media_type
from server.storage.thumbnails import WIDTH_PX, Thumbnails, shrink

PICTURE = np.full((720, 1280, 3), 90, np.uint8)


def test_what_the_edge_draws_names_its_picture() -> None:
    jpeg = draw_snapshot(PICTURE, caption=["Cổng chợ · 21:07", "12 người"])
    size = read_picture_size(jpeg[:256])
    whole = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert whole is not None
    assert size == PictureSize(1280, 720, 1280, whole.shape[0])
    assert whole.shape[0] > 720
    assert detect_media_type(io.BytesIO(jpeg), len(jpeg)) == "image/jpeg"


def plain_jpeg() -> bytes:
    return bytes(cv2.imencode(".jpg", PICTURE)[1])


@pytest.mark.parametrize(
    "head",
    [b"", b"\xff\xd8", b"\x89PNG", b"\xff\xd8\xff\xfe\x00", b"\xff\xd8\xff\xfe\x00\x09langan!", plain_jpeg()[:256]],
)
def test_a_file_that_says_nothing_is_taken_as_it_is(head: bytes) -> None:
    assert read_picture_size(head) is None


@pytest.mark.parametrize("size", [PictureSize(0, 0, 0, 0), PictureSize(1280, 900, 1280, 800), PictureSize(9, 5, 8, 5)])
def test_nonsense_is_not_believed(size: PictureSize) -> None:
    assert read_picture_size(with_picture_size(plain_jpeg(), size)) is None


def test_only_a_jpeg_can_say_it() -> None:
    with pytest.raises(ValueError, match="not a JPEG"):
        with_picture_size(b"GIF89a", PictureSize(1, 1, 1, 1))


def opened(webp: bytes | None) -> Image.Image:
    assert webp is not None
    return Image.open(io.BytesIO(webp))


def test_a_small_picture_is_cut_to_the_cameras_own() -> None:
    small = opened(shrink(draw_snapshot(PICTURE, caption=["Cổng chợ"])))
    assert small.size == (WIDTH_PX, 360)


def test_a_remark_about_another_size_is_not_believed() -> None:
    small = opened(shrink(with_picture_size(plain_jpeg(), PictureSize(640, 100, 640, 400))))
    assert small.size == (WIDTH_PX, 360)


def test_a_picture_that_is_small_already_keeps_its_size() -> None:
    small = opened(shrink(bytes(cv2.imencode(".jpg", PICTURE[:90, :160])[1])))
    assert small.size == (160, 90)


@pytest.mark.parametrize("broken", [b"", b"no picture", plain_jpeg()[:400]])
def test_what_is_no_picture_gives_none(broken: bytes) -> None:
    assert shrink(broken) is None


def test_the_picture_asked_for_last_is_remembered_and_memory_has_a_bound() -> None:
    asked: list[str] = []

    def opener(name: str) -> io.BytesIO:
        asked.append(name)
        return io.BytesIO(plain_jpeg())

    size = len(shrink(plain_jpeg()) or b"")
    kept = Thumbnails(max_bytes=2 * size)
    for name in ("a", "b", "a", "c", "a", "b"):
        assert kept.of(name, partial(opener, name)) is not None
    assert asked == ["a", "b", "c", "b"]
