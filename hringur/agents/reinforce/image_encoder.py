"""What is seen in a picture: convolutions, and one layer behind them."""

from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.agents.reinforce.observations import Part
from hringur.agents.reinforce.perceptron import orthogonal

ImageNetwork = Literal["small", "nature"]

# Channels, kernel and stride of each convolution, and the units behind them.
CONVOLUTIONS: dict[str, tuple[tuple[tuple[int, int, int], ...], int]] = {
    "small": (((16, 8, 4), (32, 4, 2)), 256),  # Mnih et al. 2016
    "nature": (((32, 8, 4), (64, 4, 2), (64, 3, 1)), 512),  # Mnih et al. 2015
    "tiny": (((16, 3, 1),), 128),  # Young & Tian 2019, for images smaller than 36 pixels
}
TINY = 36
BYTES = {1: torch.uint8, 2: torch.int16, 4: torch.int32}  # so many pixels are moved as one number


class Image(nn.Module):
    """Features of a picture; channels may come first or last.

    The first convolution strides over patches of s x s pixels. ``lay_out`` turns each of them into
    one pixel of s * s times the channels, once for many passes, and the convolution then looks at
    k / s x k / s of these. It is the same sum, but over numbers that lie side by side: in 16 bits
    a processor learns from it in two thirds of the time.
    """

    def __init__(self, part: Part, network: ImageNetwork) -> None:
        super().__init__()
        self.largest = part.largest
        self.flat = len(part.shape) == 2
        shape = (1, *part.shape) if self.flat else part.shape
        self.channels_last = shape[-1] < shape[0]
        channels, *size = (shape[-1], *shape[:-1]) if self.channels_last else shape
        layers, units = CONVOLUTIONS["tiny" if min(size) < TINY else network]
        (_, kernel, self.stride), *_ = layers
        self.used = [side - (side - kernel) % self.stride for side in size]  # the rest is not seen
        modules: list[nn.Module] = []
        for out, kernel, stride in layers:
            modules += [orthogonal(nn.Conv2d(channels, out, kernel, stride)), nn.ReLU(inplace=True)]
            channels = out
        self.convolutions = nn.Sequential(*modules, nn.Flatten())
        with torch.no_grad():
            empty = torch.zeros(1, *part.shape, dtype=torch.uint8)
            behind = self._convolve(self.lay_out(empty)).shape[1]
        self.dense = orthogonal(nn.Linear(behind, units))
        self.n_features = units

    def forward(self, laid_out: UInt8[Tensor, "B Y X P"]) -> Float[Tensor, "B F"]:
        """What is seen in pictures that are laid out."""
        return F.relu(self.dense(self._convolve(laid_out)))

    def lay_out(self, x: UInt8[Tensor, "B *shape"]) -> UInt8[Tensor, "B Y X P"]:
        """Patches of pictures; the numbers of a patch lie side by side."""
        if self.flat:
            x = x[:, None]
        elif self.channels_last:
            x = x.permute(0, 3, 1, 2)
        s, (height, width) = self.stride, self.used
        x = x[:, :, :height, :width].contiguous()  # B C H W
        batch, channels = x.shape[:2]
        rows = x.view(BYTES[s]).view(batch, channels, height // s, s, width // s)  # B C Y s X
        patches = rows.permute(0, 2, 4, 1, 3).contiguous()  # B Y X C s
        return patches.view(batch, height // s, width // s, -1).view(x.dtype)

    def _convolve(self, laid_out: UInt8[Tensor, "B Y X P"]) -> Float[Tensor, "B G"]:
        """Numbers up to 1, of as many bits as convolutions compute with, through all of these."""
        device = laid_out.device.type
        mixed = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if mixed else torch.float32
        x = laid_out.to(dtype).mul_(1 / self.largest).permute(0, 3, 1, 2)
        first, *others = self.convolutions
        assert isinstance(first, nn.Conv2d)
        s = self.stride
        weight = first.weight.unflatten(3, (-1, s)).unflatten(2, (-1, s))  # O C L s L s
        weight = weight.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)  # O P L L
        x = F.conv2d(x, weight, first.bias)
        for layer in others:
            x = layer(x)
        return x
