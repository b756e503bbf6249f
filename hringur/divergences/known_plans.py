"""Pairs of distributions whose entropic plan of transport is known in closed form.

The cost is |x - y|^2 / 2 and the plan minimises E[cost] + epsilon KL(plan | independent). With a
standard normal x, any potential that is a mixture of Gaussians N(mu_k, S_k) with weights p_k gives
such a pair (Gushchin et al. 2023, theorem 3.2; Korotin et al. 2024, proposition 3.3):

    plan(y | x) = sum_k w_k(x) N(y | C_k (S_k^-1 mu_k + x / epsilon), C_k),
    C_k = (S_k^-1 + I / epsilon)^-1,   w_k(x) ~ p_k N(x | mu_k, S_k + epsilon I)
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.types import UserError

Moments = tuple[Float[Tensor, "B D"], Float[Tensor, "B D D"]]
"""Mean and covariance of y for each x."""


@runtime_checkable
class Plan(Protocol):
    """Where mass goes: a distribution of y for each x."""

    def moments(self, x: Float[Tensor, "B D"]) -> Moments:
        """Mean and covariance of y given each x."""
        ...

    def draw(self, x: Float[Tensor, "B D"], generator: torch.Generator) -> Float[Tensor, "B D"]:
        """A y for each x."""
        ...


class MixtureOfPlans(ABC):
    """y given x is a mixture of Gaussians with diagonal covariances that do not depend on x."""

    @property
    @abstractmethod
    def spread(self) -> Float[Tensor, "K D"]:
        """Variances of the parts."""

    @abstractmethod
    def parts(self, x: Float[Tensor, "B D"]) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K D"]]:
        """Logarithms of the weights, up to a constant for each x, and means of the parts."""

    def moments(self, x: Float[Tensor, "B D"]) -> Moments:
        """Those of the mixture, in closed form."""
        logs, centre = self.parts(x)
        share = logs.softmax(dim=1)
        mean = (share[..., None] * centre).sum(dim=1)
        between = weighted_covariance(share, centre, mean)
        return mean, between + torch.diag_embed(share @ self.spread)

    def barycentre(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """The mean of y given each x."""
        logs, centre = self.parts(x)
        return (logs.softmax(dim=1)[..., None] * centre).sum(dim=1)

    def draw(self, x: Float[Tensor, "B D"], generator: torch.Generator) -> Float[Tensor, "B D"]:
        """A part for each x by its weight, and a y from it."""
        logs, centre = self.parts(x)
        part = torch.multinomial(logs.softmax(dim=1), 1, generator=generator)[:, 0]
        noise = torch.randn(x.shape, generator=generator)
        return centre[torch.arange(len(x)), part] + self.spread[part].sqrt() * noise


@dataclass(frozen=True, eq=False)
class KnownPlan(MixtureOfPlans):
    """The plan of the module's formula, for K diagonal covariances."""

    weight: Float[Tensor, " K"]
    mean: Float[Tensor, "K D"]
    variance: Float[Tensor, "K D"]
    epsilon: float

    @property
    def spread(self) -> Float[Tensor, "K D"]:
        """The diagonals of C_k."""
        return 1 / (1 / self.variance + 1 / self.epsilon)

    def parts(self, x: Float[Tensor, "B D"]) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K D"]]:
        """w_k and the means of the formula."""
        wide = self.variance + self.epsilon
        away = (x[:, None] - self.mean).square() / wide
        logs = self.weight.log() - 0.5 * (away + wide.log()).sum(dim=2)
        return logs, self.spread * (self.mean / self.variance + x[:, None] / self.epsilon)


def known_plan(dimensions: int, epsilon: float, parts: int = 5, seed: int = 0) -> KnownPlan:
    """A pair of this package: ``parts`` clusters around a standard normal x.

    The means lie on a sphere of radius 5, the variances between a half and three halves of epsilon,
    or of 1 where epsilon is larger. All weights are equal.

    Raises:
        UserError: a number is out of its range.
    """
    if not (1 <= dimensions <= 4096 and 1 <= parts <= 1000 and 1e-3 <= epsilon <= 1e3):
        raise UserError(
            "dimensions must be in 1..4096, parts in 1..1000 and epsilon in 0.001..1000, got "
            f"{dimensions}, {parts} and {epsilon:g}"
        )
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(parts, dimensions, generator=generator)
    mean = 5 * mean / mean.norm(dim=1, keepdim=True)
    variance = min(epsilon, 1.0) * (0.5 + torch.rand(parts, dimensions, generator=generator))
    return KnownPlan(torch.full((parts,), 1 / parts), mean, variance, epsilon)


def weighted_covariance(
    share: Float[Tensor, "B N"], point: Float[Tensor, "*B N D"], mean: Float[Tensor, "B D"]
) -> Float[Tensor, "B D D"]:
    """Covariance of points with these weights; ``point`` may be the same for all rows."""
    if point.dim() == 2:
        second = torch.einsum("bn,nd,ne->bde", share, point, point)
        return second - mean[:, :, None] * mean[:, None]
    away = point - mean[:, None]
    return torch.einsum("bn,bnd,bne->bde", share, away, away)


@torch.no_grad()
def plan_error(plan: Plan, truth: Plan, x: Float[Tensor, "B D"], variance: float) -> float:
    """The conditional Bures-Wasserstein error, in percent (cBW2-UVP; Gushchin et al. 2023, 5.1).

    The mean over x of the squared Bures-Wasserstein distance between both conditional
    distributions, halved as their cost is, over half the ``variance`` of y, all directions added.
    """
    total = 0.0
    for rows in x.split(100):
        one, other = plan.moments(rows), truth.moments(rows)
        total += float(bures_wasserstein(*one, *other).sum())
    return 100 * (total / len(x)) / (0.5 * variance)


def bures_wasserstein(
    mean: Float[Tensor, "B D"],
    covariance: Float[Tensor, "B D D"],
    other_mean: Float[Tensor, "B D"],
    other_covariance: Float[Tensor, "B D D"],
) -> Float[Tensor, " B"]:
    """Half the squared distance between Gaussians with these moments (Dowson & Landau 1982)."""
    one, other = covariance.double(), other_covariance.double()
    root = matrix_root(one)
    cross = torch.linalg.eigvalsh(root @ other @ root).clamp(min=0).sqrt().sum(dim=1)
    traces = (one + other).diagonal(dim1=1, dim2=2).sum(dim=1)
    apart = (mean - other_mean).double().square().sum(dim=1)
    return 0.5 * apart + 0.5 * traces - cross


def matrix_root(matrix: Float[Tensor, "*B D D"]) -> Float[Tensor, "*B D D"]:
    """The symmetric square root of positive matrices."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()[..., None, :]) @ vectors.mT
