"""The figure of the estimator bench: variances relative to REINFORCE's, and biases."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from hringur.data.figures import BLUE, GREY, ORANGE, light_grid, new_figure
from hringur.evaluation.estimators.bench import PLAIN, Measurement
from hringur.evaluation.estimators.problems import BenchProblem

COLUMNS = 2
SMALLEST = 1e-12
"""Ratios below are drawn here: a logarithmic axis has no zero."""


def variance_chart(
    problems: Sequence[tuple[BenchProblem, list[Measurement]]], samples: int
) -> Figure:
    """One panel for each problem, with the variances as multiples of REINFORCE's."""
    columns = min(COLUMNS, len(problems))
    rows = [problems[begin : begin + columns] for begin in range(0, len(problems), columns)]
    heights = [max(len(measured) for _, measured in row) + 2.6 for row in rows]
    title = f"Variance of gradient estimators relative to REINFORCE ({samples} samples an estimate)"
    figure = new_figure(6.6 * columns, 0.29 * sum(heights) + 1.0, title, size=14)
    grid = figure.subplots(
        len(rows), columns, squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for axes in grid.flat[len(problems) :]:
        axes.set_axis_off()
    for axes, (problem, measured) in zip(grid.flat, problems, strict=False):
        _panel(axes, problem, measured)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.08)
    keys = [
        Line2D([], [], color=BLUE, marker="o", linewidth=4, label="unbiased"),
        Line2D([], [], color=ORANGE, marker="D", linewidth=4, label="biased, with its bias"),
        Line2D([], [], color=GREY, marker="o", linewidth=0, label="REINFORCE without a baseline"),
    ]
    figure.legend(
        handles=keys, loc="outside lower left", ncols=len(keys), frameon=False, fontsize=9.5
    )
    return figure


def _panel(axes: Axes, problem: BenchProblem, measured: Sequence[Measurement]) -> None:
    """Lollipops from REINFORCE's variance, the least on top."""
    shown = sorted(measured, key=lambda one: one.variance.value)
    ratios = np.maximum([one.relative_variance for one in shown], SMALLEST)
    axes.axvline(1.0, color=GREY, linewidth=1, zorder=1)
    for row, (one, ratio) in enumerate(zip(shown, ratios, strict=True)):
        colour = GREY if one.estimator == PLAIN else BLUE if one.unbiased else ORANGE
        axes.plot([1.0, ratio], [row, row], color=colour, alpha=0.28, linewidth=4.5, zorder=2)
        marker = "o" if one.unbiased else "D"
        axes.plot(ratio, row, marker, color=colour, markersize=6.5, zorder=3)
        style: dict[str, Any] = {"va": "center", "fontsize": 8.5, "color": colour}
        axes.text(1.02, row, _words(one), transform=axes.get_yaxis_transform(), **style)
    axes.set_yticks(range(len(shown)), [one.estimator for one in shown], fontsize=9)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    _ratio_axis(axes, ratios)
    axes.set_title(problem.title, loc="left", fontsize=10.5, fontweight="bold")


def _words(one: Measurement) -> str:
    ratio = one.relative_variance
    if one.estimator == PLAIN:
        return "1"
    near = 0.8 < ratio < 1.25
    words = f"{ratio:.2f}" if near else f"1 / {short(1 / ratio)}" if 0 < ratio < 1 else short(ratio)
    return words if one.unbiased else f"{words}   bias {signed(one.bias_percent.value)} %"


def _ratio_axis(axes: Axes, ratios: np.ndarray) -> None:
    """Logarithmic, with powers of ten written out."""
    axes.set_xscale("log")
    room = 10 ** (0.06 * np.log10(ratios.max() / ratios.min()) + 0.05)
    axes.set_xlim(ratios.min() / room, ratios.max() * room)
    axes.xaxis.set_major_locator(LogLocator(numticks=7))
    axes.xaxis.set_major_formatter(
        FuncFormatter(
            lambda value, _: f"{value:g}" if value >= 1e-3 else f"$10^{{{round(np.log10(value))}}}$"
        )
    )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", which="minor", length=0)
    light_grid(axes, "x", left=False)
    axes.set_xlabel("variance / REINFORCE's variance", fontsize=9)


def short(number: float) -> str:
    """Two significant digits: ``0.83``, ``6.8``, ``96,000``, ``3,400,000``, ``inf``."""
    return f"{float(f'{number:.2g}'):,.12g}"


def signed(value: float, digits: int = 0) -> str:
    """A number with its sign, a minus sign of the width of the plus."""
    return f"{value:+,.{digits}f}".replace("-", "\N{MINUS SIGN}")
