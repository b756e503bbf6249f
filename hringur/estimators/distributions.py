"""The distributions that estimators know more about than their log probability.

The last axes that ``torch.distributions.Independent`` declares to be one sample are the event, the
axes before are the batch.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributions import (
    Bernoulli,
    Cauchy,
    Distribution,
    Gumbel,
    Independent,
    Laplace,
    Normal,
    OneHotCategorical,
    StudentT,
    Uniform,
)

from hringur.estimators.interface import Family, Sampled
from hringur.types import UserError

LIMIT = 1e3
"""Larger logits are clamped: the probability is 0 in 64 bits anyway, and 0 * inf is NaN."""

LOCATION_SCALE = (Normal, Laplace, Cauchy, Gumbel, StudentT)


def bernoullis(logits: Float[Tensor, "*batch K"]) -> Independent:
    """K independent bits of one sample, as zeros and ones ``*batch K``."""
    return Independent(Bernoulli(logits=logits, validate_args=False), 1, validate_args=False)


def categoricals(logits: Float[Tensor, "*batch K C"]) -> Independent:
    """K independent choices among C, one-hot ``*batch K C``."""
    choices = OneHotCategorical(logits=logits, validate_args=False)
    return Independent(choices, 1, validate_args=False)


def gaussians(mean: Float[Tensor, "*batch K"], scale: Float[Tensor, "*batch K"]) -> Independent:
    """K independent normal numbers of one sample, ``*batch K``."""
    return Independent(Normal(mean, scale, validate_args=False), 1, validate_args=False)


@dataclass(frozen=True, eq=False)
class LocationScale:
    """z = location + scale * noise; the last ``event_dims`` axes are one sample."""

    location: Tensor
    scale: Tensor
    noise: Distribution
    """distribution of a single number, such as Normal(0, 1)"""

    event_dims: int = 1

    @property
    def batch_shape(self) -> torch.Size:
        """Shape of the batch of instances."""
        return self.location.shape[: self.location.dim() - self.event_dims]

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size) -> Tensor:
        """Samples ``*sample_shape *batch *event``."""
        noise = self.noise.sample(sample_shape + self.location.shape)
        return self.location + self.scale * noise

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of each sample [nats]."""
        log_prob = self.noise.log_prob((value - self.location) / self.scale) - self.scale.log()
        return log_prob.sum(dim=tuple(range(-self.event_dims, 0))) if self.event_dims else log_prob

    @property
    def mode(self) -> Tensor:
        """The likeliest sample."""
        return self.location + self.scale * self.noise.mode


class Discrete(NamedTuple):
    """A Bernoulli or categorical distribution, taken apart."""

    family: Family
    logits: Tensor
    """``*batch *event``; those of a categorical are normalised over the last axis"""

    batch_shape: torch.Size

    def spread(self, per_instance: Tensor) -> Tensor:
        """``S *batch`` as ``S *batch 1 ..``, to be multiplied with ``S *batch *event``."""
        missing = self.logits.dim() - len(self.batch_shape)
        return per_instance.reshape(*per_instance.shape, *[1] * missing)

    def score(self, z: Tensor) -> Tensor:
        """Gradient of log p(z) in the logits: z - E[z], for bits and one-hot choices alike."""
        return z - self.mean()

    def mean(self) -> Tensor:
        """The probabilities."""
        bits = self.family == "bernoulli"
        return self.logits.sigmoid() if bits else self.logits.softmax(dim=-1)


def discrete(distribution: Sampled, families: tuple[Family, ...], estimator: str) -> Discrete:
    """The logits of a distribution, which must be of a family that ``estimator`` takes."""
    base = _base(distribution)
    if isinstance(base, Bernoulli) and "bernoulli" in families:
        return Discrete("bernoulli", _finite(base.logits), distribution.batch_shape)
    if isinstance(base, OneHotCategorical) and "categorical" in families:
        return Discrete("categorical", _finite(base.logits), distribution.batch_shape)
    raise UserError(f"{estimator} takes {' or '.join(families)}, not {type(base).__name__}")


def log_prob(distribution: Sampled, z: Tensor) -> Tensor:
    """Log probability of samples [nats], finite also for bits with infinite logits."""
    if isinstance(distribution, Independent):
        each = log_prob(distribution.base_dist, z)
        return each.sum(dim=tuple(range(-distribution.reinterpreted_batch_ndims, 0)))
    if isinstance(distribution, Bernoulli):
        distribution = Bernoulli(logits=_finite(distribution.logits), validate_args=False)
    return distribution.log_prob(z)


def location_and_scale(distribution: Sampled) -> tuple[Tensor, Tensor]:
    """Location and scale of a distribution of a location-scale family."""
    base = _base(distribution)
    if isinstance(base, LocationScale):
        return base.location, base.scale
    if isinstance(base, LOCATION_SCALE):
        return base.loc, base.scale
    if isinstance(base, Uniform):
        return base.low, base.high - base.low
    known = ", ".join(family.__name__ for family in (LocationScale, *LOCATION_SCALE, Uniform))
    raise UserError(f"the pathwise derivative takes {known}, not {type(base).__name__}")


def likeliest(distribution: Any) -> Tensor:
    """The mode ``*batch *event``, which is the greedy choice."""
    base = _base(distribution)
    if isinstance(base, Bernoulli):  # torch's own mode is not a number where both are as likely
        return (base.logits > 0).to(base.logits.dtype)
    return distribution.mode


def parameters_of(distribution: Any) -> Float[Tensor, "*batch P"]:
    """The parameters of each instance, flat and without gradient."""
    base = _base(distribution)
    known = isinstance(base, (LocationScale, Uniform, *LOCATION_SCALE))
    parts = list(location_and_scale(base)) if known else [_finite(base.logits)]
    axes = len(distribution.batch_shape)
    return torch.cat([part.detach().flatten(axes) for part in parts], dim=-1)


def _finite(logits: Tensor) -> Tensor:
    return logits.clamp(-LIMIT, LIMIT)


def _base(distribution: Any) -> Any:
    while isinstance(distribution, Independent):
        distribution = distribution.base_dist
    return distribution
