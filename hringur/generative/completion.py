"""Edits by completion: hide whatever tells of an attribute, and fill it in for another value.

Which pixels tell of an attribute is counted, not learned. At every place of the image, colours are
cut into a few steps a channel; how often a colour lies there with the attribute and without it
gives the evidence |log p(colour | 1) - log p(colour | 0)|, Bayes' rule for a single pixel, less
what chance may have done. Where
the evidence stays within one part of the image, such as the mouth, that part is hidden in every
image; where it may be anywhere, such as the hair's, the image's own pixels with evidence are.

A network then learns to fill in what is hidden, from the rest of the image and all attributes. What
is left tells nothing of the attribute, and the attribute is independent of the rest. So what it
learns for the attribute that an image has, E[hidden | rest, attributes], holds for the one that it
has not: no pairs are needed, no adversary, and a known answer is regressed on at every step.

An edit changes a pixel as far as the completions for both values differ there, and nothing else.
"""

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.generative.networks import SLOPE, ImageShape

STEPS = 8
"""of each channel, for images in colour; as many grey levels as these have colours"""

COUNTED = 10_000 * 32 * 32
"""Pixels that the evidence is counted in, at most."""

ERRORS = 2.0
"""Standard errors that a colour's evidence must exceed; only what is beyond them counts."""

PART, OWN = 0.05, 0.3
"""Evidence from which on a place is hidden in every image, and a pixel in its own."""

LARGEST_PART = 0.4
"""Share of the image that is hidden at most in every image; beyond it each image's own pixels."""

UNMOVED, MOVED = 0.02, 0.08
"""Difference of two completions up to which a pixel stays, and from which on it is exchanged."""


class Evidence(nn.Module):
    """Which pixels tell of which attribute: a bit for each attribute, place and colour."""

    bits: Tensor

    def __init__(self, shape: ImageShape, attributes: int) -> None:
        super().__init__()
        self.shape = shape
        self.steps = STEPS if shape.channels == 3 else STEPS**3
        self.colours = self.steps**shape.channels
        entries = shape.height * shape.width * self.colours // 8
        self.register_buffer("bits", torch.zeros(attributes, entries, dtype=torch.uint8))

    @torch.no_grad()
    def count(self, image: UInt8[Tensor, "N C H W"], attributes: UInt8[Tensor, "N A"]) -> None:
        """Take the evidence from images whose attributes are known."""
        places = self.shape.height * self.shape.width
        most = min(len(image), max(1, COUNTED // places))
        rows = torch.linspace(0, len(image) - 1, most).long()
        image, attributes = image[rows], attributes[rows]
        keys = self._keys(image)
        every = torch.bincount(keys.flatten(), minlength=places * self.colours)
        for number, has in enumerate(attributes.T.bool()):
            share = has.float().mean()
            with_it = torch.bincount(keys[has].flatten(), minlength=len(every))
            chance = (with_it + share) / (every + 1)
            error = ((every + 1) * share * (1 - share)).clamp_min(1e-6).rsqrt()
            ratio = torch.logit(chance, 1e-6) - torch.logit(share, 1e-6)
            evidence = (ratio.abs() - ERRORS * error).clamp_min(0)
            mean = (evidence * every).view(places, -1).sum(dim=1) / len(image)
            part, hidden = mean > PART, (evidence > OWN).view(places, -1)
            if part.float().mean() <= LARGEST_PART:
                hidden = part[:, None].expand(-1, self.colours)
            if not hidden.any():
                hidden = torch.ones_like(hidden)
            self.bits[number] = (hidden.reshape(-1, 8).byte() << _places(hidden)).sum(dim=1).byte()

    def forward(
        self, image: Float[Tensor, "B C H W"], attribute: Int[Tensor, " B"]
    ) -> Float[Tensor, "B 1 H W"]:
        """1 where a pixel must not be seen when the numbered attribute is edited."""
        keys = self._keys((255 * image).round().byte())
        bits = self.bits[attribute[:, None], keys >> 3] >> (keys & 7)
        return (bits & 1).float().view(-1, 1, *self.shape[1:])

    def _keys(self, image: UInt8[Tensor, "N C H W"]) -> Int[Tensor, "N P"]:
        """The number of each place's colour, counted through all places."""
        steps = (image.long() * self.steps) >> 8
        digits = self.steps ** torch.arange(self.shape.channels, device=image.device)
        colour = (steps * digits[:, None, None]).sum(dim=1)  # N H W
        places = torch.arange(self.shape.height * self.shape.width, device=image.device)
        return colour.flatten(1) + places * self.colours


class Completion(nn.Module):
    """Fills in what is hidden, on a grid of cells of ``stride`` pixels; every place is its own.

    What must be hidden it keeps as ``evidence``.
    """

    def __init__(
        self, shape: ImageShape, attributes: int, channels: int, depth: int, stride: int
    ) -> None:
        super().__init__()
        self.evidence, self.stride = Evidence(shape, attributes), stride
        grid = (-(-shape.height // stride), -(-shape.width // stride))
        self.first = nn.Conv2d((shape.channels + 1) * stride**2, channels, 3, padding=1)
        self.told = nn.Linear(attributes, channels)
        blocks = [_Block(channels, attributes, grid) for _ in range(depth)]
        self.blocks = nn.ModuleList(blocks)
        self.whole = nn.Linear(4 * channels, channels)
        self.last = nn.Conv2d(channels, shape.channels * stride**2, 3, padding=1)

    def forward(
        self,
        image: Float[Tensor, "B C H W"],
        hidden: Float[Tensor, "B 1 H W"],
        attributes: Float[Tensor, "B A"],
    ) -> Float[Tensor, "B C H W"]:
        """The whole image, pixels about 0 .. 1; attributes are 0 .. 1."""
        height, width = image.shape[2:]
        seen = torch.cat([(2 * image - 1) * (1 - hidden), hidden], dim=1)
        seen = F.pad(seen, (0, -width % self.stride, 0, -height % self.stride))
        sign = 2 * attributes - 1
        cells = F.pixel_unshuffle(seen, self.stride)
        cells = self.first(cells.contiguous(memory_format=torch.channels_last))
        cells = cells + self.told(sign)[:, :, None, None]
        for number, block in enumerate(self.blocks):
            cells = block(cells, sign)
            if number == 1:  # all of the image, told to every place
                quarters = F.adaptive_avg_pool2d(cells, 2).flatten(1)
                cells = cells + self.whole(quarters)[:, :, None, None]
        made = F.pixel_shuffle(self.last(F.leaky_relu(cells, SLOPE)), self.stride)
        return 0.5 + made[:, :, :height, :width]


class _Block(nn.Module):
    """A residual step: a bias for each place, a convolution that the attributes scale and shift."""

    def __init__(self, channels: int, attributes: int, grid: tuple[int, int]) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, channels, *grid))
        self.wide = nn.Conv2d(channels, channels, 3, padding=1)
        self.told = nn.Linear(attributes, 2 * channels)
        self.narrow = nn.Conv2d(channels, channels, 1)
        for layer in (self.told, self.narrow):  # at first a block does nothing
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)

    def forward(
        self, cells: Float[Tensor, "B D I J"], sign: Float[Tensor, "B A"]
    ) -> Float[Tensor, "B D I J"]:
        scale, shift = self.told(sign)[:, :, None, None].chunk(2, dim=1)
        wide = self.wide(F.leaky_relu(cells + self.place, SLOPE))
        return cells + self.narrow(F.leaky_relu(wide * (1 + scale) + shift, SLOPE))


def exchanged(
    image: Float[Tensor, "B C H W"],
    hidden: Float[Tensor, "B 1 H W"],
    now: Float[Tensor, "B C H W"],
    then: Float[Tensor, "B C H W"],
) -> Float[Tensor, "B C H W"]:
    """What must be added to the image so that ``then`` stands where it differs from ``now``.

    Where they differ little, the image keeps its own pixels, shifted by that little.
    """
    gap = (then - now).abs().amax(dim=1, keepdim=True)
    share = ((gap - UNMOVED) / (MOVED - UNMOVED)).clamp(0, 1)
    return hidden * (then - now + share * (now - image))


def _places(bits: Tensor) -> Tensor:
    return torch.arange(8, device=bits.device, dtype=torch.uint8)
