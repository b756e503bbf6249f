"""Classic tour heuristics, each over a whole batch of instances at once.

Every function takes distances ``B N N`` and returns tours ``B N`` that begin at ``start`` (place
0 unless said). They are what a learned policy has to beat, and the warm start of the exact solver.

Construction: Rosenkrantz, Stearns & Lewis 1977 (nearest neighbour, farthest insertion),
Christofides 1976. Improvement: Croes 1958 (2-opt).
"""

from collections.abc import Callable
from pkgutil import resolve_name

import networkx as nx
import numpy as np
from jaxtyping import Float64, Int

from hringur.data.tours.length import check_distances, tour_length
from hringur.registry import entries
from hringur.types import UserError

Heuristic = Callable[..., np.ndarray]
"""``(distance B N N, start B or None) -> tour B N``"""


def nearest_neighbour(
    distance: Float64[np.ndarray, "B N N"], start: Int[np.ndarray, " B"] | None = None
) -> Int[np.ndarray, "B N"]:
    """Always on to the nearest place not yet visited."""
    check_distances(distance)
    batch, n = distance.shape[:2]
    row = np.arange(batch)
    tour = np.empty((batch, n), dtype=np.int64)
    tour[:, 0] = _start(start, batch, n)
    far = np.zeros((batch, n))  # infinite for the places already visited
    for step in range(1, n):
        here = tour[:, step - 1]
        far[row, here] = np.inf
        tour[:, step] = np.argmin(distance[row, here] + far, axis=1)
    return tour


def nearest_neighbour_best_start(
    distance: Float64[np.ndarray, "B N N"], start: Int[np.ndarray, " B"] | None = None
) -> Int[np.ndarray, "B N"]:
    """The shortest of the N round trips by nearest neighbour, one from each place."""
    batch, n = distance.shape[:2]
    best = nearest_neighbour(distance)
    best_length = tour_length(distance, best)
    for first in range(1, n):
        tour = nearest_neighbour(distance, np.full(batch, first))
        length = tour_length(distance, tour)
        best = np.where((length < best_length)[:, None], tour, best)
        best_length = np.minimum(length, best_length)
    return begin_at(best, start)


def farthest_insertion(
    distance: Float64[np.ndarray, "B N N"], start: Int[np.ndarray, " B"] | None = None
) -> Int[np.ndarray, "B N"]:
    """The place farthest from the partial tour goes in where it lengthens the tour least.

    The tour grows from ``start`` alone. It is kept as a linked list: ``following[b, i]`` is the
    place visited after i, so that one insertion is two assignments.
    """
    check_distances(distance)
    batch, n = distance.shape[:2]
    row, first = np.arange(batch), _start(start, batch, n)
    following = np.tile(np.arange(n), (batch, 1))
    inside = np.zeros((batch, n), dtype=bool)
    inside[row, first] = True
    nearest = distance[row, :, first]  # from each place to the partial tour
    for _ in range(1, n):
        place = np.argmax(np.where(inside, -np.inf, nearest), axis=1)
        leg = np.take_along_axis(distance, following[:, :, None], axis=2)[:, :, 0]
        onward = np.take_along_axis(distance[row, place], following, axis=1)
        detour = distance[row, :, place] + onward - leg  # B N, place put in after each other one
        before = np.argmin(np.where(inside, detour, np.inf), axis=1)
        following[row, place] = following[row, before]
        following[row, before] = place
        inside[row, place] = True
        nearest = np.minimum(nearest, distance[row, :, place])
    return _unlink(following, first)


def christofides(
    distance: Float64[np.ndarray, "B N N"], start: Int[np.ndarray, " B"] | None = None
) -> Int[np.ndarray, "B N"]:
    """Spanning tree plus matching, by networkx: within 1.5 times the optimum if metric.

    Goes through the instances one by one. Symmetric distances only.
    """
    _refuse_asymmetric(distance, "christofides")
    n, tours = distance.shape[1], []
    for matrix in distance:
        graph = nx.Graph()
        graph.add_weighted_edges_from((i, j, matrix[i, j]) for i in range(n) for j in range(i))
        tours.append(nx.algorithms.approximation.christofides(graph)[:-1])
    return begin_at(np.array(tours, dtype=np.int64), start)


def two_opt(
    distance: Float64[np.ndarray, "B N N"],
    tour: Int[np.ndarray, "B N"],
    round_trip: bool = True,
) -> Int[np.ndarray, "B N"]:
    """Reverse the stretch of the tour that shortens it most, until none shortens it.

    The first place stays first; the end of an open path is free. Symmetric distances only.
    """
    _refuse_asymmetric(distance, "two_opt")
    tour = tour.astype(np.int64)
    n = tour.shape[1]
    if n < 3:
        return tour
    before, last = np.triu_indices(n, k=1)  # reverse positions before+1..last
    going = np.arange(len(tour))
    while len(going):
        gain, best = _best_exchange(distance[going], tour[going], before, last, round_trip)
        improves = gain > 1e-9 * np.abs(distance[going]).max(axis=(1, 2))  # beyond rounding
        going, best = going[improves], best[improves]
        tour[going] = _reverse(tour[going], before[best] + 1, last[best])
    return tour


def begin_at(
    tour: Int[np.ndarray, "B N"], start: Int[np.ndarray, " B"] | None = None
) -> Int[np.ndarray, "B N"]:
    """The same round trips, begun at ``start`` (place 0 if None)."""
    batch, n = tour.shape
    first = np.argmax(tour == _start(start, batch, n)[:, None], axis=1)
    return np.take_along_axis(tour, (np.arange(n) + first[:, None]) % n, axis=1)


def nearest_neighbour_two_opt(
    distance: Float64[np.ndarray, "B N N"], start: Int[np.ndarray, " B"] | None = None
) -> Int[np.ndarray, "B N"]:
    """The best nearest-neighbour round trip, improved by 2-opt."""
    return two_opt(distance, nearest_neighbour_best_start(distance, start))


def farthest_insertion_two_opt(
    distance: Float64[np.ndarray, "B N N"], start: Int[np.ndarray, " B"] | None = None
) -> Int[np.ndarray, "B N"]:
    """Farthest insertion, improved by 2-opt."""
    return two_opt(distance, farthest_insertion(distance, start))


HEURISTICS: dict[str, Heuristic] = {
    "nearest-neighbour": nearest_neighbour,
    "nearest-neighbour-best-start": nearest_neighbour_best_start,
    "nearest-neighbour-best-start+2opt": nearest_neighbour_two_opt,
    "farthest-insertion": farthest_insertion,
    "farthest-insertion+2opt": farthest_insertion_two_opt,
    "christofides": christofides,
}
"""Round trips by name, for comparisons and the command line."""


def heuristics() -> dict[str, Heuristic]:
    """Those of this package, then those of others (entry points: ``hringur.heuristics``)."""
    others = entries("hringur.heuristics")
    return HEURISTICS | {name: resolve_name(where) for name, where in others.items()}


def _best_exchange(
    distance: np.ndarray, tour: np.ndarray, before: np.ndarray, last: np.ndarray, round_trip: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The largest saving of each instance and which (before, last) pair makes it."""
    batch, n = tour.shape
    along = np.take_along_axis(distance, tour[:, :, None], axis=1)
    along = np.take_along_axis(along, tour[:, None, :], axis=2)  # B N N, by position
    beyond = (last + 1) % n
    onward, back = along[:, last, beyond], along[:, before + 1, beyond]
    if not round_trip:  # an open path ends at the last place
        onward, back = np.where(last == n - 1, 0.0, onward), np.where(last == n - 1, 0.0, back)
    saving = along[:, before, before + 1] + onward - along[:, before, last] - back
    best = np.argmax(saving, axis=1)
    return saving[np.arange(batch), best], best


def _reverse(tour: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Each tour with its positions first..last turned round."""
    position = np.arange(tour.shape[1])[None, :]
    low, high = first[:, None], last[:, None]
    inside = (low <= position) & (position <= high)
    return np.take_along_axis(tour, np.where(inside, low + high - position, position), axis=1)


def _unlink(following: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The tours written out from their linked lists."""
    tour = np.empty_like(following)
    tour[:, 0] = first
    for step in range(1, tour.shape[1]):
        tour[:, step] = following[np.arange(len(tour)), tour[:, step - 1]]
    return tour


def _start(start: np.ndarray | None, batch: int, n: int) -> np.ndarray:
    """The first places, 0 unless given; refused if there is no such place."""
    if start is None:
        return np.zeros(batch, dtype=np.int64)
    if ((start < 0) | (start >= n)).any():
        raise UserError(f"start must be a place in 0..{n - 1}, got {start}")
    return start.astype(np.int64)


def _refuse_asymmetric(distance: np.ndarray, name: str) -> None:
    """These methods turn stretches round, which must not change a length."""
    check_distances(distance)
    rounding = 1e-10 * distance.max()  # far below the gain that an exchange needs
    if not np.allclose(distance, distance.swapaxes(1, 2), rtol=0.0, atol=rounding):
        raise UserError(f"{name} needs symmetric distances, got ones that differ by direction")
