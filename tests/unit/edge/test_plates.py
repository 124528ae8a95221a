"""Number plates: what can be one, whose pictures are kept, and for whom they are read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from contract.camera_config import CameraConfig
from contract.event import EventState
from contract.plates import PLATE_KINDS, PlateReading
from contract.rules import RULES
from contract.rules.intrusion import IntrusionFacts
from contract.rules.wrong_way import WrongWayFacts
from edge.errors import ModelError
from edge.picture import ArrayPicture
from edge.plates.candidates import KEPT, MAX_VEHICLES, Candidates
from edge.plates.formats import ALPHABET, parse_plate, province_codes
from edge.plates.reader import PlateReader, split_lines
from edge.plates.watch import PlateWatch
from edge.types import Detections, Frame, RuleEvent, Track, TrackId
from tests.support.plates import draw_plate
from tests.support.scenes import NOON


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["30A12345"], "30A-123.45"),
        (["30A-123.45"], "30A-123.45"),
        (["51F-1234"], "51F-1234"),
        (["80NG12345"], "80NG-123.45"),
        (["29LD-1234"], "29LD-1234"),
        (["51F", "123.45"], "51F-123.45"),
        (["59-X1", "123.45"], "59-X1 123.45"),
        (["59X1", "1234"], "59-X1 1234"),
        (["29-AA", "123.45"], "29-AA 123.45"),
        (["29MĐ1", "12345"], None),
        (["3OA-123.45"], None),  # O is in no plate: the network never says it
        (["30A-123.4"], "30A-1234"),
        (["13A-123.45"], None),  # no province
        (["30A-123"], None),
        (["30XY-123.45"], None),
        (["59-X1"], None),
        (["59-X1", "123.456"], None),
        (["HONDA"], None),
        ([""], None),
        (["", ""], None),
        ([], None),
        (["59-X1", "123", "45"], None),
    ],
)
def test_only_vietnamese_plates_are_plates(lines: list[str], text: str | None) -> None:
    plate = parse_plate(lines)
    assert (None if plate is None else plate.text) == text
    if plate is not None:
        assert plate.factor == 1.0
        PlateReading(text=plate.text, confidence=1.0, pictures=1)


@pytest.mark.parametrize(
    ("lines", "text", "fixes"),
    [
        (["3DA-I23.45"], None, 0),
        (["3DA-123.4S"], "30A-123.45", 2),
        (["598-1234"], "59B-1234", 1),
        (["S9-X1", "12B.45"], "59-X1 128.45", 2),
    ],
)
def test_letters_that_look_like_digits_are_put_right_and_cost(lines: list[str], text: str | None, fixes: int) -> None:
    plate = parse_plate(lines)
    assert (None if plate is None else plate.text) == text
    assert plate is None or plate.factor == pytest.approx(0.9**fixes)


@given(st.lists(st.text(ALPHABET + ".- ", max_size=12), max_size=3))
def test_whatever_is_read_is_a_plate_or_nothing(lines: list[str]) -> None:
    plate = parse_plate(lines)
    if plate is not None:
        assert PlateReading(text=plate.text, confidence=plate.factor, pictures=1).text == plate.text
        assert int(plate.text[:2]) in province_codes()


def test_the_table_of_provinces_is_dated_and_has_no_code_twice() -> None:
    assert len(province_codes()) == 81
    assert {11, 29, 30, 51, 59, 99} <= province_codes()
    assert not {10, 13, 42, 44, 45, 46, 87, 91, 96} & province_codes()


def test_a_plate_of_two_lines_is_cut_between_them() -> None:
    plate = draw_plate(("59-X1", "123.45"))
    top, bottom = split_lines(plate)
    assert abs(len(top) - len(plate) / 2) <= 0.08 * len(plate)
    assert len(top) + len(bottom) == len(plate)


def test_only_traffic_rules_read_plates() -> None:
    assert {kind for kind in PLATE_KINDS if kind in RULES} >= {"wrong_way", "illegal_parking", "no_helmet"}
    assert not PLATE_KINDS & {"crowding", "intrusion", "loitering", "littering", "jaywalking", "camera_offline"}
    for text in ("HONDA", "30A-123.45 ", "<b>", "30A-12345"):
        with pytest.raises(ValidationError):
            PlateReading(text=text, confidence=1.0, pictures=1)


def test_they_are_off_unless_asked_for_and_need_a_model() -> None:
    base = {"camera": {"id": "c", "name": "c", "village": "v"}, "inputs": [{"path": "c.mp4"}]}
    assert not CameraConfig.model_validate(base).plates.enabled
    with pytest.raises(ValidationError, match=r"name it under plates\.model"):
        CameraConfig.model_validate({**base, "plates": {"enabled": True}})


def frame(at_s: float, shade: int = 100) -> Frame:
    image = np.full((360, 640, 3), shade, np.uint8)
    image[::7] = 255
    return Frame("cam", ArrayPicture(image), at_s, datetime(2026, 3, 1, tzinfo=UTC), round(at_s * 5))


def car(track_id: int, size: float = 0.4, name: str = "car", *, detected: bool = True) -> Track:
    return Track(TrackId(track_id), name, 0.9, (0.1, 0.1, 0.1 + size, 0.1 + size), 0.0, 0.0, detected)


def test_the_largest_pictures_of_each_vehicle_are_kept_and_dropped_when_it_is_gone() -> None:
    kept = Candidates()
    for step in range(20):
        kept.look(
            frame(step + 0.0), [car(1, 0.2 + 0.02 * step), car(2, name="person"), car(3, detected=False), car(4, 0.05)]
        )
    pictures = kept.pictures([TrackId(1)])
    assert len(pictures) == KEPT
    assert [len(picture) for picture in pictures] == sorted((len(picture) for picture in pictures), reverse=True)
    assert pictures[0].shape[:2] == (209, 371)
    assert kept.pictures([TrackId(2), TrackId(3), TrackId(4)]) == []
    kept.look(frame(19.2), [])
    assert len(kept) == 0
    for number in range(2 * MAX_VEHICLES):
        kept.look(frame(100.0 + 0.01 * number), [car(other) for other in range(number + 1)])
    assert len(kept) == MAX_VEHICLES
    kept.look(frame(0.0), [car(2 * MAX_VEHICLES - 1, detected=False)])  # time ran backwards
    assert len(kept) == 0


def test_a_track_that_was_out_of_sight_may_be_another_vehicle() -> None:
    kept = Candidates()
    one = [TrackId(1)]
    kept.look(frame(0.0), [car(1, 0.3)])
    kept.look(frame(5.0), [car(1, 0.3, detected=False)])  # a quiet picture: it stands there
    assert len(kept.pictures(one)) == 1
    kept.look(frame(5.2), [])
    kept.look(frame(5.4), [car(1, 0.5)])
    assert [picture.shape[1] for picture in kept.pictures(one)] == [320]  # of the second one only
    kept.keep(one)
    kept.look(frame(5.6), [])
    for step in range(3):
        kept.look(frame(6.0 + step), [car(1, 0.6)])
    assert [picture.shape[1] for picture in kept.pictures(one)] == [320]  # an event is about it: nobody else's is added
    kept.forget(one)
    assert kept.pictures(one) == []


def event(kind: str, state: EventState, *tracks: int) -> RuleEvent:
    facts = (
        IntrusionFacts(object_class="car", stay_s=1.0, peak_count=1)
        if kind == "intrusion"
        else WrongWayFacts(object_class="car", angle_deg=170.0, duration_s=1.0, distance_boxes=3.0)
    )
    return RuleEvent(kind, "k", state, None, 0.0, NOON, 1.0, NOON, 0.9, facts, tuple(TrackId(n) for n in tracks))


class Asked:
    """Counts what was looked at; every picture shows a plate of its own width."""

    def __init__(self, texts: Sequence[str] = ("30A12345",)) -> None:
        self.pictures: list[int] = []
        self._texts = list(texts)

    def find(self, shown: Frame) -> Detections | None:
        width, height = shown.resolution_wh
        self.pictures.append(width)
        box = np.array([[0.2 * width, 0.6 * height, 0.8 * width, 0.7 * height]], np.float32)
        return Detections(box, np.array([0.9], np.float32), ("plate",))

    def read(self, image: NDArray[np.uint8], /) -> tuple[str, float]:  # noqa: ARG002 - the port's signature
        return self._texts[min(len(self.pictures), len(self._texts)) - 1], 0.9


def watch_of(asked: Asked) -> PlateWatch:
    watch = PlateWatch("cam", PlateReader(asked.find, asked.read))
    for step in range(5):
        watch.look(frame(step), [car(1, 0.3 + 0.02 * step), car(2, 0.5)])
    return watch


def test_only_the_vehicle_that_an_event_is_about_is_read() -> None:
    asked = Asked()
    watch = watch_of(asked)
    assert asked.pictures == []
    for other in (
        event("intrusion", EventState.START, 1),
        event("wrong_way", EventState.UPDATE, 1),
        event("wrong_way", EventState.START, 9),
    ):
        assert watch.read(other) is None
    assert asked.pictures == []
    reading = watch.read(event("wrong_way", EventState.START, 1))
    assert reading == PlateReading(text="30A-123.45", confidence=0.9, pictures=3)
    assert all(width < 0.5 * 640 for width in asked.pictures)  # those of track 1, never the larger ones of track 2
    assert watch.read(event("wrong_way", EventState.END, 1)) is not None
    assert watch.read(event("wrong_way", EventState.END, 1)) is None  # its pictures are dropped
    watch.forget()
    assert watch.read(event("wrong_way", EventState.START, 2)) is None


def test_pictures_that_disagree_make_less_sure_and_none_where_too_few_agree() -> None:
    two_of_three = watch_of(Asked(["30A12345", "30A12345", "30A12346"])).read(event("wrong_way", EventState.START, 1))
    assert two_of_three is not None
    assert two_of_three.text == "30A-123.45"
    assert two_of_three.confidence == pytest.approx(0.6)
    assert watch_of(Asked(["30A11111", "30A12222", "30A13333"])).read(event("wrong_way", EventState.START, 1)) is None
    assert watch_of(Asked(["HONDA"])).read(event("wrong_way", EventState.START, 1)) is None


def test_a_plate_at_the_edge_of_the_picture_is_another_vehicles() -> None:
    class AtTheEdge(Asked):
        def find(self, shown: Frame) -> Detections | None:
            found = super().find(shown)
            assert found is not None
            return Detections(found.xyxy - np.array([200, 0, 200, 0], np.float32), found.confidence, found.class_name)

    assert watch_of(AtTheEdge()).read(event("wrong_way", EventState.START, 1)) is None


def test_a_model_that_fails_costs_the_plate_and_not_the_event(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Asked):
        def find(self, shown: Frame) -> Detections | None:  # noqa: ARG002 - the port's signature
            raise ModelError("the model failed: see its log")

    assert watch_of(Failing()).read(event("wrong_way", EventState.START, 1)) is None
    assert "plate_not_read camera=cam kind=wrong_way" in caplog.text
