"""Rules over fifty tracks that come, go, stand and hide each other, in ten zones: none may fail."""

from __future__ import annotations

from bench.rules_speed import SITE, measure, observed, street
from contract.rules import RULES
from edge.rules import build_rules
from edge.scene import Scene


def test_every_rule_stands_a_dense_street() -> None:
    seen = measure(50, 60, warm=60)
    wanted = {kind for kind, contract in RULES.items() if not contract.about_camera}
    assert wanted <= set(seen.rules_s)
    assert seen.events > 0


def test_a_standing_vehicles_heir_that_is_handed_over_may_leave_in_the_same_observation() -> None:
    """It failed at the 387th observation: the heir's track was still taken for the heir, which had ended."""
    camera = street()
    rules = build_rules(camera, Scene.from_config(camera, SITE))
    [parking] = [rule for rule in rules if rule.kind == "illegal_parking"]
    events = [event for observation in observed(50, 400, []) for event in parking.observe(observation)]
    assert {event.zone for event in events} <= set(camera.zones)
