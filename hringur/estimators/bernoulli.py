"""ARM and DisARM: unbiased for bits, from two evaluations of f, without its derivative.

A uniform u decides the bits twice, b = 1[u > sigma(-l)] and b' = 1[u < sigma(l)], so that the two
samples are as unlike as they can be:

    ARM (Yin & Zhou 2019, theorem 1)     g = (f(b) - f(b')) * (u - 1/2)
    DisARM (Dong et al. 2020, eq. 6)     g = (f(b) - f(b')) * (b - b') * sigma(|l|) / 2
"""

from collections.abc import Callable
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
    """Augment, REINFORCE, merge."""

    promises: ClassVar[Promises] = ANTITHETIC
    learned: ClassVar[nn.Module] = NOTHING

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of both samples of each pair."""
        check_samples(self, samples)
        return _antithetic(f, distribution, samples, "ARM", lambda logits, u, sign: u - 0.5)


@dataclass(frozen=True)
class DisARM:
    """ARM with u integrated out as far as the samples do not show it: never more variance."""

    promises: ClassVar[Promises] = ANTITHETIC
    learned: ClassVar[nn.Module] = NOTHING

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of both samples of each pair."""
        check_samples(self, samples)

        def weight(logits: Tensor, uniform: Tensor, sign: Tensor) -> Tensor:
            return 0.5 * sign * logits.abs().sigmoid()

        return _antithetic(f, distribution, samples, "DisARM", weight)


def _antithetic(
    f: Cost,
    distribution: Sampled,
    pairs: int,
    name: str,
    weight: Callable[[Tensor, Tensor, Tensor], Tensor],
) -> Float[Tensor, ""]:
    """The surrogate whose gradient is the difference of costs times a weight of l, u and b - b'."""
    of = discrete(distribution, ("bernoulli",), name)
    shape = (pairs, *of.logits.shape)
    uniform = torch.rand(shape, dtype=of.logits.dtype, device=of.logits.device)
    chance = of.mean().detach()
    first = (uniform > 1 - chance).to(chance.dtype)
    second = (uniform < chance).to(chance.dtype)
    one, other = costs(f, torch.cat([first, second]), of.batch_shape).chunk(2)
    difference = of.spread((one - other).detach())
    gradient = difference * weight(of.logits, uniform, first - second)
    return with_gradient(0.5 * (one + other), of.logits, gradient)
