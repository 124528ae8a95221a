"""Kalman filters for many boxes at once, with real and irregular time steps.

Centre x, centre y, width and height of a box are independent of one another under this noise model, so each is a
filter of its own with two states (value, speed): everything is elementwise on (N, 4) arrays, in picture heights and
seconds.

Speeds are constant on the ground, not in the picture: what comes nearer grows and quickens. With the distance Z to the
camera, sizes and the way to the vanishing point are proportional to 1/Z; at constant Z' every one of them, x, obeys
x'' = 2 r x', where r = h'/h is the rate at which the box grows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MEASUREMENT = 0.05
"""Standard deviation of a detected edge, as a share of the box's height (as in DeepSORT and ByteTrack)."""
ACCELERATION = np.array([0.4, 0.4, 0.2, 0.2])
"""Square root of the spectral density of the acceleration in box heights / s^1.5; sizes change slowly. A person who
sets off reaches 0.8 heights / s within a second or two. On PETS09 S2.L1 at 5 frames a second 0.25-0.4 break the fewest
tracks; on a motorway more is better (0.7), on standing vehicles less."""
START_SPEED = np.array([1.5, 1.5, 0.2, 0.2])
"""Standard deviation of a new object's speed in box heights / s: a motorbike of 1.5 m at 30 km/h makes 5, most less."""
MAX_GROWTH = 0.5
"""Largest share by which a box is taken to grow within a step."""
COAST_DECAY_S = 1.0
"""A speed that is no longer measured dies away with this time constant, so that lost boxes do not wander off."""


@dataclass(slots=True)
class BoxFilters:
    """State of N boxes.

    Attributes:
        value: (N, 4) centre x, centre y, width, height in picture heights.
        speed: (N, 4) the same per second.
        value_var: (N, 4) variance of the value.
        cross: (N, 4) covariance of value and speed.
        speed_var: (N, 4) variance of the speed.
    """

    value: Array
    speed: Array
    value_var: Array
    cross: Array
    speed_var: Array

    @classmethod
    def start(cls, boxes: Array) -> BoxFilters:
        """Begin filters at measured boxes, (N, 4) as `value`."""
        height = boxes[:, 3:]
        return cls(
            value=boxes.copy(),
            speed=np.zeros_like(boxes),
            value_var=np.broadcast_to((MEASUREMENT * height) ** 2, boxes.shape).copy(),
            cross=np.zeros_like(boxes),
            speed_var=(START_SPEED * height) ** 2,
        )

    def predict(self, step_s: float, coasting: NDArray[np.bool_]) -> None:
        """Move every filter on by `step_s`; those that `coasting` (N,) marks lose speed."""
        density = (ACCELERATION * self.value[:, 3:]) ** 2
        growth = np.where(coasting, 0.0, np.clip(self._growth_rate() * step_s, -MAX_GROWTH, MAX_GROWTH))[:, None]
        self.value += self.speed * step_s * (1.0 + growth)
        self.speed *= 1.0 + 2.0 * growth
        self.value[:, 2:] = np.maximum(self.value[:, 2:], 1e-4)
        self.value_var += 2.0 * step_s * self.cross + step_s**2 * self.speed_var + density * step_s**3 / 3.0
        self.cross += step_s * self.speed_var + density * step_s**2 / 2.0
        self.speed_var += density * step_s
        self.speed[coasting] *= np.exp(-step_s / COAST_DECAY_S)

    def _growth_rate(self) -> Array:
        """(N,) r of the module's docstring per second: the smaller of the width's and the height's, 0 if they disagree.

        What comes nearer grows both ways; a box that grows one way alone turns, or comes out from behind something.
        """
        rates = self.speed[:, 2:] / self.value[:, 2:]
        agree = np.sign(rates[:, 0]) == np.sign(rates[:, 1])
        rate: Array = np.where(agree, np.sign(rates[:, 0]) * np.abs(rates).min(axis=1), 0.0)
        return rate

    def update(self, rows: NDArray[np.intp], boxes: Array) -> None:
        """Correct the filters `rows` by measured boxes, (len(rows), 4)."""
        noise = (MEASUREMENT * boxes[:, 3:]) ** 2
        innovation_var = self.value_var[rows] + noise
        value_gain = self.value_var[rows] / innovation_var
        speed_gain = self.cross[rows] / innovation_var
        innovation = boxes - self.value[rows]
        self.value[rows] += value_gain * innovation
        self.speed[rows] += speed_gain * innovation
        self.speed_var[rows] -= speed_gain * self.cross[rows]
        self.cross[rows] *= 1.0 - value_gain
        self.value_var[rows] *= 1.0 - value_gain

    def stop(self, rows: NDArray[np.bool_] | None = None) -> None:
        """The boxes `rows` (N,), or all, stand still: their speed is forgotten, their place kept."""
        which = slice(None) if rows is None else rows
        self.speed[which] = 0.0
        self.cross[which] = 0.0

    def put(self, row: int, box: tuple[float, float, float, float]) -> None:
        """One box, as `value`, stands there."""
        self.value[row] = box
        self.speed[row] = 0.0
        self.cross[row] = 0.0

    def stretch(self, factor: float) -> None:
        """The picture became `factor` times as wide in its own heights."""
        for column in (0, 2):
            self.value[:, column] *= factor
            self.speed[:, column] *= factor

    def xyxy(self) -> Array:
        """(N, 4) corners in picture heights."""
        half = self.value[:, 2:] / 2.0
        return np.concatenate((self.value[:, :2] - half, self.value[:, :2] + half), axis=1)

    def spread(self) -> Array:
        """(N,) standard deviation of the centre in picture heights, the larger of both axes."""
        spread: Array = np.sqrt(self.value_var[:, :2].max(axis=1))
        return spread

    def keep(self, rows: NDArray[np.bool_]) -> None:
        """Drop the filters that `rows` (N,) does not mark."""
        for name in ("value", "speed", "value_var", "cross", "speed_var"):
            setattr(self, name, getattr(self, name)[rows])

    def add(self, other: BoxFilters) -> None:
        """Append filters."""
        for name in ("value", "speed", "value_var", "cross", "speed_var"):
            setattr(self, name, np.concatenate((getattr(self, name), getattr(other, name))))
