"""What is observed of a game: grey, the brighter of two frames, smaller, several in a row.

The picture is made smaller by area (OpenCV's INTER_AREA): with s = 210 / size, pixel i of the
result is the mean of what lies between i s and (i + 1) s, and the same across; the two weights of
a source pixel multiply. The order of the sums is OpenCV's too, so that not a bit differs from
ALE's own vector environment.
"""

from typing import Any

import numpy as np
from jaxtyping import UInt8

from hringur.envs.breakout.game import SCREEN, BreakoutOptions

SLIVER = 1e-3
"""A share of a source pixel smaller than this is rounding and left out."""


class AreaResize:
    """From the console's picture to a square of ``size`` pixels."""

    def __init__(self, size: int) -> None:
        self._rows, self._columns = (_taps(length, size) for length in SCREEN)

    def __call__(self, image: UInt8[np.ndarray, "210 160"]) -> UInt8[np.ndarray, "size size"]:
        """The smaller picture: across first, then down."""
        image = image.astype(np.float32)
        across = sum(image[:, source] * weight for source, weight in self._columns)
        down = sum(across[source] * weight[:, None] for source, weight in self._rows)
        return np.rint(down).astype(np.uint8)


class Screen:
    """The last frames of one game, as they are observed."""

    def __init__(self, options: BreakoutOptions) -> None:
        self.options = options
        self._resize = AreaResize(options.frame_size)
        self._raw = np.zeros((2, *SCREEN), dtype=np.uint8)
        self._stack = np.zeros(options.observation_space().shape, dtype=np.uint8)

    def restart(self, ale: Any) -> None:
        """A new game: one frame is there, the ones before it are black."""
        self._raw[1] = 0
        self._stack[:] = 0
        self.look(ale, 1)
        self.take()

    def look(self, ale: Any, frames_left: int) -> None:
        """Remember this frame, if it is one of the last two of a step."""
        if frames_left <= 2:
            ale.getScreenGrayscale(self._raw[frames_left - 1])

    def take(self) -> None:
        """A step is over: what was seen becomes the newest frame.

        Where a game ends before its last two frames were looked at, the step before is seen again.
        """
        if self.options.raw:  # it is observed as it is
            return
        if self.options.max_pool:
            np.maximum(self._raw[0], self._raw[1], out=self._raw[0])
        self._stack[:-1] = self._stack[1:]
        self._stack[-1] = self._resize(self._raw[0])

    def observation(self) -> UInt8[np.ndarray, "stack size size"]:
        """The frames, oldest first, as a new array."""
        return self._stack.copy()


def _taps(length: int, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which source pixels make each pixel of a row, and their weights: the k-th of all at once."""
    scale = length / size
    begin, pixel = np.arange(size)[:, None] * scale, np.arange(length)
    share = np.minimum(pixel + 1, begin + scale) - np.maximum(pixel, begin)
    share = np.where(share > SLIVER, share, 0.0)
    weight = (share / np.minimum(scale, length - begin)).astype(np.float32)
    # A pixel with fewer sources than others adds nothing: weight 0.
    source = np.argsort(share == 0, axis=1, kind="stable")[:, : (share > 0).sum(axis=1).max()]
    weights = np.take_along_axis(weight, source, axis=1)
    return list(zip(source.T, weights.T, strict=True))
