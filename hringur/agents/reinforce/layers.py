"""Layers of the networks: perceptrons, running statistics, and convolutions for images.

The running statistics are modules without parameters, so they are saved with the weights, and
processes that train together share those of rank zero.
"""

import math
from collections.abc import Iterable
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.agents.reinforce.observations import Leaf
from hringur.training.fabric import everyones

Activation = Literal["tanh", "relu"]
ImageNetwork = Literal["small", "nature", "fine", "profiles"]

LARGEST = 10.0  # deviations from the mean at which a standardised number is cut off
SMALLEST = 1e-8  # added to a variance

# Channels, kernel and stride of each convolution, and the units behind them.
CONVOLUTIONS: dict[str, tuple[tuple[tuple[int, int, int], ...], int]] = {
    "small": (((16, 8, 4), (32, 4, 2)), 256),  # Mnih et al. 2016
    "nature": (((32, 8, 4), (64, 4, 2), (64, 3, 1)), 512),  # Mnih et al. 2015
    "fine": (((32, 4, 4), (64, 3, 2)), 256),
    "tiny": (((16, 3, 1),), 128),  # Young & Tian 2019, for images smaller than 36 pixels
}
TINY = 36
RESIDUAL = 3  # residual layers of "profiles"
SHARED = 3.0  # weight of the neighbours' mean beside a logit of one's own


def perceptron(
    inputs: int, hidden: list[int], outputs: int, activation: Activation, gain: float
) -> nn.Sequential:
    """Layers that are orthogonal at first; ``gain`` is that of the last one."""
    between = nn.Tanh if activation == "tanh" else nn.ReLU
    modules: list[nn.Module] = []
    for units in hidden:
        modules += [orthogonal(nn.Linear(inputs, units)), between()]
        inputs = units
    return nn.Sequential(*modules, orthogonal(nn.Linear(inputs, outputs), gain))


def orthogonal(layer: nn.Linear | nn.Conv2d, gain: float = math.sqrt(2)) -> nn.Linear | nn.Conv2d:
    """The layer with weights that are orthogonal but for ``gain``, and biases of zero."""
    nn.init.orthogonal_(layer.weight, gain)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class RunningMoments(nn.Module):
    """Mean and variance of all rows seen, merged batch by batch (Chan et al. 1979)."""

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))
        self.register_buffer("count", torch.zeros(()))

    @torch.no_grad()
    def learn(self, rows: Float[Tensor, "rows *shape"]) -> None:
        """Merge a batch of rows, those of every process together."""
        rows = everyones(rows)
        if not len(rows):
            return
        mean = rows.mean(dim=0)
        variance = (rows - mean).square_().mean(dim=0)  # eight times as fast as torch.var_mean
        self.count.add_(len(rows))
        share = len(rows) / self.count
        between = (mean - self.mean).square_().mul_(1 - share)
        self.variance.lerp_(variance.add_(between), share)
        self.mean.lerp_(mean, share)


class Standardise(nn.Module):
    """(x - mean) / deviation, cut off at ten deviations; the identity before anything is seen."""

    scale: Tensor
    shift: Tensor

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.moments = RunningMoments(*shape)
        self.register_buffer("scale", torch.ones(shape))  # derived, so that forward is two calls
        self.register_buffer("shift", torch.zeros(shape))

    def forward(self, x: Float[Tensor, "rows *shape"]) -> Float[Tensor, "rows *shape"]:
        """The standardised rows."""
        return torch.addcmul(self.shift, x, self.scale).clamp_(-LARGEST, LARGEST)

    @torch.no_grad()
    def learn(self, rows: Float[Tensor, "rows *shape"]) -> None:
        """Merge a batch of rows into the statistics."""
        self.moments.learn(rows)
        self.scale.copy_((self.moments.variance + SMALLEST).rsqrt())
        self.shift.copy_(-self.moments.mean * self.scale)


class RewardScale(nn.Module):
    """Divides rewards by the deviation of discounted returns, and subtracts nothing.

    A constant factor leaves the best policy what it is; subtracting a constant would not. OpenAI's
    baselines scale rewards alike (Engstrom et al. 2020 measure what it does).
    """

    def __init__(self) -> None:
        super().__init__()
        self.moments = RunningMoments()

    def forward(self, reward: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
        """The scaled rewards."""
        return reward * (self.moments.variance + SMALLEST).rsqrt()

    def learn(self, discounted: Float[Tensor, " rows"]) -> None:
        """Merge discounted sums of past rewards into the statistics."""
        self.moments.learn(discounted)


class Smoothed(nn.Module):
    """To each logit of a choice a weighted mean of its neighbours' is added.

    What is learned of a coordinate then holds, in part, for those beside it. The weights are those
    of a normal distribution, a positive definite matrix, so that logits can still be any.
    """

    mixed: Tensor

    def __init__(self, sizes: list[int], deviation: float) -> None:
        """``sizes`` are the values of each choice; ``deviation`` is in values."""
        super().__init__()
        blocks = []
        for size in sizes:
            value = torch.arange(float(size))
            apart = (value[:, None] - value) / max(deviation, 1e-3)  # below, all are 0 in float32
            weight = torch.exp(-0.5 * apart.square())
            blocks.append(torch.eye(size) + SHARED * weight / weight.sum(dim=0))
        self.register_buffer("mixed", torch.block_diag(*blocks), persistent=False)

    def forward(self, logits: Float[Tensor, "B A"]) -> Float[Tensor, "B A"]:
        """The logits and their neighbours'."""
        return logits @ self.mixed


class Residual(nn.Module):
    """A convolution that adds to what is there (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = orthogonal(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """relu(x + change(x))."""
        return F.relu(x + self.change(x))


class Profiles(nn.Module):
    """The largest value of each channel in every row and every column: where something is."""

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B G"]:
        """C * (W + H) numbers."""
        return torch.cat([x.amax(2).flatten(1), x.amax(3).flatten(1)], dim=1)


def profiles(channels: int, width: int = 32) -> nn.Sequential:
    """Patches of 4 pixels, residual convolutions, and their profiles."""
    modules: list[nn.Module] = []
    for before in (channels, width):
        modules += [orthogonal(nn.Conv2d(before, width, 4, 2, padding=1)), nn.ReLU()]
    return nn.Sequential(*modules, *(Residual(width) for _ in range(RESIDUAL)), Profiles())


def flattened(channels: int, layers: Iterable[tuple[int, int, int]]) -> nn.Sequential:
    """Convolutions of so many channels, kernels and strides, and their features in a row."""
    modules: list[nn.Module] = []
    for out, kernel, stride in layers:
        modules += [orthogonal(nn.Conv2d(channels, out, kernel, stride)), nn.ReLU(inplace=True)]
        channels = out
    return nn.Sequential(*modules, nn.Flatten())


class Image(nn.Module):
    """Features of an image: convolutions, and one layer behind them; channels first or last."""

    def __init__(self, leaf: Leaf, network: ImageNetwork) -> None:
        super().__init__()
        self.white = leaf.white
        shape = (1, *leaf.shape) if len(leaf.shape) == 2 else leaf.shape
        self.channels_last = shape[-1] < shape[0]
        channels, *size = (shape[-1], *shape[:-1]) if self.channels_last else shape
        name = "tiny" if min(size) < TINY else network
        if name == "profiles":
            self.convolutions, self.n_features = profiles(channels), 256
        else:
            layers, self.n_features = CONVOLUTIONS[name]
            self.convolutions = flattened(channels, layers)
        with torch.no_grad():
            behind = self._convolve(torch.zeros(1, *leaf.shape, dtype=torch.uint8)).shape[1]
        self.dense = orthogonal(nn.Linear(behind, self.n_features))

    def forward(self, x: UInt8[Tensor, "B *shape"]) -> Float[Tensor, "B F"]:
        """Features of each image."""
        return F.relu(self.dense(self._convolve(x)))

    def _convolve(self, x: UInt8[Tensor, "B *shape"]) -> Float[Tensor, "B G"]:
        x = x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2) if self.channels_last else x
        device = x.device.type
        mixed = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if mixed else torch.float32
        # Channels last in memory: 1.1 times as many steps a second as channels first.
        x = x.to(dtype, memory_format=torch.channels_last).mul_(1 / self.white)
        return self.convolutions(x)
