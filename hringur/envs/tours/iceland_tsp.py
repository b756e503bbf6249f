"""``IcelandTSP-v0``: tours of places in Iceland, by road or as the crow flies."""

from collections.abc import Sequence

import numpy as np

from hringur.data.tours.held_out import held_out_name
from hringur.data.tours.iceland import check_season, resolve_place
from hringur.data.tours.iceland import places as all_places
from hringur.data.tours.instances import (
    IcelandPlaces,
    Sampler,
    check_distance_kind,
    fixed_places,
)
from hringur.data.tours.place_sets import PLACE_SETS, place_set
from hringur.envs.factories import factory
from hringur.envs.tours.env import TourEnv
from hringur.envs.tours.problem import TourProblem
from hringur.envs.tours.vector_env import TourVectorEnv
from hringur.types import UserError

Places = int | str | Sequence[str]
"""A number n: n places drawn anew every episode; a set's name; or names of places."""


def iceland_problem(
    places: Places = 20,
    season: str = "summer",
    start: str | None = None,
    round_trip: bool = True,
    distance: str = "road",
    compute_optimal: bool = False,
    observation: str = "dict",
    observe_mask: bool = False,
) -> TourProblem:
    """What the options of docs/environments.md mean.

    Raises:
        UserError: a wrong option, place or number of places, in one line.
    """
    season, distance = check_season(season), check_distance_kind(distance)
    first = None if start is None else resolve_place(start, season)
    sampler: Sampler
    position: int | None
    held_out = None
    if isinstance(places, int | np.integer) and not isinstance(places, bool):
        n_places, position = int(places), 0  # places come in random order: so does the first
        sampler = IcelandPlaces(place_set("all", season), season, distance, first)
        if (season, distance, first) == ("summer", "road", None) and round_trip:
            held_out = held_out_name("iceland", n_places)
    elif isinstance(places, str | Sequence):
        numbers = place_set(places, season)
        if first is not None and first not in numbers:
            raise UserError(f"start must be one of the places, got {all_places()[first].name}")
        n_places, position = len(numbers), None if first is None else numbers.index(first)
        sampler = fixed_places(numbers, season, distance)
    else:
        raise UserError(
            f"places must be a number, one of {', '.join(PLACE_SETS)}, or a list of names, "
            f"got {places!r}"
        )
    return TourProblem(
        sampler=sampler,
        n_places=n_places,
        start=position,
        round_trip=round_trip,
        compute_optimal=compute_optimal,
        map_season=season,
        by_road=distance == "road",
        held_out=held_out,
        observation=observation,
        observe_mask=observe_mask,
    )


iceland_tsp = factory(iceland_problem, TourEnv)
iceland_tsp_vec = factory(iceland_problem, TourVectorEnv)
