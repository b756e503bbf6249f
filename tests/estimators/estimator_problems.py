"""Small problems with exact gradients, and estimates of them, for the tests of the estimators."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from hringur.estimators.distributions import bernoullis, categoricals, gaussians
from hringur.estimators.interface import Estimator, Sampled

WEIGHT = torch.tensor([1.0, -2.0, 1.5], dtype=torch.float64)
EMBEDDING = torch.tensor(
    [
        [[0.3, 1.0], [-1.2, 0.4], [0.8, -0.5], [0.1, 0.9]],
        [[1.1, 0], [-0.3, 0.7], [0, -1], [2, 0.2]],
    ],
    dtype=torch.float64,
)
TARGET = torch.tensor([0.4, 0.6], dtype=torch.float64)


@dataclass(frozen=True)
class Problem:
    """Costs under a distribution with parameters of one instance."""

    family: str
    parameters: Tensor
    distribution: Callable[[Tensor], Sampled]
    f: Callable[[Tensor], Tensor]
    outcomes: Tensor | None = None
    """every sample, if they can be counted"""

    closed_form: Callable[[Tensor], Tensor] | None = None
    """E[f] of the parameters, otherwise"""

    def expectation(self, parameters: Tensor) -> Tensor:
        """Exact, differentiable."""
        if self.closed_form is not None:
            return self.closed_form(parameters)
        chance = self.distribution(parameters).log_prob(self.outcomes).exp()
        return (chance * self.f(self.outcomes)).sum()

    def exact(self) -> Tensor:
        """Gradient of the expectation."""
        parameters = self.parameters.clone().requires_grad_()
        return torch.autograd.grad(self.expectation(parameters), parameters)[0]


def coupled_bits(z: Tensor) -> Tensor:
    """Three bits that need each other; smooth between them, and never near zero."""
    return 2 + (z @ WEIGHT - 0.3).square() + torch.sin(2 * z[..., 0] * z[..., 2]) * z[..., 1]


def coupled_choices(z: Tensor) -> Tensor:
    """The squared distance of a sum of embeddings from a target."""
    return (torch.einsum("...kc,kcd->...d", z, EMBEDDING) - TARGET).square().sum(dim=-1)


def coupled_normals(z: Tensor) -> Tensor:
    """A polynomial of two normal numbers."""
    return (z[..., 0] - 0.5).square() + z[..., 0] * z[..., 1] + 3


def coupled_normals_mean(parameters: Tensor) -> Tensor:
    (mean, other), (scale, _) = parameters
    return (mean - 0.5).square() + scale.square() + mean * other + 3


BITS = Problem(
    "bernoulli",
    torch.tensor([0.3, -1.0, 0.8], dtype=torch.float64),
    bernoullis,
    coupled_bits,
    torch.tensor(list(product([0.0, 1.0], repeat=3)), dtype=torch.float64),
)
CHOICES = Problem(
    "categorical",
    torch.tensor([[0.3, -1.0, 0.8, 0.0], [1.0, 0.2, -0.5, 0.4]], dtype=torch.float64),
    categoricals,
    coupled_choices,
    torch.stack([torch.eye(4, dtype=torch.float64)[[i, j]] for i in range(4) for j in range(4)]),
)
NORMALS = Problem(
    "location-scale",
    torch.tensor([[0.7, -0.4], [0.5, 1.2]], dtype=torch.float64),
    lambda parameters: gaussians(parameters[..., 0, :], parameters[..., 1, :]),
    coupled_normals,
    closed_form=coupled_normals_mean,
)
PROBLEMS = (BITS, CHOICES, NORMALS)


def estimates(
    estimator: Estimator, problem: Problem, samples: int = 2, count: int = 20_000
) -> Tensor:
    """So many independent estimates, as instances side by side; each ``*parameters``."""
    shape = problem.parameters.shape
    parameters = problem.parameters.expand(count, *shape).clone().requires_grad_()
    surrogate = estimator.surrogate(problem.f, problem.distribution(parameters), samples)
    return count * torch.autograd.grad(surrogate, parameters)[0]


def assert_mean(found: Tensor, expected: Tensor) -> None:
    """Within five standard errors in every coordinate."""
    error = found.std(dim=0) / len(found) ** 0.5
    away = (found.mean(dim=0) - expected).abs()
    assert (away <= 5 * error + 1e-12).all(), (found.mean(dim=0), expected, error)


@dataclass(frozen=True)
class Scripted:
    """A distribution that deals given samples ``S B *event`` to B instances."""

    of: Sampled
    deal: Tensor

    @property
    def batch_shape(self) -> torch.Size:
        return self.of.batch_shape

    def sample(self, sample_shape: torch.Size) -> Tensor:
        assert tuple(sample_shape) == (len(self.deal),)
        return self.deal

    def log_prob(self, value: Tensor) -> Tensor:
        return self.of.log_prob(value)

    @property
    def mode(self) -> Tensor:
        return (self.of.base_dist.logits > 0).double()

    @property
    def logits(self) -> Tensor:
        return self.of.base_dist.logits


def exact_expectation(estimator: Estimator, samples: int) -> Tensor:
    """Of the estimate on the three bits: all combinations of samples, weighed by their chance."""
    deal = torch.stack(
        [torch.stack(combination) for combination in product(BITS.outcomes, repeat=samples)], dim=1
    )  # S B 3
    count = deal.shape[1]
    parameters = BITS.parameters.expand(count, 3).clone().requires_grad_()
    distribution = bernoullis(parameters)
    weight = distribution.log_prob(deal).sum(dim=0).exp().detach()
    surrogate = estimator.surrogate(BITS.f, Scripted(distribution, deal), samples)
    (gradient,) = torch.autograd.grad(surrogate, parameters)
    return (weight[:, None] * gradient).sum(dim=0) * count
