"""Solvers of entropic transport from samples alone, each giving a plan for unseen points.

========== ======================================================================================
solver     what
========== ======================================================================================
independent  y does not depend on x: the floor
gaussian   both sides as Gaussians, whose plan is known (Janati et al. 2020)
sinkhorn   the plan between the samples (Cuturi 2013), for other x by the potential of y
light-bridge  the potential is a mixture of Gaussians, learned by gradients (Korotin et al. 2024)
sliced, neural-transport, wgan  maps, without entropy (``maps.py``)
========== ======================================================================================

The cost is |x - y|^2 / 2.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hringur.divergences.kernels import squared_distances
from hringur.divergences.known_plans import (
    Moments,
    Plan,
    matrix_root,
    weighted_covariance,
)
from hringur.divergences.light_bridge import LightBridge
from hringur.divergences.transport import potentials
from hringur.generative.applications.maps import neural_transport, sliced, wgan

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
) -> LightBridge:
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
    "sliced": sliced,
    "neural-transport": neural_transport,
    "wgan": wgan,
}
"""Plan from samples of x and y, epsilon and a seed."""

LEARNED = ("light-bridge", "neural-transport", "wgan")
"""Solvers that make so many ``steps``."""
