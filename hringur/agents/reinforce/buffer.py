"""Arrays for T steps of B environments, allocated once and filled row by row."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hringur.agents.reinforce.action_distributions import ActionDistribution
from hringur.agents.reinforce.environments import allowed
from hringur.agents.reinforce.observations import Leaf, Observation

CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Rollout:
    """T steps of B environments; the tensors are overwritten when the next one is collected."""

    observation: Observation
    """before each step, and after the last: [T + 1, B, ...] of each leaf"""

    decision: Int[Tensor, "T B *shape"]
    reward: Float[Tensor, "T B"]
    discounted: Float[Tensor, "T B"]
    """sum of the rewards of the episode up to here, earlier ones discounted"""

    terminated: Bool[Tensor, "T B"]
    truncated: Bool[Tensor, "T B"]
    valid: Bool[Tensor, "T B"]
    """False where an environment only started again, or where its one episode is over"""

    mask: Bool[Tensor, "T B M"] | None
    """allowed actions, if the environment gives a mask"""

    cut: tuple[Int[Tensor, " C"], Int[Tensor, " C"]]
    """time and environment of the truncated steps whose true successor is in ``cut_observation``"""

    cut_observation: Observation | None
    samples: int
    """steps that are valid"""

    logits: Float[Tensor, "T B A"] | None = None
    """of the policy that decided, if outputs are kept"""

    value: Float[Tensor, "T1 B"] | None = None
    """of the observations as that policy's critic sees them, if outputs are kept"""

    seed: int | list[int] | None = None
    """from which the environments were started, if whole episodes are collected"""

    ep_rew_mean: float = float("nan")
    """return of an episode, mean of the last 100; not a number before the first ends"""

    ep_len_mean: float = float("nan")

    def __len__(self) -> int:
        return self.samples

    def chosen(self, x: Tensor) -> Tensor:
        """What ``x`` [T, B] has for the steps that are valid, in a row."""
        return x.flatten() if self.samples == x.numel() else x[self.valid]

    def to(self, device: torch.device) -> "Rollout":
        """The same on another device."""
        if device == CPU:
            return self
        moved: dict[str, Any] = {
            name: value.to(device) for name, value in vars(self).items() if torch.is_tensor(value)
        }
        # From pinned memory and without waiting; whatever an update reads back, waits for it.
        moved["observation"] = {
            name: x.to(device, non_blocking=True) for name, x in self.observation.items()
        }
        if self.cut_observation is not None:
            moved["cut_observation"] = {n: x.to(device) for n, x in self.cut_observation.items()}
        return replace(self, **moved)


class Buffer:
    """Where a rollout is written: T rows of steps, and T + 1 of observations and masks."""

    def __init__(
        self,
        leaves: tuple[Leaf, ...],
        actions: ActionDistribution,
        n_steps: int,
        n_envs: int,
        device: torch.device,
    ) -> None:
        """``device`` is that of the network, which the observations are sent to."""
        self.leaves, self.mask_size, self.device = leaves, actions.mask_size, device
        self.n_steps, self.n_envs = n_steps, n_envs
        self.observation: dict[str, np.ndarray] = {}
        for leaf in leaves:
            size = (n_steps + 1, n_envs, *leaf.shape)
            rows = torch.zeros(size, dtype=leaf.dtype, pin_memory=device.type == "cuda")
            self.observation[leaf.name] = rows.numpy()
        self.mask: np.ndarray | None = None
        self.decision = torch.zeros(n_steps, n_envs, *actions.shape, dtype=torch.int64)
        self.reward, self.discounted = (
            np.zeros((n_steps, n_envs), dtype=np.float32) for _ in range(2)
        )
        self.terminated, self.truncated, self.valid = (
            np.zeros((n_steps, n_envs), dtype=bool) for _ in range(3)
        )
        self._rows = [
            {name: torch.from_numpy(rows[t]) for name, rows in self.observation.items()}
            for t in range(n_steps + 1)
        ]

    def observed(self, t: int) -> Observation:
        """Row ``t`` of the observations, where the network is."""
        if self.device == CPU:
            return self._rows[t]
        return {name: x.to(self.device, non_blocking=True) for name, x in self._rows[t].items()}

    def write(self, t: int, observation: Any, info: dict[str, Any]) -> None:
        """An observation and the allowed actions into row ``t``."""
        for leaf in self.leaves:
            self.observation[leaf.name][t] = leaf.of(observation)
        if "action_mask" in info:
            if self.mask is None:
                size = (self.n_steps + 1, self.n_envs, self.mask_size)
                self.mask = np.ones(size, dtype=bool)
            self.mask[t] = allowed(info, self.n_envs)
        elif self.mask is not None:
            self.mask[t] = True

    def copy_row(self, source: int, target: int) -> None:
        """Observation and mask of row ``source`` into row ``target``."""
        for rows in self.observation.values():
            rows[target] = rows[source]
        if self.mask is not None:
            self.mask[target] = self.mask[source]

    def steps(self, length: int) -> dict[str, Any]:
        """The first ``length`` steps, as the fields of a ``Rollout`` that are kept here."""
        arrays = ("reward", "discounted", "terminated", "truncated", "valid")
        return {name: torch.from_numpy(getattr(self, name)[:length]) for name in arrays} | {
            "observation": {
                name: torch.from_numpy(rows[: length + 1])
                for name, rows in self.observation.items()
            },
            "decision": self.decision[:length],
            "mask": None if self.mask is None else torch.from_numpy(self.mask[:length]),
            "samples": int(self.valid[:length].sum()),
        }

    def check(self, length: int, where: str, steps: int) -> None:
        """Raise FloatingPointError at the first number that is not finite, before any learning.

        ``length`` are the steps of this rollout, ``steps`` those before it; ``where`` names the
        environment.
        """
        named = {"the reward": (self.reward[:length], 1)}
        for leaf in self.leaves:
            if leaf.kind == "numbers":
                named[f"the {leaf.name}"] = (self.observation[leaf.name][: length + 1], 0)
        found = []
        for what, (rows, after) in named.items():
            with np.errstate(all="ignore"):
                total = rows.sum()
            if not np.isfinite(total):  # one pass without a copy; then look closely
                for index in np.argwhere(~np.isfinite(rows))[:1].tolist():
                    found.append((index[0] + after, what, index, rows[tuple(index)]))
        if found:
            t, what, index, value = min(found, key=lambda one: one[0])
            element = f"[{', '.join(map(str, index[2:]))}]" if len(index) > 2 else ""
            raise FloatingPointError(
                f"{where}: {what}{element} of environment {index[1]} is {value}"
                f" after its step {steps + t}"
            )
