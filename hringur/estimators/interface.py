"""What every gradient estimator keeps: one call, and its promises.

The task is always the same: minimise E_{z ~ p(z|theta)}[f(z)] by gradient, where ``z`` cannot be
differentiated. An agent or a model takes an ``Estimator`` and calls

    estimator.surrogate(f, distribution, samples).backward()

and nothing else changes when another estimator takes its place. ``f`` maps samples
``S *batch *event`` to costs ``S *batch``. The surrogate's value is the mean cost of the samples,
and its gradient is the estimate, for everything that the cost depends on: the distribution's
parameters through the samples' chances, and whatever ``f`` itself holds (a decoder's weights, a
term with log q) through the costs. A batch counts as the mean of its instances.
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
"""What is sampled from; any: whatever has ``sample`` and a differentiable ``log_prob``."""

NOTHING = nn.Module()
"""``learned`` of an estimator that learns nothing: it has no parameters and no state."""


@runtime_checkable
class Sampled(Protocol):
    """As much of a torch distribution as is needed here."""

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the instances side by side."""
        ...

    def sample(self, sample_shape: torch.Size) -> Tensor:
        """Samples ``*sample_shape *batch *event``, without gradient."""
        ...

    def log_prob(self, value: Tensor) -> Tensor:
        """Of each sample, differentiable in the parameters [nats]."""
        ...


@dataclass(frozen=True, kw_only=True)
class Promises:
    """What an estimator claims; the contract tests hold each to it."""

    unbiased: bool
    """the estimate's expectation is the exact gradient, whatever has been learned so far"""

    differentiable: bool
    """it needs f's derivative, and so f at points that are no samples, if z is discrete"""

    families: tuple[Family, ...]
    """the distributions that it takes"""

    least_samples: int = 1
    """fewer are refused"""

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
        """What it needs and what it keeps."""
        ...

    @property
    def learned(self) -> nn.Module:
        """What the estimator learns by itself; without parameters for most.

        Its parameters belong into the optimiser, and its state into the checkpoint, of the model
        that is trained: ``backward`` leaves the gradient of the estimator's own loss on them.
        """
        ...

    def surrogate(self, f: Cost, distribution: Sampled, samples: int) -> Float[Tensor, ""]:
        """A scalar whose ``backward()`` is the estimate from so many samples.

        Raises:
            UserError: too few samples, a distribution of another family, or costs of a shape
                that does not fit the samples.
        """
        ...


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
    """The mean cost, with an estimate ``S *batch *event`` as the gradient of ``parameter``.

    For estimators that know the gradient of each sample in closed form: the chain rule carries
    it on into whatever ``parameter`` was computed from.
    """
    instances = max(1, cost[0].numel())
    chained = (gradient.detach().mean(dim=0) * parameter).sum() / instances
    return cost.mean() + gradient_only(chained)
