"""Images on the device as one tensor of bytes, and endless batches of them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Shaped, UInt8
from torch import Tensor

from hringur.data.images.arrays import as_image_set
from hringur.data.images.image_set import ImageSet
from hringur.data.images.images import load_images
from hringur.evaluators.digit_classifier import unit_floats
from hringur.generative.epochs import Epochs
from hringur.generative.networks import ImageShape
from hringur.types import State, UserError


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch for a model's ``update``."""

    image: Float[Tensor, "B C H W"]
    """pixels in 0 .. 1"""

    label: Int[Tensor, " B"] | None

    attributes: UInt8[Tensor, "B A"] | None = None
    """1 where the image has the attribute of the column"""

    def __len__(self) -> int:
        return len(self.image)


@dataclass(frozen=True, eq=False)
class Images:
    """A data set on the device."""

    name: str
    train: UInt8[Tensor, "N C H W"]
    test: UInt8[Tensor, "M C H W"]
    train_labels: Int[Tensor, " N"] | None
    test_labels: Int[Tensor, " M"] | None
    classes: tuple[str, ...]
    train_attributes: UInt8[Tensor, "N A"] | None = None
    test_attributes: UInt8[Tensor, "M A"] | None = None
    attributes: tuple[str, ...] = ()

    @classmethod
    def on_device(cls, images: ImageSet, device: torch.device) -> "Images":
        """A copy of ``images`` on the device."""
        return cls(**_converted(images, np.ndarray, lambda it: torch.tensor(it, device=device)))

    def on_host(self) -> ImageSet:
        """A copy as NumPy arrays."""
        return ImageSet(**_converted(self, Tensor, lambda it: it.cpu().numpy()))

    @property
    def shape(self) -> ImageShape:
        """Channels, height and width of an image."""
        return ImageShape(*self.train.shape[1:])


def images_of(dataset: Any, labels: Any, size: int | None, device: torch.device) -> Images:
    """A data set by its name or path, its record, or images in memory, all on the device."""
    if isinstance(dataset, Images):
        return dataset
    if labels is not None and isinstance(dataset, str | Path | ImageSet):
        raise UserError("labels are for images in memory; a data set brings its own")
    if isinstance(dataset, str | Path):
        return Images.on_device(load_images(str(dataset), size), device)
    found = dataset if isinstance(dataset, ImageSet) else as_image_set(dataset, labels)
    return Images.on_device(found if size is None else found.resized(size), device)


class ImageBatches:
    """Endless batches of the training images (``Epochs``)."""

    def __init__(
        self, images: Images, batch: int, seed: int, rank: int = 0, processes: int = 1
    ) -> None:
        self.images = images
        what = f"images of {images.name}"
        self.epochs = Epochs(len(images.train), batch, seed, what, rank, processes)

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        rows = self.epochs.next().to(self.images.train.device)
        image = as_floats(self.images.train.index_select(0, rows))  # 12 times as fast as by [rows]
        known = (self.images.train_labels, self.images.train_attributes)
        return Batch(image, *(None if of_all is None else of_all[rows] for of_all in known))

    def state_dict(self) -> State:
        """The place in the epoch."""
        return self.epochs.state_dict()

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.epochs.load_state_dict(state)


def _converted(record: Any, kind: type, convert: Callable[[Any], Any]) -> dict[str, Any]:
    return {
        name: convert(value) if isinstance(value, kind) else value
        for name, value in vars(record).items()
    }


def as_floats(pixels: Shaped[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """Bytes or floats in 0 .. 1 as floats, with the channels of a pixel side by side in memory.

    Convolutions are faster in that layout.
    """
    return unit_floats(pixels.contiguous(memory_format=torch.channels_last))
