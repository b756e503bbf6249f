"""ARM and DisARM: unbiased for bits, from two evaluations of f, without its derivative.

A uniform u decides the bits twice, once from its own side and once from the other, so that the
two samples are as unlike as they can be. ARM (Yin & Zhou 2019, theorem 1) weighs the difference of
their costs by where u fell,

    g = (f(1[u > sigma(-l)]) - f(1[u < sigma(l)])) * (u - 1/2),

and DisARM (Dong et al. 2020, eq. 6) integrates out what of u the two samples do not show, so its
variance is never larger: with b = 1[u > sigma(-l)] and b' = 1[u < sigma(l)],

    g_k = 1/2 (f(b) - f(b')) (-1)^{b'_k} 1[b_k != b'_k] sigma(|l_k|).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.estimators.distributions import discrete
from hringur.estimators.interface import (
    NOTHING,
    Cost,
    Promises,
    Sampled,
    check_samples,
    costs,
    with_gradient,
)

ANTITHETIC = Promises(unbiased=True, differentiable=False, families=("bernoulli",), each=2)


@dataclass(frozen=True)
class ARM:
    """Augment, REINFORCE, merge (Yin & Zhou 2019)."""

    promises: ClassVar[Promises] = ANTITHETIC
    learned: ClassVar[nn.Module] = NOTHING

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of both samples of each pair."""
        check_samples(self, samples)
        pair = _Pair.drawn(f, distribution, samples, "ARM")
        gradient = pair.difference * (pair.uniform - 0.5)
        return with_gradient(pair.cost, pair.logits, gradient)


@dataclass(frozen=True)
class DisARM:
    """ARM without the part of its noise that the samples do not show (Dong et al. 2020)."""

    promises: ClassVar[Promises] = ANTITHETIC
    learned: ClassVar[nn.Module] = NOTHING

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of both samples of each pair."""
        check_samples(self, samples)
        pair = _Pair.drawn(f, distribution, samples, "DisARM")
        # (-1)^{b'} where the two differ, and 0 where they agree, is b - b'
        sign = pair.first - pair.second
        gradient = 0.5 * pair.difference * sign * pair.logits.abs().sigmoid()
        return with_gradient(pair.cost, pair.logits, gradient)


@dataclass(frozen=True, eq=False)
class _Pair:
    """S pairs of antithetic samples."""

    logits: Tensor
    uniform: Tensor
    first: Tensor
    second: Tensor
    cost: Tensor
    """``S *batch``, the mean of the two"""

    difference: Tensor
    """cost of the first less cost of the second, ``S *batch 1 ..``"""

    @classmethod
    def drawn(cls, f: Cost, distribution: Sampled, samples: int, estimator: str) -> "_Pair":
        of = discrete(distribution, ("bernoulli",), estimator)
        shape = (samples, *of.logits.shape)
        uniform = torch.rand(shape, dtype=of.logits.dtype, device=of.logits.device)
        chance = of.mean().detach()
        first = (uniform > 1 - chance).to(chance.dtype)
        second = (uniform < chance).to(chance.dtype)
        cost = costs(f, torch.cat([first, second]), of.batch_shape)
        one, other = cost.chunk(2)
        difference = of.spread((one - other).detach())
        return cls(of.logits, uniform, first, second, 0.5 * (one + other), difference)
