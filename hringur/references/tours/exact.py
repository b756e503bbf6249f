"""Proven shortest tours: the figure that every other tour is measured against.

Symmetric distances go through subtour cuts (``subtour_cuts.py``), asymmetric ones through OR-tools
CP-SAT with its circuit constraint. Both start from a good tour by our own heuristics, and both
count in whole numbers: exactly so where the distances are multiples of 0.001 (the roads of Iceland
are known to 0.1 km), else in steps of a ten-millionth of the largest distance.
"""

import time
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from ortools.sat.python import cp_model

from hringur.data.tours.length import tour_length
from hringur.references.tours.heuristics import (
    begin_at,
    check_distances,
    farthest_insertion,
    two_opt,
)
from hringur.references.tours.subtour_cuts import shortest_round_trip
from hringur.types import UserError

STEPS_OF_THE_LARGEST = 10**7
"""Resolution of distances that are no short decimal fractions."""


@dataclass(frozen=True, eq=False)
class ExactTour:
    """A tour and what is known about shorter ones."""

    tour: Int64[np.ndarray, " N"]
    length: float
    """in the unit of the distances"""
    proven: bool
    """whether no tour is shorter, to the resolution that the module states"""
    bound: float
    """no tour is shorter than this; equals ``length`` if proven"""
    seconds: float


def optimal_tour(
    distance: Float64[np.ndarray, "N N"],
    round_trip: bool = True,
    start: int = 0,
    seconds: float = 600.0,
    workers: int = 1,
) -> ExactTour:
    """The shortest tour from ``start`` through all places.

    Args:
        distance: from row to column; may differ by direction
        round_trip: closed tour; otherwise the way ends at any place
        start: where the tour begins
        seconds: after that long, the best tour so far with ``proven=False``
        workers: threads of CP-SAT, which solves where distances differ by direction

    Raises:
        UserError: a distance is negative or not finite, or there is no place ``start``.
    """
    began = time.perf_counter()
    _check(distance, start)
    cost, step = _whole_numbers(distance)
    symmetric = np.array_equal(cost, cost.T)
    known = _good_tour(cost.astype(np.float64), round_trip, start, symmetric)
    if len(cost) <= 2:
        tour, bound = known, float(_length(cost, known, round_trip))
    elif symmetric:
        tour, bound = _by_cuts(cost, known, round_trip, began + seconds)
    else:
        tour, bound = _by_circuit(cost, known, round_trip, began + seconds, workers)
    proven = bound > _length(cost, tour, round_trip) - 1 + 1e-6
    # Among tours that are equal in whole numbers, the unrounded distances may prefer the first.
    tour = min(known, tour, key=lambda candidate: _length(distance, candidate, round_trip))
    length = _length(distance, tour, round_trip)
    return ExactTour(
        tour=tour,
        length=length,
        proven=proven,
        bound=length if proven else min(bound * step, length),
        seconds=time.perf_counter() - began,
    )


def _by_cuts(
    cost: np.ndarray, known: np.ndarray, round_trip: bool, deadline: float
) -> tuple[np.ndarray, float]:
    """Subtour cuts; an open path goes home through one more place that is near to all."""
    if round_trip:
        tour, bound = shortest_round_trip(cost, known, deadline)
        return begin_at(tour[None], known[:1])[0], bound
    n, start = len(cost), int(known[0])
    tour, bound = shortest_round_trip(
        np.pad(cost, (0, 1)), np.append(known, n), deadline, fixed=(start, n)
    )
    tour = begin_at(tour[None], known[:1])[0]
    if tour[1] == n:  # the way home came first: turn round
        tour[1:] = tour[:0:-1].copy()
    return tour[:-1], bound


def _by_circuit(
    cost: np.ndarray, known: np.ndarray, round_trip: bool, deadline: float, workers: int
) -> tuple[np.ndarray, float]:
    """CP-SAT: choose legs that form one circuit; the way home of an open path is free."""
    n = len(cost)
    if not round_trip:
        cost = cost.copy()
        cost[:, known[0]] = 0
    model = cp_model.CpModel()
    legs = {(i, j): model.new_bool_var("") for i in range(n) for j in range(n) if i != j}
    model.add_circuit([(i, j, leg) for (i, j), leg in legs.items()])
    total = sum(int(cost[leg]) * taken for leg, taken in legs.items())
    model.add(total <= int(_length(cost, known, True)))
    model.minimize(total)
    followed = dict(zip(known.tolist(), np.roll(known, -1).tolist(), strict=True))
    for (i, j), leg in legs.items():
        model.add_hint(leg, followed[i] == j)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.max_time_in_seconds = max(deadline - time.perf_counter(), 1e-3)
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return known, max(solver.best_objective_bound, 0.0)
    following = {i: j for (i, j), leg in legs.items() if solver.boolean_value(leg)}
    tour = [int(known[0])]
    while len(tour) < n:
        tour.append(following[tour[-1]])
    return np.array(tour, dtype=np.int64), solver.best_objective_bound


def _good_tour(distance: np.ndarray, round_trip: bool, start: int, symmetric: bool) -> np.ndarray:
    """Farthest insertion from up to 32 places and, if symmetric, 2-opt: the best of them."""
    n = len(distance)
    grown_from = np.unique(np.linspace(0, n - 1, 32).astype(np.int64))
    copies = np.repeat(distance[None], len(grown_from), axis=0)
    to_insert = copies.copy()
    if not round_trip:
        to_insert[:, :, start] = 0.0  # the way home is free
    tours = farthest_insertion(to_insert, grown_from)
    tours = begin_at(tours, np.full(len(tours), start))
    if symmetric:
        tours = two_opt(copies, tours, round_trip)
    return tours[np.argmin(tour_length(copies, tours, round_trip))]


def _whole_numbers(distance: np.ndarray) -> tuple[np.ndarray, float]:
    """The distances in whole steps, and the step."""
    for step in (1.0, 0.1, 0.01, 0.001):
        count = distance / step
        if np.abs(count - np.rint(count)).max() < 1e-6 and count.max() < 1e9:
            return np.rint(count).astype(np.int64), step
    step = float(distance.max()) / STEPS_OF_THE_LARGEST
    return np.rint(distance / step).astype(np.int64), step


def _length(distance: np.ndarray, tour: np.ndarray, round_trip: bool) -> float:
    return float(tour_length(distance[None].astype(np.float64), tour[None], round_trip)[0])


def _check(distance: np.ndarray, start: int) -> None:
    check_distances(distance)
    if not 0 <= start < len(distance):
        raise UserError(f"start must be a place in 0..{len(distance) - 1}, got {start}")
