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


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_who_sets_off_slowly_and_then_drives_does_not_hop(sign: float) -> None:
    """A car that waited in the wrong lane: less than 0.12 of its 19 m fall into the first third of the time."""
    times_s = [0.0, 0.2, 0.4, 0.8, 1.0, 1.2, 1.4, 1.8, 2.0, 2.2, 2.4, 2.8, 3.0, 3.2, 3.6]
    along = [0.0, 0.1, 0.3, 0.8, 1.2, 2.0, 2.8, 5.0, 6.5, 7.9, 9.4, 12.5, 14.2, 15.9, 19.0]
    assert not is_hop(times_s, [sign * place for place in along])


def test_what_comes_back_to_where_it_was_hops() -> None:
    assert is_hop([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4], [0.0, 3.0, 1.0, 3.0, 1.0, 3.0, 3.0, 6.0])
