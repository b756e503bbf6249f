"""The pathwise derivative, or reparameterisation (Kingma & Welling 2014; Rezende et al. 2014).

Where a sample can be written as a differentiable function of the parameters and of noise that
does not depend on them, z = T(epsilon, alpha), the derivative goes through the sample:

    grad E_{z ~ q(z|alpha)}[f(z)] = E_epsilon[grad f(T(epsilon, alpha))].

For a normal distribution T = mu + epsilon * sigma; the same serves for every family that is a
location and a scale of one noise.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.estimators.distributions import location_and_scale
from hringur.estimators.interface import (
    Cost,
    Promises,
    Sampled,
    check_samples,
    costs,
    nothing_learned,
)


@dataclass(frozen=True)
class Pathwise:
    """The derivative of f along the path z = location + epsilon * scale."""

    promises: ClassVar[Promises] = Promises(
        unbiased=True, differentiable=True, families=("location-scale",)
    )

    @property
    def learned(self) -> nn.Module:
        """Nothing."""
        return nothing_learned()

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """Mean cost of samples through which the gradient passes."""
        check_samples(self, samples)
        location, scale = location_and_scale(distribution)
        drawn = distribution.sample(torch.Size([samples]))
        epsilon = ((drawn - location) / scale).detach()  # of a scale of 0 there is no density
        z = location + epsilon * scale
        return costs(f, z, distribution.batch_shape).mean()
