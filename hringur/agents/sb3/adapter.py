"""What Stable-Baselines3 needs to work on our environments: vector adapter, features, scalars.

Imported only once the extra 'sb3' is known to be there.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float, Float32
from stable_baselines3.common.logger import KVWriter
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, nn

from hringur.types import Metrics

FAR = 5.0  # mean distances of an instance: farther than any place from its next open one


class SB3VecEnv(VecEnv):
    """A native Gymnasium vector environment as SB3's own kind of vector environment.

    Both start the next episode in the step that ends the last one, so the two protocols differ
    only in how they carry infos: a dictionary of arrays there, a list of dictionaries here.
    """

    def __init__(self, env: gym.vector.VectorEnv) -> None:
        mode = env.metadata["autoreset_mode"]
        if mode is not gym.vector.AutoresetMode.SAME_STEP:
            raise ValueError(f"SB3 needs autoreset in the same step, the environment has {mode}")
        self.env = env
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._seed: int | None = None
        self._actions = np.zeros(env.num_envs, dtype=np.int64)
        self.masks = False  # whether the environment gives action masks
        self._mask = np.ones((env.num_envs, spaces.flatdim(self.action_space)), dtype=np.int8)
        self._return, self._steps = np.zeros(env.num_envs), np.zeros(env.num_envs, dtype=int)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """The next reset seeds environment ``i`` with ``seed + i``."""
        self._seed = seed
        return [None if seed is None else seed + index for index in range(self.num_envs)]

    def reset(self) -> Any:
        """Start every environment afresh."""
        observation, info = self.env.reset(seed=self._seed)
        self._seed = None
        self.masks = "action_mask" in info
        self._mask = info.get("action_mask", self._mask)
        self._return[:], self._steps[:] = 0.0, 0
        return deepcopy(observation)  # torch may write to it, and the arrays may be read-only

    def step_async(self, actions: np.ndarray) -> None:
        """Keep the actions for ``step_wait``."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[Any, Float32[np.ndarray, " B"], np.ndarray, list[dict[str, Any]]]:
        """One step of all environments."""
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        done = terminated | truncated
        self._mask = info.get("action_mask", self._mask)
        self._return += reward
        self._steps += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for index in np.flatnonzero(done):
            infos[index] = {
                "terminal_observation": info["final_obs"][index],
                "TimeLimit.truncated": bool(truncated[index] and not terminated[index]),
                "episode": {"r": float(self._return[index]), "l": int(self._steps[index])},
            } | _row(info.get("final_info", {}), index)
        self._return[done], self._steps[done] = 0.0, 0
        return deepcopy(observation), reward.astype(np.float32), done, infos

    def action_masks(self) -> np.ndarray:
        """1 where a place may be visited, one row for each environment."""
        return self._mask

    def close(self) -> None:
        """Close the vector environment."""
        self.env.close()

    def get_attr(self, attr_name: str, indices: int | Iterable[int] | None = None) -> list[Any]:
        """An attribute of each environment; once for each index where it is that of all."""
        rows = self._get_indices(indices)
        if attr_name == "action_masks":
            return [self.action_masks for _ in rows]
        found = self.env.get_attr(attr_name) if hasattr(self.env, "get_attr") else None
        return [getattr(self.env, attr_name) if found is None else found[row] for row in rows]

    def set_attr(
        self, attr_name: str, value: Any, indices: int | Iterable[int] | None = None
    ) -> None:
        """Set an attribute of all environments, which may be one object."""
        if indices is not None and len(list(self._get_indices(indices))) < self.num_envs:
            raise NotImplementedError("attributes are set for all environments at once")
        self.env.set_attr(attr_name, value)  # type: ignore[attr-defined]

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: int | Iterable[int] | None = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """What a method returns, for each index."""
        rows = self._get_indices(indices)
        if method_name == "action_masks":
            return [self._mask[index] for index in rows]
        found = self.env.call(method_name, *method_args, **method_kwargs)  # type: ignore[attr-defined]
        return [found[index] for index in rows]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper], indices: int | Iterable[int] | None = None
    ) -> list[bool]:
        """False for each: the native environment keeps its own statistics."""
        return [False for _ in self._get_indices(indices)]


def _row(info: dict[str, Any], index: Any) -> dict[str, Any]:
    """What the infos of a vector say of one environment."""
    return {
        name: values[index]
        for name, values in info.items()
        if f"_{name}" in info and info[f"_{name}"][index]
    }


class PlaceFeatures(BaseFeaturesExtractor):
    """A few learned numbers for each place, by one small network that all places share.

    A multilayer perceptron over the N x N distances would first have to learn that row ``current``
    counts. Here that row and the row of the start are looked up. A place also sees the mean over
    the open ones.

    ``visited_penalty`` is how far visited places start out below the others, learned from there
    on. A policy that starts out indifferent soon learns to fail at once: while nearly every tour
    ends at the price of an invalid one, driving on before that only costs more.
    """

    INPUTS, OUTPUTS = 9, 8

    def __init__(
        self, observation_space: gym.Space, visited_penalty: float, width: int = 64
    ) -> None:
        n_places = observation_space["visited"].shape[0]  # type: ignore[index]
        super().__init__(observation_space, features_dim=self.OUTPUTS * n_places)
        self.alone = nn.Sequential(nn.Linear(self.INPUTS, width), nn.ReLU())
        self.own = nn.Linear(width, width)
        self.others = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, self.OUTPUTS)
        self.visited_penalty = nn.Parameter(torch.tensor(visited_penalty))

    def forward(self, observations: dict[str, Tensor]) -> Float[Tensor, "B D"]:
        """All places' numbers in a row; ``current`` and ``start`` come one-hot."""
        distance, unvisited = observations["distances"], 1 - observations["visited"]
        distance = distance / distance.mean(dim=(1, 2), keepdim=True)
        current, start = observations["current"].flatten(1), observations["start"].flatten(1)
        from_here = torch.einsum("bn,bnm->bm", current, distance)
        from_start = torch.einsum("bn,bnm->bm", start, distance)
        taken = 1 - unvisited[:, None, :] + torch.eye(distance.shape[1], device=distance.device)
        loneliness = (distance + FAR * taken).amin(dim=2).clamp(max=FAR)
        nearness = unvisited * torch.exp(-4 * from_here)
        numbers = [unvisited, from_here, from_start, nearness, loneliness, current, start]
        place = torch.cat([torch.stack(numbers, dim=2), observations["coordinates"]], dim=2)
        hidden = self.alone(place)  # B N width
        others = (hidden * unvisited[:, :, None]).mean(dim=1, keepdim=True)
        hidden = torch.relu(self.own(hidden) + self.others(others))
        numbers_out = self.out(hidden)
        logit = numbers_out[..., :1] - self.visited_penalty * observations["visited"][:, :, None]
        return torch.cat([logit, numbers_out[..., 1:]], dim=2).flatten(1)


@torch.no_grad()
def point(policy: Any, on_policy: bool) -> None:
    """Fix the last linear layers so that a place's logit (or value) is its own first number.

    The layer that SB3 puts last mixes all places; this way it treats all of them alike.
    """
    if on_policy:
        heads = [policy.action_net]
    else:
        heads = [policy.q_net.q_net[-1], policy.q_net_target.q_net[-1]]
    for head in heads:
        place = torch.arange(head.out_features)
        head.weight.zero_()
        head.bias.zero_()
        head.weight[place, place * PlaceFeatures.OUTPUTS] = 1.0
        head.requires_grad_(False)


class Scalars(KVWriter):
    """Keeps what SB3 logs during one ``learn`` call."""

    def __init__(self) -> None:
        self.latest: Metrics = {}

    def write(
        self,
        key_values: dict[str, Any],
        key_excluded: dict[str, tuple[str, ...]],
        step: int = 0,
    ) -> None:
        """Remember every number by SB3's own tag."""
        self.latest |= {
            k: float(v) for k, v in key_values.items() if isinstance(v, int | float | np.number)
        }

    def close(self) -> None:
        """Nothing to close."""
