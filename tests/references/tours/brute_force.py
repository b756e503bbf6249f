"""Shortest tours by trying all of them, in exact fractions; and hard small instances."""

from fractions import Fraction
from itertools import permutations

import numpy as np

KINDS = 8


def length_of(distance: np.ndarray, tour: list[int], round_trip: bool) -> Fraction:
    """Sum of the distances as they are, without rounding."""
    legs = list(zip(tour, tour[1:], strict=False)) + ([(tour[-1], tour[0])] if round_trip else [])
    return sum((Fraction(float(distance[leg])) for leg in legs), Fraction(0))


def shortest_length(distance: np.ndarray, round_trip: bool, start: int) -> Fraction:
    """The least of all orders; only those that doubles cannot tell apart are added up again."""
    others = [place for place in range(len(distance)) if place != start]
    orders = np.array(list(permutations(others)))
    tours = np.column_stack([np.full(len(orders), start), orders])
    lengths = distance[tours[:, :-1], tours[:, 1:]].sum(axis=1)
    if round_trip:
        lengths = lengths + distance[tours[:, -1], tours[:, 0]]
    near = np.flatnonzero(lengths <= lengths.min() * (1 + 1e-13))[:2000]
    return min(length_of(distance, tours[row].tolist(), round_trip) for row in near)


def random_instance(seed: int) -> tuple[np.ndarray, bool, int]:
    """Distances of 5 to 9 places, whether the tour is closed, and its start.

    Entries are from 1e-12 to 2^63; half of the instances are symmetric, half have forbidden edges.
    """
    rng = np.random.default_rng([7, seed])
    n = int(rng.integers(5, 10))
    distance = _entries(rng, int(rng.integers(KINDS)), n)
    symmetric = rng.random() < 0.5
    if symmetric:
        distance = np.triu(distance, 1) + np.triu(distance, 1).T
    if rng.random() < 0.5:
        forbidden = rng.random((n, n)) < rng.choice([0.1, 0.3])
        if symmetric:
            forbidden = np.triu(forbidden, 1) | np.triu(forbidden, 1).T
        distance = np.where(forbidden, rng.choice([1e7, 1e9, 1e10, 1e15, 2.0**63]), distance)
    np.fill_diagonal(distance, 0.0)
    return distance, bool(rng.random() < 0.6), int(rng.integers(n))


def _entries(rng: np.random.Generator, kind: int, n: int) -> np.ndarray:
    if kind == 0:  # every order of magnitude in one instance
        return 10.0 ** rng.uniform(-12, np.log10(2.0**63), (n, n))
    if kind == 1:
        return rng.integers(1, 60, (n, n)).astype(float)
    if kind == 2:  # kilometres with one to six decimals
        return np.round(rng.uniform(1, 10, (n, n)), int(rng.integers(1, 7)))
    if kind == 3:  # one order of magnitude, from 1e-12 to 1e6
        return rng.random((n, n)) * 10.0 ** rng.uniform(-12, 6)
    if kind == 4:
        points = rng.random((n, 2))
        between = np.sqrt(((points[:, None] - points) ** 2).sum(axis=2))
        return between * 10.0 ** rng.uniform(-12, 12)
    if kind == 5:
        return rng.random((n, n)) * 2.0 ** rng.integers(-40, 60, (n, n))
    if kind == 6:  # many tours of the same length, and free legs
        return rng.integers(0, 3, (n, n)).astype(float)
    return rng.integers(1, 2**62, (n, n)).astype(float)
