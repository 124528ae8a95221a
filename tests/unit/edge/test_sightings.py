"""Who may be in a picture that was not searched."""

from __future__ import annotations

import numpy as np
import pytest

from edge.sightings import BLIND_AFTER_S, MEMORY_S, STALE_S, Box, Sightings
from edge.types import Detections


def found(*boxes: Box, name: str = "person", confidence: float = 0.9) -> Detections:
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4), np.full(len(boxes), confidence, np.float32), (name,) * len(boxes)
    )


def covers(outer: Box, inner: Box) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


def person(x: float) -> Box:
    return (x, 100.0, x + 40.0, 200.0)


def test_a_searched_frame_leaves_nothing_open() -> None:
    sightings = Sightings()
    for index in range(5):
        sightings.searched(index * 0.2, found(person(100 + 20 * index)))
    assert sightings.suspects(0.8) == ()
    assert not sightings.is_blind(0.8)


def test_whoever_moves_is_suspected_from_where_they_were_to_where_they_may_be() -> None:
    sightings = Sightings()
    sightings.searched(0.0, found(person(100)))
    sightings.searched(0.2, found(person(130)))
    (suspect,) = sightings.suspects(1.0)
    assert covers(suspect.area, person(130))
    assert covers(suspect.area, person(130 + 150 * 0.8))


def test_the_margin_grows_with_time_up_to_a_limit() -> None:
    sightings = Sightings()
    sightings.searched(0.0, found(person(100)))
    left = [sightings.suspects(at_s)[0].area[0] for at_s in (0.1, 0.5, 1.0, 5.0)]
    assert left[0] > left[1] > left[2] >= left[3] >= 0.0


def test_whom_the_next_search_misses_stays_suspected_for_a_while() -> None:
    sightings = Sightings()
    sightings.searched(0.0, found(person(100), person(500)))
    for at_s in (0.2, 0.4, 0.6):
        sightings.searched(at_s, found(person(500)))
    (suspect,) = sightings.suspects(0.6)
    assert covers(suspect.area, person(100))
    sightings.searched(MEMORY_S + 0.3, found(person(500)))
    assert sightings.suspects(MEMORY_S + 0.3) == ()


def test_whom_a_search_did_not_find_where_they_may_have_gone_is_suspected_near_where_they_were() -> None:
    """The detector has looked: what it misses hides or hardly moves. Hiding more would leave no picture."""
    sightings = Sightings()
    sightings.searched(0.0, found(person(300)))
    sightings.searched(1.0, Detections.empty())
    (looked,) = sightings.suspects(1.0)
    assert covers((270.0, 70.0, 370.0, 230.0), looked.area)
    (later,) = sightings.suspects(1.6)
    assert covers(later.area, person(300 + 60)), "nobody has looked since: the margin grows as for anybody else"


def test_one_of_two_who_walk_side_by_side_is_not_taken_for_the_other() -> None:
    sightings = Sightings()
    sightings.searched(0.0, found(person(100), person(150)))
    sightings.searched(0.2, found(person(152)))
    (suspect,) = sightings.suspects(0.2)
    assert covers(suspect.area, person(100))
    sightings.searched(0.4, found(person(102), person(154)))
    assert sightings.suspects(0.4) == ()


def test_an_object_that_was_named_twice_is_one_and_all_of_it_is_hidden() -> None:
    car, truck = (100.0, 100.0, 300.0, 200.0), (95.0, 100.0, 310.0, 205.0)
    twice = Detections(np.array([car, truck], np.float32), np.full(2, 0.9, np.float32), ("car", "truck"))
    sightings = Sightings()
    sightings.searched(0.0, twice)
    (suspect,) = sightings.suspects(0.01)
    assert covers(suspect.area, car)
    assert covers(suspect.area, truck)
    sightings.searched(0.2, found(car, name="car"))
    assert sightings.suspects(0.2) == ()


def test_weak_finds_count_as_well() -> None:
    sightings = Sightings()
    sightings.searched(0.0, found(person(100), confidence=0.05))
    assert len(sightings.suspects(0.2)) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_survived(bad: float) -> None:
    sightings = Sightings()
    sightings.searched(0.0, found((bad, 0.0, 1.0, 1.0), person(100)))
    assert len(sightings.suspects(0.5)) == 1


def test_nothing_is_known_before_the_first_search_when_searches_fail_and_when_the_last_is_old() -> None:
    sightings = Sightings()
    assert sightings.is_blind(0.0)
    sightings.searched(0.0, found())
    assert not sightings.is_blind(10.0)
    assert sightings.is_blind(STALE_S + 0.1)
    sightings.missed(11.0)
    assert not sightings.is_blind(11.0 + BLIND_AFTER_S)
    assert sightings.is_blind(11.1 + BLIND_AFTER_S)
    sightings.searched(12.0, found())
    assert not sightings.is_blind(12.0)
    sightings.forget()
    assert sightings.is_blind(12.0)
