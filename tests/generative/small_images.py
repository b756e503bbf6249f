"""Data sets of 8 x 8 images made without any file: two kinds of bars, and stripes."""

import numpy as np

from hringur.data.images.images import ImageSet
from hringur.registry import MODELS, model_config

IMAGE_MODELS = [name for name in MODELS if model_config(name)().model().of == "images"]


def bars(train: int = 96, test: int = 40, channels: int = 1, size: int = 8) -> ImageSet:
    """Upright bars (class 0) and lying ones (class 1), with noise."""
    rng = np.random.default_rng(0)
    count = train + test
    images = rng.integers(0, 60, (count, channels, size, size))
    labels = rng.integers(0, 2, count)
    places = rng.integers(0, size - 1, count)
    for image, label, place in zip(images, labels, places, strict=True):
        lit = (slice(None), slice(None), slice(place, place + 2))
        image[lit if label == 0 else (lit[0], lit[2], lit[1])] += 180
    pixels = images.astype(np.uint8)
    return ImageSet(
        name="bars",
        train=pixels[:train],
        test=pixels[train:],
        train_labels=labels[:train].astype(np.int64),
        test_labels=labels[train:].astype(np.int64),
        classes=("upright", "lying"),
    )


def stripes(train=80, test=40):
    """Upright stripes of several widths and strengths."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 40, (train + test, 1, 8, 8)).astype(np.uint8)
    for image in images:
        left = rng.integers(0, 6)
        image[0, :, left : left + rng.integers(1, 3)] += rng.integers(100, 200, dtype=np.uint8)
    return ImageSet("stripes", images[:train], images[train:], None, None, ())
