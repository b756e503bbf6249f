"""``OwnTSP-v0``: a problem of your own, read from a file."""

from hringur.data.tours.instances import FixedInstance
from hringur.data.tours.own_instances import OwnInstance
from hringur.envs.factories import factory
from hringur.envs.tours.env import TourEnv
from hringur.envs.tours.problem import TourProblem
from hringur.envs.tours.vector_env import TourVectorEnv
from hringur.types import UserError


def own_problem(
    problem: OwnInstance | None = None,
    start: str | None = None,
    round_trip: bool = True,
    compute_optimal: bool = False,
) -> TourProblem:
    """What the options of docs/environments.md mean.

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


own_tsp = factory(own_problem, TourEnv)
own_tsp_vec = factory(own_problem, TourVectorEnv)
