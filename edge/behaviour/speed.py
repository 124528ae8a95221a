r"""How fast a track goes, and how sure that is: the one place for the geometry of speed.

    o   o  o    o   o      places of one track at its own times, each as sure as its box is where it lies
      \_ velocity: slopes between all pairs (Theil and Sen) to begin with, then least squares in which a place that
         strays counts little (Huber) and one that strays far counts not at all

A box trembles by a share of its size; far from the camera that is metres, close to it centimetres, so each place is
weighted by what its tremble makes on the ground. The interval holds two errors that are independent: that of the
places, by Student's t, and that of the calibration, through the homography's covariance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contract.geometry import Point
from edge.scene.homography import Homography
from edge.scene.scene import Scene

KMH = 3.6
"""Kilometres an hour in a metre a second."""
TREMBLE = 0.03
"""Standard deviation of a box's ground contact as a share of the box's longer side."""
MIN_TREMBLE = 0.001
"""Of the picture's height: about a pixel, however small the box."""
MIN_PLACES = 3
MOST_PLACES = 30
"""More places in a window add little: the boxes of neighbouring frames tremble together."""
_HUBER = 1.345
"""Standard deviations beyond which a place counts less: 95 % efficient for a normal error (Huber 1964)."""
_STRAY = 4.0
"""Standard deviations beyond which a place does not count."""
_ROUNDS = 4
_PRIOR_LOOKS = 4
"""As many looks as `TREMBLE` is worth against the places' own scatter."""
_MIN_SCALE = 0.5
"""Four places that lie on a line by chance do not make boxes twice as good as they are."""

Array = NDArray[np.float64]


class Place(Protocol):
    """Where a track was detected: `edge.behaviour.journeys.Sample` is one."""

    @property
    def at_s(self) -> float:
        """Watched seconds."""
        ...

    @property
    def ground(self) -> Point:
        """Ground contact, normalised."""
        ...

    @property
    def plane(self) -> Point:
        """The same in the plane of `Scene.to_plane`."""
        ...

    @property
    def size(self) -> float:
        """Longer side of the box in picture heights."""
        ...


@dataclass(frozen=True, slots=True)
class Velocity:
    """How a track moved, in the plane of `Scene.to_plane` (metres, or picture heights without a homography)."""

    vector: Point
    """Each second."""
    standard_error: float
    """Of the speed along the way, from the places alone."""
    looks: int
    """Degrees of freedom of that error."""
    length: float
    """The way over the window."""
    duration_s: float
    straying: int
    """Places that were left out."""

    @property
    def speed(self) -> float:
        """Length of the vector."""
        return math.hypot(*self.vector)


@dataclass(frozen=True, slots=True)
class GroundSpeed:
    """A speed on the ground with its 95 % interval."""

    kmh: float
    low_kmh: float
    high_kmh: float
    calibration_kmh: float
    """The part of half the interval that comes from the calibration."""
    length_m: float
    duration_s: float
    straying: int
    """Places that were left out."""

    @property
    def spread(self) -> float:
        """Half the interval as a share of the speed."""
        return (self.high_kmh - self.low_kmh) / (2.0 * self.kmh) if self.kmh > 0.0 else math.inf


def velocity(places: Sequence[Place], scene: Scene, aspect: float) -> Velocity | None:
    """A track's velocity over a window of its places.

    Args:
        places: In order of time, at different times.
        scene: The camera's.
        aspect: Width of the picture divided by its height.

    Returns:
        None with fewer than `MIN_PLACES` places.
    """
    fitted = _fit(places, scene, aspect)
    return None if fitted is None else fitted.velocity


def ground_speed(places: Sequence[Place], scene: Scene, aspect: float) -> GroundSpeed | None:
    """A track's speed on the ground with its 95 % interval; None without a homography or with too few places."""
    if scene.homography is None:
        return None
    fitted = _fit(places, scene, aspect)
    if fitted is None or fitted.velocity.speed == 0.0:
        return None
    found = fitted.velocity
    from_calibration = 1.96 * _calibration_error(fitted, scene.homography)
    half = math.hypot(student_t(found.looks) * found.standard_error, from_calibration)
    return GroundSpeed(
        kmh=KMH * found.speed,
        low_kmh=KMH * max(0.0, found.speed - half),
        high_kmh=KMH * (found.speed + half),
        calibration_kmh=KMH * from_calibration,
        length_m=found.length,
        duration_s=found.duration_s,
        straying=found.straying,
    )


def student_t(looks: int) -> float:
    """Two-sided 95 % point of Student's t, to a hundredth from four degrees of freedom on."""
    return 1.96 + 2.4 / looks + 3.0 / looks**2


def tremble_in_plane(ground: Point, size: float, scene: Scene, aspect: float) -> Array | None:
    """Covariance of a place in the plane, from the tremble of its box; None where the horizon is too near.

    Args:
        ground: Ground contact, normalised.
        size: Longer side of the box in picture heights.
        scene: The camera's.
        aspect: Width of the picture divided by its height.

    Returns:
        (2, 2) float64, square of the plane's unit.
    """
    sigma = max(MIN_TREMBLE, TREMBLE * size)
    x, y = ground
    # Half a standard deviation to each side: the slope of the mapping as far as the box strays.
    left, right = (
        scene.to_plane((x - sigma / aspect / 2, y), aspect),
        scene.to_plane((x + sigma / aspect / 2, y), aspect),
    )
    above, below = scene.to_plane((x, y - sigma / 2), aspect), scene.to_plane((x, y + sigma / 2), aspect)
    if left is None or right is None or above is None or below is None:
        return None
    slope = np.array([[right[0] - left[0], below[0] - above[0]], [right[1] - left[1], below[1] - above[1]]])
    return np.asarray(slope @ slope.T, np.float64)


@dataclass(frozen=True, slots=True)
class _Fit:
    velocity: Velocity
    grounds: list[Point]
    influence: Array
    """(N,) by how much each place moves the velocity, 1/s."""


def _fit(places: Sequence[Place], scene: Scene, aspect: float) -> _Fit | None:
    used = thinned(places)
    noise = [tremble_in_plane(place.ground, place.size, scene, aspect) for place in used]
    kept = [(place, each) for place, each in zip(used, noise, strict=True) if each is not None]
    if len(kept) < MIN_PLACES or kept[-1][0].at_s <= kept[0][0].at_s:
        return None
    times = np.array([place.at_s for place, _ in kept])
    points = np.array([place.plane for place, _ in kept])
    start = _theil_sen(times, points)
    length = float(np.hypot(*start))
    direction = start / length if length > 0.0 else np.array([1.0, 0.0])
    # Along the way and across it, so that one decides about the speed and both about what strays.
    frame = np.array([direction, (-direction[1], direction[0])])
    places_in_frame = points @ frame.T
    sigma = np.sqrt(np.array([np.einsum("ij,jk,ik->i", frame, each, frame) for _, each in kept]))
    slope, influence, scale, weight = _robust_line(times, places_in_frame, sigma, frame @ start)
    counted = weight > 0.0
    duration_s = float(times[counted][-1] - times[counted][0]) if counted.any() else 0.0
    if counted.sum() < MIN_PLACES or duration_s <= 0.0:
        return None
    vector = slope @ frame
    standard_error = scale * float(np.sqrt(((influence * sigma[:, 0]) ** 2).sum()))
    found = Velocity(
        vector=(float(vector[0]), float(vector[1])),
        standard_error=standard_error,
        looks=_PRIOR_LOOKS + int(counted.sum()) - 2,
        length=float(np.hypot(*vector)) * duration_s,
        duration_s=duration_s,
        straying=int((~counted).sum()),
    )
    return _Fit(found, [place.ground for place, _ in kept], influence)


def thinned(places: Sequence[Place]) -> list[Place]:
    """At most `MOST_PLACES` of the places, evenly chosen; the first and the last stay."""
    if len(places) <= MOST_PLACES:
        return list(places)
    step = (len(places) - 1) / (MOST_PLACES - 1)
    return [places[round(index * step)] for index in range(MOST_PLACES)]


def _theil_sen(times: Array, points: Array) -> Array:
    """Median of the slopes between all pairs, by coordinate (Theil 1950, Sen 1968)."""
    first, second = np.triu_indices(len(times), 1)
    apart = times[second] - times[first]
    apart_enough = apart > 0.0
    slopes = (points[second] - points[first])[apart_enough] / apart[apart_enough, None]
    slope: Array = np.median(slopes, axis=0)
    return slope


def _robust_line(times: Array, points: Array, sigma: Array, slope: Array) -> tuple[Array, Array, float, Array]:
    """Least squares of places over time with Huber's weights, begun at a slope that no single place can turn.

    Args:
        times: (N,) seconds.
        points: (N, 2) along the way and across it.
        sigma: (N, 2) standard deviations expected.
        slope: (2,) to begin with.

    Returns:
        (2,) slope, (N,) each place's influence on it along the way, the scatter found over the one expected, and (N,)
        Huber's weights, 0 for what strays.
    """
    offset = np.median(points - times[:, None] * slope, axis=0)
    scale, weight = 1.0, np.ones(len(times))
    for _ in range(_ROUNDS):
        misses = (points - offset - times[:, None] * slope) / sigma
        miss = np.abs(misses).max(axis=1)
        scale = max(_MIN_SCALE, 1.4826 * float(np.median(np.abs(misses))))
        weight = np.where(miss > _STRAY * scale, 0.0, np.minimum(1.0, _HUBER * scale / np.maximum(miss, 1e-12)))
        if (weight > 0.0).sum() < MIN_PLACES:
            break
        slope, offset = _weighted_line(times, points, weight[:, None] / sigma**2)
    precision = weight / sigma[:, 0] ** 2
    centred = times - (precision @ times) / max(float(precision.sum()), 1e-300)
    influence = precision * centred / max(float(precision @ centred**2), 1e-300)
    missed = ((points - offset - times[:, None] * slope) / sigma)[:, 0]
    spare = max(0, int((weight > 0.0).sum()) - 2)
    scatter = math.sqrt((_PRIOR_LOOKS + float(weight @ missed**2)) / (_PRIOR_LOOKS + spare))
    return slope, influence, scatter, weight


def _weighted_line(times: Array, points: Array, precision: Array) -> tuple[Array, Array]:
    """(2,) slopes and (2,) offsets of two independent weighted lines."""
    total = precision.sum(axis=0)
    mean_s = (precision * times[:, None]).sum(axis=0) / total
    mean = (precision * points).sum(axis=0) / total
    centred = times[:, None] - mean_s
    slope: Array = (precision * centred * points).sum(axis=0) / (precision * centred**2).sum(axis=0)
    return slope, mean - slope * mean_s


def _calibration_error(fitted: _Fit, homography: Homography) -> float:
    """Standard error of a speed, metres a second, from the homography's own."""
    direction = np.asarray(fitted.velocity.vector) / fitted.velocity.speed
    moved = np.einsum("i,j,ijk->k", fitted.influence, direction, homography.sensitivity(fitted.grounds))
    return math.sqrt(max(0.0, float(moved @ homography.covariance @ moved)))
