"""Pictures of questions: lists of words or numbers, boxes on an image, a network on the map."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Int64, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from hringur.data.figures import BLUE, INK, ORANGE
from hringur.data.tours.iceland import coordinates, places, project, roads
from hringur.envs.tours.drawing import draw_background
from hringur.types import Season

PAPER = "#fbfaf7"
DPI = 100


def draw_lists(
    rows: Mapping[str, Sequence[str]], title: str, alike: Bool[np.ndarray, " L"] | None = None
) -> UInt8[np.ndarray, "height width 3"]:
    """A row of cells for each list; columns that are ``alike`` in all of them are green."""
    columns = max(map(len, rows.values()))
    figure, axes = _empty(1.5 * columns + 1.6, 1.0 * len(rows) + 0.8, title)
    for y, (name, cells) in enumerate(rows.items()):
        axes.text(-0.15, y + 0.5, name, ha="right", va="center", fontsize=13, color=INK)
        for x, cell in enumerate(cells):
            good = alike is not None and bool(alike[x])
            colour = "#d9f0e3" if good else "#e8eef4" if cell else "none"
            axes.add_patch(
                Rectangle((x + 0.05, y + 0.1), 0.9, 0.8, facecolor=colour, edgecolor="#b8c4ce")
            )
            axes.text(
                x + 0.5, y + 0.5, cell, ha="center", va="center", parse_math=False,
                fontsize=min(14, 130 / max(1, len(cell))),
            )  # fmt: skip
    axes.set(xlim=(-1.1, columns), ylim=(len(rows), 0))
    return _pixels(figure)


def draw_boxes(
    image: UInt8[np.ndarray, "side side 3"],
    truth: Int64[np.ndarray, "4"],
    box: Int64[np.ndarray, "4"],
    title: str,
) -> UInt8[np.ndarray, "height width 3"]:
    """An image with a box on it, and the true one dashed; (top, left, bottom, right) in pixels."""
    figure, axes = _empty(4.8, 5.2, title)
    axes.imshow(image)
    for (top, left, bottom, right), style, colour in ((truth, "--", INK), (box, "-", ORANGE)):
        axes.add_patch(
            Rectangle(
                (left - 0.5, top - 0.5), right - left, bottom - top,
                fill=False, linestyle=style, linewidth=2.5, edgecolor=colour,
            )
        )  # fmt: skip
    axes.set(xlim=(-0.5, len(image) - 0.5), ylim=(len(image) - 0.5, -0.5))
    return _pixels(figure)


def draw_network(
    numbers: Int64[np.ndarray, " N"], built: Sequence[tuple[int, int]], towns: int, season: Season
) -> UInt8[np.ndarray, "height width 3"]:
    """Connections along their roads; places that need not be joined are hollow."""
    figure = Figure(figsize=(9.0, 6.75), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    draw_background(axes, season)
    for i, j in built:
        x, y = project(roads(season).shape(int(numbers[i]), int(numbers[j]))).T
        axes.plot(x, y, color=BLUE, linewidth=3.5, solid_capstyle="round", zorder=5)
    for k, number in enumerate(numbers.tolist()):
        x, y = coordinates()[number]
        face = ORANGE if k < towns else "white"
        axes.plot(x, y, "o", markersize=9, color=face, markeredgecolor=INK, zorder=6)
        axes.annotate(
            places()[number].name, (x, y), xytext=(0, 9), textcoords="offset points",
            ha="center", fontsize=9, zorder=7, parse_math=False,
        )  # fmt: skip
    table = roads(season).road_km
    km = sum(float(table[numbers[i], numbers[j]]) for i, j in built)
    axes.set_title(f"{km:,.1f} km, {len(built)} connections", y=0.94, fontsize=15, color=INK)
    return _pixels(figure)


def _empty(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """A figure of so many inches with axes that show no frame."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)
    axes = figure.add_axes((0.02, 0.02, 0.96, 1 - 0.6 / height))
    axes.set_axis_off()
    axes.set_title(title, fontsize=13, color=INK)
    return figure, axes


def _pixels(figure: Figure) -> UInt8[np.ndarray, "height width 3"]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
