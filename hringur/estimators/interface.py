"""The interface of every gradient estimator of E_{z ~ p(z|theta)}[f(z)].

    estimator.surrogate(f, distribution, samples).backward()

The surrogate's value is the mean cost of the samples, a mean over the batch. Its gradient is the
estimate for everything that the cost depends on: the distribution's parameters, and whatever ``f``
itself holds, such as a decoder's weights or a term with log q.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.types import UserError

Cost = Callable[[Tensor], Tensor]
"""f: from samples ``S *batch *event`` to costs ``S *batch``."""

Family = Literal["any", "bernoulli", "categorical", "location-scale"]
"""Family of distributions; any needs only ``sample`` and a differentiable ``log_prob``."""

NOTHING = nn.Module()
"""``learned`` of an estimator that learns nothing."""


@runtime_checkable
class Sampled(Protocol):
    """As much of a torch distribution as is needed here."""

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch of instances."""

    def sample(self, sample_shape: torch.Size) -> Tensor:
        """Samples ``*sample_shape *batch *event``, without gradient."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of each sample [nats], differentiable in the parameters."""


@dataclass(frozen=True, kw_only=True)
class Promises:
    """What an estimator claims; the contract tests hold each to it."""

    unbiased: bool
    """the estimate's expectation is the exact gradient, whatever has been learned so far"""

    differentiable: bool
    """it needs f's derivative; for discrete z, between the choices"""

    families: tuple[Family, ...]
    least_samples: int = 1

    each: int = 1
    """evaluations of f for each sample"""

    further: int = 0
    """evaluations of f beside those"""

    objective: Literal["mean", "bound"] = "mean"
    """E[f(z)], or VIMCO's bound E[-log mean_s exp(-f(z_s))]"""

    def evaluations(self, samples: int) -> int:
        """Evaluations of f for one estimate of one instance."""
        return self.each * samples + self.further


@runtime_checkable
class Estimator(Protocol):
    """A gradient estimator."""

    @property
    def promises(self) -> Promises:
        """What it needs and what it guarantees."""

    @property
    def learned(self) -> nn.Module:
        """What the estimator learns by itself.

        Its parameters belong in the optimiser, and its state in the checkpoint, of the model that
        is trained: ``backward`` leaves the gradient of the estimator's own loss on them.
        """

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """A scalar whose ``backward()`` is the estimate from so many samples.

        A ``UserError`` says if the samples are too few, the distribution is of another family, or
        the shape of the costs does not fit the samples.
        """


def check_samples(estimator: Any, samples: int) -> None:
    """Refuse fewer samples than the estimate is defined for."""
    least = estimator.promises.least_samples
    if samples < least:
        name = type(estimator).__name__
        raise UserError(f"{name}: samples must be at least {least}, got {samples}")


def costs(f: Cost, z: Tensor, batch_shape: torch.Size) -> Float[Tensor, "S *batch"]:
    """Costs of the samples, checked: a wrong shape would broadcast into a wrong gradient."""
    cost = f(z)
    expected = (len(z), *batch_shape)
    if cost.shape != expected:
        raise UserError(
            f"f must return one cost for each sample, of shape {tuple(expected)},"
            f" got {tuple(cost.shape)}; torch.distributions.Independent marks what is one sample"
        )
    return cost


def gradient_only(term: Float[Tensor, ""]) -> Float[Tensor, ""]:
    """A scalar 0 with the gradient of ``term``."""
    return term - term.detach()


def with_gradient(
    cost: Float[Tensor, "S *batch"], parameter: Tensor, gradient: Tensor
) -> Float[Tensor, ""]:
    """The mean cost, with an estimate ``S *batch *event`` as the gradient of ``parameter``."""
    instances = max(1, cost[0].numel())
    chained = (gradient.detach().mean(dim=0) * parameter).sum() / instances
    return cost.mean() + gradient_only(chained)
