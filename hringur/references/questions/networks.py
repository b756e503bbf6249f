"""Shortest networks that join given places: spanning trees, and trees with Steiner points."""

from itertools import product

import numpy as np
from jaxtyping import Bool, Float64


def spanning_tree_length(
    distance: Float64[np.ndarray, "B N N"], included: Bool[np.ndarray, "B N"]
) -> Float64[np.ndarray, " B"]:
    """Length of the minimum spanning tree over the included places (Prim 1957), for a batch.

    Every row includes at least one place.
    """
    batch, n = included.shape
    rows = np.arange(batch)
    outside = included.copy()
    newest = included.argmax(axis=1)
    outside[rows, newest] = False
    nearest = np.full((batch, n), np.inf)
    total = np.zeros(batch)
    for _ in range(n - 1):
        nearest = np.minimum(nearest, distance[rows, newest])
        reach = np.where(outside, nearest, np.inf)
        newest = reach.argmin(axis=1)
        step = reach[rows, newest]
        joined = np.isfinite(step)
        total[joined] += step[joined]
        outside[rows, newest] = False
    return total


def steiner_tree_length(
    distance: Float64[np.ndarray, "B N N"], terminals: int
) -> Float64[np.ndarray, " B"]:
    """Length of the shortest tree that joins the first ``terminals`` places, through any others.

    The shortest tree is a spanning tree of the terminals and of some of the other places, so all
    subsets of these are tried: exact, for a few of them.
    """
    batch, n, _ = distance.shape
    best = np.full(batch, np.inf)
    for chosen in product((False, True), repeat=n - terminals):
        included = np.array([True] * terminals + list(chosen))
        length = spanning_tree_length(distance, np.broadcast_to(included, (batch, n)))
        best = np.minimum(best, length)
    return best
