import time

import numpy as np
import pytest

from hringur.references.tours.held_karp import held_karp
from hringur.references.tours.subtour_cuts import _Program, shortest_round_trip


def soon():
    return time.perf_counter() + 60.0


def prism(between):
    """Two triangles, 0 1 2 and 3 4 5, joined by the ways 0-6-3, 1-7-4 and 2-8-5.

    The linear program takes every triangle's leg by half. A tour crosses an even number of times,
    so it needs a leg between two of 6, 7, 8, which costs ``between``.
    """
    cost = np.full((9, 9), 100)
    for price, pairs in (
        (0, [(0, 6), (6, 3), (1, 7), (7, 4), (2, 8), (8, 5)]),
        (2, [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)]),
        (between, [(6, 7), (7, 8), (6, 8)]),
    ):
        for i, j in pairs:
            cost[i, j] = cost[j, i] = price
    return cost


@pytest.mark.parametrize("between", [1, 5, 10])
def test_no_tour_is_left_where_the_known_one_is_the_shortest(between, monkeypatch):
    """Reduced costs rule out every other tour: the integer program has no solution at all."""
    infeasible = []

    def watched(self, deadline, solve=_Program.solve):
        solved = solve(self, deadline)
        infeasible.append(self.infeasible)
        return solved

    monkeypatch.setattr(_Program, "solve", watched)
    cost = prism(between)
    known, length = held_karp(cost.astype(float))
    tour, bound = shortest_round_trip(cost, known, soon())
    assert infeasible[-1]  # this is the case that the test is about
    assert np.array_equal(tour, known) and bound == length == 8 + between


@pytest.mark.parametrize("n", [3, 4, 7, 10])
def test_a_bad_tour_is_replaced_by_a_shortest_one(n):
    for seed in range(8):
        rng = np.random.default_rng(seed)
        cost = np.triu(rng.integers(0, 50, (n, n)), 1)
        cost += cost.T
        _, length = held_karp(cost.astype(float))
        tour, bound = shortest_round_trip(cost, rng.permutation(n), soon())
        assert sorted(tour) == list(range(n))
        assert cost[tour, np.roll(tour, -1)].sum() == bound == length


def test_fixed_neighbours_stay_neighbours():
    for seed in range(5):
        rng = np.random.default_rng(seed)
        cost = np.triu(rng.integers(1, 50, (7, 7)), 1)
        cost[2, 5] = 1000  # nobody would go there
        cost += cost.T
        cheap = cost.astype(float)
        cheap[2, 5] = cheap[5, 2] = -1000.0  # everybody would: the oracle
        _, length = held_karp(cheap)
        known = np.array([2, 5, 0, 1, 3, 4, 6])
        tour, bound = shortest_round_trip(cost, known, soon(), fixed=(5, 2))
        where = tour.tolist()
        assert (where.index(2) - where.index(5)) % 7 in (1, 6)
        assert bound == length + 2000


def test_out_of_time_the_known_tour_comes_back_with_a_lower_bound():
    cost, known = prism(5), np.arange(9)
    tour, bound = shortest_round_trip(cost, known, time.perf_counter() - 1.0)
    assert np.array_equal(tour, known) and bound == 0.0
