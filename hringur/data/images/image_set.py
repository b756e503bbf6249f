"""The record of a set of images, and what is done to it as a whole: split, cut square, resized.

Images are bytes, channels first. All of a small set is one array, so that a learner can keep it on
its device as one tensor.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64, Shaped, UInt8

from hringur.types import UserError

SPLIT_SEED = 874
"""Which images are held out of a set that comes without a test set: the same ones at every call."""

MAX_SIDE = 512
"""Pixels to a side that models are given."""

CHUNK = 1024
"""Images that are resized at a time, which bounds the memory for floats."""


Attributes = tuple[UInt8[np.ndarray, "N A"], tuple[str, ...]]
"""Which image has which attribute, and the names of the attributes."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """N images to train on and M held-out ones, of one size."""

    name: str
    train: UInt8[np.ndarray, "N C H W"] | Float[np.ndarray, "N C H W"]
    """kept as bytes; floats in 0..1 are converted"""

    test: UInt8[np.ndarray, "M C H W"] | Float[np.ndarray, "M C H W"]
    train_labels: Int64[np.ndarray, " N"] | None = None
    """number of the class; None where the set has no classes"""

    test_labels: Int64[np.ndarray, " M"] | None = None
    classes: tuple[str, ...] = ()
    """names by number; empty where the set has no classes"""

    train_attributes: UInt8[np.ndarray, "N A"] | None = None
    """1 where an image has an attribute, 0 where not; None where none are known"""

    test_attributes: UInt8[np.ndarray, "M A"] | None = None
    attributes: tuple[str, ...] = ()
    """names of the attributes, by column"""

    def __post_init__(self) -> None:
        for name in ("train", "test"):
            object.__setattr__(self, name, as_bytes(getattr(self, name), f"{self.name}: {name!r}"))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels (1 grey, 3 colour), height and width of an image."""
        _, channels, height, width = self.train.shape
        return channels, height, width

    def resized(self, size: int) -> "ImageSet":
        """The same images, ``size`` pixels high and wide: the middle square of each, resampled."""
        return replace(self, train=resized(self.train, size), test=resized(self.test, size))


def check_side(shape: tuple[int, ...], where: str) -> None:
    """Refuse images that are to stay as large as they are and have more than ``MAX_SIDE`` pixels.

    Raises:
        UserError: their height or width is too large; begins with ``where``.
    """
    if max(shape[-2:]) > MAX_SIDE:
        raise UserError(
            f"{where} has {shape[-1]} x {shape[-2]} pixels, at most {MAX_SIDE} to a side are "
            f"handled; a size of at most {MAX_SIDE} brings them to fewer"
        )


def as_bytes(pixels: Shaped[np.ndarray, "*axes"], where: str) -> UInt8[np.ndarray, "*axes"]:
    """Bytes as they are, and floats in 0..1 as bytes; ``where`` begins the message.

    Raises:
        UserError: they are neither, or floats so small that they were scaled twice.
    """
    if pixels.dtype == np.uint8:
        return pixels
    found = str(pixels.dtype)
    if pixels.dtype.kind == "f" and pixels.size:
        lowest, highest = float(pixels.min()), float(pixels.max())
        twice = 0 <= lowest and 0 < highest <= 1 / 255
        if 0 <= lowest <= highest <= 1 and not twice:
            scaled = 255 * pixels
            return np.rint(scaled, out=scaled).astype(np.uint8)
        found += f" in {lowest:g}..{highest:g}" + ", as if scaled twice" * twice
    raise UserError(f"{where} must hold bytes (uint8, 0 to 255) or floats in 0..1, got {found}")


def held_out_split(
    name: str,
    images: UInt8[np.ndarray, "N C H W"],
    labels: Int64[np.ndarray, " N"] | None,
    classes: tuple[str, ...],
    test_share: float = 0.1,
    attributes: Attributes | None = None,
) -> ImageSet:
    """A set whose test images are drawn from ``images``: the share given, at least one."""
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images))
    held_out = np.zeros(len(images), dtype=bool)
    held_out[order[: max(1, round(test_share * len(images)))]] = True
    return split(name, images, labels, classes, attributes, held_out)


def split(
    name: str,
    images: UInt8[np.ndarray, "N C H W"],
    labels: Int64[np.ndarray, " N"] | None,
    classes: tuple[str, ...],
    attributes: Attributes | None,
    held_out: Bool[np.ndarray, " N"],
) -> ImageSet:
    """A set whose test images are those held out, with what is known of each image."""
    values, names = attributes or (None, ())
    return ImageSet(
        name,
        images[~held_out],
        images[held_out],
        None if labels is None else labels[~held_out],
        None if labels is None else labels[held_out],
        classes,
        None if values is None else values[~held_out],
        None if values is None else values[held_out],
        names,
    )


def resized(images: UInt8[np.ndarray, "N C H W"], size: int) -> UInt8[np.ndarray, "N C S S"]:
    """The middle square of each image in ``size`` by ``size`` pixels.

    Each new pixel is the mean of the old ones around its place under a triangle as wide as one new
    pixel to either side (one old pixel where the image grows): bilinear, without aliasing.
    """
    side = min(images.shape[2:])
    top, left = (images.shape[2] - side) // 2, (images.shape[3] - side) // 2
    square = images[:, :, top : top + side, left : left + side]
    if side == size:
        return np.ascontiguousarray(square)
    weights = _weights(side, size)  # S side
    result = np.empty((*images.shape[:2], size, size), dtype=np.uint8)
    for first in range(0, len(images), CHUNK):
        part = square[first : first + CHUNK].astype(np.float32)
        result[first : first + CHUNK] = np.rint(weights @ part @ weights.T)
    return result


@lru_cache(maxsize=16)
def _weights(old: int, new: int) -> Float32[np.ndarray, "S old"]:
    """What each of the old pixels in a row contributes to each new one; rows add to 1."""
    scale = old / new
    middle = (np.arange(new)[:, None] + 0.5) * scale
    away = np.abs(np.arange(old) + 0.5 - middle) / max(scale, 1.0)
    triangle = np.maximum(0.0, 1.0 - away)
    return (triangle / triangle.sum(axis=1, keepdims=True)).astype(np.float32)
