"""Alerts against truths: what was right, false, missed, and how late.

An alert is right when a truth has its kind, its zone, a time that overlaps and, where the truth names somebody and the
alert is about tracks, somebody in common. One alert for one truth: a second alert on the same truth is false, unless
the stream's clock ran backwards in between, after which every rule begins anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.worlds.observe import Alert
from bench.worlds.world import Truth, World

Found = Mapping[str, list[tuple[float, bool]]]
"""By object: when it was in the picture, and whether the detector found it."""

LEAST_FOUND = 0.5
"""A missed truth whose objects the detector found in less than this share of the pictures is the detector's miss."""
BOUND = 0.05
SLACK_S = 2.0
"""An alert may lie beside its truth by so much."""


@dataclass(slots=True)
class Score:
    """What became of one kind's truths and alerts; adds up over worlds."""

    right: int = 0
    false: int = 0
    missed: int = 0
    unseen: int = 0
    """Of the missed: those that the detector hardly found, so that no rule can tell them."""
    optional: int = 0
    """Alerts on borderline cases: neither right nor false."""
    delays_s: list[float] = field(default_factory=list)
    """From the truth's start to the moment of the alert."""
    hours: float = 0.0
    """Camera-hours watched with the rule in force."""
    ordinary_hours: float = 0.0
    """Those of ordinary traffic or life, in which hardly anything happens ..."""
    ordinary_false: int = 0
    """... and the false alerts in them: other worlds are full of temptations."""
    errors: dict[str, list[float]] = field(default_factory=dict)
    """Facts against their true values: relative errors, by fact."""
    examples: list[str] = field(default_factory=list)
    """Every false and missed alert in words."""

    def add(self, other: Score) -> None:
        """Take another world's figures too."""
        self.right += other.right
        self.false += other.false
        self.missed += other.missed
        self.unseen += other.unseen
        self.optional += other.optional
        self.delays_s += other.delays_s
        self.hours += other.hours
        self.ordinary_hours += other.ordinary_hours
        self.ordinary_false += other.ordinary_false
        for name, values in other.errors.items():
            self.errors.setdefault(name, []).extend(values)
        self.examples += other.examples

    @property
    def precision(self) -> float | None:
        """Share of the alerts that are right; None without any."""
        told = self.right + self.false
        return self.right / told if told else None

    @property
    def recall(self) -> float | None:
        """Share of the truths that were told; None without any."""
        due = self.right + self.missed
        return self.right / due if due else None

    @property
    def recall_of_seen(self) -> float | None:
        """Recall among those that the detector found; None without any."""
        due = self.right + self.missed - self.unseen
        return self.right / due if due else None

    @property
    def delay_s(self) -> float | None:
        """Median."""
        return float(np.median(self.delays_s)) if self.delays_s else None

    @property
    def false_per_camera_hour(self) -> float | None:
        """In ordinary hours; None where none were watched."""
        return self.ordinary_false / self.ordinary_hours if self.ordinary_hours else None

    @property
    def most_false_per_camera_hour(self) -> float | None:
        """The rate is below this with 95 % certainty (Poisson)."""
        if not self.ordinary_hours:
            return None
        low, high = 0.0, 10.0 * (self.ordinary_false + 3.0)
        for _ in range(60):
            mean = (low + high) / 2.0
            terms = [math.exp(-mean + n * math.log(mean) - math.lgamma(n + 1)) for n in range(self.ordinary_false + 1)]
            low, high = (mean, high) if sum(terms) > BOUND else (low, mean)
        return high / self.ordinary_hours


def score(world: World, alerts: Sequence[Alert], found: Found | None = None) -> dict[str, Score]:
    """Compare a run's alerts with the world's truths, for each kind that the world's camera has."""
    kinds = {rule.kind for rule in world.camera.rules}
    return {
        kind: _score_kind(
            world,
            [truth for truth in world.truths if truth.kind == kind],
            sorted((alert for alert in alerts if alert.kind == kind), key=lambda alert: alert.told_s),
            found or {},
        )
        for kind in sorted(kinds)
    }


def _score_kind(world: World, truths: list[Truth], alerts: list[Alert], found: Found) -> Score:
    result = Score(hours=world.duration_s / 3600.0)
    free = list(truths)
    told: list[tuple[Truth, Alert]] = []
    for alert in alerts:
        fitting = [truth for truth in free if _fits(truth, alert)]
        if fitting:
            truth = min(fitting, key=lambda item: (item.optional, abs(item.start_s - alert.start_s)))
            free.remove(truth)
            told.append((truth, alert))
            _count(result, truth, alert)
        elif any(_fits(truth, alert) and (truth.optional or _began_anew(world, first, alert)) for truth, first in told):
            result.optional += 1
        else:
            result.false += 1
            result.examples.append(f"{world.name} {world.seed}: false {_words(alert)}")
    for truth in free:
        if not truth.optional:
            share = _found_share(truth, found)
            result.missed += 1
            result.unseen += share is not None and share < LEAST_FOUND
            seen = "" if share is None else f" found in {share:.0%} of the pictures"
            result.examples.append(
                f"{world.name} {world.seed}: missed {truth.kind} in {truth.zone} {truth.start_s:.1f}-{truth.end_s:.1f} "
                f"s {','.join(truth.object_ids)} {dict(truth.values)}{seen}"
            )
    if world.ordinary:
        result.ordinary_hours, result.ordinary_false = result.hours, result.false
    return result


def _count(result: Score, truth: Truth, alert: Alert) -> None:
    for name, value in truth.values.items():
        told = alert.facts.get(name)
        if isinstance(told, int | float) and value:
            result.errors.setdefault(name, []).append(told / value - 1.0)
    if truth.optional:
        result.optional += 1
        return
    result.right += 1
    result.delays_s.append(alert.told_s - truth.start_s)


def _fits(truth: Truth, alert: Alert) -> bool:
    if truth.zone is not None and alert.zone is not None and truth.zone != alert.zone:
        return False
    if truth.object_ids and alert.object_ids and not set(truth.object_ids) & set(alert.object_ids):
        return False
    if truth.object_ids and alert.on_nobody:
        return False
    return alert.start_s <= truth.end_s + SLACK_S and max(alert.end_s, alert.told_s) >= truth.start_s - SLACK_S


def _found_share(truth: Truth, found: Found) -> float | None:
    """In which share of the pictures the detector found the truth's objects meanwhile; None where nothing is known."""
    hits = [
        hit
        for object_id in truth.object_ids
        for time_s, hit in found.get(object_id, ())
        if truth.start_s <= time_s <= truth.end_s
    ]
    return sum(hits) / len(hits) if hits else None


def _began_anew(world: World, first: Alert, second: Alert) -> bool:
    return any(item.stream_step_s < 0.0 and first.told_s <= item.at_s <= second.told_s for item in world.disturbances)


def _words(alert: Alert) -> str:
    facts = {name: value for name, value in alert.facts.items() if isinstance(value, int | float | str)}
    return (
        f"{alert.kind} in {alert.zone} {alert.start_s:.1f}-{alert.end_s:.1f} s, told {alert.told_s:.1f} s, "
        f"{','.join(alert.object_ids) or 'nobody'} {facts}"
    )


def total(scores: Iterable[dict[str, Score]]) -> dict[str, Score]:
    """Add up the scores of several worlds, by kind."""
    sums: dict[str, Score] = {}
    for each in scores:
        for kind, part in each.items():
            sums.setdefault(kind, Score()).add(part)
    return sums
