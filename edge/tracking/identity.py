"""What a track is, beside its box: who, since when, where it stands, what it looks like."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from contract.rules.base import VEHICLE_CLASSES
from edge.tracking.appearance import Look, blend
from edge.tracking.kalman import BoxFilter, Place

STANDS_S = 10.0
"""A vehicle whose box has kept its place for this long stands; in a dense jam, where vehicles come out from behind each
other all the time, 3 s broke a tenth more tracks ..."""
STANDS_WITHIN = 0.4
"""... its centre stayed within this share of its longer side: a box half hidden shifts by a quarter."""
SETS_OFF_LOOKS, SETS_OFF = 3, 0.2
"""What is found so often in a row, each time farther from its usual place on one way, and this share of its longer side
from it in the end, sets off: before it has made way enough to be elsewhere ..."""
SETS_OFF_STEP = 0.02
"""... by at least this share each time ..."""
SETS_OFF_SIZE = 0.75
"""... and its box keeps this share of its usual sides: one that is hidden bit by bit shifts, too, and shrinks."""
USUAL_GAIN = 0.1
"""Share of the newest box in the usual one: a few halves seen in passing change it little."""


@dataclass(frozen=True, slots=True)
class Left:
    """How a track was when it was missed first."""

    box: Place
    speed: tuple[float, float]
    """Picture heights a second."""


@dataclass(slots=True)
class Identity:
    """One track."""

    track_id: int
    """0 until further detections have confirmed it."""
    group: int
    filter: BoxFilter
    """Where it is, or must be."""
    first_seen_s: float
    last_seen_s: float
    score: float
    votes: dict[str, float] = field(default_factory=dict)
    """Sum of scores for each class."""
    found: int = 0
    """How often it was detected ..."""
    sure: int = 0
    """... and how often surely, as long as it is not confirmed."""
    missed_s: float = 0.0
    patience_s: float = 0.0
    """How long it may be missed; known from the first miss on."""
    left: Left = Left((0.0, 0.0, 1.0, 1.0), (0.0, 0.0))
    """Known from the first miss on."""
    home: Place = (0.0, 0.0, 0.0, 0.0)
    """Its box when it last moved ..."""
    since_s: float = 0.0
    """... and when that was."""
    born: Place = (0.0, 0.0, 0.0, 0.0)
    """Its first detection's box."""
    usual: Place = (0.0, 0.0, 0.0, 0.0)
    """Its mean box since it last moved; the latest count most."""
    found_xyxy: Place = (0.0, 0.0, 0.0, 0.0)
    """The detector's own box at the latest detection: corners in picture heights."""
    away: tuple[float, float] = (0.0, 0.0)
    """How far its centre was from there when it was found last ..."""
    going: int = 0
    """... and how often in a row it was farther each time."""
    early: list[tuple[float, Place]] = field(default_factory=list)
    """When and where it was found as long as it was not confirmed."""
    look: Look | None = None
    look_s: float = float("-inf")
    """When its look was taken last."""

    class_name: str = ""
    """What it was called most."""

    def see(self, now_s: float, class_name: str, score: float) -> None:
        """It was detected."""
        self.last_seen_s, self.score, self.missed_s = now_s, score, 0.0
        self.found += 1
        votes = self.votes
        votes[class_name] = votes.get(class_name, 0.0) + score
        self.class_name = class_name if len(votes) == 1 else max(votes, key=votes.__getitem__)

    def moves_to(self, box: Place, now_s: float) -> None:
        """Remember since when it is about where it is now."""
        x, y, width, height = box
        home_x, home_y, home_width, home_height = self.home
        within = STANDS_WITHIN * max(width, height, home_width, home_height)
        if abs(x - home_x) > within or abs(y - home_y) > within or self._sets_off(box):
            self.home = self.usual = box
            self.since_s = now_s
            self.away, self.going = (0.0, 0.0), 0
        else:
            old = self.usual
            self.usual = (
                old[0] + USUAL_GAIN * (x - old[0]),
                old[1] + USUAL_GAIN * (y - old[1]),
                old[2] + USUAL_GAIN * (width - old[2]),
                old[3] + USUAL_GAIN * (height - old[3]),
            )

    def _sets_off(self, box: Place) -> bool:
        """Note that its box is here now; tell whether it has left its usual place by going on and on."""
        x, y, width, height = box
        usual_x, usual_y, usual_width, usual_height = self.usual
        (old_x, old_y), new_x, new_y = self.away, x - usual_x, y - usual_y
        longer, before = max(usual_width, usual_height), math.hypot(old_x, old_y)
        ahead = math.hypot(new_x, new_y) if before == 0.0 else (old_x * new_x + old_y * new_y) / before
        self.away = (new_x, new_y)
        self.going = self.going + 1 if ahead >= before + SETS_OFF_STEP * longer else 0
        return (
            self.going >= SETS_OFF_LOOKS
            and math.hypot(new_x, new_y) >= SETS_OFF * longer
            and width >= SETS_OFF_SIZE * usual_width
            and height >= SETS_OFF_SIZE * usual_height
        )

    def begin(self, now_s: float) -> None:
        """It was seen for the first time."""
        self.born = self.home = self.usual = self.filter.place
        self.since_s = now_s
        self.early = [(now_s, self.born)]

    def stood(self, least_s: float) -> bool:
        """Tell whether it had kept its place for so long when it was seen last."""
        return self.last_seen_s - self.since_s >= least_s

    def stands(self, now_s: float) -> bool:
        """Tell whether it is a vehicle that has stood for a while."""
        return now_s - self.since_s >= STANDS_S and self.class_name in VEHICLE_CLASSES

    def take_look(self, look: Look | None, now_s: float) -> None:
        """Remember what it looks like."""
        self.look_s = now_s
        if look is not None:
            self.look = blend(self.look, look)

    def go_on_as(self, earlier: Identity) -> None:
        """It is the same object as an earlier track."""
        self.track_id, self.first_seen_s = earlier.track_id, earlier.first_seen_s
        self.found += earlier.found
        for name, score in earlier.votes.items():
            self.votes[name] = self.votes.get(name, 0.0) + score
        self.class_name = max(self.votes, key=self.votes.__getitem__)
        x, y, width, height = self.home
        if max(abs(x - earlier.home[0]), abs(y - earlier.home[1])) <= STANDS_WITHIN * max(
            width, height, *earlier.home[2:]
        ):
            self.home, self.since_s, self.usual = earlier.home, earlier.since_s, earlier.usual
        if earlier.look is not None:
            self.look = earlier.look if self.look is None else blend(earlier.look, self.look)
