"""Vector environments of Gymnasium for Stable-Baselines3, and those of Stable-Baselines3 here.

model = PPO("MultiInputPolicy", as_sb3_vec_env(gym.make_vec("IcelandTSP-v0", 64, ...)))
agent = Reinforce(make_vec_env("CartPole-v1", 8))  # from_sb3_vec_env sees to it
"""

import sys
from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from hringur.types import UserError, optional

MODULE = "stable_baselines3.common.vec_env"


def as_sb3_vec_env(env: gym.vector.VectorEnv) -> Any:
    """A ``VecEnv`` of Stable-Baselines3 that plays the same environments.

    Raises:
        UserError: its episodes do not start again in the step that ends them, as SB3 wants it.
        MissingExtra: the extra 'sb3' is not installed.
    """
    optional("stable_baselines3", "as_sb3_vec_env", "sb3")
    mode = env.metadata.get("autoreset_mode")
    if mode is not AutoresetMode.SAME_STEP:
        raise UserError(f"as_sb3_vec_env needs autoreset_mode='SameStep', the vector has {mode}")
    from hringur.agents.sb3.adapter import SB3VecEnv

    return SB3VecEnv(env)


def is_sb3_vec_env(env: Any) -> bool:
    """Whether ``env`` is a ``VecEnv``; nothing is imported to find out."""
    return MODULE in sys.modules and isinstance(env, sys.modules[MODULE].VecEnv)


def from_sb3_vec_env(env: Any) -> "GymnasiumVector":
    """The ``VecEnv`` as a vector environment of Gymnasium, with autoreset in the same step.

    Raises:
        UserError: it is no ``VecEnv``.
    """
    if not is_sb3_vec_env(env):
        raise UserError(f"from_sb3_vec_env needs a VecEnv of Stable-Baselines3, got {env!r}")
    return GymnasiumVector(env)


class GymnasiumVector(gym.vector.VectorEnv):
    """Environments of SB3; how an episode ended comes as ``final_obs`` and ``final_info``."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}

    def __init__(self, env: Any) -> None:
        self.env, self.num_envs, self.render_mode = env, env.num_envs, env.render_mode
        self.single_observation_space = env.observation_space
        self.single_action_space = env.action_space
        self.observation_space = batch_space(env.observation_space, env.num_envs)
        self.action_space = batch_space(env.action_space, env.num_envs)

    def reset(
        self, *, seed: int | list[int] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin new episodes; environment i is seeded with ``seed + i``."""
        if options and "reset_mask" in options:
            raise UserError("reset_mask: environments of Stable-Baselines3 start all at once")
        if isinstance(seed, list):
            raise UserError("group: environments of Stable-Baselines3 take one seed for all")
        self.env.seed(seed)
        if options:
            self.env.set_options(options)
        return self.env.reset(), self._together(self.env.reset_infos, range(self.num_envs))

    def step(self, actions: Any) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all; where an episode ends, the next one has begun already."""
        observation, reward, done, infos = self.env.step(np.asarray(actions))
        cut = np.array([bool(info.get("TimeLimit.truncated")) for info in infos]) & done
        rows = np.flatnonzero(done).tolist()
        going_on = [self.env.reset_infos[i] if done[i] else infos[i] for i in range(self.num_envs)]
        info = self._together(going_on, range(self.num_envs))
        if rows:
            last = np.full(self.num_envs, None, dtype=object)
            for row in rows:
                last[row] = infos[row]["terminal_observation"]
            info |= {"final_obs": last, "_final_obs": done.copy()}
            info |= {"final_info": self._together(infos, rows), "_final_info": done.copy()}
        return observation, reward.astype(np.float64), done & ~cut, cut, info

    def _together(self, infos: Sequence[dict[str, Any]], rows: Sequence[int]) -> dict[str, Any]:
        info: dict[str, Any] = {}
        for row in rows:
            kept = {k: v for k, v in infos[row].items() if k != "terminal_observation"}
            info = self._add_info(info, kept, row)
        return info

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """What a method returns for each environment."""
        return tuple(self.env.env_method(name, *args, **kwargs))

    def get_attr(self, name: str) -> tuple[Any, ...]:
        """An attribute of each environment."""
        return tuple(self.env.get_attr(name))

    def set_attr(self, name: str, values: Any) -> None:
        """Set an attribute of each environment."""
        if not isinstance(values, list | tuple):
            return self.env.set_attr(name, values)
        for row, value in enumerate(values):
            self.env.set_attr(name, value, indices=row)

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environments."""
        self.env.close()
