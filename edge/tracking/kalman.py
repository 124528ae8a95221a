"""The Kalman filter of one box, with real and irregular time steps.

Centre x, centre y, width and height of a box are independent of one another under this noise model, so each is a
filter of its own with two states (value, speed), in picture heights and seconds. What is known of a value depends on
when it was measured alone: it is the same for x and y, and for width and height.

Speeds are constant on the ground, not in the picture: what comes nearer grows and quickens. With the distance Z to the
camera, sizes and the way to the vanishing point are proportional to 1/Z; at constant Z' every one of them, x, obeys
x'' = 2 r x', where r = h'/h is the rate at which the box grows.

Plain numbers, not arrays: a camera follows a dozen objects, and numpy takes longer to be called than they to be moved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

Place = tuple[float, float, float, float]
"""Centre x and y, width and height in picture heights."""

MEASUREMENT = 0.05
"""Standard deviation of a detected edge, as a share of the box's height (as in DeepSORT and ByteTrack)."""
ACCELERATION, GROWING = 0.4, 0.2
"""Square root of the spectral density of the acceleration in box heights / s^1.5, of the place and of the size, which
changes slowly. A person who sets off reaches 0.8 heights / s within a second or two. On PETS09 S2.L1 at 5 frames a
second 0.25-0.4 break the fewest tracks; on a motorway more is better (0.7), on standing vehicles less."""
START_SPEED, START_GROWTH = 1.5, 0.2
"""Standard deviation of a new object's speed in box heights / s, of the place and of the size: a motorbike of 1.5 m at
30 km/h makes 5, most less."""
MAX_GROWTH = 0.5
"""Largest share by which a box is taken to grow within a step."""
COAST_DECAY_S = 1.0
"""A speed that is no longer measured dies away with this time constant, so that lost boxes do not wander off."""
LEAST_SIDE = 1e-4


@dataclass(frozen=True, slots=True)
class Step:
    """A step in time, and what is made of it for every box."""

    seconds: float
    square: float
    cube: float
    decay: float
    """What is left of a speed that is not measured."""

    @classmethod
    def of(cls, seconds: float) -> Step:
        """A step of so many seconds, at least 0."""
        return cls(seconds, seconds**2, seconds**3, float(np.exp(-seconds / COAST_DECAY_S)))


class BoxFilter:
    """Where a box is, how it moves, and how well that is known; begins at a measured box.

    Attributes:
        x: Centre in picture heights, as y; the speeds are a second.
        place_var: Variance of x, and of y.
        place_cross: Covariance of x and its speed, and of y and its.
        place_speed_var: Variance of the speed of x, and of y.
        size_var: As `place_var`, of width and height; so the other two.
    """

    __slots__ = (
        "height", "place_cross", "place_speed_var", "place_var", "size_cross", "size_speed_var", "size_var",
        "speed_height", "speed_width", "speed_x", "speed_y", "width", "x", "y",
    )  # fmt: skip

    def __init__(self, box: Place) -> None:
        self.x, self.y, self.width, self.height = box
        self.speed_x = self.speed_y = self.speed_width = self.speed_height = 0.0
        noise, speed, growth = MEASUREMENT * self.height, START_SPEED * self.height, START_GROWTH * self.height
        self.place_var = self.size_var = noise * noise
        self.place_cross = self.size_cross = 0.0
        self.place_speed_var, self.size_speed_var = speed * speed, growth * growth

    @property
    def place(self) -> Place:
        """The box."""
        return (self.x, self.y, self.width, self.height)

    def predict(self, step: Step, *, coasting: bool) -> None:
        """Move on in time; one that is `coasting`, not detected, loses speed."""
        step_s, square, cube = step.seconds, step.square, step.cube
        height = self.height
        density = ACCELERATION * height
        density *= density
        growing = GROWING * height
        growing *= growing
        growth = 0.0 if coasting else min(max(self._growth_rate() * step_s, -MAX_GROWTH), MAX_GROWTH)
        stretch = 1.0 + growth
        self.x += self.speed_x * step_s * stretch
        self.y += self.speed_y * step_s * stretch
        self.width = max(self.width + self.speed_width * step_s * stretch, LEAST_SIDE)
        self.height = max(height + self.speed_height * step_s * stretch, LEAST_SIDE)
        quicken = 1.0 + 2.0 * growth
        if coasting:
            quicken *= step.decay
        if quicken != 1.0:
            self.speed_x *= quicken
            self.speed_y *= quicken
            self.speed_width *= quicken
            self.speed_height *= quicken
        twice = 2.0 * step_s
        cross, speed_var = self.place_cross, self.place_speed_var
        self.place_var += twice * cross + square * speed_var + density * cube / 3.0
        self.place_cross = cross + (step_s * speed_var + density * square / 2.0)
        self.place_speed_var = speed_var + density * step_s
        cross, speed_var = self.size_cross, self.size_speed_var
        self.size_var += twice * cross + square * speed_var + growing * cube / 3.0
        self.size_cross = cross + (step_s * speed_var + growing * square / 2.0)
        self.size_speed_var = speed_var + growing * step_s

    def _growth_rate(self) -> float:
        """r of the module's docstring per second: the smaller of the width's and the height's, 0 if they disagree.

        What comes nearer grows both ways; a box that grows one way alone turns, or comes out from behind something.
        """
        wider, higher = self.speed_width / self.width, self.speed_height / self.height
        if wider > 0.0 and higher > 0.0:
            return min(wider, higher)
        return max(wider, higher) if wider < 0.0 and higher < 0.0 else 0.0

    def update(self, box: Place) -> None:
        """Correct it by a measured box."""
        x, y, width, height = box
        noise = MEASUREMENT * height
        noise *= noise
        known, cross = self.place_var, self.place_cross
        total = known + noise
        gain, speed_gain = known / total, cross / total
        off_x, off_y = x - self.x, y - self.y
        self.x += gain * off_x
        self.y += gain * off_y
        self.speed_x += speed_gain * off_x
        self.speed_y += speed_gain * off_y
        self.place_speed_var -= speed_gain * cross
        left = 1.0 - gain
        self.place_cross = cross * left
        self.place_var = known * left
        known, cross = self.size_var, self.size_cross
        total = known + noise
        gain, speed_gain = known / total, cross / total
        off_x, off_y = width - self.width, height - self.height
        self.width += gain * off_x
        self.height += gain * off_y
        self.speed_width += speed_gain * off_x
        self.speed_height += speed_gain * off_y
        self.size_speed_var -= speed_gain * cross
        left = 1.0 - gain
        self.size_cross = cross * left
        self.size_var = known * left

    def stop(self) -> None:
        """The box stands still: its speed is forgotten, its place kept."""
        self.speed_x = self.speed_y = self.speed_width = self.speed_height = 0.0
        self.place_cross = self.size_cross = 0.0

    def put(self, box: Place) -> None:
        """The box stands there."""
        self.x, self.y, self.width, self.height = box
        self.stop()

    def stretch(self, factor: float) -> None:
        """The picture became `factor` times as wide in its own heights."""
        self.x *= factor
        self.width *= factor
        self.speed_x *= factor
        self.speed_width *= factor

    def corners(self) -> Place:
        """Left, top, right and bottom in picture heights."""
        half_width, half_height = self.width / 2.0, self.height / 2.0
        return (self.x - half_width, self.y - half_height, self.x + half_width, self.y + half_height)

    def spread(self) -> float:
        """Standard deviation of the centre in picture heights."""
        return math.sqrt(self.place_var)
