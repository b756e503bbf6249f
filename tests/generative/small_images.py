"""A data set of 8 x 8 images made of two kinds of bars, without any file."""

import numpy as np

from hringur.data.images.images import ImageSet


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
