"""The length of a tour: the one place where it is computed, for NumPy and for torch alike.

Distances that cannot be added up to one are refused here too.
"""

import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from hringur.types import UserError


def tour_length(
    distance: Float[Any, "B N N"], tour: Int[Any, "B *P N"], round_trip: bool = True
) -> Float[Any, "B *P"]:
    """Sum of d(x_t, x_t+1) along each tour, the way home included for a round trip.

    ``tour`` holds permutations of 0..N-1, one (``B N``) or several (``B P N``) for each
    instance. Arrays and tensors both serve; the result is in the unit of ``distance``.
    """
    batch, n = tour.shape[0], tour.shape[-1]
    following = tour[..., [*range(1, n), 0]]
    cell = (tour * n + following).reshape(batch, math.prod(tour.shape[1:]))
    table = distance.reshape(batch, n * n)
    if isinstance(table, np.ndarray):
        leg = np.take_along_axis(table, cell, axis=1).reshape(tour.shape)
    else:
        leg = table.take_along_dim(cell, dim=1).reshape(tour.shape)
    return (leg if round_trip else leg[..., :-1]).sum(-1)


def check_distances(distance: Float[np.ndarray, "*B N N"], what: str = "distances") -> None:
    """Refuse distances that no way can have; ``what`` begins the message.

    Raises:
        UserError: one is negative, infinite or not a number, or so large that tours are endless.
    """
    if not np.isfinite(distance).all() or (distance < 0).any():
        raise UserError(f"{what} must be finite and not negative; some are not")
    n, largest = distance.shape[-1], float(distance.max(initial=0.0))
    if not math.isfinite(n * largest):
        raise UserError(f"{what} are too large to be added up: {n} of {largest:g}")
