"""The pathwise derivative, and its relaxation for discrete samples.

    grad E_{z ~ q(z|alpha)}[f(z)] = E_epsilon[grad f(T(epsilon, alpha))],    z = T(epsilon, alpha)

(Kingma & Welling 2014). Soft choices and bits (Jang et al. 2017; Maddison et al. 2017), which are
exact only as the temperature goes to 0, while the variance grows without bound:

    z = softmax((logits + Gumbel) / temperature),    z = sigmoid((logit + Logistic) / temperature)
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.estimators.distributions import Discrete, discrete, location_and_scale
from hringur.estimators.interface import NOTHING, Cost, Promises, Sampled, check_samples, costs
from hringur.types import UserError

BIASED = Promises(unbiased=False, differentiable=True, families=("bernoulli", "categorical"))


@dataclass(frozen=True)
class Pathwise:
    """The derivative of f along the path z = location + epsilon * scale."""

    promises: ClassVar[Promises] = Promises(
        unbiased=True, differentiable=True, families=("location-scale",)
    )
    learned: ClassVar[nn.Module] = NOTHING

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of samples through which the gradient passes."""
        check_samples(self, samples)
        location, scale = location_and_scale(distribution)
        drawn = distribution.sample(torch.Size([samples]))
        epsilon = ((drawn - location) / scale).detach()  # of a scale of 0 there is no density
        z = location + epsilon * scale
        return costs(f, z, distribution.batch_shape).mean()


@dataclass(frozen=True)
class GumbelSoftmax:
    """The derivative of f at soft choices."""

    temperature: float = 0.5
    hard: bool = False
    """f sees the choice itself, and the derivative is that of the soft one"""

    promises: ClassVar[Promises] = BIASED
    learned: ClassVar[nn.Module] = NOTHING

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise UserError(f"temperature must be positive, got {self.temperature}")

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of soft or hard samples, through which the gradient passes."""
        check_samples(self, samples)
        of = discrete(distribution, self.promises.families, "GumbelSoftmax")
        perturbed = of.logits + noise(of, samples)
        z = soften(of, perturbed / self.temperature)
        if self.hard:
            z = harden(of, perturbed) + (z - z.detach())
        return costs(f, z, of.batch_shape).mean()


@dataclass(frozen=True)
class StraightThrough:
    """The derivative of f at the choice, passed on to the probabilities (Bengio et al. 2013).

    It is exact where f is linear, and only there.
    """

    promises: ClassVar[Promises] = BIASED
    learned: ClassVar[nn.Module] = NOTHING

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of the samples; the gradient passes as if they were their probabilities."""
        check_samples(self, samples)
        of = discrete(distribution, self.promises.families, "StraightThrough")
        chance = of.mean()
        z = distribution.sample(torch.Size([samples])) + (chance - chance.detach())
        return costs(f, z, of.batch_shape).mean()


def noise(of: Discrete, samples: int) -> Tensor:
    """Logistic noise for bits, Gumbel noise for choices; ``S *batch *event``."""
    shape = (samples, *of.logits.shape)
    uniform = torch.rand(shape, dtype=of.logits.dtype, device=of.logits.device)
    limits = torch.finfo(of.logits.dtype)
    uniform = uniform.clamp(limits.tiny, 1 - limits.eps)
    return uniform.logit() if of.family == "bernoulli" else -(-uniform.log()).log()


def soften(of: Discrete, scaled: Tensor) -> Tensor:
    """From perturbed logits over the temperature to a point within the simplex."""
    return scaled.sigmoid() if of.family == "bernoulli" else scaled.softmax(dim=-1)


def harden(of: Discrete, perturbed: Tensor) -> Tensor:
    """From perturbed logits to the sample of zeros and ones."""
    if of.family == "bernoulli":
        return (perturbed > 0).to(perturbed.dtype)
    chosen = perturbed.argmax(dim=-1, keepdim=True)
    return torch.zeros_like(perturbed).scatter_(-1, chosen, 1.0)
