"""The networks of every image model: encoder, decoder, and critic of codes.

One pair serves all sizes, because the number of convolutions follows from ``ImageShape``. Nothing
normalises over the batch, so training, evaluation and several processes compute the same function.
At the image's side a square of pixels becomes the channels of one cell, and back (Shi et al. 2016):
on a processor a strided convolution there takes several times as long.
"""

import math
from itertools import pairwise
from typing import Literal, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.types import UserError

NetworkName = Literal["convolutional", "dense"]
SLOPE = 0.2
"""Slope of the leaky rectifier below zero, where a critic's gradient must not vanish."""

COARSEST = 8
"""The longer side is halved until it is at most this."""


class Architecture(NamedTuple):
    """Sizes of the networks, as in ``ImageModelConfig``."""

    network: NetworkName
    channels: int
    hidden: int
    stride: int
    depth: int = 1


class ImageShape(NamedTuple):
    """Size of one image."""

    channels: int
    height: int
    width: int


class Encoder(nn.Module):
    """From an image to so many numbers; also a critic's body."""

    def __init__(self, shape: ImageShape, outputs: int, of: Architecture) -> None:
        super().__init__()
        self.padding = padding(shape, of)
        layers: list[nn.Module] = []
        features = math.prod(shape)
        if of.network == "convolutional":
            channels, grid = pyramid(shape, of)
            layers = [nn.PixelUnshuffle(of.stride)]
            channels[0] *= of.stride**2
            for level, (before, after) in enumerate(pairwise(channels)):
                layers += [nn.Conv2d(before, after, *_window(level)), nn.LeakyReLU(SLOPE)]
            features = channels[-1] * grid[0] * grid[1]
        layers += [nn.Flatten(), nn.Linear(features, of.hidden), nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(of.hidden, outputs)
        _initialise(self)

    def forward(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B O"]:
        """The numbers of images with pixels in 0 .. 1."""
        return self.head(self.body(F.pad(2 * image - 1, self.padding, value=-1.0)))


class Decoder(nn.Module):
    """From so many numbers to the logits of an image."""

    def __init__(self, inputs: int, shape: ImageShape, of: Architecture) -> None:
        super().__init__()
        self.shape = shape
        self.padding = padding(shape, of)
        layers: list[nn.Module] = _dense(inputs, of.hidden)
        for _ in range(of.depth - 1):
            layers += _dense(of.hidden, of.hidden)
        if of.network == "dense":
            layers += [nn.Linear(of.hidden, math.prod(shape)), nn.Unflatten(1, tuple(shape))]
        else:
            channels, grid = pyramid(shape, of)
            layers += [
                nn.Linear(of.hidden, channels[-1] * grid[0] * grid[1]),
                nn.Unflatten(1, (channels[-1], *grid)),
            ]
            for after, before in reversed(list(pairwise(channels[1:]))):
                layers += [nn.LeakyReLU(SLOPE), nn.ConvTranspose2d(before, after, *_window(1))]
            painted = shape.channels * of.stride**2
            layers += [nn.LeakyReLU(SLOPE), nn.Conv2d(channels[1], painted, *_window(0))]
            layers.append(nn.PixelShuffle(of.stride))
        self.body = nn.Sequential(*layers)
        _initialise(self)

    def forward(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The logits of the pixels."""
        left, _, top, _ = self.padding
        rows, columns = top + self.shape.height, left + self.shape.width
        return self.body(latent)[:, :, top:rows, left:columns]


class Autoencoder(nn.Module):
    """An encoder and a decoder, trained by one optimiser."""

    forward_methods = ("encode", "decode")

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B O"]:
        """The parameters of each image's distribution of codes."""
        return self.encoder(image)

    def decode(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """The logits of the pixels."""
        return self.decoder(latent)


class LatentCritic(nn.Module):
    """A dense network from a code to one number."""

    def __init__(self, inputs: int, width: int = 256) -> None:
        super().__init__()
        layers = [*_dense(inputs, width), *_dense(width, width), nn.Linear(width, 1)]
        self.body = nn.Sequential(*layers)
        _initialise(self)

    def forward(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, " B"]:
        """The logit of each code being drawn from the prior."""
        return self.body(latent)[:, 0]


def pyramid(shape: ImageShape, of: Architecture) -> tuple[list[int], tuple[int, int]]:
    """Channels from the image down to the coarsest grid, and that grid's size."""
    side, halvings = _coarseness(shape, of)
    levels = [shape.channels, *(of.channels * 2**level for level in range(halvings + 1))]
    return levels, (-(-shape.height // side), -(-shape.width // side))


def padding(shape: ImageShape, of: Architecture) -> tuple[int, int, int, int]:
    """Columns left and right, rows above and below, that make the size a whole number of cells."""
    side, _ = _coarseness(shape, of)
    rows, columns = -shape.height % side, -shape.width % side
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


def _coarseness(shape: ImageShape, of: Architecture) -> tuple[int, int]:
    """Pixels of the image beside a cell of the coarsest grid, and halvings after the first step."""
    if min(shape) < 1:
        raise UserError(f"images must have at least one pixel and channel, got {tuple(shape)}")
    if of.network == "dense":
        return 1, 0
    side, halvings = of.stride, 0
    while -(-max(shape.height, shape.width) // side) > COARSEST:
        side, halvings = 2 * side, halvings + 1
    return side, halvings


def _window(level: int) -> tuple[int, int, int]:
    """Kernel, stride and padding of a convolution."""
    return (3, 1, 1) if level == 0 else (4, 2, 1)


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)]


def _initialise(module: nn.Module) -> None:
    """He's normal initialisation for the leaky rectifier."""
    gain = nn.init.calculate_gain("leaky_relu", SLOPE)
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            fan_in = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):  # the kernel covers a pixel once per stride
                fan_in = layer.weight[:, 0].numel() // math.prod(layer.stride)
            nn.init.normal_(layer.weight, std=gain / fan_in**0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
