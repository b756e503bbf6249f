"""How short a round trip could be at best: a linear program with subtour cuts.

Dantzig, Fulkerson & Johnson 1954: a variable in [0, 1] for each pair of places, two legs at every
place, and, as long as a part of the places is left by fewer than two legs, the cut that says so.
Such parts are minimum cuts, found by maximum flow.

The bound is not the solver's, which works with tolerances, but follows from its dual values y,
whatever they are worth: with reduced costs r = c - A'y, no round trip costs less than

    b'y + sum over pairs of min(r, 0),    and none that takes a pair less than max(r, 0) more.
"""

import time

import numpy as np
from jaxtyping import Float64
from ortools.linear_solver import pywraplp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

LONGEST_SECONDS = 1e6
"""The solver takes whole milliseconds, so that no limit has to be some number."""

_CAPACITY = 10**6
"""scipy's maximum flow takes whole numbers: a leg taken fully is this wide"""


def lower_bounds(
    cost: Float64[np.ndarray, "N N"], deadline: float, fixed: tuple[int, int] | None = None
) -> tuple[float, Float64[np.ndarray, "N N"]]:
    """A bound below all round trips, and for each pair of places one below those that take it.

    Args:
        cost: symmetric and not negative, of at least three places; best between 0 and a million,
            for the solver has absolute tolerances
        deadline: moment on ``time.perf_counter`` to stop at; the bounds then are weaker
        fixed: a pair of places that must be neighbours
    """
    n = len(cost)
    first, second = np.triu_indices(n, k=1)
    price = cost[first, second]
    required = np.zeros(len(first), dtype=bool)
    if fixed is not None:
        required = (first == min(fixed)) & (second == max(fixed))

    solver = pywraplp.Solver.CreateSolver("GLOP")
    legs = [solver.Var(float(low), 1.0, False, "") for low in required]
    for leg, each in zip(legs, price, strict=True):
        solver.Objective().SetCoefficient(leg, float(each))
    solver.Objective().SetMinimization()
    crossed: list[np.ndarray] = []  # the pairs of each row
    rows = []

    def add_row(pairs: np.ndarray, at_most: float) -> None:
        crossed.append(pairs)
        rows.append(solver.RowConstraint(2.0, at_most, ""))
        for pair in np.flatnonzero(pairs):
            rows[-1].SetCoefficient(legs[pair], 1.0)

    for place in range(n):
        add_row((first == place) | (second == place), at_most=2.0)
    dual = np.zeros(n)
    while (left := deadline - time.perf_counter()) > 0:
        solver.set_time_limit(int(1000 * min(left, LONGEST_SECONDS)) + 1)
        if solver.Solve() != pywraplp.Solver.OPTIMAL:
            break
        dual = np.array([row.dual_value() for row in rows])
        parts = _violated_cuts(n, first, second, np.array([leg.solution_value() for leg in legs]))
        if not parts:
            break
        for part in parts:
            add_row(part[first] != part[second], at_most=solver.infinity())

    dual[n:] = np.maximum(dual[n:], 0.0)  # rows without an upper limit
    reduced = price - dual @ np.array(crossed[: len(dual)])
    bound = 2 * dual.sum() + np.where(required, reduced, np.minimum(reduced, 0.0)).sum()
    taken = np.full((n, n), np.inf)
    taken[first, second] = taken[second, first] = bound + np.where(required, 0.0, reduced.clip(0.0))
    return float(bound), taken


def _violated_cuts(
    n: int, first: np.ndarray, second: np.ndarray, value: np.ndarray
) -> list[np.ndarray]:
    """Parts that fewer than two legs leave, as masks over the places."""
    used = value > 1e-6
    first, second, value = first[used], second[used], value[used]
    network = csr_array((np.ones(len(first)), (first, second)), shape=(n, n))
    count, part = connected_components(network, directed=False)
    if count > 1:
        return [part == number for number in range(count)]
    width = np.rint(value * _CAPACITY).astype(np.int32)
    both = np.concatenate([first, second]), np.concatenate([second, first])
    network = csr_array((np.concatenate([width, width]), both), shape=(n, n))
    found = {}
    for sink in range(1, n):
        flow = maximum_flow(network, 0, sink)
        if flow.flow_value < 2 * _CAPACITY - 1000:
            left = network - flow.flow
            left.eliminate_zeros()
            mask = np.zeros(n, dtype=bool)
            mask[breadth_first_order(left, 0, return_predecessors=False)] = True
            found[mask.tobytes()] = mask
    return list(found.values())
