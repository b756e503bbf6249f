"""The picture of a comparison: curves over steps and over seconds, and where every run ended."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, NullFormatter

from hringur.data.figures import GREEN, GREY, light_grid, method_colours, new_figure
from hringur.data.text import drawn
from hringur.evaluation.agents.comparison import AgentRuns, Cell, CurvePoint
from hringur.evaluation.statistics import FEW_RUNS, interquartile_mean
from hringur.registry import learners

POINTS = 100
UNEVEN = 6  # times as many steps of one agent as of another: then their axis is logarithmic

Along = Callable[[CurvePoint], float]


def comparison_figure(runs: Sequence[AgentRuns], title: str, unit: str) -> Figure:
    """Curves over samples (of this unit) and seconds, and the scores of all runs, best on top."""
    figure = new_figure(13.0, 4.6, title)
    by_samples, by_seconds, ends = figure.subplots(1, 3, width_ratios=[1, 1, 0.9])
    has_gap = runs[0].gap is not None
    names = sorted((one.agent for one in runs), key=[*learners(), *(r.agent for r in runs)].index)
    colours = method_colours(names, [*learners()])  # of a learner, not of its rank
    samples = [cell.samples for one in runs for cell in one.cells]
    uneven = max(samples) > UNEVEN * min(samples)
    for one in reversed(runs):  # the best lies on top
        _curves(by_samples, one, lambda point: float(point.samples), colours[one.agent], uneven)
        _curves(by_seconds, one, lambda point: point.seconds, colours[one.agent], False)
    by_samples.set(xlabel=unit, ylabel="gap to the optimum [%]" if has_gap else "mean return")
    by_samples.set_xscale("log" if uneven else "linear")
    by_samples.xaxis.set_major_formatter(EngFormatter(sep=""))
    by_samples.xaxis.set_minor_formatter(NullFormatter())
    by_seconds.set_xlabel("seconds of training")
    for axes in (by_samples, by_seconds):
        light_grid(axes, "y")
        if has_gap:
            axes.axhline(0, color=GREEN, linewidth=1.2, linestyle=":")
        _zoom(axes, runs, has_gap)
    by_seconds.tick_params(labelleft=False)
    counts = [len(one.cells) for one in runs]
    kinds = ["mean"] * (min(counts) < FEW_RUNS) + ["interquartile mean"] * (max(counts) >= FEW_RUNS)
    mean = " or ".join(kinds)
    for axes, words in (
        (by_samples, f"{mean} and range of the runs"),
        (ends, f"rings: runs; stroke: {mean}; bar: 95 % interval"),
    ):
        axes.set_title(words, loc="left", fontsize=9, color=GREY)
    _ends(ends, runs, colours, has_gap)
    return figure


def on_grid(
    curves: Sequence[tuple[CurvePoint, ...]], along: Along, logarithmic: bool = False
) -> tuple[Float64[np.ndarray, " K"], Float64[np.ndarray, "runs K"]]:
    """Curves of several runs, interpolated on the range that all of them cover.

    A logarithmic grid begins at the first points beyond zero.
    """
    xs = [np.array([along(point) for point in curve]) for curve in curves]
    ys = [np.array([point.value for point in curve]) for curve in curves]
    first = max(min(x[x > 0], default=0.0) if logarithmic else x[0] for x in xs)
    last = min(x[-1] for x in xs)
    spaced = np.geomspace if logarithmic and 0 < first < last else np.linspace
    grid = spaced(first, max(first, last), POINTS)
    return grid, np.array([np.interp(grid, x, y) for x, y in zip(xs, ys, strict=True)])


def _curves(axes: Axes, one: AgentRuns, along: Along, colour: str, logarithmic: bool) -> None:
    """Draw mean or interquartile mean over the runs, and the range of all runs."""
    curves = [cell.curve for cell in one.cells if cell.curve]
    if not curves:
        return
    grid, values = on_grid(curves, along, logarithmic)
    axes.fill_between(grid, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, lw=0)
    few = len(values) < FEW_RUNS
    middle = values.mean(axis=0) if few else np.asarray(interquartile_mean(values, axis=0))
    axes.plot(grid, middle, color=colour, linewidth=2, solid_capstyle="round")
    axes.plot(grid[-1], middle[-1], "o", color=colour, markersize=5)


def _zoom(axes: Axes, runs: Sequence[AgentRuns], has_gap: bool) -> None:
    """Limit the vertical axis to the end of all curves."""
    values = [point.value for one in runs for cell in one.cells for point in cell.curve]
    if not values:
        return
    low, high = min(values), max(values)
    if has_gap:
        high = min(high, max(110.0, 1.3 * max(_end(cell, True) for r in runs for cell in r.cells)))
        low = min(low, 0.0)
    room = 0.05 * (high - low or 1.0)
    axes.set_ylim(low - room, high + room)


def _ends(axes: Axes, runs: Sequence[AgentRuns], colours: dict[str, str], has_gap: bool) -> None:
    """Draw every run as a ring, their mean or interquartile mean as a stroke in its interval.

    Names and figures stand beside the axes, where no line goes through them.
    """
    for row, one in enumerate(runs):
        colour = colours[one.agent]
        found, factor = (one.gap, 100.0) if has_gap and one.gap else (one.mean_return, 1.0)
        value, low, high = (factor * x for x in (found.value, found.low, found.high))
        figure = f"{value:.3g}{' %' if has_gap else ''}"
        if found.bounded:
            axes.barh(row, high - low, 0.26, left=low, color=colour, alpha=0.25)
            figure += f"  [{low:.3g}, {high:.3g}]"
        scores = [_end(cell, has_gap) for cell in one.cells]
        axes.scatter(scores, [row] * len(scores), s=26, color="white", edgecolors=colour, zorder=3)
        axes.plot(value, row, "|", color=colour, markersize=20, markeredgewidth=3, zorder=4)
        style: dict[str, Any] = {"color": colour, "fontsize": 10, "va": "center"}
        style |= {"transform": axes.get_yaxis_transform()}
        axes.text(-0.03, row, drawn(one.agent), ha="right", fontweight="bold", **style)
        axes.text(1.03, row, figure, ha="left", **style)
    axes.set_ylim(len(runs) - 0.6, -0.7)
    axes.use_sticky_edges = False
    axes.margins(x=0.05)
    axes.set_yticks([])
    light_grid(axes, "x", left=False)
    axes.set_xlabel("after the budget: gap [%]" if has_gap else "after the budget: mean return")
    if has_gap:
        axes.axvline(0, color=GREEN, linewidth=1.2, linestyle=":")
    axes.tick_params(colors=GREY, labelcolor="black")


def _end(cell: Cell, has_gap: bool) -> float:
    gap = cell.played.gap
    return 100 * gap if has_gap and gap is not None else cell.score
