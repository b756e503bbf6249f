from itertools import permutations

import numpy as np
import pytest

from hringur.types import UserError
from tests.references.tours.held_karp import MOST_PLACES, held_karp


def enumerated(distance, round_trip, start):
    """The length of the best of all orders."""
    others = [place for place in range(len(distance)) if place != start]
    home = [start] if round_trip else []
    orders = ([start, *order, *home] for order in permutations(others))
    return min(sum(distance[i, j] for i, j in zip(o, o[1:], strict=False)) for o in orders)


def walked(distance, tour, round_trip):
    legs = list(zip(tour, tour[1:], strict=False)) + ([(tour[-1], tour[0])] if round_trip else [])
    return sum(distance[i, j] for i, j in legs)


@pytest.mark.parametrize("round_trip", [True, False])
@pytest.mark.parametrize("n", range(1, 8))
def test_no_order_is_shorter(n, round_trip):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        distance, start = rng.random((n, n)), int(rng.integers(n))  # differs by direction
        np.fill_diagonal(distance, 0.0)
        tour, length = held_karp(distance, round_trip, start)
        assert tour[0] == start and sorted(tour) == list(range(n))
        assert length == pytest.approx(enumerated(distance, round_trip, start), rel=1e-12)
        assert length == pytest.approx(walked(distance, tour, round_trip), rel=1e-12)


def test_too_many_places_are_refused():
    with pytest.raises(UserError, match="at most 15 places, got 16"):
        held_karp(np.zeros((MOST_PLACES + 1, MOST_PLACES + 1)))
