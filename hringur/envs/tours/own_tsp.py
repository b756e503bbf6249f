"""``OwnTSP-v0``: a problem of your own, read from a file."""

from pathlib import Path

from hringur.data.tours.instances import FixedInstance
from hringur.data.tours.own_instances import READERS, OwnInstance
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
    csv: str | Path | None = None,
    matrix: str | Path | None = None,
    tsplib: str | Path | None = None,
    observation: str = "dict",
    observe_mask: bool = False,
) -> TourProblem:
    """What the options of docs/environments.md mean; a path of a file can be kept as JSON.

    Raises:
        UserError: not exactly one problem was given, its file has something wrong, or the start
            is none of its places.
    """
    files = {"csv": csv, "matrix": matrix, "tsplib": tsplib}
    given = {kind: path for kind, path in files.items() if path is not None}
    if len(given) + (problem is not None) != 1:
        found = ", ".join([*given, *(["problem"] if problem is not None else [])]) or "none"
        raise UserError(
            f"OwnTSP-v0 needs one of csv, matrix, tsplib (a file) or problem, got {found}"
        )
    for kind, path in given.items():
        problem = READERS[kind](path)
    assert problem is not None
    if start is not None and start not in problem.names:
        raise UserError(f"start must be one of the {len(problem.names)} places, got {start!r}")
    return TourProblem(
        sampler=FixedInstance(problem.instance, problem.names, problem.unit),
        n_places=problem.instance.n_places,
        start=None if start is None else list(problem.names).index(start),
        round_trip=round_trip,
        compute_optimal=compute_optimal,
        observation=observation,
        observe_mask=observe_mask,
    )


own_tsp = factory(own_problem, TourEnv)
own_tsp_vec = factory(own_problem, TourVectorEnv)
