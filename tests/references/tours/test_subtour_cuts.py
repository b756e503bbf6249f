"""Lower bounds, beside the shortest of all tours that take each pair."""

import math
import time
from itertools import permutations

import numpy as np
import pytest

from hringur.references.tours.subtour_cuts import lower_bounds
from tests.references.tours.held_karp import held_karp


def soon():
    return time.perf_counter() + 60.0


def symmetric(n, seed):
    cost = np.triu(np.random.default_rng(seed).integers(1, 50, (n, n)), 1).astype(float)
    return cost + cost.T


def shortest_with(cost, fixed=None):
    """The least cost of all round trips, and of those that take each pair; only with ``fixed``."""
    n, least, with_pair = len(cost), np.inf, np.full(cost.shape, np.inf)
    for order in permutations(range(1, n)):
        tour = np.array([0, *order])
        after = np.roll(tour, -1)
        pairs = {frozenset(pair) for pair in zip(tour.tolist(), after.tolist(), strict=True)}
        if fixed is not None and frozenset(fixed) not in pairs:
            continue
        total = cost[tour, after].sum()
        least = min(least, total)
        with_pair[tour, after] = np.minimum(with_pair[tour, after], total)
        with_pair[after, tour] = np.minimum(with_pair[after, tour], total)
    return least, with_pair


@pytest.mark.parametrize("fixed", [None, (2, 4)])
@pytest.mark.parametrize("n", [5, 6, 7])
def test_no_tour_is_below_the_bounds(n, fixed):
    for seed in range(5):
        cost = symmetric(n, seed)
        bound, taken = lower_bounds(cost, soon(), fixed)
        least, with_pair = shortest_with(cost, fixed)
        assert 0.9 * least <= bound <= least + 1e-9
        assert (taken <= with_pair + 1e-9)[~np.eye(n, dtype=bool)].all()
        assert (taken >= bound - 1e-9).all()
        assert taken[np.isfinite(taken)].max() > bound + 5  # some pairs are ruled out


@pytest.mark.parametrize("between", [1, 5, 10])
def test_two_triangles_joined_by_three_ways_are_taken_by_half(between):
    """Where whole legs cost 8 + between, halves cost 9: 3 ways at 0, six half legs at 2, ...

    Triangles 0 1 2 and 3 4 5 are joined by the ways 0-6-3, 1-7-4 and 2-8-5. Every triangle's leg
    taken by half costs 6, and no part is left by fewer than two legs: a bound of 6. A tour crosses
    an even number of times, so it needs a leg between two of 6, 7, 8, which costs ``between``.
    """
    cost = np.full((9, 9), 100.0)
    for price, pairs in (
        (0, [(0, 6), (6, 3), (1, 7), (7, 4), (2, 8), (8, 5)]),
        (2, [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)]),
        (between, [(6, 7), (7, 8), (6, 8)]),
    ):
        for i, j in pairs:
            cost[i, j] = cost[j, i] = price
    bound, _ = lower_bounds(cost, soon())
    assert bound == pytest.approx(6.0, abs=1e-6)
    assert held_karp(cost)[1] == 8 + between


def test_cuts_are_found_where_two_groups_lie_apart():
    """Without cuts, two circles of three places each would do: six legs of 1 instead of 4 + 20."""
    cost = np.full((6, 6), 10.0)
    cost[:3, :3] = cost[3:, 3:] = 1.0
    bound, _ = lower_bounds(cost, soon())
    assert bound == pytest.approx(24.0, abs=1e-6)


def test_out_of_time_the_bounds_are_weak_and_still_hold():
    cost = symmetric(6, 0)
    bound, taken = lower_bounds(cost, time.perf_counter() - 1.0)
    assert bound == 0.0
    np.testing.assert_array_equal(taken[~np.eye(6, dtype=bool)], cost[~np.eye(6, dtype=bool)])


def test_a_limit_without_end_is_none():
    cost = np.ones((4, 4))
    assert lower_bounds(cost, math.inf)[0] == pytest.approx(4.0, abs=1e-6)
