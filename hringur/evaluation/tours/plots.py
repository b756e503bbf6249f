"""Gaps of many methods on tours, as a figure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from hringur.data.figures import KIND_COLOURS, light_grid, new_figure
from hringur.data.text import drawn
from hringur.evaluation.tours.scores import Score
from hringur.evaluation.tours.table import ranked

SMALLEST_PERCENT = 0.01
"""Gaps below are drawn here: a logarithmic axis has no zero."""


def gap_chart(scores: Sequence[Score], title: str | None = None) -> Figure:
    """Mean gap of each method with its 95 % interval, best on top, on a logarithmic axis."""
    shown = [score for score in ranked(scores) if np.isfinite(score.mean_gap.value)]
    sets = ", ".join(sorted({f"{s.held_out}, {len(s.length):,} instances" for s in shown}))
    title = title or f"How far from the optimum: {sets}"
    figure = new_figure(9.0, 1.3 + 0.34 * len(shown), title)
    axes = figure.subplots()
    for row, score in enumerate(shown):
        value, low, high = (
            max(100 * gap, SMALLEST_PERCENT)
            for gap in (score.mean_gap.value, score.mean_gap.low, score.mean_gap.high)
        )
        colour = KIND_COLOURS[score.kind]
        axes.plot([SMALLEST_PERCENT / 2, value], [row, row], color=colour, alpha=0.2, linewidth=5)
        if score.mean_gap.bounded:
            axes.plot([low, high], [row, row], color=colour, linewidth=3, solid_capstyle="butt")
        below = 100 * score.mean_gap.value < SMALLEST_PERCENT
        axes.plot(value, row, "<" if below else "o", color=colour, markersize=8 if below else 5)
        axes.annotate(
            f"{100 * score.mean_gap.value:.2f} %" if score.mean_gap.value else "0, the optimum",
            (high if score.mean_gap.bounded else value, row),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(shown)), [drawn(score.label) for score in shown])
    for tick, score in zip(axes.get_yticklabels(), shown, strict=True):
        tick.set_color(KIND_COLOURS[score.kind])
    axes.invert_yaxis()
    axes.set_xlabel("gap to the proven optimum [%], mean and 95 % bootstrap interval")
    percent_axis(axes, "x")
    axes.set_xlim(SMALLEST_PERCENT * 0.75, 3 * axes.get_xlim()[1])
    axes.tick_params(axis="y", length=0)
    return figure


def percent_axis(axes: Axes, which: str) -> None:
    """Make the axis ``x`` or ``y`` logarithmic, with 0.1, 1 and 10 written out and a light grid."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    light_grid(axes, "both" if which == "y" else "x")
