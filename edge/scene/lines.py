"""A line on the ground that is crossed from one side to the other.

      far side: `past` grows
start ------------------- end      `along`: 0 ... 1
      near side: `past` is negative
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from contract.geometry import Point, distance


@dataclass(frozen=True, slots=True)
class DirectedLine:
    """A line in the plane of `Scene.to_plane`.

    Attributes:
        start: One end.
        end: The other.
        side: 1.0 or -1.0: the sign of `offset_from_line` on the far side.
        normal: Unit vector to the far side.
    """

    start: Point
    end: Point
    side: float
    normal: Point = field(init=False, compare=False)
    _way: Point = field(init=False, repr=False, compare=False)
    """From start to end."""
    _length: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        dx, dy = way = (self.end[0] - self.start[0], self.end[1] - self.start[1])
        length = math.hypot(dx, dy)
        object.__setattr__(self, "normal", (-dy / length * self.side, dx / length * self.side))
        object.__setattr__(self, "_way", way)
        object.__setattr__(self, "_length", distance(self.start, self.end))

    def past(self, point: Point) -> float:
        """How far a point lies beyond the straight line, in the plane's unit; negative before it."""
        (x, y), (dx, dy) = self.start, self._way
        return self.side * ((dx * (point[1] - y) - dy * (point[0] - x)) / self._length)

    def along(self, point: Point) -> float:
        """Where a point stands beside the line: 0 at its start, 1 at its end, outside of that beyond the ends."""
        dx, dy = self._way
        return ((point[0] - self.start[0]) * dx + (point[1] - self.start[1]) * dy) / (dx * dx + dy * dy)

    def crossing(self, before: Point, after: Point, *, slack: float = 0.0) -> float | None:
        """Where a step crosses the line from the near to the far side, between its ends.

        Args:
            before: Where it begins.
            after: Where it ends.
            slack: So far beyond the line's ends, in the plane's unit, it still crosses.

        Returns:
            The share of the step that lies before the line, 0 to 1; None when it does not cross so.
        """
        near = self.past(before)
        if not near < 0.0 <= (far := self.past(after)):
            return None
        share = near / (near - far)
        point = (before[0] + share * (after[0] - before[0]), before[1] + share * (after[1] - before[1]))
        return share if self.is_beside(point, slack) else None

    def is_beside(self, point: Point, slack: float) -> bool:
        """Tell whether a point stands beside the line, or no farther than `slack` beyond its ends."""
        beyond = slack / self._length
        return -beyond <= self.along(point) <= 1.0 + beyond
