"""Proven shortest tours: the figure that every other tour is measured against.

A good tour by our own heuristics comes first. What remains is to show that none is shorter:

1. Legs longer than that whole tour are out, since no shorter tour can take them.
2. The others are counted in whole steps: exactly where they are whole numbers or have up to six
   decimals, else in steps of about 2^-50 of the tour, rounded down.
3. A linear program with subtour cuts (subtour_cuts.py) rules out most legs: a tour that takes one
   is too long.
4. OR-tools' CP-SAT, which calculates in whole numbers only, searches the legs that are left for a
   shorter tour, and finds a shortest one or proves that there is none.

Steps follow the length of the tour. Where a tour is found that is far shorter than the one before,
they were too coarse for it, and all four are done again.
"""

import math
import time
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64
from ortools.sat.python import cp_model

from hringur.data.tours.length import check_distances, tour_length
from hringur.references.tours.heuristics import begin_at, farthest_insertion, two_opt
from hringur.references.tours.subtour_cuts import lower_bounds
from hringur.types import UserError

PRECISION = 1e-10
"""Largest share of a tour's length that a proof may leave open where steps are rounded."""

DECIMALS = 6
MOST_BITS = 50
"""A tour has at most 2^50 steps: all sums of them are exact, in doubles too."""

LINEAR_SCALE = 1e6
"""Cost of the known tour in the linear program."""


@dataclass(frozen=True, eq=False)
class ExactTour:
    """A tour and what is known about shorter ones."""

    tour: Int64[np.ndarray, " N"]
    length: float
    """in the unit of the distances"""
    proven: bool
    """whether no tour is shorter (by more than a part in 10^10, where distances were rounded)"""
    bound: float
    """no tour is shorter than this; equals ``length`` if proven"""
    seconds: float


def optimal_tour(
    distance: Float64[np.ndarray, "N N"],
    round_trip: bool = True,
    start: int = 0,
    seconds: float = 600.0,
    workers: int = 1,
    end: int | None = None,
    known: Int64[np.ndarray, " N"] | None = None,
) -> ExactTour:
    """The shortest tour from ``start`` through all places.

    Args:
        distance: from row to column; may differ by direction
        round_trip: closed tour; otherwise the way ends at any place
        start: where the tour begins
        seconds: after that long, the best tour so far with ``proven=False``
        workers: threads of CP-SAT
        end: where an open path ends; it is a round trip in which this is the place before ``start``
        known: a good tour from ``start``, where there is one; a proof is many times faster from a
            tour that is nearly the shortest

    Raises:
        UserError: a distance is negative, not finite or too large to be added up, there is no
            place ``start``, or ``known`` is no tour from there.
    """
    began = time.perf_counter()
    check_distances(distance)
    if not 0 <= start < len(distance):
        raise UserError(f"start must be a place in 0..{len(distance) - 1}, got {start}")
    if known is not None and (known[0] != start or sorted(known) != list(range(len(distance)))):
        raise UserError(f"known must visit each of {len(distance)} places once, from {start} on")
    if end is not None:
        tied, added = tied_ends(distance, start, end)
        closed = optimal_tour(tied, True, start, seconds, workers, known=known)
        path = end_at(closed.tour, end)
        length = _length(distance, path, False)
        bound = length if closed.proven else min(max(closed.bound - added, 0.0), length)
        return replace(closed, tour=path, length=length, bound=bound)
    tour = _good_tour(distance, round_trip, start)
    if known is not None:
        tour = min(tour, known, key=lambda t: _length(distance, t, round_trip))
    length, bound = _length(distance, tour, round_trip), 0.0
    finished = len(tour) <= 2 or length == 0
    while not finished:
        found, bound = _shorter_tour(distance, round_trip, tour, began + seconds, workers)
        before, tour = length, min(tour, found, key=lambda t: _length(distance, t, round_trip))
        length = _length(distance, tour, round_trip)
        proven = length - bound <= PRECISION * length
        finished = proven or length > before / 2 or time.perf_counter() - began > seconds
    proven = len(tour) <= 2 or length - bound <= PRECISION * length
    return ExactTour(
        tour=tour,
        length=length,
        proven=proven,
        bound=length if proven else min(bound, length),
        seconds=time.perf_counter() - began,
    )


def tied_ends(
    distance: Float64[np.ndarray, "N N"], start: int, end: int
) -> tuple[Float64[np.ndarray, "N N"], float]:
    """Distances by which every good round trip goes home from ``end`` to ``start``.

    The way home is free, and every other leg at one of the two places costs C more. A path from
    ``start`` to ``end`` becomes a round trip that is 2 C longer, and any other round trip is 4 C
    longer: with C the length of some path, none of those is the shortest.

    Returns:
        The distances, and 2 C.
    """
    others = [place for place in range(len(distance)) if place not in (start, end)]
    path = farthest_insertion(distance[None], np.array([start]))[0]
    path = np.array([start, *(place for place in path if place in others), end])
    more = _length(distance, path, False)
    at_ends = np.isin(np.arange(len(distance)), (start, end)) * more
    tied = distance + at_ends[:, None] + at_ends
    np.fill_diagonal(tied, 0.0)
    tied[end, start] = 0.0
    if np.array_equal(distance, distance.T):
        tied[start, end] = 0.0
    return tied, 2 * more


def end_at(tour: Int64[np.ndarray, " N"], end: int) -> Int64[np.ndarray, " N"]:
    """A round trip in the direction in which ``end`` comes last, or with ``end`` put there."""
    if tour[1] == end and len(tour) > 2:
        tour = np.append(tour[:1], tour[:0:-1])
    return np.append(tour[tour != end], end)


def _shorter_tour(
    distance: np.ndarray, round_trip: bool, tour: np.ndarray, deadline: float, workers: int
) -> tuple[np.ndarray, float]:
    """A shortest tour if it is shorter than ``tour``, else ``tour``; and a bound below all."""
    n, known = len(distance), tour
    if not round_trip:  # the way goes home through one more place, to which all are near
        distance, known = np.pad(distance, (0, 1)), np.append(tour, n)
    cost, step, exact = _whole_steps(distance, _length(distance, known, True))
    legs = ~np.eye(len(cost), dtype=bool)
    if not round_trip:
        legs[n], legs[:, tour[0]] = False, False
        legs[n, tour[0]] = True
    total = int(cost[known, np.roll(known, -1)].sum())
    # Every leg may have lost up to a step: with fewer steps saved than legs, none may be shorter.
    target = total - (1 if exact else len(cost))
    scale = LINEAR_SCALE / total
    linear, taken = lower_bounds(
        np.minimum(cost, cost.T) * scale, deadline, None if round_trip else (int(tour[0]), n)
    )
    limit = target * scale * (1 + 1e-9)  # the bounds are as exact as doubles add up
    least = max(0, math.floor(linear / scale * (1 - 1e-9)))
    if linear > limit:
        return tour, (target + 1) * step
    legs &= taken + (cost - np.minimum(cost, cost.T)) * scale <= limit
    if not (legs.any(axis=0).all() and legs.any(axis=1).all()):
        return tour, (target + 1) * step
    found, steps = _by_circuit(cost, legs, int(tour[0]), target, deadline, workers)
    return (tour if found is None else found[:n]), max(least, steps) * step


def _by_circuit(
    cost: np.ndarray, legs: np.ndarray, start: int, target: int, deadline: float, workers: int
) -> tuple[np.ndarray | None, int]:
    """CP-SAT: legs that form one circuit of at most ``target`` steps, and a bound below all."""
    model = cp_model.CpModel()
    chosen = {(i, j): model.new_bool_var("") for i, j in np.argwhere(legs).tolist()}
    model.add_circuit([(i, j, leg) for (i, j), leg in chosen.items()])
    total = sum(int(cost[leg]) * taken for leg, taken in chosen.items())
    model.add(total <= target)
    model.minimize(total)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = workers
    solver.parameters.linearization_level = 2  # with it, 50 places take 0.3 s instead of 30
    solver.parameters.max_time_in_seconds = max(deadline - time.perf_counter(), 1e-3)
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None, target + 1
    least = math.floor(solver.best_objective_bound)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None, least
    following = {i: j for (i, j), leg in chosen.items() if solver.boolean_value(leg)}
    tour = [start]
    while len(tour) < len(cost):
        tour.append(following[tour[-1]])
    return np.array(tour, dtype=np.int64), least


def _whole_steps(distance: np.ndarray, length: float) -> tuple[np.ndarray, float, bool]:
    """Distances in steps, those beyond ``length`` as one step more than it; the step; if exact."""
    bits = min(MOST_BITS, 61 - math.ceil(math.log2(distance.size)))  # their sum must fit 64 bits
    near = np.minimum(distance, length)
    for digits in range(DECIMALS + 1):
        in_steps = length * 10.0**digits
        if in_steps >= 2**bits:
            break
        count = near * 10.0**digits
        whole = np.rint(count)
        if (np.abs(count - whole) <= 1e-13 * count)[distance <= length].all():
            steps = np.where(distance <= length, whole, math.ceil(in_steps) + 1)
            return steps.astype(np.int64), 10.0**-digits, True
    step = max(math.ldexp(1.0, math.frexp(length)[1] - bits), 5e-324)  # a power of two: no error
    steps = np.where(distance <= length, np.floor(near / step), math.ceil(length / step) + 1)
    exact = bool((steps * step == near)[distance <= length].all())
    return steps.astype(np.int64), step, exact


def _good_tour(distance: np.ndarray, round_trip: bool, start: int) -> np.ndarray:
    """Farthest insertion from up to 32 places and, if symmetric, 2-opt: the best of them."""
    n = len(distance)
    grown_from = np.unique(np.linspace(0, n - 1, 32).astype(np.int64))
    copies = np.repeat(distance[None], len(grown_from), axis=0)
    to_insert = copies.copy()
    if not round_trip:
        to_insert[:, :, start] = 0.0  # the way home is free
    tours = farthest_insertion(to_insert, grown_from)
    tours = begin_at(tours, np.full(len(tours), start))
    if np.array_equal(distance, distance.T):
        tours = two_opt(copies, tours, round_trip)
    return tours[np.argmin(tour_length(copies, tours, round_trip))]


def _length(distance: np.ndarray, tour: np.ndarray, round_trip: bool) -> float:
    return float(tour_length(distance[None], tour[None], round_trip)[0])
