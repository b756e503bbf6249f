"""Shortest tours by dynamic programming over sets of places: slow, short, beyond doubt.

Held & Karp 1962: ``best[S, j]`` is the shortest way from the start through the set S ending at j,

    best[S, j] = min over i in S without j of best[S without j, i] + d(i, j).
"""

import numpy as np
from jaxtyping import Float64, Int64

from hringur.types import UserError

MOST_PLACES = 15
"""Sets of 14 places take 16,384 rows; twice as many for each place more."""


def held_karp(
    distance: Float64[np.ndarray, "N N"], round_trip: bool = True, start: int = 0
) -> tuple[Int64[np.ndarray, " N"], float]:
    """A shortest tour from ``start`` and its length; distances may differ by direction.

    Raises:
        UserError: more than 15 places.
    """
    n = len(distance)
    if n > MOST_PLACES:
        raise UserError(f"held_karp takes at most {MOST_PLACES} places, got {n}")
    others = np.array([place for place in range(n) if place != start], dtype=np.int64)
    if len(others) == 0:
        return np.array([start], dtype=np.int64), 0.0
    between = distance[np.ix_(others, others)]  # the others are numbered by bits 0..n-2 below
    best, previous = _table(distance[start, others], between)
    way_home = distance[others, start] if round_trip else np.zeros(n - 1)
    last = int(np.argmin(best[-1] + way_home))
    length = float(best[-1, last] + way_home[last])
    tour, places = [last], len(best) - 1
    while len(tour) < n - 1:
        before = int(previous[places, tour[-1]])
        places -= 1 << tour[-1]
        tour.append(before)
    return np.concatenate([[start], others[tour[::-1]]]), length


def _table(from_start: np.ndarray, between: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Held and Karp's table, rows by set (as bits), and the place before each end."""
    count = len(from_start)
    sets = np.arange(1 << count)
    size = np.bitwise_count(sets)
    best = np.full((1 << count, count), np.inf)
    previous = np.zeros((1 << count, count), dtype=np.int64)
    best[1 << np.arange(count), np.arange(count)] = from_start
    for places in range(2, count + 1):
        for end in range(count):
            rows = sets[(size == places) & (sets >> end & 1 == 1)]
            ways = best[rows - (1 << end)] + between[:, end]  # infinite unless i is in the set
            previous[rows, end] = np.argmin(ways, axis=1)
            best[rows, end] = ways.min(axis=1)
    return best, previous
