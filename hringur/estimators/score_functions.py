"""The score-function estimator, REINFORCE (Williams 1992), and its multi-sample form, VIMCO.

    grad E[f(z)] = E[(f(z) - b) grad log p(z|theta)]

for every baseline b that does not depend on the sample. VIMCO (Mnih & Rezende 2016) minimises the
bound L = E[-log (1/S) sum_s exp(-f(z_s))] and subtracts from each sample's signal the bound with
f_s replaced by the mean of the other costs (eq. 9).
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.estimators.baselines import Baseline, Draw, LearnedValue, NoBaseline
from hringur.estimators.distributions import log_prob
from hringur.estimators.interface import (
    NOTHING,
    Cost,
    Promises,
    Sampled,
    check_samples,
    costs,
    gradient_only,
)


def score_function(
    log_prob: Float[Tensor, "*sample"], advantage: Float[Tensor, "*sample"]
) -> Float[Tensor, ""]:
    """A scalar whose gradient estimates that of E[cost] (Williams 1992, eq. 4 and theorem 1).

    ``advantage`` is f(z) - b, and no gradient passes through it.
    """
    return (advantage.detach() * log_prob).mean()


@dataclass(frozen=True, eq=False)
class ScoreFunction:
    """REINFORCE with a baseline."""

    baseline: Baseline = field(default_factory=NoBaseline)

    @property
    def promises(self) -> Promises:
        """Those of the baseline."""
        return Promises(
            unbiased=getattr(self.baseline, "unbiased", True),
            differentiable=False,
            families=("any",),
            least_samples=getattr(self.baseline, "least_samples", 1),
            further=getattr(self.baseline, "further_evaluations", 0),
        )

    @property
    def learned(self) -> nn.Module:
        """The baseline, if it learns."""
        return self.baseline if isinstance(self.baseline, nn.Module) else NOTHING

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost, with the gradient (f - b) * grad log p plus that of f itself."""
        check_samples(self, samples)
        z = distribution.sample(torch.Size([samples]))
        cost = costs(f, z, distribution.batch_shape)
        seen = cost.detach().reshape(samples, -1).T  # B S
        draw = Draw(f, distribution)
        advantage = (seen - self.baseline.value(seen, draw)).T.reshape(cost.shape)
        term = score_function(log_prob(distribution, z), advantage)
        if isinstance(self.baseline, LearnedValue):
            term = term + self.baseline.loss(seen, draw)
        self.baseline.update(seen, self.learned, draw)
        return cost.mean() + gradient_only(term)


@dataclass(frozen=True)
class Vimco:
    """The multi-sample bound's gradient; its objective is the bound, not E[f]."""

    promises: ClassVar[Promises] = Promises(
        unbiased=True, differentiable=False, families=("any",), least_samples=2, objective="bound"
    )
    learned: ClassVar[nn.Module] = NOTHING

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """The bound, a mean over the batch; its gradient is VIMCO's."""
        check_samples(self, samples)
        z = distribution.sample(torch.Size([samples]))
        cost = costs(f, z, distribution.batch_shape)
        whole = bound(cost)
        signal = (whole - without_each(cost)).detach()  # S *batch
        score = (signal * log_prob(distribution, z)).sum(dim=0).mean()
        return whole.mean() + gradient_only(score)


def bound(cost: Float[Tensor, "S *batch"]) -> Float[Tensor, "*batch"]:
    """-log (1/S) sum_s exp(-f_s)."""
    return math.log(len(cost)) - torch.logsumexp(-cost, dim=0)


def without_each(cost: Float[Tensor, "S *batch"]) -> Float[Tensor, "S *batch"]:
    """The bound with each cost in turn replaced by the mean of the others."""
    samples = len(cost)
    others = (cost.sum(dim=0) - cost) / (samples - 1)
    own = torch.eye(samples, dtype=torch.bool, device=cost.device)
    own = own.reshape(samples, samples, *[1] * (cost.dim() - 1))
    replaced = torch.where(own, others[:, None], cost[None])  # left out, S, *batch
    return math.log(samples) - torch.logsumexp(-replaced, dim=1)
