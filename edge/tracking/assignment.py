"""Minimum-cost matching of tracks and detections.

After gating, most tracks have one possible detection and the rest fall into small groups, so the possible pairs are cut
into connected groups and each is solved exactly in plain Python: quick enough at these sizes (see bench/tracking.py),
and without scipy or lap.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_INFINITY = float("inf")

Pair = tuple[int, int, float]
"""Row, column and what it costs to match them."""


def match(cost: NDArray[np.float64], limit: float) -> list[tuple[int, int]]:
    """Match rows to columns one to one so that the sum of `limit - cost` over the matches is largest.

    Args:
        cost: (N, M) float64; infinite where a match is impossible.
        limit: Pairs that cost as much or more are never matched.

    Returns:
        (row, column) pairs in order of rows.
    """
    rows, columns = np.nonzero(cost < limit)
    return match_pairs(list(zip(rows.tolist(), columns.tolist(), cost[rows, columns].tolist(), strict=True)), limit)


def match_pairs(pairs: Sequence[Pair], limit: float) -> list[tuple[int, int]]:
    """The same for the possible pairs only: each cheaper than the limit, in order of rows, then of columns."""
    of_row: dict[int, int] = {}
    of_column: dict[int, int] = {}
    for row, column, _ in pairs:
        of_row[row] = of_row.get(row, 0) + 1
        of_column[column] = of_column.get(column, 0) + 1
    matches: list[tuple[int, int]] = []
    contested: dict[tuple[int, int], float] = {}
    for row, column, cost in pairs:
        if of_row[row] == 1 and of_column[column] == 1:
            matches.append((row, column))
        else:
            contested[row, column] = cost - limit
    if not contested:
        return matches
    for rows, columns in _groups(contested):
        block = [[contested.get((row, column), 0.0) for column in columns] for row in rows]
        for row, column in _solve(block):
            if block[row][column] < 0.0:
                matches.append((rows[row], columns[column]))
    return sorted(matches)


def _groups(allowed: Iterable[tuple[int, int]]) -> list[tuple[list[int], list[int]]]:
    """Connected groups of the graph in which allowed pairs, given by row and column, are edges."""
    columns_of: dict[int, list[int]] = {}
    rows_of: dict[int, list[int]] = {}
    for row, column in allowed:
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


def _solve(matrix: list[list[float]]) -> list[tuple[int, int]]:
    """Assign every row or every column, whichever are fewer, at least total cost.

    Shortest augmenting paths with potentials (Jonker and Volgenant 1987, in the form of the Hungarian algorithm),
    O(rows^2 x columns).
    """
    count = len(matrix[0])
    if len(matrix) > count:
        return [(row, column) for column, row in _solve([list(column) for column in zip(*matrix, strict=True)])]
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
