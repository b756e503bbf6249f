"""``OwnTSP-v0``: a problem of your own, read from a file."""

from gymnasium.vector import AutoresetMode

from hringur.data.tours.instances import FixedInstance
from hringur.data.tours.own_instances import OwnInstance
from hringur.envs.tours.env import TourEnv
from hringur.envs.tours.problem import TourProblem
from hringur.envs.tours.vector_env import TourVectorEnv
from hringur.settings import typed
from hringur.types import UserError


@typed
def own_tsp(
    problem: OwnInstance | None = None,
    start: str | None = None,
    round_trip: bool = True,
    compute_optimal: bool = False,
    render_mode: str | None = None,
) -> TourEnv:
    """One environment; docs/environments.md tells the options."""
    return TourEnv(own_problem(problem, start, round_trip, compute_optimal), render_mode)


@typed
def own_tsp_vec(
    num_envs: int = 1,
    problem: OwnInstance | None = None,
    start: str | None = None,
    round_trip: bool = True,
    compute_optimal: bool = False,
    render_mode: str | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
) -> TourVectorEnv:
    """Many environments side by side, with the options of one."""
    own = own_problem(problem, start, round_trip, compute_optimal)
    return TourVectorEnv(own, num_envs, render_mode, autoreset_mode)


def own_problem(
    problem: OwnInstance | None, start: str | None, round_trip: bool, compute_optimal: bool
) -> TourProblem:
    """What the options mean.

    Raises:
        UserError: no problem was given, or the start is none of its places.
    """
    if problem is None:
        raise UserError("OwnTSP-v0 needs problem=..., as read by hringur.data.tours.own_instances")
    if start is not None and start not in problem.names:
        raise UserError(f"start must be one of the {len(problem.names)} places, got {start!r}")
    return TourProblem(
        sampler=FixedInstance(problem.instance, problem.names, problem.unit),
        n_places=problem.instance.n_places,
        start=None if start is None else list(problem.names).index(start),
        round_trip=round_trip,
        compute_optimal=compute_optimal,
    )
