"""Random distances that differ by direction and obey the triangle inequality."""

import numpy as np
from jaxtyping import Float64

from hringur.types import Instances, UserError

STEPS = 1_000_000
"""Distances are whole numbers below this, counted in a millionth."""


class DirectedMatrices:
    """Whole random numbers, each replaced by the shortest way between its two places.

    The generator of MatNet (Kwon et al. 2021, "Matrix encoding networks for neural combinatorial
    optimization"), which is the class "tmat" of Cirasella et al. 2001. Places have no positions:
    their coordinates are points of a circle in the order of their numbers, which tell them apart.
    """

    unit = "unit lengths"
    reward_scale = 1.0
    max_distance = 1.0

    def random_row_size(self, n: int) -> int:
        """One number for each distance, the unused diagonal included."""
        if n < 2:
            raise UserError(f"number of places must be at least 2, got {n}")
        return n * n

    def from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> Instances:
        """The instances that these uniform numbers in [0, 1) stand for."""
        steps = np.floor(rows.reshape(len(rows), n, n) * STEPS)
        steps[:, range(n), range(n)] = 0.0
        for middle in range(n):  # Floyd 1962: the ways through more and more places
            through = steps[:, :, middle, None] + steps[:, None, middle, :]
            np.minimum(steps, through, out=steps)
        angle = 2 * np.pi * np.arange(n) / n
        circle = 0.5 + 0.5 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return Instances(np.repeat(circle[None], len(rows), axis=0), steps / STEPS)

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        """Many instances in one call."""
        return self.from_random_rows(rng.random((batch, self.random_row_size(n))), n)

    def names(self, instance: Instances) -> list[str]:
        """Places have numbers only, from 1."""
        return [str(number) for number in range(1, instance.n_places + 1)]
