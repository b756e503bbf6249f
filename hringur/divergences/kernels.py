"""Maximum mean discrepancy: how far two samples are apart, by the means of their features.

    MMD^2(P, Q) = E k(x, x') + E k(y, y') - 2 E k(x, y)

(Gretton et al. 2012). The estimate here is the unbiased one: no sample is compared with itself, so
that its mean is zero, and it is as often below as above, where P and Q are the same. A critic that
need not be trained.

Where Q is the standard normal law, its two terms are known and need no sample. With r = |x - y|,
(C / (C + r^2))^p is the mean of exp(-t r^2 / C) where t follows Gamma's law of shape p, and

    E_y k(x, y) = sum_s E_t exp(-u |x|^2 / (1 + 2 u)) (1 + 2 u)^(-d/2),  u = t / C_s,

in d dimensions, the moment generating function of a chi-squared variable that is not central. By
Gauss and Laguerre's rule that is a sum over a few nodes, and E k(y, y') is the same with 4 u in
place of 2 u at x = 0. So only the codes are chance.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.special import roots_genlaguerre
from torch import Tensor


class Kernels(NamedTuple):
    """Inverse multiquadratic kernels, which are added up."""

    scales: tuple[float, ...]
    """of each, as a share of the one that fits the prior"""

    power: float = 1.0
    """to which each is raised; a higher one sees finer gaps and less of what is far"""


AUTHORS = Kernels((0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))
"""those of Tolstikhin et al. 2018, appendix"""

NODES = 64
"""of the rule for the integrals"""

HIGHEST_POWER = 16.0
"""up to which that rule is good to a thousandth in 2 to 64 dimensions"""

NOTHING = 1e-9
"""what a node that adds less is worth"""


def inverse_multiquadratic(
    squared_distance: Float[Tensor, "N M"], latent: int, kernels: Kernels = AUTHORS
) -> Float[Tensor, "N M"]:
    """k(x, y) = sum_s (C_s / (C_s + |x - y|^2))^p, C_s = 2 d s for a standard normal prior.

    2 d is the expected squared distance of two codes drawn from it. With a power of one the heavy
    tails pull on codes that lie far out, too.
    """
    constants = (2 * latent * scale for scale in kernels.scales)
    return sum(
        ((c / (c + squared_distance)).pow(kernels.power) for c in constants),
        start=torch.zeros_like(squared_distance),
    )


def mmd(
    x: Float[Tensor, "N Z"], y: Float[Tensor, "M Z"], kernels: Kernels = AUTHORS
) -> Float[Tensor, ""]:
    """The unbiased estimate of MMD^2, counted in 64 bits; may be negative."""
    latent = x.shape[1]
    x, y = x.double(), y.double()  # far from the origin, 32 bits lose the distances
    within_x = inverse_multiquadratic(squared_distances(x, x), latent, kernels)
    within_y = inverse_multiquadratic(squared_distances(y, y), latent, kernels)
    between = inverse_multiquadratic(squared_distances(x, y), latent, kernels)
    return _mean_of_others(within_x) + _mean_of_others(within_y) - 2 * between.mean()


def mmd_to_normal(x: Float[Tensor, "N Z"], kernels: Kernels = AUTHORS) -> Float[Tensor, ""]:
    """The unbiased estimate of MMD^2 to the standard normal law itself; may be negative."""
    latent = x.shape[1]
    within = inverse_multiquadratic(squared_distances(x, x), latent, kernels)
    to_prior, of_prior = _normal_means(x.square().sum(dim=1), latent, kernels)
    return _mean_of_others(within) - 2 * to_prior.mean() + of_prior


def _normal_means(
    squared_norm: Float[Tensor, " N"], latent: int, kernels: Kernels
) -> tuple[Float[Tensor, " N"], float]:
    """E k(x, y) for each |x|^2, and E k(y, y'); y and y' standard normal."""
    rate, factor, of_prior = _rule(latent, kernels)
    rates, factors = squared_norm.new_tensor(rate), squared_norm.new_tensor(factor)
    return torch.exp(-squared_norm[:, None] * rates) @ factors, of_prior


@cache
def _rule(
    latent: int, kernels: Kernels
) -> tuple[Float64[np.ndarray, " K"], Float64[np.ndarray, " K"], float]:
    """Rate and factor of each exponential in E k(x, y), and the value of E k(y, y')."""
    node, weight = roots_genlaguerre(NODES, kernels.power - 1)
    weight = weight / weight.sum()  # Gamma(p), whose law t follows
    u = node / (2 * latent * np.array(kernels.scales)[:, None])  # one row for each scale
    rate, factor = u / (1 + 2 * u), weight * (1 + 2 * u) ** (-latent / 2)
    keep = factor.ravel() > NOTHING
    of_prior = float((weight * (1 + 4 * u) ** (-latent / 2)).sum())
    return rate.ravel()[keep], factor.ravel()[keep], of_prior


def moments_gap(code: Float[Tensor, "B Z"]) -> Float[Tensor, ""]:
    """Squared distance of mean and covariance from those of the standard normal law.

    What an encoder is warmed up with: a decoder learns little from codes that all lie in one
    place, and the kernels feel little of codes that lie far out.
    """
    mean = code.mean(dim=0)
    centred = code - mean
    covariance = centred.T @ centred / (len(code) - 1)
    identity = torch.eye(code.shape[1], device=code.device, dtype=code.dtype)
    return mean.square().sum() + (covariance - identity).square().sum()


def squared_distances(x: Float[Tensor, "N Z"], y: Float[Tensor, "M Z"]) -> Float[Tensor, "N M"]:
    """|x_i - y_j|^2, by one product of matrices."""
    squared = x.square().sum(dim=1)[:, None] + y.square().sum(dim=1)[None] - 2 * x @ y.T
    return squared.clamp(min=0)


def _mean_of_others(kernel: Float[Tensor, "N N"]) -> Float[Tensor, ""]:
    """The mean off the diagonal."""
    n = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))
