"""Running statistics: observations to mean 0 and deviation 1, rewards to a common scale.

Both are modules without parameters, so their numbers are saved with the weights, and processes
that train together share those of rank zero.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

LONGEST = 10.0  # deviations from the mean beyond which an observation is cut off
SMALLEST = 1e-8  # added to a variance


class RunningMoments(nn.Module):
    """Mean and variance of all rows seen, merged batch by batch (Chan et al. 1979)."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.variance: Tensor
        self.count: Tensor
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))
        self.register_buffer("count", torch.zeros(()))

    @torch.no_grad()
    def learn(self, rows: Float[Tensor, "rows *shape"]) -> None:
        """Take in a batch of rows."""
        if not len(rows):
            return
        variance, mean = torch.var_mean(rows, dim=0, correction=0)
        total = self.count + len(rows)
        share = len(rows) / total
        shift = mean - self.mean
        between = share * (1 - share) * shift.square()
        self.variance.copy_((1 - share) * self.variance + share * variance + between)
        self.mean.add_(share * shift)
        self.count.copy_(total)


class Standardise(nn.Module):
    """(x - mean) / deviation, cut off at ten deviations; the identity before anything is seen."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.moments = RunningMoments(*shape)
        self.scale: Tensor
        self.shift: Tensor
        self.register_buffer("scale", torch.ones(shape))  # derived, so that forward is two calls
        self.register_buffer("shift", torch.zeros(shape))

    def forward(self, x: Float[Tensor, "rows *shape"]) -> Float[Tensor, "rows *shape"]:
        """The standardised rows."""
        return torch.addcmul(self.shift, x, self.scale).clamp_(-LONGEST, LONGEST)

    @torch.no_grad()
    def learn(self, rows: Float[Tensor, "rows *shape"]) -> None:
        """Take in a batch of rows."""
        self.moments.learn(rows)
        self.scale.copy_((self.moments.variance + SMALLEST).rsqrt())
        self.shift.copy_(-self.moments.mean * self.scale)


class RewardScale(nn.Module):
    """Divides rewards by the deviation of discounted returns, and subtracts nothing.

    A constant factor leaves the best policy what it is; a constant taken off would not. The scale
    is the same trick as in OpenAI's baselines (Engstrom et al. 2020 measure what it does).
    """

    def __init__(self) -> None:
        super().__init__()
        self.moments = RunningMoments()

    def forward(self, reward: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """The scaled rewards."""
        return reward * (self.moments.variance + SMALLEST).rsqrt()

    def learn(self, discounted: Float[Tensor, " rows"]) -> None:
        """Take in discounted sums of past rewards."""
        self.moments.learn(discounted)
