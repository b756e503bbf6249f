"""``ClusterTSP-v0``: tours of points that lie in three clusters of the unit square."""

import numpy as np

from hringur.data.tours.instances import euclidean
from hringur.envs.tours.env import TourEnv
from hringur.envs.tours.problem import TourProblem
from hringur.types import Instances

CENTRES = np.array([[0.2, 0.2], [0.8, 0.3], [0.4, 0.8]])


class Clusters:
    """Points within 0.1 of a centre, drawn from uniform numbers."""

    unit, reward_scale, max_distance = "unit lengths", 1.0, 2**0.5

    def random_row_size(self, n: int) -> int:
        return 3 * n

    def from_random_rows(self, rows: np.ndarray, n: int) -> Instances:
        centre = CENTRES[(rows[:, :n] * 3).astype(int)]
        return euclidean(centre + 0.2 * rows[:, n:].reshape(-1, n, 2) - 0.1)

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        return self.from_random_rows(rng.random((batch, 3 * n)), n)

    def names(self, instance: Instances) -> list[str]:
        return [f"point {i}" for i in range(instance.n_places)]


def cluster_tsp(
    places: int = 20, compute_optimal: bool = False, render_mode: str | None = None
) -> TourEnv:
    problem = TourProblem(sampler=Clusters(), n_places=places, compute_optimal=compute_optimal)
    return TourEnv(problem, render_mode)
