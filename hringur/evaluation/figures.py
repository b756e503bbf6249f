"""What all figures share: Okabe and Ito's colours, an empty figure, a light grid, a PNG file."""

from io import BytesIO
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hringur.data.files import write_whole
from hringur.data.text import drawn

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#5F6368"
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00")
KIND_COLOURS = {"learned": BLUE, "heuristic": GREY, "exact": GREEN}


def new_figure(width: float, height: float, title: str = "", size: int = 12) -> Figure:
    """An empty figure [inches] under a title of ``size`` points, without a window."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(drawn(title), x=0.01, ha="left", fontsize=size, fontweight="bold")
    return figure


def light_grid(axes: Axes, along: Literal["x", "y", "both"], left: bool = True) -> None:
    """Draw grey lines below the data, and frames only at the bottom and, if ``left``, there."""
    axes.grid(axis=along, which="major", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"] + ([] if left else ["left"])].set_visible(False)


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=150)
    write_whole(path, content.getvalue())
    return path
