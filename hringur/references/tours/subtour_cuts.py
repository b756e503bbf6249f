"""Proven shortest round trips over symmetric distances, by subtour cuts.

Dantzig, Fulkerson & Johnson 1954: one variable for each pair of places, two legs at every place,
and, where the solution falls apart, the cut that it missed (at least two legs leave every part):

1. the linear program with all violated cuts (minimum cuts by maximum flow) is a lower bound;
2. reduced costs rule out most pairs: taking one would cost more than the tour already known;
3. the integer program over the pairs left is solved and cut until it is one tour, or until its
   bound meets the tour already known.
"""

import time

import numpy as np
from jaxtyping import Int64
from ortools.linear_solver import pywraplp
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow

_CAPACITY = 10**6
"""scipy's maximum flow takes whole numbers: a leg taken fully is this wide"""


def shortest_round_trip(
    cost: Int64[np.ndarray, "N N"],
    tour: Int64[np.ndarray, " N"],
    deadline: float,
    fixed: tuple[int, int] | None = None,
) -> tuple[Int64[np.ndarray, " N"], float]:
    """A shortest round trip and a lower bound; they meet unless ``deadline`` came first.

    Args:
        cost: symmetric whole numbers, at least three places
        tour: a good tour already known
        deadline: moment on ``time.perf_counter`` to stop at
        fixed: a pair of places that must be neighbours
    """
    n = len(cost)
    first, second = np.triu_indices(n, k=1)
    required = np.zeros(len(first), dtype=bool)
    if fixed is not None:
        required = (first == min(fixed)) & (second == max(fixed))
    known = int(cost[tour, np.roll(tour, -1)].sum())

    linear = _Program("GLOP", cost, first, second, required)
    cuts: list[np.ndarray] = []
    while linear.solve(deadline):
        parts = _violated_cuts(n, first, second, linear.value)
        if not parts:
            break
        cuts += parts
        linear.cut(parts)
    if not linear.solved:
        return tour, 0.0
    if linear.bound > known - 1 + 1e-6:  # costs are whole numbers
        return tour, float(known)

    worth = linear.bound + linear.reduced_cost <= known - 1 + 1e-6
    kept = np.flatnonzero(worth | (linear.value > 1e-6))
    integer = _Program("SCIP", cost, first[kept], second[kept], required[kept])
    integer.cut(cuts)
    bound = linear.bound
    while integer.solve(deadline):
        bound = max(bound, integer.bound)
        if bound > known - 1 + 1e-6:
            return tour, float(known)
        taken = integer.value > 0.5
        parts = _parts(n, integer.first[taken], integer.second[taken])
        if len(parts) == 1:
            better = _round_trip(n, integer.first[taken], integer.second[taken])
            return better, float(cost[better, np.roll(better, -1)].sum())
        integer.cut(parts)
    if integer.infeasible:  # no tour over the pairs left: none is shorter than the known one
        return tour, float(known)
    return tour, min(max(bound, integer.bound), float(known))


class _Program:
    """Two legs at every place, at least cost: linear (GLOP) or with whole legs (SCIP)."""

    def __init__(
        self,
        solver: str,
        cost: np.ndarray,
        first: np.ndarray,
        second: np.ndarray,
        required: np.ndarray,
    ) -> None:
        self.first, self.second = first, second
        self.solved = False
        self.infeasible = False
        self.bound = 0.0
        self.value = np.zeros(len(first))
        self._solver = pywraplp.Solver.CreateSolver(solver)
        whole = solver == "SCIP"
        self._legs = [self._solver.Var(float(low), 1.0, whole, "") for low in required]
        for leg, price in zip(self._legs, cost[first, second], strict=True):
            self._solver.Objective().SetCoefficient(leg, float(price))
        self._solver.Objective().SetMinimization()
        for place in range(len(cost)):
            self._row((first == place) | (second == place), at_most=2.0)

    @property
    def reduced_cost(self) -> np.ndarray:
        """How much the bound would rise for each leg taken."""
        return np.array([leg.reduced_cost() for leg in self._legs])

    def cut(self, parts: list[np.ndarray]) -> None:
        """At least two legs leave each part."""
        for part in parts:
            self._row(part[self.first] != part[self.second], at_most=np.inf)

    def solve(self, deadline: float) -> bool:
        """Whether solved to the end before ``deadline``; then ``value`` and ``bound`` hold it."""
        left = deadline - time.perf_counter()
        if left <= 0:
            self.solved = False
            return False
        self._solver.set_time_limit(int(1000 * left) + 1)
        status = self._solver.Solve()
        self.solved = status == pywraplp.Solver.OPTIMAL
        self.infeasible = status == pywraplp.Solver.INFEASIBLE
        if self.solved:
            self.bound = self._solver.Objective().Value()
            self.value = np.array([leg.solution_value() for leg in self._legs])
        elif status == pywraplp.Solver.FEASIBLE:
            self.bound = max(self.bound, self._solver.Objective().BestBound())
        return self.solved

    def _row(self, legs: np.ndarray, at_most: float) -> None:
        row = self._solver.RowConstraint(2.0, min(at_most, self._solver.infinity()), "")
        for leg in np.flatnonzero(legs):
            row.SetCoefficient(self._legs[leg], 1.0)


def _violated_cuts(
    n: int, first: np.ndarray, second: np.ndarray, value: np.ndarray
) -> list[np.ndarray]:
    """Parts that fewer than two legs leave, as masks over the places."""
    used = value > 1e-6
    first, second, value = first[used], second[used], value[used]
    parts = _parts(n, first, second)
    if len(parts) > 1:
        return parts
    width = np.rint(value * _CAPACITY).astype(np.int32)
    both = np.concatenate([first, second]), np.concatenate([second, first])
    network = csr_array((np.concatenate([width, width]), both), shape=(n, n))
    found = {}
    for sink in range(1, n):
        flow = maximum_flow(network, 0, sink)
        if flow.flow_value < 2 * _CAPACITY - 1000:
            left = network - flow.flow
            left.eliminate_zeros()
            part = np.zeros(n, dtype=bool)
            part[breadth_first_order(left, 0, return_predecessors=False)] = True
            found[part.tobytes()] = part
    return list(found.values())


def _parts(n: int, first: np.ndarray, second: np.ndarray) -> list[np.ndarray]:
    """The connected parts, as masks over the places."""
    network = csr_array((np.ones(len(first)), (first, second)), shape=(n, n))
    count, part = connected_components(network, directed=False)
    return [part == number for number in range(count)]


def _round_trip(n: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The order of visit of legs that form one round trip."""
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for i, j in zip(first.tolist(), second.tolist(), strict=True):
        neighbours[i].append(j)
        neighbours[j].append(i)
    tour = [0, neighbours[0][0]]
    while len(tour) < n:
        left, right = neighbours[tour[-1]]
        tour.append(right if left == tour[-2] else left)
    return np.array(tour, dtype=np.int64)
