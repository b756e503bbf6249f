"""Baselines: what is subtracted from a cost, so that REINFORCE has less variance.

All but the batch mean leave the estimate unbiased, because their value does not depend on the
sample that it is subtracted from. A baseline may state ``unbiased``, ``least_samples`` and
``further_evaluations`` (of f) where they are not True, 1 and 0.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.estimators.distributions import likeliest, parameters_of
from hringur.estimators.interface import Cost, Sampled
from hringur.types import State

BaselineName = Literal["leave-one-out", "moving-average", "greedy-rollout"]
GreedyCost = Callable[[nn.Module, Any], Float[Tensor, " B"]]
"""Cost of a policy's greedy choice on each instance of a batch."""


@runtime_checkable
class Baseline(Protocol):
    """Something to subtract from the costs of P samples for each of B instances.

    What derives from it learns nothing, unless it overrides the last three methods.
    """

    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Tensor:
        """The baseline of every sample, ``B P`` or ``B 1``."""

    def update(self, cost: Float[Tensor, "B P"], policy: nn.Module, batch: Any) -> None:
        """Learn from this step's costs, after they have been used."""
        return None

    def state_dict(self) -> State:
        """What has been learned."""
        return {}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        return None


class Draw(NamedTuple):
    """The ``batch`` that a ``ScoreFunction`` gives a baseline."""

    f: Cost
    distribution: Sampled


class NoBaseline(Baseline):
    """Nothing is subtracted."""

    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Float[Tensor, "B 1"]:
        """Zero."""
        return cost.new_zeros(len(cost), 1)


class BatchMean(Baseline):
    """The mean cost of all P samples of the same instance: POMO's (Kwon et al. 2020, eq. 4).

    It contains the sample's own cost: E[(f_i - b) grad log p_i] = (1 - 1/P) grad E[f].
    """

    unbiased = False
    least_samples = 2

    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Float[Tensor, "B 1"]:
        """The same for all samples of an instance."""
        return cost.mean(dim=1, keepdim=True)


class LeaveOneOut(Baseline):
    """The mean cost of the other samples of the same instance (Kool et al. 2019, "Buy 4").

    Its gradient is that of ``BatchMean`` times P / (P - 1).
    """

    least_samples = 2

    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Float[Tensor, "B P"]:
        """(sum of the costs - the own one) / (P - 1)."""
        return (cost.sum(dim=1, keepdim=True) - cost) / (cost.shape[1] - 1)


class MovingAverage(nn.Module):
    """An exponential moving average of the mean cost of past batches (Bello et al. 2016)."""

    average: Tensor

    def __init__(self, decay: float = 0.95) -> None:
        super().__init__()
        self.decay = decay
        # Not a number until the first update; double, for a long memory forgets small changes.
        self.register_buffer("average", torch.tensor(torch.nan, dtype=torch.float64))

    def value(self, cost: Float[Tensor, "B P"], batch: Any) -> Float[Tensor, "B 1"]:
        """The same for every instance; before any update there is nothing to subtract."""
        return self.average.nan_to_num(0.0).to(cost).expand(len(cost), 1)

    @torch.no_grad()
    def update(self, cost: Float[Tensor, "B P"], policy: nn.Module, batch: Any) -> None:
        """Average in the mean cost of this batch."""
        mean = cost.mean().to(self.average)
        before = torch.where(self.average.isnan(), mean, self.average)
        self.average.copy_(self.decay * before + (1 - self.decay) * mean)


class LearnedValue(nn.Module):
    """A network's prediction of the cost from the distribution's parameters (Mnih & Gregor 2014).

    Its squared error is part of the surrogate, so ``backward`` leaves a gradient on the network.
    """

    def __init__(self, parameters: int, width: int = 32) -> None:
        """For distributions with so many parameters an instance."""
        super().__init__()
        self.network = nn.Sequential(nn.Linear(parameters, width), nn.Tanh(), nn.Linear(width, 1))

    def value(self, cost: Float[Tensor, "B P"], batch: Draw) -> Float[Tensor, "B 1"]:
        """The prediction, one for each instance."""
        return self._predicted(cost, batch).detach()

    def loss(self, cost: Float[Tensor, "B P"], batch: Draw) -> Float[Tensor, ""]:
        """Mean squared error of the prediction."""
        return (cost.detach() - self._predicted(cost, batch)).square().mean()

    def update(self, cost: Float[Tensor, "B P"], policy: nn.Module, batch: Any) -> None:
        """Learn nothing here: the optimiser trains the network."""

    def _predicted(self, cost: Float[Tensor, "B P"], batch: Draw) -> Float[Tensor, "B 1"]:
        seen = parameters_of(batch.distribution).to(next(self.parameters()).dtype)
        return self.network(seen.reshape(len(cost), -1)).to(cost.dtype)


class GreedyChoice(Baseline):
    """The cost of the likeliest sample (self-critical training, Rennie et al. 2017).

    It takes one more evaluation of f. ``GreedyRollout`` is the same with an earlier policy.
    """

    further_evaluations = 1

    @torch.no_grad()
    def value(self, cost: Float[Tensor, "B P"], batch: Draw) -> Float[Tensor, "B 1"]:
        """The cost of each instance's mode."""
        return batch.f(likeliest(batch.distribution)[None]).reshape(len(cost), 1).to(cost)


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
        """Compare both policies, and after ``every`` updates freeze the better one."""
        self.frozen_costs.append(self.greedy_cost(self.frozen, batch).cpu())
        self.present_costs.append(self.greedy_cost(policy, batch).cpu())
        if len(self.present_costs) < self.every:
            return
        present, frozen = torch.cat(self.present_costs), torch.cat(self.frozen_costs)
        better = bool((present < frozen).any())  # identical costs have no t statistic
        from scipy.stats import ttest_rel  # slow to import, and rarely used

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
        """Go on from ``state``."""
        self.frozen.load_state_dict(state["frozen"])
        self.frozen_costs = list(state["frozen_costs"])
        self.present_costs = list(state["present_costs"])


def make_baseline(name: BaselineName, policy: nn.Module, greedy_cost: GreedyCost) -> Baseline:
    """The baseline called ``name``, for a policy and its greedy cost."""
    if name == "greedy-rollout":
        return GreedyRollout(policy, greedy_cost)
    return MovingAverage() if name == "moving-average" else LeaveOneOut()
