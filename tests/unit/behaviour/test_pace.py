"""Ways that are driven and ways that a track hops, by numbers."""

from __future__ import annotations

import pytest

from edge.behaviour.pace import is_hop

TIMES_S = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]


@pytest.mark.parametrize(
    "along",
    [
        pytest.param([0.0, 1.0, 2.1, 2.9, 4.0, 5.1, 6.0], id="even"),
        pytest.param([0.0, -1.3, -1.9, -3.2, -3.9, -5.2, -6.0], id="backwards"),
        pytest.param([0.0, 0.4, 1.0, 1.9, 3.0, 4.4, 6.0], id="setting off"),
        pytest.param([0.0, 1.6, 3.0, 4.1, 5.0, 5.6, 6.0], id="braking"),
    ],
)
def test_who_drives_does_not_hop(along: list[float]) -> None:
    assert not is_hop(TIMES_S, along)


@pytest.mark.parametrize(
    "along",
    [
        pytest.param([0.0, 0.1, 0.0, 6.1, 6.0, 6.1, 6.0], id="at once"),
        pytest.param([0.0, 2.0, 4.8, 5.9, 6.0, 6.1, 6.0], id="slide at first"),
        pytest.param([0.0, 0.1, 0.0, 0.2, 1.5, 4.2, 6.0], id="slide at last"),
        pytest.param([0.0, 1.5, 3.0, 3.1, 3.0, 4.4, 6.0], id="two slides"),
    ],
)
def test_a_track_that_changes_vehicles_hops(along: list[float]) -> None:
    assert is_hop(TIMES_S, along)


def test_who_was_missed_for_a_while_and_went_on_as_before_did_not_hop() -> None:
    """A man on a bicycle on a real clip, hidden for 2.6 of 4.2 s."""
    times_s = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.6, 4.2]
    along = [0.0, 0.02, 0.035, 0.047, 0.07, 0.092, 0.116, 0.161, 0.445]
    assert not is_hop(times_s, along)
    times_s[-1] = 1.8  # the same at once
    assert is_hop(times_s, along)
