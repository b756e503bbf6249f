"""The style of all figures: Okabe and Ito's colours, a light grid, files as PNG, SVG or PDF."""

from collections.abc import Sequence
from io import BytesIO
from itertools import cycle
from pathlib import Path
from textwrap import wrap
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from hringur.data.files import write_whole
from hringur.data.text import drawn

BLUE, ORANGE, GREEN, GREY, INK = "#0072B2", "#D55E00", "#009E73", "#5F6368", "#22343C"
PURPLE, SKY, AMBER, YELLOW, PALE = "#CC79A7", "#56B4E9", "#E69F00", "#F0E442", "#B0B5B9"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER)
KIND_COLOURS = {"learned": BLUE, "heuristic": GREY, "exact": GREEN}
METHOD_COLOURS = (INK, SKY, BLUE, ORANGE, PURPLE, GREY, AMBER)
"""Of learners in the registry's order: one has the same in all figures. The optimum is green."""

DOTS_PER_INCH = 150


def method_colours(names: Sequence[str], known: Sequence[str]) -> dict[str, str]:
    """A colour for each method, by its place among all that are ``known``; others get the rest."""
    own = dict(zip(known, METHOD_COLOURS, strict=False))
    colours = {name: own[name] for name in names if name in own}
    left = cycle([one for one in METHOD_COLOURS if one not in colours.values()] or [INK])
    return {name: colours.get(name) or next(left) for name in names}


def new_figure(width: float, height: float, title: str = "", size: int = 12) -> Figure:
    """An empty figure [inches] under a title of ``size`` points, without a window.

    A title that is wider than the figure takes more lines, and the figure is taller by these.
    """
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    if title:
        text = figure.suptitle(drawn(title), x=0.01, ha="left", fontsize=size, fontweight="bold")
        fits = 0.98 * figure.bbox.width / text.get_window_extent().width
        lines = [title] if fits >= 1 else wrap(title, max(int(0.9 * fits * len(title)), 1))
        text.set(text=drawn("\n".join(lines)), wrap=True)  # once more where letters are wide
        figure.set_size_inches(width, height + (len(lines) - 1) * 1.2 * size / 72)
    return figure


def light_grid(axes: Axes, along: Literal["x", "y", "both"], left: bool = True) -> None:
    """Draw grey lines below the data, and frames only at the bottom and, if ``left``, there."""
    axes.grid(axis=along, which="major", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"] + ([] if left else ["left"])].set_visible(False)


def halo(width: float = 3.0) -> list[withStroke]:
    """A white edge around letters that stand on lines."""
    return [withStroke(linewidth=width, foreground="white", alpha=0.9)]


def save(figure: Figure, path: Path) -> Path:
    """Write what the name ends in (.png, .svg or .pdf), whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = BytesIO()
    figure.savefig(content, format=path.suffix[1:].lower(), dpi=DOTS_PER_INCH)
    write_whole(path, content.getvalue())
    return path
