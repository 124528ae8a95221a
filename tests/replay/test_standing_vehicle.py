"""A parked car keeps one track through a day and a night with everything that passes in front of it."""

from __future__ import annotations

import pytest

from edge.tracking import ByteTracker
from tests.replay.standing import watch


@pytest.mark.timeout(300)
def test_a_parked_car_is_one_track_by_day_by_night_and_behind_whatever_passes() -> None:
    stay = watch(ByteTracker(), hours=1.2)  # bench/tracking.py lets it stand for six hours
    assert len(stay.ids) == 1, stay.ids
    (seen,) = stay.ids.values()
    assert seen > 0.35 * stay.searches
