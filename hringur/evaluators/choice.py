"""What a learner is held against: held-out tours, or episodes of any environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
import numpy as np
from jaxtyping import Float64, Int

from hringur.data.tours.held_out import HELD_OUT, held_out
from hringur.evaluators.episodes import Decide, EpisodeReturns, Watch, play_episodes
from hringur.evaluators.tours import gym_spec, make_vector, play, refusals, replay
from hringur.references.tours.exact import optimal_tour
from hringur.types import Instances, Metrics

COUNT = 200  # instances looked at: a second's work
LARGEST_SOLVED = 60  # places up to which an instance without a shipped optimum is solved here
OWN_COUNT = 50  # instances then
EPISODES = 100  # episodes of an environment without tours
EPISODES_OF_PICTURES = 25  # where each step is dear
MEASURED_STEPS = 4_500  # decisions of one during training: five minutes of an Atari game
ENTROPY = 2**65  # of those: larger than any seed that training may be given


@runtime_checkable
class Evaluator(Protocol):
    """Measures a policy on what it was not trained on."""

    @property
    def headline(self) -> str:
        """Tag of the metric that says most."""
        ...

    def measure(self, decide: Decide) -> Metrics:
        """Scalars of a policy that decides step by step."""
        ...


def evaluator_for(
    env_id: str, env_options: Mapping[str, Any], episodes: int | None = None
) -> "TourEvaluator | EpisodeEvaluator":
    """Tours against proven optima where the environment is of tours, else whole episodes.

    There are 100 ``episodes`` when not given, 25 where pictures are seen.

    Raises:
        UserError: there is no such environment, or it has no such option.
    """
    env = _asked(env_id, env_options)
    if hasattr(env, "optimal_km"):
        return TourEvaluator(env_id, dict(env_options))
    pictures = len(env.observation_space.shape or ()) == 3
    usual = EPISODES_OF_PICTURES if pictures else EPISODES
    overruled = dict(getattr(env, "evaluation_options", {}))
    most = MEASURED_STEPS if pictures else None
    return EpisodeEvaluator(env_id, dict(env_options), episodes or usual, overruled, most)


def training_options(env_id: str, env_options: Mapping[str, Any]) -> dict[str, Any]:
    """Options to train with: what an evaluation overrules is turned on, unless it was given.

    On Breakout these are ``clip_reward`` and ``life_loss``.

    Raises:
        UserError: there is no such environment, or it has no such option.
    """
    overruled = getattr(_asked(env_id, env_options), "evaluation_options", {})
    return {name: not value for name, value in overruled.items()} | dict(env_options)


def _asked(env_id: str, env_options: Mapping[str, Any]) -> gym.Env:
    """The environment itself, closed, to be asked what it is."""
    gym_spec(env_id)
    with refusals(env_id):
        env = gym.make(env_id, **env_options)
    env.close()
    return env.unwrapped


@dataclass(frozen=True)
class EpisodeEvaluator:
    """Episodes from reserved seeds, beside the best mean return where that is known."""

    env_id: str
    env_options: dict[str, Any]
    episodes: int = EPISODES
    overruled: dict[str, Any] = field(default_factory=dict)
    """options that ease training, such as clipped rewards, as they have to be for a figure"""

    measured_steps: int | None = None
    """decisions after which an episode is stopped while training goes on"""

    @property
    def headline(self) -> str:
        """The mean return, which every environment has."""
        return "evaluation/return_mean"

    def play(
        self, decide: Decide, most_steps: int | None = None, watch: Watch | None = None
    ) -> EpisodeReturns:
        """Every episode, one row each."""
        options = self.env_options | self.overruled
        return play_episodes(
            self.env_id, options, decide, self.episodes, most_steps=most_steps, watch=watch
        )

    def measure(self, decide: Decide) -> Metrics:
        """Mean return and length and, where the optimum is known, the gap to it.

        For use while training goes on: in games of pictures, a policy that keeps the ball in play
        for ever, without meeting a brick, is stopped after some thousand decisions.
        """
        played = self.play(decide, self.measured_steps)
        metrics = {
            "evaluation/return_mean": float(played.returns.mean()),
            "evaluation/length_mean": float(played.lengths.mean()),
        }
        gap = played.gap
        return metrics if gap is None else metrics | {"evaluation/gap_percent": 100 * gap}


@dataclass(frozen=True)
class TourEvaluator:
    """Instances like those of an environment, with their proven optima.

    The first ones of the shipped held-out set where that fits; else some are drawn and solved.
    """

    env_id: str
    env_options: dict[str, Any]

    @property
    def headline(self) -> str:
        """The gap of the tours."""
        return "evaluation/gap_percent"

    def measure(self, decide: Decide) -> Metrics:
        """Mean gap and share of optimal tours of a policy that decides step by step, masked."""
        played = play(self.env, self.instances, lambda o: decide(o, 1 - o["visited"]))
        gap = played.length / self.optimal - 1
        return {
            "evaluation/gap_percent": 100 * float(gap.mean()),
            "evaluation/optimal_percent": 100 * float((gap < 1e-6).mean()),
        }

    @cached_property
    def n_places(self) -> int:
        """Places of each instance."""
        return gym.make(self.env_id, **self.env_options).unwrapped.n_places  # type: ignore[attr-defined]

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
