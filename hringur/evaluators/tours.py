"""Policies that build tours, measured on held-out instances beside the proven optimum.

Every figure that is quoted goes through here, and so through ``gymnasium.make_vec``: the
environment is given the instances, adds up the way and says at the end how long it was.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from jaxtyping import Bool, Float64, Int

from hringur.data.tours.held_out import HeldOut, held_out
from hringur.evaluators.environments import make_single, make_vector
from hringur.evaluators.episodes import EpisodeReturns, decider
from hringur.references.tours.exact import optimal_tour
from hringur.types import Decide, Instances, Metrics, UserError

COUNT = 200
"""Instances of a shipped set that are looked at during training: a second's work."""

OWN_COUNT = 50
"""Instances that are drawn and solved here, where no shipped set is of their kind."""

LARGEST_SOLVED = 60
"""Places up to which such an instance is solved."""

ENTROPY = 2**65
"""Seed of the stream that they are drawn from, larger than any seed of a training."""

Predict = Callable[[dict[str, np.ndarray]], np.ndarray]
"""From a batch of observations to one action for each."""


@dataclass(frozen=True, eq=False)
class Played:
    """How one episode on each of B instances ended."""

    tour: Int[np.ndarray, "B N"]
    """places in the order of visit; -1 all along if one was visited twice"""

    length: Float64[np.ndarray, " B"]
    """as the environment says [km, or unit lengths]; infinite for an invalid tour"""

    reward: Float64[np.ndarray, " B"]
    """sum over the episode"""

    @property
    def valid(self) -> Bool[np.ndarray, " B"]:
        """Whether every place was visited once."""
        return np.isfinite(self.length)


def play(
    env: gym.vector.VectorEnv,
    instances: Instances,
    predict: Predict,
    start: Int[np.ndarray, " B"] | None = None,
) -> Played:
    """Let ``predict`` choose every step; an episode that has ended is no longer counted.

    Tours begin at ``start``, or where the environment would begin them.
    """
    given = {} if start is None else {"start": start}
    observation, _ = env.reset(options={"instances": instances} | given)
    tour = np.full((len(instances), instances.n_places), -1, dtype=np.int64)
    length, reward = np.full(len(instances), np.inf), np.zeros(len(instances))
    playing = np.ones(len(instances), dtype=bool)
    while playing.any():
        observation, step_reward, terminated, truncated, info = env.step(predict(observation))
        reward[playing] += step_reward[playing]
        ended = playing & (terminated | truncated)
        if ended.any():
            tour[ended], length[ended] = info["tour"][ended], info["tour_km"][ended]
        playing &= ~ended
    return Played(tour, length, reward)


def replay(
    env: gym.vector.VectorEnv, instances: Instances, tours: Int[np.ndarray, "B N"]
) -> Played:
    """Drive planned tours, from their own first places, and read the lengths off."""
    following = iter(tours.T[1:])
    return play(env, instances, lambda _: next(following), start=tours[:, 0])


def check_dictionary(env: Any) -> None:
    """Refuse tours that are observed as one vector, for learners that take a dictionary apart."""
    if env.problem.observation != "dict":
        raise UserError(
            f"this learner reads distances by name: observation must be dict, got"
            f" {env.problem.observation}; reinforce takes either"
        )


@runtime_checkable
class Planner(Protocol):
    """A learner that plans whole tours, such as ``TourAgent``."""

    def plan(self, instances: Instances, decoding: Any = None) -> Int[np.ndarray, "B N"]:
        """A tour of each instance; one greedy tour unless a decoding is given."""
        ...


@dataclass(frozen=True)
class TourEvaluator:
    """Instances like those of an environment, with their proven optima.

    The first ones of the shipped held-out set, where the environment names one; else instances of
    its own sampler are drawn and solved.
    """

    env_id: str
    env_options: dict[str, Any]
    episodes: int | None = None
    """instances; when not given, 200 of a shipped set, or 50 that are drawn"""

    samples: ClassVar[str] = "training instances"
    """what a learner counts"""

    headline: ClassVar[str] = "evaluation/gap_percent"
    """the mean gap of the tours"""

    def measure(self, decide: Decide) -> Metrics:
        """Mean gap and share of optimal tours of a policy that decides step by step, masked."""
        gap = self._decided(decide).length / self.optimal - 1
        return {
            "evaluation/gap_percent": 100 * float(gap.mean()),
            "evaluation/optimal_percent": 100 * float((gap < 1e-6).mean()),
        }

    def play(self, learner: Any) -> EpisodeReturns:
        """One tour of each instance by a trained learner: planned, or decided step by step.

        The return is minus the length of the tour over that of the shortest one, or minus the
        length itself where the shortest is not known.
        """
        if isinstance(learner, Planner):
            length = replay(self.env, self.instances, learner.plan(self.instances)).length
        else:
            length = self._decided(decider(learner)).length
        steps = np.full(len(length), self.n_places - 1)
        if not np.isfinite(self.optimal).all():
            return EpisodeReturns(-length, steps)
        return EpisodeReturns(-length / self.optimal, steps, -np.ones(len(length)))

    def _decided(self, decide: Decide) -> Played:
        return play(self.env, self.instances, lambda o: decide(o, 1 - o["visited"]))

    def gap(self, tours: Int[np.ndarray, "B N"]) -> Float64[np.ndarray, " B"]:
        """Detour of these tours beyond the optimum, as a fraction of it, by the environment."""
        return replay(self.env, self.instances, tours).length / self.optimal - 1

    @property
    def shipped(self) -> str | None:
        """Name of the shipped set that has just such instances, if there is one."""
        return self._single.problem.held_out

    @property
    def n_places(self) -> int:
        """Places of each instance."""
        return self._single.n_places

    @property
    def instances(self) -> Instances:
        """What is to be solved."""
        return self.held_out.instances

    @property
    def optimal(self) -> Float64[np.ndarray, " B"]:
        """Length of the shortest tours; NaN where there are too many places to prove it."""
        return self.held_out.optimal

    @cached_property
    def env(self) -> gym.vector.VectorEnv:
        """The environment that adds up the way."""
        return make_vector(self.env_id, len(self.instances), **self.env_options)

    @cached_property
    def held_out(self) -> HeldOut:
        """The instances and their optima."""
        if self.shipped is not None:
            whole = held_out(self.shipped)
            return whole.first(min(self.episodes or COUNT, len(whole)))
        return own_held_out(self.env_id, self.env_options, self.episodes or OWN_COUNT)

    @cached_property
    def _single(self) -> Any:
        return make_single(self.env_id, **self.env_options).unwrapped


def own_held_out(env_id: str, env_options: Mapping[str, Any], count: int = OWN_COUNT) -> HeldOut:
    """Instances drawn from an environment's own sampler, by a stream that no training meets.

    Of places that are always the same there is one. Optima are proven up to ``LARGEST_SOLVED``
    places; of more, the optimum is NaN.
    """
    single: Any = make_single(env_id, **env_options).unwrapped
    n, rng = single.n_places, np.random.default_rng(ENTROPY)
    if single.sampler.random_row_size(n) == 0:  # the same places at all times
        count = 1
    instances = single.sampler.sample(rng, count, n)
    optimal, tour = np.full(count, np.nan), np.tile(np.arange(n), (count, 1))
    if n <= LARGEST_SOLVED:
        for row, table in enumerate(instances.distance):
            found = optimal_tour(table, single.round_trip)
            optimal[row], tour[row] = found.length if found.proven else np.nan, found.tour
    name = f"{env_id.rpartition(':')[2]}, {n} places"
    return HeldOut(name, env_id, n, instances, optimal, tour, dict(env_options))
