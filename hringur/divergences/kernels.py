"""Maximum mean discrepancy (Gretton et al. 2012), estimated without bias.

    MMD^2(P, Q) = E k(x, x') + E k(y, y') - 2 E k(x, y)

Where Q is standard normal, its two terms are known: (C / (C + r^2))^p is the mean of
exp(-t r^2 / C) for t ~ Gamma(p), and so a sum over the nodes of Gauss and Laguerre's rule, of

    E_y exp(-u |x - y|^2) = exp(-u |x|^2 / (1 + 2 u)) (1 + 2 u)^(-d/2),  u = t / C_s.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.special import roots_genlaguerre
from torch import Tensor


class Kernels(NamedTuple):
    """A sum of inverse multiquadratic kernels."""

    scales: tuple[float, ...]
    """scale of each, as a share of the one that fits the prior"""

    power: float = 1.0
    """power of each; a higher one sees finer gaps and less of what is far"""


AUTHORS = Kernels((0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))
"""The kernels of Tolstikhin et al. 2018, appendix."""

NODES = 64
"""Nodes of the rule for the integrals."""

HIGHEST_POWER = 16.0
"""Up to this power the rule is good to a thousandth in 2 to 64 dimensions."""

NOTHING = 1e-9
"""Nodes that add less are left out."""


def inverse_multiquadratic(
    squared_distance: Float[Tensor, "N M"], latent: int, kernels: Kernels = AUTHORS
) -> Float[Tensor, "N M"]:
    """k(x, y) = sum_s (C_s / (C_s + |x - y|^2))^p, C_s = 2 d s for a standard normal prior.

    2 d is the expected squared distance of two codes drawn from it.
    """
    constants = (2 * latent * scale for scale in kernels.scales)
    return sum(
        ((c / (c + squared_distance)).pow(kernels.power) for c in constants),
        start=torch.zeros_like(squared_distance),
    )


def mmd(
    x: Float[Tensor, "N Z"], y: Float[Tensor, "M Z"], kernels: Kernels = AUTHORS
) -> Float[Tensor, ""]:
    """The unbiased estimate of MMD^2, which may be negative."""
    latent = x.shape[1]
    x, y = x.double(), y.double()  # far from the origin, 32 bits lose the distances
    within_x = inverse_multiquadratic(squared_distances(x, x), latent, kernels)
    within_y = inverse_multiquadratic(squared_distances(y, y), latent, kernels)
    between = inverse_multiquadratic(squared_distances(x, y), latent, kernels)
    return _mean_of_others(within_x) + _mean_of_others(within_y) - 2 * between.mean()


def mmd_to_normal(x: Float[Tensor, "N Z"], kernels: Kernels = AUTHORS) -> Float[Tensor, ""]:
    """The unbiased estimate of MMD^2 to the standard normal distribution; may be negative."""
    latent = x.shape[1]
    within = inverse_multiquadratic(squared_distances(x, x), latent, kernels)
    rate, factor, of_prior = _rule(latent, kernels)
    squared_norm = x.square().sum(dim=1)
    to_prior = torch.exp(-squared_norm[:, None] * x.new_tensor(rate)) @ x.new_tensor(factor)
    return _mean_of_others(within) - 2 * to_prior.mean() + of_prior


@cache
def _rule(
    latent: int, kernels: Kernels
) -> tuple[Float64[np.ndarray, " K"], Float64[np.ndarray, " K"], float]:
    """Rate and factor of each exponential in E k(x, y), and the value of E k(y, y')."""
    node, weight = roots_genlaguerre(NODES, kernels.power - 1)
    weight = weight / weight.sum()  # those of Gamma(p)
    u = node / (2 * latent * np.array(kernels.scales)[:, None])  # one row for each scale
    rate, factor = u / (1 + 2 * u), weight * (1 + 2 * u) ** (-latent / 2)
    keep = factor.ravel() > NOTHING
    of_prior = float((weight * (1 + 4 * u) ** (-latent / 2)).sum())
    return rate.ravel()[keep], factor.ravel()[keep], of_prior


def moments_gap(code: Float[Tensor, "B Z"]) -> Float[Tensor, ""]:
    """Squared distance of mean and covariance from those of a standard normal distribution."""
    mean = code.mean(dim=0)
    centred = code - mean
    covariance = centred.T @ centred / (len(code) - 1)
    identity = torch.eye(code.shape[1], device=code.device, dtype=code.dtype)
    return mean.square().sum() + (covariance - identity).square().sum()


def squared_distances(x: Float[Tensor, "N Z"], y: Float[Tensor, "M Z"]) -> Float[Tensor, "N M"]:
    """|x_i - y_j|^2 for all pairs."""
    squared = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)[None] - 2 * x @ y.T
    return squared.clamp(min=0)


def _mean_of_others(kernel: Float[Tensor, "N N"]) -> Float[Tensor, ""]:
    """The mean off the diagonal."""
    n = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))
