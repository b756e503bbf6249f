"""A learner with one weight: how much nearer places are preferred."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
import torch

from hringur.evaluators.choice import evaluator_for
from hringur.settings import Interval, Space


@dataclass(frozen=True, kw_only=True)
class NearestConfig:
    """One weight on the distance, by REINFORCE over whole tours."""

    name: ClassVar[str] = "nearest"

    search_space: ClassVar[Space] = {
        "lr": Interval(0.05, 5.0, log=True),
        "batch": (8, 16),
    }

    lr: float = 0.5
    """learning rate"""

    batch: int = 16
    """tours of an update"""

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Any
    ) -> tuple["Nearest", "Counts"]:
        learner = Nearest(self, env_id, env_options, seed)
        return learner, Counts(self.batch)


class Counts:
    """How many tours to build in an update."""

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def __iter__(self) -> Iterator[range]:
        return self

    def __next__(self) -> range:
        return range(self.batch)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


class Nearest:
    """Goes to a place with probability softmax(-weight * distance)."""

    masks_itself = True

    def __init__(
        self, config: NearestConfig, env_id: str, env_options: dict[str, Any], seed: int
    ) -> None:
        self.config, self.env_id, self.env_options = config, env_id, dict(env_options)
        self.evaluator = evaluator_for(env_id, env_options)
        self.single: Any = gym.make(env_id, **env_options).unwrapped
        self.rng, self.weight = np.random.default_rng(seed), 0.0

    def update(self, batch: range, progress: float) -> dict[str, float]:
        n = self.single.n_places
        table = self.single.sampler.sample(self.rng, len(batch), n).distance
        table = torch.tensor(table / table.mean())
        weight = torch.tensor(self.weight, dtype=torch.float64, requires_grad=True)
        rows, here = torch.arange(len(batch)), torch.zeros(len(batch), dtype=torch.long)
        seen = torch.zeros(len(batch), n, dtype=torch.bool)
        seen[:, 0], length, log_prob = True, torch.zeros(len(batch)), torch.zeros(len(batch))
        for _ in range(n - 1):
            logits = (-weight * table[rows, here]).masked_fill(seen.clone(), -torch.inf)
            uniform = torch.tensor(self.rng.random(logits.shape))
            to = (logits.detach() - (-uniform.log()).log()).argmax(dim=1)  # Gumbel's trick
            log_prob = log_prob + logits.log_softmax(dim=1)[rows, to]
            length, here = length + table[rows, here, to], to
            seen[rows, to] = True
        loss = ((length - length.mean()) * log_prob).mean()
        (slope,) = torch.autograd.grad(loss, weight)
        self.weight -= self.config.lr * float(slope)
        return {"train/loss": loss.item(), "rollout/tour_length": length.mean().item()}

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
        action_masks: Any = None,
    ) -> tuple[np.ndarray, Any]:
        rows = np.arange(len(observation["current"]))
        near = self.weight * observation["distances"][rows, observation["current"]]
        return np.where(observation["visited"] == 0, near, np.inf).argmin(axis=1), state

    def evaluate(self) -> dict[str, float]:
        return self.evaluator.measure(lambda seen, mask: self.predict(seen)[0])

    @property
    def headline(self) -> str:
        return self.evaluator.headline

    def state_dict(self) -> dict[str, Any]:
        return {"weight": self.weight, "generator": self.rng.bit_generator.state}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.weight, self.rng.bit_generator.state = state["weight"], state["generator"]


@dataclass(frozen=True, kw_only=True)
class MuteConfig(NearestConfig):
    """The same, without a predict."""

    name: ClassVar[str] = "mute"

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Any
    ) -> tuple["Mute", Counts]:
        return Mute(self, env_id, env_options, seed), Counts(self.batch)


class Mute(Nearest):
    """A learner that cannot be asked what it would do."""

    predict = property(lambda self: (_ for _ in ()).throw(AttributeError("predict")))  # type: ignore

    def evaluate(self) -> dict[str, float]:
        return {"evaluation/gap_percent": 0.0}
