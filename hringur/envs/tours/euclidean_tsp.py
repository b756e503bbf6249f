"""``EuclideanTSP-v0``: tours of points drawn uniformly from the unit square."""

import numpy as np

from hringur.data.tours.held_out import held_out_name
from hringur.data.tours.instances import UniformPoints
from hringur.envs.factories import factory
from hringur.envs.tours.env import TourEnv
from hringur.envs.tours.problem import TourProblem
from hringur.envs.tours.vector_env import TourVectorEnv
from hringur.types import UserError


def euclidean_problem(
    places: int = 20,
    round_trip: bool = True,
    compute_optimal: bool = False,
    observation: str = "dict",
    observe_mask: bool = False,
) -> TourProblem:
    """What the options mean; a tour starts at the first point, which is as random as any."""
    if not isinstance(places, int | np.integer) or isinstance(places, bool):
        raise UserError(f"places must be a number of points, got {places!r}")
    return TourProblem(
        sampler=UniformPoints(),
        n_places=int(places),
        round_trip=round_trip,
        compute_optimal=compute_optimal,
        held_out=held_out_name("euclidean", int(places)) if round_trip else None,
        observation=observation,
        observe_mask=observe_mask,
    )


euclidean_tsp = factory(euclidean_problem, TourEnv)
euclidean_tsp_vec = factory(euclidean_problem, TourVectorEnv)
