"""Planned tours on the map of Iceland."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from matplotlib.figure import Figure

from hringur.agents.tours.decoding import Decoding
from hringur.envs.tours.drawing import TourPicture, tour_figure
from hringur.evaluation.tours.methods import Planner
from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import replay
from hringur.types import Instances, Season


@dataclass(frozen=True, kw_only=True, eq=False)
class TourOnMap:
    """A tour through places of Iceland, driven and drawn."""

    names: tuple[str, ...]
    """in the order of visit"""

    km: float
    """as the environment added it up, the way home included"""

    optimal_km: float
    """of the proven shortest tour"""

    picture: TourPicture
    """what ``tour_figure`` draws"""

    @property
    def gap(self) -> float:
        """Detour beyond the optimum, as a fraction of it."""
        return self.km / self.optimal_km - 1

    def figure(self) -> Figure:
        """The map."""
        return tour_figure(self.picture)


def tour_on_map(
    planner: Planner,
    places: str | Sequence[str],
    season: Season = "summer",
    decoding: Decoding | None = None,
    title: str = "",
) -> TourOnMap:
    """Let a planner find a round trip through ``places``, and drive it in the environment."""
    env: Any = make_vector("IcelandTSP-v0", 1, places=places, season=season)
    sampler = env.unwrapped.sampler
    instance: Instances = sampler.sample(np.random.default_rng(0), 1, env.unwrapped.n_places)
    tour = planner.plan(instance, decoding)
    played = replay(env, instance, tour)
    single: Any = gym.make("IcelandTSP-v0", places=places, season=season).unwrapped
    single.reset(options={"instances": instance})
    km, optimal_km = float(played.length[0]), single.optimal_km()
    names = sampler.names(instance)
    gap = 100 * (km / optimal_km - 1)
    picture = TourPicture(
        coordinates=instance.coordinates[0],
        names=names,
        tour=tour[0].tolist(),
        season=season,
        by_road=True,
        title=title or f"{km:,.1f} km",
        note=f"{km:,.1f} km, {gap:.2f} % over the proven shortest {optimal_km:,.1f} km"
        if gap > 1e-4
        else f"{km:,.1f} km: the proven shortest",
    )
    ordered = tuple(names[place] for place in tour[0])
    return TourOnMap(names=ordered, km=km, optimal_km=optimal_km, picture=picture)
