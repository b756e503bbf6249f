"""``IcelandTSP-v0``: tours of places in Iceland, by road or as the crow flies."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np
from gymnasium.vector import AutoresetMode
from jaxtyping import Float64

from hringur.data.tours.held_out import held_out_name
from hringur.data.tours.iceland import check_season, resolve_place
from hringur.data.tours.iceland import places as all_places
from hringur.data.tours.instances import (
    DistanceKind,
    IcelandPlaces,
    Sampler,
    check_distance_kind,
    fixed_places,
)
from hringur.data.tours.place_sets import PLACE_SETS, place_set
from hringur.envs.tours.env import TourEnv
from hringur.envs.tours.problem import TourProblem
from hringur.envs.tours.vector_env import TourVectorEnv
from hringur.settings import typed
from hringur.types import Instances, Season, UserError

Places = int | str | Sequence[str]
"""A number n: n places drawn anew every episode; a set's name; or names of places."""


@typed
def iceland_tsp(
    places: Places = 20,
    season: str = "summer",
    start: str | None = None,
    round_trip: bool = True,
    distance: str = "road",
    compute_optimal: bool = False,
    render_mode: str | None = None,
) -> TourEnv:
    """One environment; docs/environments.md tells the options."""
    problem = iceland_problem(places, season, start, round_trip, distance, compute_optimal)
    return TourEnv(problem, render_mode)


@typed
def iceland_tsp_vec(
    num_envs: int = 1,
    places: Places = 20,
    season: str = "summer",
    start: str | None = None,
    round_trip: bool = True,
    distance: str = "road",
    compute_optimal: bool = False,
    render_mode: str | None = None,
    autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
) -> TourVectorEnv:
    """Many environments side by side, with the options of one."""
    problem = iceland_problem(places, season, start, round_trip, distance, compute_optimal)
    return TourVectorEnv(problem, num_envs, render_mode, autoreset_mode)


def iceland_problem(
    places: Places,
    season: str,
    start: str | None,
    round_trip: bool,
    distance: str,
    compute_optimal: bool,
) -> TourProblem:
    """What the options mean.

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
        pool = place_set("all", season)
        if first is None:
            sampler = IcelandPlaces(pool, season, distance)
            if (season, distance) == ("summer", "road") and round_trip:
                held_out = held_out_name("iceland", n_places)
        else:
            sampler = PlacesWithStart(first, pool, season=season, distance=distance)
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
    )


@dataclass
class PlacesWithStart:
    """Draws n places of which the first is always the same."""

    first: int
    pool: Sequence[int]
    _: KW_ONLY
    season: Season
    distance: DistanceKind

    def __post_init__(self) -> None:
        others = [number for number in self.pool if number != self.first]
        self._others = IcelandPlaces(others, self.season, self.distance)
        self.unit: str = self._others.unit
        self.reward_scale: float = self._others.reward_scale
        self.max_distance: float = self._others.max_distance

    def random_row_size(self, n: int) -> int:
        """One number for each of the other places."""
        if not 2 <= n <= len(self.pool):
            raise UserError(f"number of places must be in 2..{len(self.pool)}, got {n}")
        return n - 1

    def from_random_rows(self, rows: Float64[np.ndarray, "B R"], n: int) -> Instances:
        """The instances that these uniform numbers in [0, 1) stand for."""
        others = self._others.numbers_from_random_rows(rows)
        return self._others.instances(np.insert(others, 0, self.first, axis=1))

    def draw(self, rng: np.random.Generator, n: int) -> Instances:
        """One instance, as a batch of 1."""
        return self.sample(rng, 1, n)

    def sample(self, rng: np.random.Generator, batch: int, n: int) -> Instances:
        """Many instances in one call."""
        return self.from_random_rows(rng.random((batch, self.random_row_size(n))), n)

    def names(self, instance: Instances) -> list[str]:
        """Names of the places of a batch of 1."""
        return self._others.names(instance)
