"""Solvers of entropic transport from samples alone, each giving a plan for unseen points.

========== ======================================================================================
solver     what
========== ======================================================================================
independent  y does not depend on x: the floor
gaussian   both sides as Gaussians, whose plan is known (Janati et al. 2020)
sinkhorn   the plan between the samples (Cuturi 2013), for other x by the potential of y
light-bridge  the potential is a mixture of Gaussians, learned by gradients (Korotin et al. 2024)
========== ======================================================================================

The cost is |x - y|^2 / 2.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hringur.divergences.kernels import squared_distances
from hringur.divergences.known_plans import (
    MixtureOfPlans,
    Moments,
    Plan,
    matrix_root,
    weighted_covariance,
)
from hringur.divergences.transport import potentials

Samples = Float[Tensor, "N D"]
Report = Callable[[int, float], None]
"""Called now and then while a solver learns, with the steps made and the loss."""


@dataclass(frozen=True, eq=False)
class WeightedSamples:
    """y is one of the samples, with weights that may depend on x."""

    y: Samples
    potential: Float[Tensor, " N"] | None
    """of each sample; None: all have the same weight"""
    epsilon: float

    def _share(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B N"]:
        if self.potential is None:
            return x.new_full((len(x), len(self.y)), 1 / len(self.y))
        cost = 0.5 * squared_distances(x, self.y)
        return ((self.potential - cost) / self.epsilon).softmax(dim=1)

    def moments(self, x: Float[Tensor, "B D"]) -> Moments:
        """Of the weighted samples."""
        share = self._share(x)
        mean = share @ self.y
        return mean, weighted_covariance(share, self.y, mean)

    def draw(self, x: Float[Tensor, "B D"], generator: torch.Generator) -> Float[Tensor, "B D"]:
        """A sample for each x."""
        return self.y[torch.multinomial(self._share(x), 1, generator=generator)[:, 0]]


@dataclass(frozen=True, eq=False)
class LinearPlan:
    """y given x is Gaussian, with a mean that is linear in x."""

    slope: Float[Tensor, "D D"]
    offset: Float[Tensor, " D"]
    covariance: Float[Tensor, "D D"]

    def moments(self, x: Float[Tensor, "B D"]) -> Moments:
        """The same covariance everywhere."""
        mean = x @ self.slope.T + self.offset
        return mean, self.covariance.expand(len(x), -1, -1)

    def draw(self, x: Float[Tensor, "B D"], generator: torch.Generator) -> Float[Tensor, "B D"]:
        """The mean and Gaussian noise."""
        noise = torch.randn(x.shape, generator=generator)
        return self.moments(x)[0] + noise @ matrix_root(self.covariance)


def independent(x: Samples, y: Samples, epsilon: float, seed: int = 0) -> Plan:
    """Any y for any x."""
    return WeightedSamples(y, None, epsilon)


def gaussian(x: Samples, y: Samples, epsilon: float, seed: int = 0) -> Plan:
    """The plan between Gaussians with the samples' moments (Janati et al. 2020, theorem 1).

    With covariances A and B, the covariance of x and y is
    A^1/2 (A^1/2 B A^1/2 + epsilon^2 / 4)^1/2 A^-1/2 - epsilon / 2.
    """
    a, b = torch.cov(x.T.double()), torch.cov(y.T.double())
    a, b = torch.atleast_2d(a), torch.atleast_2d(b)
    identity = torch.eye(len(a), dtype=a.dtype)
    root = matrix_root(a)
    inner = matrix_root(root @ b @ root + epsilon**2 / 4 * identity)
    between = root @ inner @ torch.linalg.inv(root) - epsilon / 2 * identity
    slope = torch.linalg.solve(a, between).T
    covariance = b - slope @ between
    offset = y.double().mean(dim=0) - slope @ x.double().mean(dim=0)
    return LinearPlan(slope.to(x.dtype), offset.to(x.dtype), covariance.to(x.dtype))


def sinkhorn(x: Samples, y: Samples, epsilon: float, seed: int = 0, most: int = 2000) -> Plan:
    """Sinkhorn's plan between the first ``most`` samples of each side."""
    x, y = x[:most], y[:most]
    _, potential = potentials(0.5 * squared_distances(x, y), epsilon, iterations=200)
    return WeightedSamples(y, potential, epsilon)


class LightBridge(MixtureOfPlans, nn.Module):
    """The adjusted potential v(y) = sum_k a_k N(y | r_k, epsilon S_k), with diagonal S_k."""

    def __init__(self, centre: Float[Tensor, "K D"], epsilon: float, scale: float = 0.1) -> None:
        """Parts around ``centre``, with all weights equal and S_k = ``scale``."""
        super().__init__()
        self.epsilon = epsilon
        self.log_weight = nn.Parameter(centre.new_zeros(len(centre)))
        self.centre = nn.Parameter(centre.clone())
        self.log_scale = nn.Parameter(torch.full_like(centre, math.log(scale)))

    @property
    def spread(self) -> Float[Tensor, "K D"]:
        """Variances epsilon S_k."""
        return self.epsilon * self.log_scale.exp()

    def loss(self, x: Float[Tensor, "B D"], y: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
        """The mean of log c(x) less that of log v(y), up to a constant (equation 13)."""
        away = (y[:, None] - self.centre).square() / self.spread
        potential = self.log_weight - 0.5 * (away + self.log_scale).sum(dim=2)
        return self._tilted(x).logsumexp(dim=1).mean() - potential.logsumexp(dim=1).mean()

    def _tilted(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B K"]:
        """Logarithms of a_k exp((x S_k x + 2 r_k x) / (2 epsilon)), which add up to c(x)."""
        tilt = x.square() @ self.log_scale.exp().T + 2 * x @ self.centre.T
        return self.log_weight + tilt / (2 * self.epsilon)

    def parts(self, x: Float[Tensor, "B D"]) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K D"]]:
        """Weights, and means r_k + S_k x (proposition 3.3)."""
        return self._tilted(x), self.centre + self.log_scale.exp() * x[:, None]


def light_bridge(
    x: Samples,
    y: Samples,
    epsilon: float,
    seed: int = 0,
    parts: int = 50,
    steps: int = 10_000,
    batch: int = 512,
    lr: float = 1e-2,
    report: Report | None = None,
) -> Plan:
    """Fit a light bridge by Adam, its learning rate falling to zero along a cosine."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(y), generator=generator)[:parts]
    bridge = LightBridge(y[chosen], epsilon)
    optimizer = torch.optim.Adam(bridge.parameters(), lr=lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        rows = torch.randint(len(x), (batch,), generator=generator)
        others = torch.randint(len(y), (batch,), generator=generator)
        loss = bridge.loss(x[rows], y[others])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if report is not None and step % 500 == 0:
            report(step, float(loss))
    return bridge.requires_grad_(False)


SOLVERS: dict[str, Callable[..., Plan]] = {
    "independent": independent,
    "gaussian": gaussian,
    "sinkhorn": sinkhorn,
    "light-bridge": light_bridge,
}
"""Plan from samples of x and y, epsilon and a seed."""
