"""The networks of every image model: image to numbers, numbers to image, code to a verdict.

One pair serves all sizes, from 8 x 8 grey to 64 x 64 colour and beyond: the number of convolutions
follows from the size, and the model code sees only ``ImageShape``. Nothing normalises over the
batch, so a sample's output depends on that sample alone: training, evaluation and several
processes compute the same function.

Next to the image, a square of pixels becomes the channels of one cell and back (Shi et al. 2016,
sub-pixel convolution). On a processor a strided convolution with one channel at the image's side
takes several times as long.
"""

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.types import UserError

NetworkName = Literal["convolutional", "dense"]
SLOPE = 0.2
"""of the leaky rectifier below zero: a critic's gradient must not die on the way to the image"""

COARSEST = 8
"""halve further until the longer side is at most this"""


class Architecture(NamedTuple):
    """How large the networks are."""

    network: NetworkName
    channels: int
    """after the first convolution; doubled at each further one"""

    hidden: int
    """units of the dense layer between the image and the code"""

    stride: int
    """pixels that the first convolution steps; on a processor the large grid behind 2 costs most"""

    depth: int = 1
    """dense layers of a decoder behind the code"""


class ImageShape(NamedTuple):
    """Of one image."""

    channels: int
    height: int
    width: int

    @property
    def pixels(self) -> int:
        """Numbers in one image."""
        return self.channels * self.height * self.width


class Encoder(nn.Module):
    """From an image to so many numbers; also a critic's body."""

    def __init__(self, shape: ImageShape, outputs: int, of: Architecture) -> None:
        super().__init__()
        self.padding = padding(shape, of)
        layers: list[nn.Module] = []
        features = shape.pixels
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
        """Pixels in 0 .. 1, which the first layer sees in -1 .. 1."""
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
            layers += [nn.Linear(of.hidden, shape.pixels), nn.Unflatten(1, tuple(shape))]
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
        """A pixel is the sigmoid of its logit, where it is a number in 0 .. 1."""
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
        """The numbers that describe the image's distribution of codes."""
        return self.encoder(image)

    def decode(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, "B C H W"]:
        """Logits."""
        return self.decoder(latent)


class LatentCritic(nn.Module):
    """From a code to one number; a small dense network."""

    def __init__(self, inputs: int, width: int = 256) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_dense(inputs, width), *_dense(width, width), nn.Linear(width, 1)
        )
        _initialise(self)

    def forward(self, latent: Float[Tensor, "B Z"]) -> Float[Tensor, " B"]:
        """The logit of "drawn from the prior"."""
        return self.body(latent)[:, 0]


def pyramid(shape: ImageShape, of: Architecture) -> tuple[list[int], tuple[int, int]]:
    """Channels from the image down to the coarsest grid, and that grid's size."""
    side, halvings = _coarseness(shape, of)
    levels = [shape.channels, *(of.channels * 2**level for level in range(halvings + 1))]
    return levels, (-(-shape.height // side), -(-shape.width // side))


def padding(shape: ImageShape, of: Architecture) -> tuple[int, int, int, int]:
    """Columns left and right, rows above and below, that make the size divisible."""
    side, _ = _coarseness(shape, of)
    rows, columns = -shape.height % side, -shape.width % side
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


def channels_last(image: Tensor) -> Tensor:
    """The memory layout in which convolutions are fast: the channels of a pixel side by side."""
    return image.contiguous(memory_format=torch.channels_last)


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
    """Kernel, stride and padding: neighbouring cells, then windows that overlap by half."""
    return (3, 1, 1) if level == 0 else (4, 2, 1)


def _dense(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.LeakyReLU(SLOPE)]


def _initialise(module: nn.Module) -> None:
    """He's normal for the leaky rectifier: the signal keeps its size through the layers."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            fan_in = layer.weight[0].numel()
            if isinstance(layer, nn.ConvTranspose2d):
                fan_in = _transposed_fan_in(layer)
            gain = nn.init.calculate_gain("leaky_relu", SLOPE)
            nn.init.normal_(layer.weight, std=gain / fan_in**0.5)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def _transposed_fan_in(layer: nn.ConvTranspose2d) -> int:
    """Numbers that an output pixel is a sum of: the kernel covers it once per stride and axis."""
    taps = layer.kernel_size[0] * layer.kernel_size[1] // (layer.stride[0] * layer.stride[1])
    return layer.in_channels * taps
