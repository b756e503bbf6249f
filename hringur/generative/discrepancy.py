"""Maximum mean discrepancy: how far two samples are apart, by the means of their features.

    MMD^2(P, Q) = E k(x, x') + E k(y, y') - 2 E k(x, y)

(Gretton et al. 2012). The estimate here is the unbiased one: no sample is compared with itself, so
that its mean is zero, and it is as often below as above, where P and Q are the same. A critic that
need not be trained.

Where Q is the standard normal law, its two terms are known and need no sample. With
C / (C + r^2) = integral over t > 0 of exp(-t (1 + r^2 / C)), and r^2 = |x - y|^2,

    E_y k(x, y) = sum_s integral of exp(-t - u |x|^2 / (1 + 2 u)) (1 + 2 u)^(-d/2) dt,  u = t / C_s,

in d dimensions, the moment generating function of a chi-squared variable that is not central. By
Gauss and Laguerre's rule that is a sum over a few nodes, and E k(y, y') is the same with 4 u in
place of 2 u at x = 0. So only the codes are chance.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""of the kernels, around the one that fits the prior (Tolstikhin et al. 2018, appendix)"""

NODES = 64
"""of the rule for the integrals"""

NOTHING = 1e-9
"""what a node that adds less is worth"""


def inverse_multiquadratic(
    squared_distance: Float[Tensor, "N M"], latent: int, scales: Sequence[float] = SCALES
) -> Float[Tensor, "N M"]:
    """k(x, y) = sum_s C_s / (C_s + |x - y|^2), C_s = 2 d s for a standard normal prior.

    2 d is the expected squared distance of two codes drawn from it. The heavy tails pull on codes
    that lie far out, too.
    """
    return sum(
        (2 * latent * s / (2 * latent * s + squared_distance) for s in scales),
        start=torch.zeros_like(squared_distance),
    )


def mmd(
    x: Float[Tensor, "N Z"], y: Float[Tensor, "M Z"], scales: Sequence[float] = SCALES
) -> Float[Tensor, ""]:
    """The unbiased estimate of MMD^2; may be negative."""
    latent = x.shape[1]
    within_x = inverse_multiquadratic(squared_distances(x, x), latent, scales)
    within_y = inverse_multiquadratic(squared_distances(y, y), latent, scales)
    between = inverse_multiquadratic(squared_distances(x, y), latent, scales)
    return _mean_of_others(within_x) + _mean_of_others(within_y) - 2 * between.mean()


def mmd_to_normal(x: Float[Tensor, "N Z"]) -> Float[Tensor, ""]:
    """The unbiased estimate of MMD^2 to the standard normal law itself; may be negative."""
    latent = x.shape[1]
    within = inverse_multiquadratic(squared_distances(x, x), latent)
    to_prior, of_prior = _normal_means(x.square().sum(dim=1), latent)
    return _mean_of_others(within) - 2 * to_prior.mean() + of_prior


def _normal_means(
    squared_norm: Float[Tensor, " N"], latent: int
) -> tuple[Float[Tensor, " N"], float]:
    """E k(x, y) for each |x|^2, and E k(y, y'); y and y' standard normal."""
    rate, factor, of_prior = _rule(latent)
    rates, factors = squared_norm.new_tensor(rate), squared_norm.new_tensor(factor)
    return torch.exp(-squared_norm[:, None] * rates) @ factors, of_prior


@cache
def _rule(latent: int) -> tuple[Float64[np.ndarray, " K"], Float64[np.ndarray, " K"], float]:
    """Rate and factor of each exponential in E k(x, y), and the value of E k(y, y')."""
    node, weight = np.polynomial.laguerre.laggauss(NODES)
    u = node / (2 * latent * np.array(SCALES)[:, None])  # one row for each scale
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
