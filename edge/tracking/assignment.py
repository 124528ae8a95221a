"""Minimum-cost matching of tracks and detections.

After gating, most tracks have one possible detection and the rest fall into small groups, so the matrix is cut into
connected groups and each is solved exactly in plain Python: quick enough at these sizes (see bench/tracking.py), and
without scipy or lap.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_INFINITY = float("inf")


def match(cost: NDArray[np.float64], limit: float) -> list[tuple[int, int]]:
    """Match rows to columns one to one so that the sum of `limit - cost` over the matches is largest.

    Args:
        cost: (N, M) float64; infinite where a match is impossible.
        limit: Pairs that cost as much or more are never matched.

    Returns:
        (row, column) pairs in order of rows.
    """
    allowed = cost < limit
    if not allowed.any():
        return []
    row_of, column_of = np.nonzero(allowed)
    alone = (np.bincount(row_of)[row_of] == 1) & (np.bincount(column_of)[column_of] == 1)
    matches: list[tuple[int, int]] = list(zip(row_of[alone].tolist(), column_of[alone].tolist(), strict=True))
    contested = ~alone
    for rows, columns in _groups(row_of[contested].tolist(), column_of[contested].tolist()):
        block = np.minimum(cost[np.ix_(rows, columns)], limit) - limit
        for row, column in _solve(block):
            if block[row, column] < 0.0:
                matches.append((rows[row], columns[column]))
    return sorted(matches)


def _groups(row_of: list[int], column_of: list[int]) -> list[tuple[list[int], list[int]]]:
    """Connected groups of the graph in which allowed pairs, given by row and column, are edges."""
    columns_of: dict[int, list[int]] = {}
    rows_of: dict[int, list[int]] = {}
    for row, column in zip(row_of, column_of, strict=True):
        columns_of.setdefault(row, []).append(column)
        rows_of.setdefault(column, []).append(row)
    groups = []
    while columns_of:
        first, columns = next(iter(columns_of)), dict.fromkeys(columns_of.pop(next(iter(columns_of))))
        rows, waiting = [first], list(columns)
        while waiting:
            for row in rows_of[waiting.pop()]:
                if row in columns_of:
                    rows.append(row)
                    new = [column for column in columns_of.pop(row) if column not in columns]
                    columns.update(dict.fromkeys(new))
                    waiting += new
        groups.append((rows, list(columns)))
    return groups


def _solve(cost: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Assign every row or every column, whichever are fewer, at least total cost.

    Shortest augmenting paths with potentials (Jonker and Volgenant 1987, in the form of the Hungarian algorithm),
    O(rows^2 x columns).
    """
    if cost.shape[0] > cost.shape[1]:
        return [(row, column) for column, row in _solve(cost.T)]
    matrix: list[list[float]] = cost.tolist()
    count = cost.shape[1]
    row_of = [-1] * count
    row_potential, column_potential = [0.0] * len(matrix), [0.0] * count
    for row in range(len(matrix)):
        shortest, via, done = [_INFINITY] * count, [-1] * count, [False] * count
        current_row, current, base = row, -1, 0.0
        while True:  # grow the tree of shortest paths until it reaches a free column
            nearest = -1
            for column in range(count):
                if done[column]:
                    continue
                reduced = base + matrix[current_row][column] - row_potential[current_row] - column_potential[column]
                if reduced < shortest[column]:
                    shortest[column], via[column] = reduced, current
                if nearest < 0 or shortest[column] < shortest[nearest]:
                    nearest = column
            base, current = shortest[nearest], nearest
            done[nearest] = True
            if row_of[nearest] < 0:
                break
            current_row = row_of[nearest]
        row_potential[row] += base
        for column in range(count):
            if done[column] and column != current:
                row_potential[row_of[column]] += base - shortest[column]
                column_potential[column] -= base - shortest[column]
        while current >= 0:  # flip the matches along the path
            before = via[current]
            row_of[current] = row if before < 0 else row_of[before]
            current = before
    return [(row, column) for column, row in enumerate(row_of) if row >= 0]
