"""A small classifier whose features generative models are measured in, and its shipped weights.

Distances between sets of images are taken between sets of features: what a network that can tell
digits apart with 99.3 % or more sees just before it decides. They are **not** the features of an
Inception network trained on photographs, and no figure made from them may be compared with an
Inception score or a published FID.

Two convolutions on each of two scales, batch norm after each (Ioffe & Szegedy 2015), then a map
of 48 channels on 4 x 4 places, from which one hidden layer makes the logits. The features are the
means of that map over its four quarters, 192 numbers, standardised by their mean and spread over
the training images. (Inception's are the means of its last map, too. The hidden layer would not
do: a well-trained one keeps little but the class, and forgives noise and blur.)

Images of another size or in colour are brought to 28 x 28 grey first.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Shaped, UInt8
from torch import Tensor, nn
from torch.nn import functional as F

from hringur.training import checkpoint
from hringur.types import UserError
from hringur.weights.shipped import DIGIT_CLASSIFIER

SIDE = 28
"""Pixels of the images that the network sees."""

CHUNK = 500
"""Images that pass through the network together: enough to be fast, few enough for the cache."""

SLACK = 1e-3
"""How far beyond 0..1 a float may be."""

Pixels = UInt8[Tensor, "B C H W"] | Float[Tensor, "B C H W"]
"""Bytes in 0..255, or numbers in 0..1."""


class DigitNetwork(nn.Module):
    """From 28 x 28 grey levels to a map of features, and from that to logits."""

    def __init__(self, classes: int = 10, width: int = 24, hidden: int = 128) -> None:
        super().__init__()
        self.map = nn.Sequential(
            *_convolution(1, width, kernel=5, stride=2),  # 14 x 14
            *_convolution(width, width),
            *_convolution(width, 2 * width, stride=2),  # 7 x 7
            *_convolution(2 * width, 2 * width),
            nn.MaxPool2d(2, ceil_mode=True),  # 4 x 4
        )
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(2 * width * 16, hidden, bias=False),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(0.3),
            nn.Linear(hidden, classes),
        )
        self.features = 2 * width * 4

    def forward(self, grey: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B K"]:
        """A logit for each class."""
        return self.head(self.map(grey))

    def quarters(self, grey: Float[Tensor, "B 1 28 28"]) -> Float[Tensor, "B D"]:
        """The means of the map over its four quarters."""
        return F.avg_pool2d(self.map(grey), 2).flatten(1)


class DigitClassifier(nn.Module):
    """The trained network with its standardised features; weights do not change any more."""

    feature_mean: Tensor
    feature_std: Tensor

    def __init__(self, network: DigitNetwork, classes: Sequence[str]) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.classes = tuple(classes)
        self.num_features = network.features
        """numbers per image; under this name torchmetrics looks for it"""
        self.register_buffer("feature_mean", torch.zeros(self.num_features))
        self.register_buffer("feature_std", torch.ones(self.num_features))

    def forward(self, images: Pixels) -> Float[Tensor, "B D"]:
        """Standardised features of each image; torchmetrics takes them from here."""
        return self._standard(self._through(self.network.quarters, images))

    features = forward

    def probabilities(self, images: Pixels) -> Float[Tensor, "B K"]:
        """Chance of each class."""
        return self._through(self.network, images).softmax(dim=1)

    def features_and_probabilities(
        self, images: Pixels
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B K"]]:
        """Both from one pass."""
        maps = self._through(self.network.map, images)
        chances = torch.cat([self.network.head(part) for part in maps.split(CHUNK)]).softmax(dim=1)
        return self._standard(F.avg_pool2d(maps, 2).flatten(1)), chances

    @torch.no_grad()
    def standardise(self, images: Pixels) -> None:
        """Take mean and spread of the features from ``images``; dead ones stay as they are."""
        raw = self._through(self.network.quarters, images)
        spread = raw.std(dim=0)
        self.feature_mean = raw.mean(dim=0)
        self.feature_std = torch.where(spread > 1e-6, spread, torch.ones_like(spread))

    def save(self, path: str | Path, about: dict[str, Any]) -> None:
        """Write weights, standardisation and ``about`` to one file that holds no code."""
        state = {
            "digit_classifier": {"classes": list(self.classes), "about": about},
            "weights": dict(self.state_dict()),
        }
        checkpoint.save(Path(path), state)

    @classmethod
    def load(cls, path: str | Path) -> "DigitClassifier":
        """The classifier in a file that ``save`` wrote.

        Raises:
            UserError: there is no such file, or it holds something else.
        """
        state = checkpoint.load(Path(path))
        about = state.get("digit_classifier")
        if about is None:
            raise UserError(f"{path} is a checkpoint, but not one of a classifier of images")
        classifier = cls(DigitNetwork(len(about["classes"])), about["classes"])
        checkpoint.load_weights(classifier, state["weights"], str(path))
        return classifier

    def _standard(self, raw: Tensor) -> Tensor:
        return (raw - self.feature_mean) / self.feature_std

    @torch.no_grad()
    def _through(self, part: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        if not len(images):
            raise UserError("there are no images to measure")
        device = self.feature_mean.device
        return torch.cat([part(to_grey(chunk.to(device))) for chunk in images.split(CHUNK)])


def shipped_classifier(device: str = "cpu") -> DigitClassifier:
    """The classifier of digits that comes with the package."""
    return DigitClassifier.load(DIGIT_CLASSIFIER).to(device)


def to_grey(images: Pixels) -> Float[Tensor, "B 1 28 28"]:
    """What the network sees of images: 28 x 28 grey levels in 0..1."""
    grey = unit_floats(images).mean(dim=1, keepdim=True)
    if grey.shape[-2:] != (SIDE, SIDE):
        grey = F.interpolate(grey, (SIDE, SIDE), mode="bilinear", antialias=True)
    return grey.contiguous(memory_format=torch.channels_last)


def unit_floats(pixels: Shaped[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Bytes divided by 255, and floats in 0..1 as they are.

    Raises:
        UserError: they are neither; a rounding error above 1 is none.
    """
    if pixels.dtype == torch.uint8:
        return pixels.float().div_(255)
    found = str(pixels.dtype).removeprefix("torch.")
    if pixels.is_floating_point():
        lowest, highest = (0.0, 1.0) if not len(pixels) else torch.stack(pixels.aminmax()).tolist()
        if not (lowest < -SLACK or highest > 1 + SLACK):  # NaN is refused where it is measured
            return pixels.float()
        found += f" in {lowest:g}..{highest:g}"
    raise UserError(f"images must be bytes (uint8, 0 to 255) or floats in 0..1, got {found}")


def _convolution(before: int, after: int, kernel: int = 3, stride: int = 1) -> list[nn.Module]:
    return [
        nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    ]
