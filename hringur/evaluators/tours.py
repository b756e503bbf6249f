"""Whole episodes of a native vector environment, played on given instances.

Every figure that is quoted goes through here, and so through ``gymnasium.make_vec``: the
environment deals the instances, adds up the way and says at the end how long it was.
"""

import importlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator
from jaxtyping import Bool, Float64, Int

from hringur.types import Instances, UserError

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


def make_vector(
    env_id: str, num_envs: int, autoreset_mode: str | None = None, **options: Any
) -> gym.vector.VectorEnv:
    """Many environments side by side: the native vector where there is one, else single ones.

    ``autoreset_mode`` is "NextStep", "SameStep" or "Disabled"; a native vector that has no such
    option, as those of Gymnasium's own, then gives way to single environments.

    Raises:
        UserError: there is no such environment, or it has no such option.
    """
    own: dict[str, Any] = {} if autoreset_mode is None else {"autoreset_mode": autoreset_mode}
    native = gym_spec(env_id).vector_entry_point
    if native is not None and all(takes(native, name) for name in own):
        with refusals(env_id):
            return gym.make_vec(
                env_id, num_envs, vectorization_mode="vector_entry_point", **options, **own
            )
    if autoreset_mode is not None:
        own = {"autoreset_mode": gym.vector.AutoresetMode(autoreset_mode)}
    with refusals(env_id):
        return gym.make_vec(
            env_id, num_envs, vectorization_mode="sync", vector_kwargs=own, **options
        )


def gym_spec(env_id: str) -> EnvSpec:
    """What Gymnasium knows of an environment.

    Raises:
        UserError: nothing.
    """
    module, _, name = env_id.rpartition(":")
    try:
        if module:  # as gymnasium.make does with "hringur:IcelandTSP-v0"
            importlib.import_module(module)
        return gym.spec(name)
    except (gym.error.Error, ModuleNotFoundError) as error:
        raise UserError(f"unknown environment {env_id}: {error}") from error


def takes(entry_point: Any, option: str) -> bool:
    """Whether an environment can be made with this option."""
    maker = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    return option in inspect.signature(maker).parameters


@contextmanager
def refusals(env_id: str) -> Iterator[None]:
    """Why an environment cannot be made, in one line: an option, or what is not installed."""
    try:
        yield
    except UserError:
        raise
    except (gym.error.Error, KeyError, ValueError) as error:
        raise UserError(f"cannot make {env_id}: {type(error).__name__}: {error}") from error
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        option = str(error).rpartition("keyword argument ")[2].split()[0]
        raise UserError(f"{env_id} has no option {option}") from error


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
