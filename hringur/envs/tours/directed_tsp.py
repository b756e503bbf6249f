"""``DirectedTSP-v0``: tours over distances that differ by direction (Kwon et al. 2021)."""

import numpy as np

from hringur.data.tours.directed import DirectedMatrices
from hringur.envs.factories import factory
from hringur.envs.tours.env import TourEnv
from hringur.envs.tours.problem import TourProblem
from hringur.envs.tours.vector_env import TourVectorEnv
from hringur.types import UserError


def directed_problem(
    places: int = 20,
    round_trip: bool = True,
    compute_optimal: bool = False,
    observation: str = "dict",
    observe_mask: bool = False,
) -> TourProblem:
    """What the options mean; a tour starts at the first place, which is as random as any."""
    if not isinstance(places, int | np.integer) or isinstance(places, bool):
        raise UserError(f"places must be a number of places, got {places!r}")
    return TourProblem(
        sampler=DirectedMatrices(),
        n_places=int(places),
        round_trip=round_trip,
        compute_optimal=compute_optimal,
        observation=observation,
        observe_mask=observe_mask,
    )


directed_tsp = factory(directed_problem, TourEnv)
directed_tsp_vec = factory(directed_problem, TourVectorEnv)
