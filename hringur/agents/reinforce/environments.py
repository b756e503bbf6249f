"""What a user may hand over as an environment, as many of it as training needs, and their state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode
from jaxtyping import Bool

from hringur.agents.sb3.vectors import from_sb3_vec_env, is_sb3_vec_env
from hringur.evaluators.environments import make_single, make_vector, refusals
from hringur.types import State, UserError

AnyEnvironment = Any
"""A name, an environment made by ``gymnasium.make``, a vector of them, or SB3's ``VecEnv``."""

Vectorization = Literal["auto", "sync", "async"]
Autoreset = Literal["next-step", "same-step"]
# What make_vec adds to the options of the environments themselves.
OF_VECTORS = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers", "autoreset_mode")
CLASSIC_STATE = ("state", "steps", "prev_done")
"""Attributes that hold all that Gymnasium's native classic-control vectors know."""


@dataclass(frozen=True, eq=False)
class Environment:
    """An environment by name, by specification, or as a vector that exists already."""

    name: str
    options: dict[str, Any]
    observation_space: gym.Space
    action_space: gym.Space
    by_name: bool = True
    """whether name and options are enough to make it again"""

    spec: EnvSpec | None = None
    """with the wrappers around it, if there are any"""

    vector: gym.vector.VectorEnv | None = None

    def make(
        self, n_envs: int, vectorization: Vectorization, reset: Autoreset = "next-step"
    ) -> gym.vector.VectorEnv:
        """``n_envs`` of them side by side; natively with "auto", where it is offered.

        A vector that exists already resets as it does.
        """
        if self.vector is not None:
            return self.vector
        same = reset == "same-step"
        if self.spec is None and vectorization == "auto":
            return make_vector(self.name, n_envs, "SameStep" if same else None, **self.options)
        mode = "sync" if vectorization == "auto" else vectorization
        own = {"autoreset_mode": AutoresetMode.SAME_STEP} if same else None
        with refusals(self.name):
            if self.spec is not None:
                return gym.make_vec(self.spec, n_envs, mode, vector_kwargs=own)
            return gym.make_vec(self.name, n_envs, mode, vector_kwargs=own, **self.options)


def environment_of(env: AnyEnvironment, options: Mapping[str, Any]) -> Environment:
    """What ``env`` stands for: a name, one that ``gymnasium.make`` made, or a vector of them."""
    if is_sb3_vec_env(env):
        env = from_sb3_vec_env(env)
    if isinstance(env, str):
        single = make_single(env, **options)
        spaces = single.observation_space, single.action_space
        single.close()
        return Environment(env, dict(options), *spaces)
    if isinstance(env, gym.vector.VectorEnv):
        name, own = _made_by(env.spec) if env.spec else (type(env.unwrapped).__name__, {})
        spaces = env.single_observation_space, env.single_action_space
        plain = env.spec is not None and env is env.unwrapped and not own.pop("wrappers", None)
        return Environment(name, own, *spaces, by_name=plain, vector=env)
    if not isinstance(env, gym.Env) or env.spec is None:
        raise UserError(
            "env must be the name of an environment, one made by gymnasium.make, or a vector of"
            f" them, got {env!r}"
        )
    name, own = _made_by(env.spec)
    spaces = env.observation_space, env.action_space
    if env.spec.additional_wrappers:
        return Environment(name, own, *spaces, by_name=False, spec=env.spec)
    return Environment(name, own | dict(options), *spaces)


def _made_by(spec: EnvSpec) -> tuple[str, dict[str, Any]]:
    """Name and options with which an environment of this kind is made again."""
    own = {name: value for name, value in spec.kwargs.items() if name not in OF_VECTORS}
    own.pop("render_mode", None)  # training shows nothing
    usual = gym.spec(spec.id).max_episode_steps if spec.id in gym.registry else None
    limit = own.pop("max_episode_steps", spec.max_episode_steps)
    return spec.id, own if limit == usual else own | {"max_episode_steps": limit}


def allowed(info: dict[str, Any], n_envs: int) -> Bool[np.ndarray, "B M"]:
    """True where an action is allowed; all are where the mask is missing or allows nothing.

    The latter is usual after the end of an episode, where the action does not count.
    """
    mask = np.asarray(info["action_mask"]).reshape(n_envs, -1) != 0
    silent = ~mask.any(axis=1)
    if "_action_mask" in info:
        silent |= ~info["_action_mask"]
    mask[silent] = True
    return mask


def autoreset(env: gym.vector.VectorEnv, name: str) -> AutoresetMode:
    """How a vector environment starts its next episodes, which it must say and do."""
    mode = env.metadata.get("autoreset_mode")
    if mode not in (AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP):
        raise UserError(
            f"{name}: episodes must start again by themselves, with autoreset_mode NEXT_STEP"
            f" or SAME_STEP, got {mode}"
        )
    return mode


def episodes_of(env: gym.vector.VectorEnv) -> State | None:
    """The state of all episodes under way as plain arrays and numbers; None if it cannot be had.

    An environment that has ``state_dict`` and ``load_state_dict`` is asked. Gymnasium's own native
    CartPole has neither, but its attributes are open.
    """
    inner: Any = env.unwrapped
    if hasattr(inner, "state_dict"):
        return {"own": inner.state_dict()}
    if all(isinstance(getattr(inner, name, None), np.ndarray) for name in CLASSIC_STATE):
        arrays = {name: getattr(inner, name).copy() for name in CLASSIC_STATE}
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
