"""Episodes under way in a vector environment, as plain arrays and numbers, and back.

An environment that has ``state_dict`` and ``load_state_dict`` is asked. Gymnasium's own native
CartPole has neither, but all that it knows lies open.
"""

from typing import Any

import gymnasium as gym
import numpy as np

from hringur.types import State

OPEN = ("state", "steps", "prev_done")  # of Gymnasium's native classic-control environments


def episodes_of(env: gym.vector.VectorEnv) -> State | None:
    """The state of every environment; None if it cannot be had."""
    inner: Any = env.unwrapped
    if hasattr(inner, "state_dict"):
        return {"own": inner.state_dict()}
    if all(isinstance(getattr(inner, name, None), np.ndarray) for name in OPEN):
        arrays = {name: getattr(inner, name).copy() for name in OPEN}
        return {"open": arrays, "generator": inner.np_random.bit_generator.state}
    return None


def restore_episodes(env: gym.vector.VectorEnv, state: State) -> None:
    """Go on with the episodes that ``episodes_of`` found in an environment of the same kind."""
    inner: Any = env.unwrapped
    if "own" in state:
        inner.load_state_dict(state["own"])
        return
    for name, array in state["open"].items():
        setattr(inner, name, array.copy())
    inner.np_random.bit_generator.state = state["generator"]
