"""``EuclideanTSP-v0``: tours of points drawn uniformly from the unit square."""

import numpy as np
from gymnasium.vector import AutoresetMode

from hringur.data.tours.held_out import held_out_name
from hringur.data.tours.instances import UniformPoints
from hringur.envs.tours.env import TourEnv
from hringur.envs.tours.problem import TourProblem
from hringur.envs.tours.vector_env import TourVectorEnv
from hringur.settings import typed
from hringur.types import UserError


@typed
def euclidean_tsp(
    places: int = 20,
    round_trip: bool = True,
    compute_optimal: bool = False,
    render_mode: str | None = None,
) -> TourEnv:
    """One environment; docs/environments.md tells the options."""
    return TourEnv(euclidean_problem(places, round_trip, compute_optimal), render_mode)


@typed
def euclidean_tsp_vec(
    num_envs: int = 1,
    places: int = 20,
    round_trip: bool = True,
    compute_optimal: bool = False,
    render_mode: str | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
) -> TourVectorEnv:
    """Many environments side by side, with the options of one."""
    problem = euclidean_problem(places, round_trip, compute_optimal)
    return TourVectorEnv(problem, num_envs, render_mode, autoreset_mode)


def euclidean_problem(places: int, round_trip: bool, compute_optimal: bool) -> TourProblem:
    """What the options mean; a tour starts at the first point, which is as random as any."""
    if not isinstance(places, int | np.integer) or isinstance(places, bool):
        raise UserError(f"places must be a number of points, got {places!r}")
    return TourProblem(
        sampler=UniformPoints(),
        n_places=int(places),
        round_trip=round_trip,
        compute_optimal=compute_optimal,
        held_out=held_out_name("euclidean", int(places)) if round_trip else None,
    )
