"""What all figures share: colours, an empty figure, a light grid, and a PNG written whole.

Colours are Okabe and Ito's, which stay apart for colour-blind readers. Matplotlib's object
interface is used throughout: no window, no global state.
"""

from io import BytesIO
from pathlib import Path
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hringur.data.files import write_whole

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#5F6368"
COLOURS = (BLUE, ORANGE, GREEN, "#CC79A7", "#56B4E9", "#E69F00")
KIND_COLOURS = {"learned": BLUE, "heuristic": GREY, "exact": GREEN}


def new_figure(width: float, height: float, title: str = "", size: int = 12) -> Figure:
    """An empty figure [inches] under a title of ``size`` points; it is saved without a window."""
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=size, fontweight="bold")
    return figure


def light_grid(axes: Axes, along: Literal["x", "y", "both"], left: bool = True) -> None:
    """Grey lines below the data; frames only at the bottom and, if ``left``, on the left."""
    axes.grid(axis=along, which="major", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"] + ([] if left else ["left"])].set_visible(False)


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG, whole or not at all.

    Raises:
        UserError: the folder may not be written to, or the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=150)
    write_whole(path, content.getvalue())
    return path
