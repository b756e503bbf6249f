"""Figures of results on tours: learning curves, their lines labelled where they end, and gaps."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, NullFormatter

from hringur.evaluation.figures import COLOURS, GREY, KIND_COLOURS, light_grid, new_figure
from hringur.evaluation.tours.scores import Score
from hringur.evaluation.tours.table import ranked
from hringur.training.run_folder import RunFolder
from hringur.types import UserError

SMALLEST_PERCENT = 0.01
"""Gaps below are drawn here: a logarithmic axis has no zero."""


def learning_curve(
    runs: Mapping[str, tuple[Path, str]],
    references: Mapping[str, float] | None = None,
    title: str = "Gap to the proven optimum while training",
) -> Figure:
    """Gap [%] over training time and over samples, one line for each run folder.

    Args:
        runs: by label, a run folder and the scalar of its evaluations to draw, in percent.
        references: gaps of other methods by label [%], as dotted lines.
        title: above both panels.

    Raises:
        UserError: a run has not been evaluated yet, or has no such scalar.
    """
    figure = new_figure(10.0, 4.6, title)
    by_time, by_samples = figure.subplots(1, 2, sharey=True)
    curves = {label: _curve(*run) for label, run in runs.items()}
    for colour, (label, (seconds, samples, gap)) in zip(
        cycle(COLOURS), curves.items(), strict=False
    ):
        by_time.plot(seconds, gap, color=colour, linewidth=2, marker="o", markersize=3)
        by_samples.plot(samples, gap, color=colour, linewidth=2, marker="o", markersize=3)
        text = f"{label}  {gap[-1]:.2f} %"
        _label_end(by_time, text, seconds[-1], gap[-1], colour)
    for label, percent in (references or {}).items():
        for axes in (by_time, by_samples):
            axes.axhline(max(percent, SMALLEST_PERCENT), color=GREY, linewidth=1, linestyle=":")
        by_samples.annotate(
            f"{label} {percent:.2f} %",
            (1.01, max(percent, SMALLEST_PERCENT)),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8,
            color=GREY,
        )
    by_samples.set_xscale("log")
    by_samples.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    by_samples.xaxis.set_minor_formatter(NullFormatter())
    by_time.set(xlabel="training time [s]", ylabel="gap to the proven optimum [%]")
    by_samples.set_xlabel("training instances")
    for axes in (by_time, by_samples):
        _percent_axis(axes, "y")
    by_time.margins(y=0.15)  # for the lowest name
    return figure


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
        below = score.mean_gap.value * 100 < SMALLEST_PERCENT
        axes.plot(value, row, "<" if below else "o", color=colour, markersize=8 if below else 5)
        axes.annotate(
            f"{100 * score.mean_gap.value:.2f} %" if score.mean_gap.value else "0, the optimum",
            (high if score.mean_gap.bounded else value, row),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_yticks(range(len(shown)), [score.label for score in shown])
    for tick, score in zip(axes.get_yticklabels(), shown, strict=True):
        tick.set_color(KIND_COLOURS[score.kind])
    axes.invert_yaxis()
    axes.set_xlabel("gap to the proven optimum [%], mean and 95 % bootstrap interval")
    _percent_axis(axes, "x")
    axes.set_xlim(SMALLEST_PERCENT * 0.75, 3 * axes.get_xlim()[1])
    axes.tick_params(axis="y", length=0)
    return figure


def _curve(folder: Path, tag: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Seconds, samples and gap [%] of a run's evaluations."""
    history = RunFolder.open(folder).read_history()
    entries = [entry for entry in history if entry["metrics"].get(tag) is not None]
    if not entries:
        raise UserError(f"the run {folder} has no evaluation with {tag}")
    gap = np.maximum([entry["metrics"][tag] for entry in entries], SMALLEST_PERCENT)
    seconds = np.array([entry["seconds"] for entry in entries])
    return seconds, np.array([max(entry["samples"], 1) for entry in entries]), gap


def _label_end(axes: Axes, text: str, x: float, y: float, colour: str) -> None:
    """Name a line below its last point: a curve that falls leaves room there."""
    axes.annotate(
        text,
        (x, y),
        xytext=(0, -9),
        textcoords="offset points",
        ha="right",
        va="top",
        path_effects=[withStroke(linewidth=3, foreground="white", alpha=0.9)],
        fontsize=9,
        fontweight="bold",
        color=colour,
    )


def _percent_axis(axes: Axes, which: str) -> None:
    """Logarithmic, with 0.1, 1 and 10 written out, and a light grid."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    light_grid(axes, "both" if which == "y" else "x")
