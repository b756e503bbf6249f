"""Lines, bands, markers and words on pixels: fast enough for a picture of every step.

Shapes are drawn by Agg, matplotlib's own renderer, without its figures and axes, which take ten
times as long. Words are Pillow's, each drawn once and kept.
"""

import math
import threading
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Literal

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.path import Path as Way
from matplotlib.transforms import IdentityTransform
from PIL import Image, ImageDraw, ImageFont

FULL_HEIGHT = 900.0
"""Widths of lines and sizes of letters are those of a picture of this height [pixels]."""

SHAPES = {
    "up": ((-0.5, -0.5), (0.5, -0.5), (0.0, 0.5)),
    "down": ((-0.5, 0.5), (0.5, 0.5), (0.0, -0.5)),
}
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
Anchor = Literal["left", "middle", "right"]
Points = Float[np.ndarray, "K 2"]


class Canvas:
    """A picture that is drawn on; positions in pixels from the upper left corner."""

    def __init__(self, size: tuple[int, int], paper: str) -> None:
        """``size`` is width and height."""
        self.width, self.height = size
        self.unit = self.height / FULL_HEIGHT
        self._agg = _renderer(size, threading.get_ident())
        self._pixels = np.asarray(self._agg.buffer_rgba())
        colour = np.array([round(255 * part) for part in to_rgba(paper)], dtype=np.uint8)
        self._pixels.view(np.uint32)[:] = colour.view(np.uint32)  # a tenth of the time by bytes

    def line(self, points: Points, colour: str, width: float) -> None:
        """Through points; NaN interrupts it."""
        pen: Any = self._agg.new_gc()
        pen.set_foreground(colour)
        pen.set_linewidth(width * self.unit)
        pen.set_joinstyle("round")
        pen.set_capstyle("round")
        way = Way(np.stack([points[:, 0], self.height - points[:, 1]], axis=1))
        self._agg.draw_path(pen, way, IdentityTransform(), None)

    def fill(self, polygons: Float[np.ndarray, "N K 2"], colour: str) -> None:
        """The inside of polygons, all in one go: half the time of one after the other."""
        pen: Any = self._agg.new_gc()
        pen.set_linewidth(0.0)
        upwards = np.stack([polygons[..., 0], self.height - polygons[..., 1]], axis=-1)
        ways = Way.make_compound_path_from_polys(upwards)
        self._agg.draw_path(pen, ways, IdentityTransform(), to_rgba(colour))

    def marks(self, centres: Points, shape: str, colour: str, size: float) -> None:
        """A triangle with a white edge at each centre."""
        corners = np.array(SHAPES[shape]) * [1.0, -1.0] * self.unit
        self.fill(centres[:, None] + corners * (size + 3.0), "white")
        self.fill(centres[:, None] + corners * size, colour)

    def words(
        self,
        text: str,
        at: tuple[float, float],
        colour: str,
        size: int,
        anchor: Anchor = "left",
        bold: bool = False,
        halo: str | None = None,
    ) -> None:
        """Letters, centred on the height ``at``; with a rim of the colour ``halo``."""
        letters = max(6, round(size * self.unit))
        if halo is not None:
            self._stamp(
                _letters(text, letters, bold, max(1, round(4 * self.unit))), at, halo, anchor
            )
        self._stamp(_letters(text, letters, bold, 0), at, colour, anchor)

    def pixels(self) -> UInt8[np.ndarray, "height width 3"]:
        """The picture, as an array of its own."""
        picture = np.empty((self.height, self.width, 3), dtype=np.uint8)
        for channel in range(3):  # 0.4 ms; all of them in one copy take 3.3
            picture[:, :, channel] = self._pixels[:, :, channel]
        return picture

    def _stamp(
        self, mask: UInt8[np.ndarray, "h w"], at: tuple[float, float], colour: str, anchor: Anchor
    ) -> None:
        height, width = mask.shape
        shift = {"left": 0.0, "middle": 0.5, "right": 1.0}[anchor]
        left, top = round(at[0] - shift * width), round(at[1] - height / 2)
        rows = slice(max(top, 0), min(top + height, self.height))
        columns = slice(max(left, 0), min(left + width, self.width))
        part = mask[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return
        under = self._pixels[rows, columns, :3]
        ink = 255.0 * np.array(to_rgba(colour)[:3])
        under[:] = np.rint(under + (ink - under) * (part[:, :, None] / 255.0))


class Panel:
    """A part of a canvas with scales of its own."""

    def __init__(
        self,
        canvas: Canvas,
        box: tuple[float, float, float, float],
        across: tuple[float, float],
        up: tuple[float, float],
    ) -> None:
        """``box`` is left, top, right and bottom as fractions of the canvas."""
        self.left, self.right = box[0] * canvas.width, box[2] * canvas.width
        self.top, self.bottom = box[1] * canvas.height, box[3] * canvas.height
        self.across, self.up = across, up

    def at(self, x: Any, y: Any) -> Float[np.ndarray, "*K 2"]:
        """Pixels of points of the data."""
        (x0, x1), (y0, y1) = self.across, self.up
        column = self.left + (np.asarray(x, float) - x0) / (x1 - x0) * (self.right - self.left)
        row = self.bottom - (np.asarray(y, float) - y0) / (y1 - y0) * (self.bottom - self.top)
        return np.stack(np.broadcast_arrays(column, row), axis=-1)


def ticks(low: float, high: float, most: int) -> Float[np.ndarray, " K"]:
    """Round numbers between ``low`` and ``high``: steps of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * (1 - 1e-9))
    return np.arange(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1) * step


@cache
def _renderer(size: tuple[int, int], thread: int) -> RendererAgg:
    """One for each thread: to make one takes as long as to draw all shapes."""
    return RendererAgg(*size, 72)  # a point is a pixel


@cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / f"DejaVuSans{'-Bold' * bold}.ttf", size)


@lru_cache(maxsize=2_000)
def _letters(text: str, size: int, bold: bool, rim: int) -> UInt8[np.ndarray, "h w"]:
    """How much of each pixel the letters cover; as high for every text of a size."""
    font = _font(size, bold)
    width, height = math.ceil(font.getlength(text)) + 2 * rim, 2 * size
    image = Image.new("L", (max(1, width), height))
    draw = ImageDraw.Draw(image)
    draw.text((rim, size), text, fill=255, font=font, anchor="lm", stroke_width=rim)
    return np.asarray(image)
