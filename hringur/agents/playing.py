"""Whole episodes of a native vector environment, played on given instances.

Every figure that is quoted goes through here, and so through ``gymnasium.make_vec``: the
environment deals the instances, adds up the way and says at the end how long it was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Bool, Float64, Int

from hringur.types import Instances

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


def make_vector(env_id: str, num_envs: int, **options: Any) -> gym.vector.VectorEnv:
    """The native vector environment."""
    return gym.make_vec(
        env_id, num_envs=num_envs, vectorization_mode="vector_entry_point", **options
    )


def play(
    env: gym.vector.VectorEnv,
    instances: Instances,
    predict: Predict,
    start: Int[np.ndarray, " B"] | None = None,
) -> Played:
    """Let ``predict`` choose every step; who has ended early is no longer counted.

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
