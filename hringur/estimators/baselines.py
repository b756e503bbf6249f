"""Baselines: what a cost is compared with, so that REINFORCE has less variance.

Each leaves the estimate unbiased, for its value does not depend on the sample that it is
subtracted from (the moving average and the greedy rollout do not see it at all).
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from scipy.stats import ttest_rel
from torch import Tensor, nn

from hringur.types import State

BaselineName = Literal["leave-one-out", "moving-average", "greedy-rollout"]
GreedyCost = Callable[[nn.Module, Any], Float[Tensor, " B"]]
"""Cost of a policy's greedy choice on each instance of a batch."""


@runtime_checkable
class Baseline(Protocol):
    """Something to subtract from the costs of P samples for each of B instances."""

    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Float[Tensor, "B #P"]:
        """The baseline of every sample."""
        ...

    def update(self, cost: Float[Tensor, "B P"], policy: nn.Module, batch: Any) -> None:
        """Learn from this step's costs, after they have been used."""
        ...

    def state_dict(self) -> State:
        """What has been learned."""
        ...

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        ...


class LeaveOneOut:
    """The mean cost of the other samples of the same instance (Kool et al. 2019, "Buy 4").

    POMO's shared baseline (Kwon et al. 2020, eq. 4) is the mean over all P samples; leaving out
    the sample itself makes the same gradient longer by P / (P - 1), and unbiased.
    """

    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Float[Tensor, "B P"]:
        """(sum of the costs - the own one) / (P - 1)."""
        return (cost.sum(dim=1, keepdim=True) - cost) / (cost.shape[1] - 1)

    def update(self, cost: Float[Tensor, "B P"], policy: nn.Module, batch: Any) -> None:
        """Nothing to learn."""

    def state_dict(self) -> State:
        """Nothing to keep."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Nothing to load."""


class MovingAverage:
    """An exponential moving average of the mean cost of past batches (Bello et al. 2016)."""

    def __init__(self, decay: float = 0.95) -> None:
        self.decay = decay
        self.average: float | None = None

    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Float[Tensor, "B 1"]:
        """The same for every instance; before any update there is nothing to subtract."""
        return cost.new_full((len(cost), 1), self.average or 0.0)

    def update(self, cost: Float[Tensor, "B P"], policy: nn.Module, batch: Any) -> None:
        """Average in the mean cost of this batch."""
        mean = float(cost.mean())
        before = mean if self.average is None else self.average
        self.average = self.decay * before + (1 - self.decay) * mean

    def state_dict(self) -> State:
        """The average."""
        return {"average": self.average}

    def load_state_dict(self, state: State) -> None:
        """Go on from that average."""
        self.average = state["average"]


class GreedyRollout:
    """What a frozen, earlier policy does greedily on the same instance (Kool et al. 2019).

    The frozen policy is replaced by the present one when that is better on the instances of the
    last ``every`` updates by a one-sided paired t-test at the 5 % level (algorithm 1 there).
    """

    def __init__(self, policy: nn.Module, greedy_cost: GreedyCost, every: int = 50) -> None:
        self.frozen = deepcopy(policy).requires_grad_(False)
        self.greedy_cost = greedy_cost
        self.every = every
        self.frozen_costs: list[Tensor] = []
        self.present_costs: list[Tensor] = []

    @torch.no_grad()
    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Float[Tensor, "B 1"]:
        """The frozen policy's greedy cost."""
        return self.greedy_cost(self.frozen, batch)[:, None]

    @torch.no_grad()
    def update(self, cost: Float[Tensor, "B P"], policy: nn.Module, batch: Any) -> None:
        """Compare both policies; once in a while let the better one be the baseline."""
        self.frozen_costs.append(self.greedy_cost(self.frozen, batch).cpu())
        self.present_costs.append(self.greedy_cost(policy, batch).cpu())
        if len(self.present_costs) < self.every:
            return
        present, frozen = torch.cat(self.present_costs), torch.cat(self.frozen_costs)
        better = bool((present < frozen).any())  # identical costs have no t statistic
        if better and ttest_rel(present, frozen, alternative="less").pvalue < 0.05:
            self.frozen.load_state_dict(policy.state_dict())
        self.frozen_costs, self.present_costs = [], []

    def state_dict(self) -> State:
        """The frozen policy and the comparison under way."""
        return {
            "frozen": dict(self.frozen.state_dict()),
            "frozen_costs": list(self.frozen_costs),
            "present_costs": list(self.present_costs),
        }

    def load_state_dict(self, state: State) -> None:
        """Go on with that comparison."""
        self.frozen.load_state_dict(state["frozen"])
        self.frozen_costs = list(state["frozen_costs"])
        self.present_costs = list(state["present_costs"])


def make_baseline(name: BaselineName, policy: nn.Module, greedy_cost: GreedyCost) -> Baseline:
    """The baseline called ``name``."""
    if name == "greedy-rollout":
        return GreedyRollout(policy, greedy_cost)
    return MovingAverage() if name == "moving-average" else LeaveOneOut()
