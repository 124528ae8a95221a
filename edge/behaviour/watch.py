"""What the rules of one camera need of each observation, worked out once for all of them.

    observation --> Watch --> moment, plausible tracks, journeys, rides --> rule, rule, rule ...

Whoever asks first makes it work; the others get the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from edge.behaviour.approach import Step
from edge.behaviour.journey import Sample
from edge.behaviour.journeys import Journeys
from edge.behaviour.moment import FORGET_S, MAX_STEP_S, Moment
from edge.riders import Ride, RideBook
from edge.scene import Scene
from edge.types import Observation, Track


class Watch:
    """One camera, as its rules watch it.

    Attributes:
        now: The observation's moment.
        step_s: Watched seconds since the observation before; 0 after a gap.
        plausible: The observation's tracks, less those ...
        impossible: ... whose boxes have no area, or no end.
        steps: What rules about lines made of a journey's place, with the place, by its identity.

    Args:
        scene: The camera's scene.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._observation: Observation | None = None
        self._number = 0
        """Of the observation."""
        self.now: Moment | None = None
        self.step_s = 0.0
        self.plausible: list[Track] = []
        self.impossible: list[Track] = []
        self.steps: dict[int, tuple[Sample, Step]] = {}
        self._of_classes: dict[frozenset[str], Sequence[Track]] = {}
        self._journeys: dict[float, Journeys] = {}
        self._upto: dict[float, int] = {}
        """The number of the observation that they saw last, by the same key."""
        self._rides = RideBook()
        self._rides_now: tuple[int, Sequence[Ride]] = (-1, ())

    def take(self, observation: Observation) -> Moment:
        """Turn to an observation, in order of time; nothing happens where another rule did so already."""
        if observation is self._observation and self.now is not None:
            return self.now
        before = self.now
        gap_s = 0.0 if before is None else observation.monotonic_s - before.monotonic_s
        if not 0.0 <= gap_s <= FORGET_S:
            self._number += 1  # as if one had been missed
        self.step_s = gap_s if 0.0 <= gap_s <= MAX_STEP_S else 0.0
        watched_s = (0.0 if before is None else before.watched_s) + self.step_s
        now = self.now = Moment(watched_s, observation.monotonic_s, observation.utc)
        self._observation = observation
        self._number += 1
        self._of_classes.clear()
        self.steps.clear()
        self.plausible, self.impossible = [], []
        for track in observation.tracks:
            x1, y1, x2, y2 = track.xyxy
            # No number that is none passes, nor one without end.
            is_box = 0.0 < x2 - x1 < math.inf and 0.0 < y2 - y1 < math.inf
            (self.plausible if is_box else self.impossible).append(track)
        return now

    def tracks(self, classes: frozenset[str]) -> Sequence[Track]:
        """The observation's plausible tracks of some classes."""
        found = self._of_classes.get(classes)
        if found is None:
            found = self._of_classes[classes] = [track for track in self.plausible if track.class_name in classes]
        return found

    def journeys(self, relink_s: float) -> Journeys:
        """Those of rules that look for who stood and was lost for so long; up to date after `follow`."""
        if relink_s not in self._journeys:
            self._journeys[relink_s] = Journeys(self._scene, relink_s=relink_s)
        return self._journeys[relink_s]

    def follow(self, relink_s: float) -> Journeys:
        """The same, brought up to the observation."""
        observation, now = self._observation, self.now
        assert observation is not None and now is not None  # noqa: S101, PT018 - a rule asks after `take`
        journeys = self._journeys[relink_s]
        if (upto := self._upto.get(relink_s, 0)) != self._number:
            if upto != self._number - 1:  # nobody looked for a while
                journeys.clear()
            self._upto[relink_s] = self._number
            journeys.follow(self.plausible, observation, now)
        return journeys

    def rides(self) -> Sequence[Ride]:
        """Who rides what: see `RideBook.observe`."""
        observation, now = self._observation, self.now
        assert observation is not None and now is not None  # noqa: S101, PT018 - a rule asks after `take`
        number, rides = self._rides_now
        if number != self._number:
            if number != self._number - 1:
                self._rides.forget()
            rides = self._rides.observe(
                self.plausible, now.watched_s, observation.aspect, searched=observation.detected
            )
            self._rides_now = (self._number, rides)
        return rides
