"""Shrinking by area: an oracle that integrates pixel by pixel, and OpenCV's worked-out cases."""

import numpy as np
import pytest

from hringur.envs.breakout.screen import AreaResize


def overlap(begin: float, end: float, pixel: int) -> float:
    return max(0.0, min(end, pixel + 1) - max(begin, pixel))


def integral(image: np.ndarray, size: int, row: int, column: int) -> float:
    """Mean of the picture, as a step function of the plane, over one cell of the result."""
    tall, wide = image.shape[0] / size, image.shape[1] / size
    total = 0.0
    for y in range(int(row * tall), min(int((row + 1) * tall) + 1, image.shape[0])):
        for x in range(int(column * wide), min(int((column + 1) * wide) + 1, image.shape[1])):
            share = overlap(row * tall, (row + 1) * tall, y)
            share *= overlap(column * wide, (column + 1) * wide, x)
            total += share * float(image[y, x])
    return total / (tall * wide)


@pytest.mark.parametrize("size", [16, 37, 42, 84, 105, 160])
def test_every_pixel_is_the_mean_of_what_it_covers(size):
    rng = np.random.default_rng(size)
    image = rng.integers(256, size=(210, 160), dtype=np.uint8)
    small = AreaResize(size)(image)
    assert small.shape == (size, size) and small.dtype == np.uint8
    cells = [(0, 0), (size - 1, size - 1), *rng.integers(size, size=(40, 2)).tolist()]
    for row, column in cells:
        assert abs(float(small[row, column]) - integral(image, size, row, column)) <= 0.5 + 1e-3


@pytest.mark.parametrize("grey", [0, 142, 255])
def test_a_plain_picture_stays_plain(grey):
    image = np.full((210, 160), grey, dtype=np.uint8)
    assert (AreaResize(84)(image) == grey).all()
