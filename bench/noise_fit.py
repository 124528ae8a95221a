"""Turns samples of a detector's errors into the few figures that `bench.worlds.noise` draws from.

Every error is described by how it is distributed (quantiles) and by how alike it is a while later. The second is told
by a latent normal number for each object: `share` of its variance belongs to the object and never changes (a dark
coat), the rest changes with time constant `tau_s` (a Gaussian copula over an Ornstein-Uhlenbeck process in continuous
time, so that it says the same at 1 and at 25 frames a second).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import erf, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LAGS_S = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
LAG_TOLERANCE = 0.3
"""Pairs this share of the lag off still count for it."""
LEAST_PAIRS = 60
_PHI = np.vectorize(lambda value: 0.5 * (1.0 + erf(value / sqrt(2.0))), otypes=[np.float64])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)


@dataclass(frozen=True, slots=True)
class Series:
    """One object's samples: seconds, values, and for misses the expected share at each."""

    times: Array
    values: Array
    expected: Array


def both_below(share_a: Array, share_b: Array, correlation: float) -> Array:
    """Probability that two standard normal numbers with a correlation both lie in their lowest shares."""
    below_a, below_b = _quantiles(share_a), _quantiles(share_b)
    low = -6.0
    half = (below_a - low) / 2.0
    x = low + half[:, None] * (_NODES[None, :] + 1.0)
    density = np.exp(-(x**2) / 2.0) / sqrt(2.0 * np.pi)
    inner = _PHI((below_b[:, None] - correlation * x) / sqrt(max(1e-9, 1.0 - correlation**2)))
    result: Array = (density * inner * _WEIGHTS).sum(axis=1) * half
    return result


def miss_correlation(series: Sequence[Series], lag_s: float) -> float | None:
    """The latent correlation that makes as many pairs of misses as there are; None with too few pairs."""
    a, b = [], []
    for item in series:
        first, second = _pairs(item.times, lag_s)
        a.append(np.column_stack((item.values[first], item.expected[first])))
        b.append(np.column_stack((item.values[second], item.expected[second])))
    if sum(map(len, a)) < LEAST_PAIRS:
        return None
    first_all, second_all = np.concatenate(a), np.concatenate(b)
    seen = float((first_all[:, 0] * second_all[:, 0]).sum())
    keep = np.random.default_rng(1).permutation(len(first_all))[:1500]
    scale = len(first_all) / len(keep)

    def excess(correlation: float) -> float:
        return scale * float(both_below(first_all[keep, 1], second_all[keep, 1], correlation).sum()) - seen

    return _root(excess)


def rank_correlation(series: Sequence[Series], lag_s: float) -> float | None:
    """Correlation of values (normal scores already) a lag apart."""
    a, b = [], []
    for item in series:
        first, second = _pairs(item.times, lag_s)
        a.append(item.values[first])
        b.append(item.values[second])
    if sum(map(len, a)) < LEAST_PAIRS:
        return None
    first_all, second_all = np.concatenate(a), np.concatenate(b)
    # Over all samples normal scores have mean 0: the mean product contains what belongs to the object.
    return float(np.clip((first_all * second_all).mean() / max(1e-9, (first_all**2).mean()), 0.0, 0.99))


def fit_decay(correlations: dict[float, float]) -> dict[str, float]:
    """`share` and `tau_s` that come nearest to share + (1 - share) exp(-lag / tau_s)."""
    lags, values = np.array(list(correlations)), np.array(list(correlations.values()))
    best = (np.inf, 0.0, 1.0)
    for share in np.arange(0.0, 0.96, 0.02):
        for tau_s in np.geomspace(0.03, 8.0, 60):
            error = float(((share + (1.0 - share) * np.exp(-lags / tau_s) - values) ** 2).sum())
            best = min(best, (error, float(share), float(tau_s)))
    return {"share": round(best[1], 2), "tau_s": round(best[2], 3)}


def normal_scores(values: Array) -> Array:
    """Ranks as standard normal numbers."""
    ranks = (np.argsort(np.argsort(values)) + 0.5) / len(values)
    return _quantiles(ranks)


def _quantiles(shares: Array) -> Array:
    quantile = NormalDist().inv_cdf
    return np.array([quantile(min(1.0 - 1e-6, max(1e-6, share))) for share in shares.tolist()])


def _pairs(times: Array, lag_s: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of samples a lag apart: for each the nearest later one, when near enough."""
    if len(times) < 2:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    second = np.searchsorted(times, times + lag_s)
    second = np.clip(second, 1, len(times) - 1)
    before = np.abs(times[second - 1] - times - lag_s) < np.abs(times[second] - times - lag_s)
    second = second - before
    near = (np.abs(times[second] - times - lag_s) <= LAG_TOLERANCE * lag_s) & (second > np.arange(len(times)))
    first = np.flatnonzero(near)
    return first, second[first]


def _root(function: Callable[[float], float]) -> float:
    """Where a rising function of a correlation is 0, within [0, 0.995]."""
    low, high = 0.0, 0.995
    if function(low) >= 0.0:
        return low
    if function(high) <= 0.0:
        return high
    for _ in range(20):
        middle = (low + high) / 2.0
        if function(middle) < 0.0:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
