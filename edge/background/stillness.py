"""Whether a region is a thing, or somebody whom no detector finds and who only stands still.

share of its pixels that look otherwise than a moment ago
  1 |                 _ a cloud: all of it
    |                | |
0.5 |. . . . . . . . | |. . . . . . . . .
    |    _ _   __    | |  _    __          somebody: an arm, a head, most of the time
0.05|. .| | |_|  |___| |_| |__|  |. . . .
    |__________________________________ a bag
"""

from __future__ import annotations

from dataclasses import dataclass

STIRS = (0.05, 0.5)
"""When a share of its pixels in this range looks otherwise, something of it moved. Light changes most of it at once."""
RESTLESS = 1.0 / 3.0
"""Share of the time: somebody who stands stirs more (measured: 0.36 to 1), a bag less, on which a shadow falls now
and then (measured: 0 to 0.17). See docs/design/static-regions.md."""
ALIVE = 0.5
"""What was taken for a thing and then stirs for so much of the time is none."""
WATCHED_S = 5.0
"""So long it is watched before that is told ..."""
WINDOW_S = 30.0
"""... and so far back stirring counts."""


@dataclass(slots=True)
class Stillness:
    """How still one region is."""

    watched_s: float = 0.0
    stirring: float = 0.0
    """Share of the time of late."""
    _was_still: bool = False
    _is_alive: bool = False

    @property
    def is_thing(self) -> bool:
        """It has been still for long enough, and was never alive since."""
        return self._was_still and not self._is_alive

    def take(self, unlike: float, step_s: float) -> None:
        """Take a look at which it was there.

        Args:
            unlike: Share of its visible pixels that look otherwise than a moment ago.
            step_s: Since the look before.
        """
        self.watched_s += step_s
        stirs = STIRS[0] < unlike <= STIRS[1]
        weight = step_s / min(self.watched_s, WINDOW_S) if step_s > 0.0 else 0.0
        self.stirring += weight * (stirs - self.stirring)
        if not self._was_still:
            self._was_still = self.watched_s >= WATCHED_S and self.stirring <= RESTLESS
        elif self.stirring > ALIVE:
            self._is_alive = True
