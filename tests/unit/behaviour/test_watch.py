"""What the rules of a camera share: who asks, and in which order, changes nothing."""

from __future__ import annotations

from typing import Any

from bench.rules_speed import SITE, observed, street
from edge.rules import build_rules
from edge.scene import Scene
from edge.types import Observation

OBSERVATIONS = list(observed(25, 150, []))


def say(kinds: set[str], observations: list[Observation], *, backwards: bool = False) -> dict[str, list[Any]]:
    """The events by kind of a camera that has these rules only."""
    camera = street()
    camera = camera.model_copy(update={"rules": tuple(rule for rule in camera.rules if rule.kind in kinds)})
    rules = build_rules(camera, Scene.from_config(camera, SITE))
    said: dict[str, list[Any]] = {rule.kind: [] for rule in rules}
    for observation in observations:
        for rule in reversed(rules) if backwards else rules:
            for event in rule.observe(observation):
                said[rule.kind].append((event.state, event.key.split(":")[-1], event.facts, event.track_ids))
    return said


KINDS = {"pavement_driving", "loitering", "no_helmet", "intrusion"}


def test_rules_say_the_same_in_either_order() -> None:
    one, other = say(KINDS, OBSERVATIONS), say(KINDS, OBSERVATIONS, backwards=True)
    assert one == other
    assert sum(map(len, one.values())) > 10


def test_intrusion_and_loitering_do_not_depend_on_the_other_rules() -> None:
    together = say(KINDS, OBSERVATIONS)
    for kind in ("intrusion", "loitering"):
        assert say({kind}, OBSERVATIONS)[kind] == together[kind]


def test_rules_that_are_shown_everything_one_after_the_other_say_what_they_say_alone() -> None:
    """A rule set over stored observations may be run rule by rule: time then runs back for what they share."""
    camera = street()
    rules = [
        rule for rule in build_rules(camera, Scene.from_config(camera, SITE)) if rule.kind in ("intrusion", "loitering")
    ]
    for rule in rules:
        said = [event.facts for observation in OBSERVATIONS for event in rule.observe(observation)]
        assert said == [facts for _, _, facts, _ in say({rule.kind}, OBSERVATIONS)[rule.kind]]
