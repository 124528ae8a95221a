r"""How fast a track goes, and how sure that is: the one place for the geometry of speed.

    o   o  o    o   o      places of one track at its own times, each as sure as its box is where it lies
      \_ velocity: slopes between all pairs (Theil and Sen) to begin with, then least squares in which a place that
         strays counts little (Huber) and one that strays far counts not at all

A box trembles by a share of its size; far from the camera that is metres, close to it centimetres, so each place is
weighted by what its tremble makes on the ground. The interval holds three errors that are independent: that of the
places, by Student's t; that of a detector which boxes small objects otherwise than large ones; and that of the
calibration, through the homography's covariance. Neighbouring places are off in the same way (`Tremble`), so many of
them say less than as many that tremble each for itself: the slope's variance is g' R g with the correlations R.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from contract.geometry import Point
from edge.scene.homography import Homography
from edge.scene.scene import Scene

KMH = 3.6
"""Kilometres an hour in a metre a second."""
TREMBLE = 0.03
"""Standard deviation of a standing box's ground contact as a share of the box's longer side."""
MIN_TREMBLE = 0.001
"""Of the picture's height: about a pixel, however small the box."""
MIN_PLACES = 3
MOST_PLACES = 30
"""More places add little: the boxes of neighbouring frames tremble together."""
_HUBER = 1.345
"""Standard deviations beyond which a place counts less: 95 % efficient for a normal error (Huber 1964)."""
_STRAY = 4.0
"""Standard deviations beyond which a place does not count."""
_ROUNDS = 4
_PRIOR_LOOKS = 4
"""As many looks as the expected tremble is worth against the places' own scatter."""
_MIN_SCALE = 0.5
"""Four places that lie on a line by chance do not make boxes twice as good as they are."""
_DRIFT = 0.03
"""Standard deviation of what a detector adds to the foot of a box of half the size, as a share of the longer side: two-
wheelers of 28 rows are boxed 8 % of their height too low, those of 54 rows right (`bench.measure_noise`)."""
_SURE = 3.09
"""Standard deviations that 99.9 % of normal errors stay below."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Tremble:
    """How the boxes of one moving object are off, as `bench.measure_noise` measures it on real clips."""

    share: float
    """Standard deviation as a share of the box's longer side, ..."""
    stays: float
    """... of whose square this part is the object's own all the way ..."""
    lasts_s: float
    """... and the rest is another one after this time."""


_TWO_WHEELED = Tremble(0.06, 0.2, 0.12)
_FOUR_WHEELED = Tremble(0.05, 0.26, 0.43)
_TWO_WHEELERS = ("bicycle", "motorcycle")


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


PlaceT = TypeVar("PlaceT", bound=Place)


@dataclass(frozen=True, slots=True)
class GroundSpeed:
    """A speed on the ground with its 95 % interval."""

    kmh: float
    low_kmh: float
    high_kmh: float
    sure_kmh: float
    """Faster than this with a certainty of 99.9 %."""
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


def ground_speed(places: Sequence[Place], scene: Scene, aspect: float, class_name: str = "car") -> GroundSpeed | None:
    """A track's speed on the ground with its 95 % interval.

    Args:
        places: In order of time, at different times.
        scene: The camera's.
        aspect: Width of the picture divided by its height.
        class_name: What it is: classes tremble differently.

    Returns:
        None without a homography, with fewer than `MIN_PLACES` places, and for what does not move.
    """
    if scene.homography is None:
        return None
    fitted = _fit(places, scene, aspect, tremble_of(class_name))
    if fitted is None:
        return None
    speed = math.hypot(*fitted.velocity)
    if speed == 0.0:
        return None
    calibration = _calibration_error(fitted, scene.homography)

    def half(deviations: float) -> float:
        of_places = student(deviations, fitted.looks) * fitted.standard_error
        return math.hypot(of_places, deviations * fitted.drift_error, deviations * calibration)

    return GroundSpeed(
        kmh=KMH * speed,
        low_kmh=KMH * max(0.0, speed - half(1.96)),
        high_kmh=KMH * (speed + half(1.96)),
        sure_kmh=KMH * max(0.0, speed - half(_SURE)),
        calibration_kmh=KMH * 1.96 * calibration,
        length_m=speed * fitted.duration_s,
        duration_s=fitted.duration_s,
        straying=fitted.straying,
    )


def tremble_of(class_name: str) -> Tremble:
    """How a class trembles; what is not known as cars do."""
    return _TWO_WHEELED if class_name in _TWO_WHEELERS else _FOUR_WHEELED


def student(deviations: float, looks: float) -> float:
    """Student's t for as much certainty as normal standard deviations give (Cornish and Fisher's expansion)."""
    z = deviations
    return z + (z**3 + z) / (4.0 * looks) + (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / (96.0 * looks**2)


def tremble_in_plane(ground: Point, size: float, scene: Scene, aspect: float, share: float = TREMBLE) -> Array | None:
    """Covariance of a place in the plane, from the tremble of its box; None where the horizon is too near.

    Args:
        ground: Ground contact, normalised.
        size: Longer side of the box in picture heights.
        scene: The camera's.
        aspect: Width of the picture divided by its height.
        share: Standard deviation of the tremble as a share of the longer side.

    Returns:
        (2, 2) float64, square of the plane's unit.
    """
    sigma = max(MIN_TREMBLE, share * size)
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
    velocity: Point
    """Metres a second."""
    standard_error: float
    """Of the speed along the way, from the places' tremble."""
    looks: float
    """Degrees of freedom of that error."""
    drift_error: float
    """Of the speed, from boxes that change with their size."""
    duration_s: float
    straying: int
    """Places that were left out."""
    grounds: list[Point]
    influence: Array
    """(N,) by how much each place moves the velocity, 1/s."""


def _fit(places: Sequence[Place], scene: Scene, aspect: float, tremble: Tremble) -> _Fit | None:
    used = thinned(places)
    noise = [tremble_in_plane(place.ground, place.size, scene, aspect, tremble.share) for place in used]
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
    sigma = np.sqrt(np.array([np.einsum("ij,jk,ik->i", frame, each, frame) for _, each in kept]))
    line = _robust_line(times, points @ frame.T, sigma, frame @ start)
    counted = line.weight > 0.0
    duration_s = float(times[counted][-1] - times[counted][0]) if counted.any() else 0.0
    if counted.sum() < MIN_PLACES or duration_s <= 0.0:
        return None
    apart = np.abs(times[:, None] - times[None, :])
    together = tremble.stays + (1.0 - tremble.stays) * np.exp(-apart / tremble.lasts_s)
    scatter, looks = _scatter(line, times, sigma[:, 0], together)
    moved = line.influence * sigma[:, 0]
    halvings = np.log2(np.array([place.size for place, _ in kept]) / kept[-1][0].size)
    vector = line.slope @ frame
    return _Fit(
        velocity=(float(vector[0]), float(vector[1])),
        standard_error=scatter * math.sqrt(max(0.0, float(moved @ together @ moved))),
        looks=looks,
        drift_error=abs(float(moved @ halvings)) * _DRIFT / tremble.share,
        duration_s=duration_s,
        straying=int((~counted).sum()),
        grounds=[place.ground for place, _ in kept],
        influence=line.influence,
    )


def thinned(places: Sequence[PlaceT]) -> list[PlaceT]:
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


@dataclass(frozen=True, slots=True)
class _Line:
    slope: Array
    """(2,)"""
    influence: Array
    """(N,) each place's on the slope along the way."""
    weight: Array
    """(N,) Huber's, 0 for what strays."""
    missed: Array
    """(N,) standard deviations by which each place lies beside the line, along the way."""


def _robust_line(times: Array, points: Array, sigma: Array, slope: Array) -> _Line:
    """Least squares of places over time with Huber's weights, begun at a slope that no single place can turn.

    Args:
        times: (N,) seconds.
        points: (N, 2) along the way and across it.
        sigma: (N, 2) standard deviations expected.
        slope: (2,) to begin with.
    """
    offset = np.median(points - times[:, None] * slope, axis=0)
    weight = np.ones(len(times))
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
    return _Line(slope, influence, weight, ((points - offset - times[:, None] * slope) / sigma)[:, 0])


def _scatter(line: _Line, times: Array, sigma: Array, together: Array) -> tuple[float, float]:
    """The scatter found over the one expected, and its degrees of freedom.

    Places that tremble together lie nearer to their own line than to the true one, and say less: what is expected of
    the squares is the trace of (I - P) R (I - P)', and the degrees of freedom are Satterthwaite's.
    """
    root = np.sqrt(line.weight)
    design = (root / sigma)[:, None] * np.column_stack((np.ones(len(times)), times - times.mean()))
    rest = np.eye(len(times)) - design @ np.linalg.pinv(design)
    spread = rest @ (root[:, None] * together * root[None, :]) @ rest
    expected = max(float(np.trace(spread)), 1e-9)
    looks = expected**2 / max(float((spread**2).sum()), 1e-12)
    found = float(line.weight @ line.missed**2) / expected
    return math.sqrt((_PRIOR_LOOKS + looks * found) / (_PRIOR_LOOKS + looks)), _PRIOR_LOOKS + looks


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
    direction = np.asarray(fitted.velocity) / math.hypot(*fitted.velocity)
    moved = np.einsum("i,j,ijk->k", fitted.influence, direction, homography.sensitivity(fitted.grounds))
    return math.sqrt(max(0.0, float(moved @ homography.covariance @ moved)))
