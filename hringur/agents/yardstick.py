"""Held-out instances on which a learner is looked at while it learns."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float64, Int

from hringur.agents.playing import make_vector, replay
from hringur.data.held_out import HELD_OUT, held_out
from hringur.references.exact import optimal_tour
from hringur.types import Instances

COUNT = 200  # instances looked at: a second's work
LARGEST_SOLVED = 60  # places up to which an instance without a shipped optimum is solved here
OWN_COUNT = 50  # instances then
ENTROPY = 2**65  # of those: larger than any seed that training may be given


@dataclass(frozen=True)
class Yardstick:
    """Instances like those of an environment, with their proven optima.

    The first ones of the shipped held-out set where that fits; else some are drawn and solved.
    """

    env_id: str
    env_options: dict[str, Any]

    @cached_property
    def env(self) -> gym.vector.VectorEnv:
        """The environment that adds up the kilometres."""
        return make_vector(self.env_id, len(self.instances), **self.env_options)

    @cached_property
    def instances(self) -> Instances:
        """What is to be solved."""
        return self._problem[0]

    @property
    def optimal(self) -> Float64[np.ndarray, " B"]:
        """Length of the shortest tours; NaN where there are too many places to prove it."""
        return self._problem[1]

    @cached_property
    def _problem(self) -> tuple[Instances, Float64[np.ndarray, " B"]]:
        single: Any = gym.make(self.env_id, **self.env_options).unwrapped
        name = f"{'iceland' if 'Iceland' in self.env_id else 'euclidean'}-{single.n_places}"
        usual = {"places", "n_places"}.issuperset(
            key for key, value in self.env_options.items() if value not in ("summer", "road")
        )
        if name in HELD_OUT and usual and isinstance(self.env_options.get("places", 20), int):
            shipped = held_out(name).first(COUNT)
            return shipped.instances, shipped.optimal
        rng = np.random.default_rng(ENTROPY)
        instances = single.sampler.sample(rng, OWN_COUNT, single.n_places)
        if single.n_places > LARGEST_SOLVED:
            return instances, np.full(OWN_COUNT, np.nan)
        found = [optimal_tour(table, single.round_trip) for table in instances.distance]
        return instances, np.array([tour.length for tour in found])

    def gap(self, tours: Int[np.ndarray, "B N"]) -> Float64[np.ndarray, " B"]:
        """Detour of these tours beyond the optimum, as a fraction of it, by the environment."""
        return replay(self.env, self.instances, tours).length / self.optimal - 1
