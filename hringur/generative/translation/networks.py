"""Networks from image to image: a residual U-Net that begins as the identity, and its critic.

Both see squares of 2 x 2 pixels as the channels of one cell (Shi et al. 2016) and nothing that is
taken over a batch. The U-Net (Ronneberger et al. 2015) adds to its image what a last convolution
makes, whose weights are zero at first: before training it translates an image to itself.
"""

from jaxtyping import Float
from torch import Tensor, cat, nn
from torch.nn import functional as F

from hringur.generative.networks import SLOPE, ImageShape

LEVELS = 2
"""How often the U-Net and the critic halve the grid of cells."""

CELL = 2
MULTIPLE = CELL * 2**LEVELS
"""Pixels that sides are padded to a multiple of."""


class Residual(nn.Module):
    """h + convolution(relu(convolution(relu(h)))), which is h at first."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, cells: Float[Tensor, "B K h w"]) -> Float[Tensor, "B K h w"]:
        """The same cells, a little changed."""
        return cells + self.second(F.relu(self.first(F.relu(cells))))


class Translator(nn.Module):
    """From an image to an image of the same size."""

    def __init__(self, shape: ImageShape, channels: int) -> None:
        super().__init__()
        self.shape = shape
        widths = [channels * 2**level for level in range(LEVELS + 1)]
        cell = shape.channels * CELL**2
        self.first = nn.Conv2d(cell, channels, 3, padding=1)
        self.before = nn.ModuleList(map(Residual, widths[:-1]))
        self.down = nn.ModuleList(
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1) for width in widths[:-1]
        )
        self.middle = nn.Sequential(Residual(widths[-1]), Residual(widths[-1]))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1) for width in widths[:-1]
        )
        self.after = nn.ModuleList(
            nn.Sequential(Residual(width), Residual(width)) for width in widths[:-1]
        )
        self.last = nn.Conv2d(channels, cell, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Pixels that may leave 0 .. 1 a little."""
        cells, skipped = self.first(_cells(image)), []
        for residual, down in zip(self.before, self.down, strict=True):
            cells = residual(cells)
            skipped.append(cells)
            cells = down(cells)
        cells = self.middle(cells)
        for level in reversed(range(LEVELS)):
            cells = self.after[level](self.up[level](cells) + skipped[level])
        change = F.pixel_shuffle(self.last(F.relu(cells)), CELL).float()
        left, _, top, _ = _padding(image)
        height, width = image.shape[-2:]
        return image + change[..., top : top + height, left : left + width]


class PatchCritic(nn.Module):
    """A number for each place of an image, seen at several scales (Isola et al. 2017).

    At the finest a place sees 6 x 6 pixels, at the coarsest nearly all of 32 x 32. Each scale has
    the same weight in the mean over all numbers.
    """

    def __init__(self, shape: ImageShape, channels: int, constant: bool = True) -> None:
        """``constant``: whether the numbers count, and not their differences only."""
        super().__init__()
        widths = [channels * 2**level for level in range(LEVELS + 1)]
        self.first = nn.Conv2d(shape.channels * CELL**2, channels, 3, padding=1)
        self.down = nn.ModuleList(
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1) for width in widths[:-1]
        )
        self.body = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for width in widths)
        self.head = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=constant) for width in widths)

    def forward(self, image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B P"]:
        """Larger where the image looks more like one of the critic's own set."""
        cells, found = F.leaky_relu(self.first(_cells(image)), SLOPE), []
        for level in range(LEVELS + 1):
            cells = F.leaky_relu(self.body[level](cells), SLOPE)
            found.append(self.head[level](cells).float().flatten(1).repeat(1, 4**level))
            if level < LEVELS:
                cells = F.leaky_relu(self.down[level](cells), SLOPE)
        return cat(found, dim=1)


def _padding(image: Float[Tensor, "B C H W"]) -> tuple[int, int, int, int]:
    """Columns left and right, rows above and below, to a whole number of the coarsest cells."""
    rows, columns = (-side % MULTIPLE for side in image.shape[-2:])
    return columns // 2, columns - columns // 2, rows // 2, rows - rows // 2


def _cells(image: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K h w"]:
    """The image with its border repeated, a square of pixels to a cell, from -1 to 1."""
    return F.pixel_unshuffle(F.pad(2 * image - 1, _padding(image), mode="replicate"), CELL)
