"""`no_helmet` by lists of observations."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import cast

import pytest

from contract.event import EventState
from contract.rules.no_helmet import NoHelmetFacts
from edge.types import Observation, Part, RuleEvent, Track
from tests.support.scenes import NIGHT, NOON, make_rule, observation, raised_at_s, run, states
from tests.unit.rules.test_riders import bike, forward, rider


def facts(event: RuleEvent) -> NoHelmetFacts:
    return cast("NoHelmetFacts", event.facts)


def head(of: Track, name: str, confidence: float = 0.7) -> Part:
    """A helmet or a bare head on top of a person's box."""
    x1, y1, x2, y2 = of.xyxy
    inset, high = 0.2 * (x2 - x1), 0.2 * (y2 - y1)
    return Part(name, confidence, (x1 + inset, y1, x2 - inset, y1 + high))


Scene = Callable[[float], tuple[list[Track], list[Part]]]


def show(
    scene: Scene, seconds: float = 12.0, fps: float = 5.0, from_s: float = 0.0, start: object = NOON, **extra: bool
) -> Iterator[Observation]:
    for index in range(round(seconds * fps) + 1):
        at_s = from_s + index / fps
        tracks, parts = scene(at_s)
        yield replace(observation(at_s, tracks, start=start, **extra), parts=tuple(parts))  # type: ignore[arg-type]


def passing(*heads: str, y: float = 0.6) -> Scene:
    """A motorbike crosses the picture in 6 s; its riders, from front to back, wear what `heads` says."""

    def scene(t: float) -> tuple[list[Track], list[Part]]:
        if not 0.0 <= t <= 6.0:
            return [], []
        x = forward(t)
        people = [rider(2 + n, x, y, seat=-0.2 + 0.5 * n) for n in range(len(heads))]
        return [bike(1, x, y), *people], [head(who, name) for who, name in zip(people, heads, strict=True)]

    return scene


@pytest.mark.parametrize("fps", [2, 5, 15, 30])
def test_a_bare_head_raises_one_event_at_any_frame_rate(fps: float) -> None:
    events = run(make_rule("no_helmet"), show(passing("no_helmet"), fps=fps), finish=False)
    assert states(events) == ["start", "end"]
    told = facts(events[-1])
    assert (told.object_class, told.riders, told.without_helmet, told.votes_against) == ("motorcycle", 1, 1, 0)
    assert told.votes >= 3
    assert events[0].confidence == pytest.approx(0.7)
    assert 1 in events[0].track_ids


@pytest.mark.parametrize("heads", [("helmet",), ("helmet", "helmet"), ()])
def test_helmets_raise_nothing(heads: tuple[str, ...]) -> None:
    assert run(make_rule("no_helmet"), show(passing(*heads))) == []


@pytest.mark.parametrize("heads", [("helmet", "no_helmet"), ("no_helmet", "helmet")])
def test_heads_are_told_apart(heads: tuple[str, ...]) -> None:
    told = facts(run(make_rule("no_helmet"), show(passing(*heads)))[-1])
    assert (told.riders, told.without_helmet, told.votes_against) == (2, 1, 0)


def test_two_bare_heads_are_one_event_with_two() -> None:
    events = run(make_rule("no_helmet"), show(passing("no_helmet", "no_helmet")))
    assert states(events) == ["start", "end"]
    assert (facts(events[-1]).riders, facts(events[-1]).without_helmet) == (2, 2)


def mixed(share: float, chance: random.Random) -> Scene:
    """A rider whom the model calls bare in a share of the frames, and shaken boxes."""

    def scene(t: float) -> tuple[list[Track], list[Part]]:
        name = "no_helmet" if chance.random() < share else "helmet"
        tracks, parts = passing(name)(t)
        return tracks, [replace(part, xyxy=_shaken(part.xyxy, chance)) for part in parts if chance.random() < 0.8]

    return scene


def _shaken(box: tuple[float, float, float, float], chance: random.Random) -> tuple[float, float, float, float]:
    x, y = chance.gauss(0.0, 0.004), chance.gauss(0.0, 0.004)
    return (box[0] + x, box[1] + y, box[2] + x, box[3] + y)


def test_a_model_that_changes_its_mind_is_not_believed() -> None:
    for seed in range(10):
        assert run(make_rule("no_helmet", min_votes=5), show(mixed(0.4, random.Random(seed)))) == []


def test_a_few_wrong_words_do_not_hide_a_bare_head() -> None:
    raised = [states(run(make_rule("no_helmet"), show(mixed(0.95, random.Random(seed))))) for seed in range(10)]
    assert raised.count(["start", "end"]) >= 9


def test_a_head_without_its_person_counts_while_the_motorbike_moves() -> None:
    def scene(t: float) -> tuple[list[Track], list[Part]]:
        tracks, parts = passing("no_helmet")(t)
        return tracks[:1], parts

    events = run(make_rule("no_helmet"), show(scene))
    assert states(events) == ["start", "end"]
    assert facts(events[-1]).riders == 1


def test_bare_heads_beside_a_parked_motorbike_raise_nothing() -> None:
    def scene(t: float) -> tuple[list[Track], list[Part]]:
        people = [rider(2, 0.5 + 0.003 * math.sin(t), 0.6), rider(3, 0.51, 0.6, seat=0.3)]
        unseen = rider(4, 0.49, 0.6, seat=-0.3)
        return [bike(1, 0.5, 0.6), *people], [head(who, "no_helmet") for who in (*people, unseen)]

    assert run(make_rule("no_helmet"), show(scene, 60.0)) == []


@pytest.mark.parametrize("found", [True, False])
def test_a_bare_head_on_the_pavement_is_no_riders(found: bool) -> None:
    """A motorbike with a helmet passes people without, found as persons or not."""

    def scene(t: float) -> tuple[list[Track], list[Part]]:
        tracks, parts = passing("helmet")(t)
        people = [rider(20 + n, 0.3 + 0.05 * n, 0.6) for n in range(6)]
        return [*tracks, *(people if found else [])], [*parts, *(head(who, "no_helmet") for who in people)]

    assert run(make_rule("no_helmet"), show(scene, fps=10)) == []


def test_a_bicycle_is_none_of_its_business() -> None:
    def scene(t: float) -> tuple[list[Track], list[Part]]:
        tracks, parts = passing("no_helmet")(t)
        return [replace(track, class_name="bicycle") if track.track_id == 1 else track for track in tracks], parts

    assert run(make_rule("no_helmet"), show(scene)) == []


def test_one_head_called_both_goes_to_the_surer_word() -> None:
    def scene(t: float) -> tuple[list[Track], list[Part]]:
        tracks, parts = passing("no_helmet")(t)
        return tracks, [*parts, *(replace(part, class_name="helmet", confidence=0.9) for part in parts)]

    assert run(make_rule("no_helmet"), show(scene)) == []


def test_zones_and_schedule_say_where_and_when() -> None:
    assert {event.zone for event in run(make_rule("no_helmet", zones=["phai"]), show(passing("no_helmet")))} == {"phai"}
    night = make_rule("no_helmet", schedule=["22:00-05:00"])
    assert run(night, show(passing("no_helmet"))) == []
    assert states(run(night, show(passing("no_helmet"), start=NIGHT))) == ["start", "end"]


def test_gated_frames_keep_the_event_and_do_not_vote() -> None:
    rule = make_rule("no_helmet")
    first = run(rule, show(passing("no_helmet"), 3.0), finish=False)
    assert states(first) == ["start"]
    votes = facts(first[-1]).votes
    still = [replace(track, detected=False) for track in passing("no_helmet")(3.0)[0]]
    assert states(run(rule, show(lambda _: (still, []), 60.0, from_s=3.2, detected=False), finish=False)) == []
    end = run(rule, show(lambda _: ([], []), 10.0, from_s=64.0), finish=False)
    assert states(end) == ["end"]
    assert facts(end[-1]).votes <= votes + 15


def test_impossible_parts_and_time_that_runs_backwards_are_survived() -> None:
    rule = make_rule("no_helmet")
    broken = [Part("no_helmet", 0.9, (math.nan, 0.1, 0.2, 0.3)), Part("no_helmet", 0.9, (0.4, 0.4, 0.4, 0.5))]

    def scene(t: float) -> tuple[list[Track], list[Part]]:
        tracks, parts = passing("no_helmet")(t)
        return tracks, [*parts, *broken]

    events = run(rule, show(scene, 3.0), [observation(-100.0, [])], finish=False)
    assert events[-1].state is EventState.END


def test_it_is_raised_soon() -> None:
    assert raised_at_s(run(make_rule("no_helmet"), show(passing("no_helmet"))))[0] <= 2.0


def test_observations_without_parts_raise_nothing() -> None:
    def without(parts: Iterable[Observation]) -> Iterator[Observation]:
        return (replace(seen, parts=()) for seen in parts)

    assert run(make_rule("no_helmet"), without(show(passing("no_helmet")))) == []
