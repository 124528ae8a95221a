"""Numbers of rules about things that cannot both be meant."""

from __future__ import annotations

import pytest

from contract.config_loader import load_camera
from tests.unit.contract.test_config_loader import CAMERA, errors_of, site

CROWDING = "{kind: crowding, zones: [duong], min_people: 12, after_hours: {schedule: dem, min_people: 5}}"


@pytest.mark.parametrize(
    ("rule", "path", "message"),
    [
        ("{kind: littering, min_size_m: 2, max_size_m: 1}", "min_size_m", "must be smaller than max_size_m"),
        ("{kind: abandoned_object, min_size_m: 3}", "min_size_m", "must be smaller than max_size_m"),
        ("{kind: littering, owner_within_m: 5}", "owner_within_m", "must be smaller than away_m"),
        ("{kind: street_market}", "", "needs at least one zone"),
    ],
)
def test_sizes_and_distances_in_the_wrong_order_are_refused(rule: str, path: str, message: str) -> None:
    assert CROWDING in CAMERA
    (error,) = errors_of(CAMERA.replace(CROWDING, rule))
    assert error.path == f"rules[0].{path}".rstrip(".")
    assert message in error.message
    assert "must be" not in error.in_language("vi")


def test_what_fits_is_taken() -> None:
    rule = "{kind: littering, zones: [duong], min_size_m: 0.3, max_size_m: 1, owner_within_m: 1, away_m: 3}"
    assert load_camera(CAMERA.replace(CROWDING, rule), "a.yaml", site()).config is not None
