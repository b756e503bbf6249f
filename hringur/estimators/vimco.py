"""VIMCO: a multi-sample bound and a control variate of each sample's own (Mnih & Rezende 2016).

With f = -log w, an importance weight's, S samples together give the tighter bound

    L = E[-log (1/S) sum_s exp(-f(z_s))],

whose gradient by the score function would give every sample the whole bound as its signal. VIMCO
takes off what the bound would have been without the sample: with f_s replaced by the mean of the
other costs (the geometric mean of their weights, eq. 9). That leaves the estimate unbiased, for
the others do not depend on z_s.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.estimators.interface import (
    Cost,
    Promises,
    Sampled,
    check_samples,
    costs,
    gradient_only,
    nothing_learned,
)


@dataclass(frozen=True)
class Vimco:
    """The multi-sample bound's gradient; its objective is the bound, not E[f]."""

    promises: ClassVar[Promises] = Promises(
        unbiased=True,
        differentiable=False,
        families=("any",),
        least_samples=2,
        objective="bound",
    )

    @property
    def learned(self) -> nn.Module:
        """Nothing."""
        return nothing_learned()

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """The bound, a mean over the batch; its gradient is VIMCO's."""
        check_samples(self, samples)
        z = distribution.sample(torch.Size([samples]))
        cost = costs(f, z, distribution.batch_shape)
        whole = bound(cost)
        signal = (whole - without_each(cost)).detach()  # S *batch
        score = (signal * distribution.log_prob(z)).sum(dim=0).mean()
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
