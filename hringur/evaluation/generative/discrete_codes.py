"""Estimators side by side on an autoencoder of bits: the final bound, the gradient's variance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from hringur.evaluation.figures import BLUE, ORANGE, light_grid, new_figure
from hringur.evaluation.statistics import Estimate, interquartile_mean, stratified_bootstrap

SCORE_FUNCTIONS = (
    "reinforce",
    "reinforce-moving-average",
    "reinforce-leave-one-out",
    "arm",
    "disarm",
)
RELAXATIONS = ("rebar", "relax", "gumbel-softmax", "gumbel-straight-through", "straight-through")
ESTIMATORS = (*SCORE_FUNCTIONS, *RELAXATIONS)
"""Those compared: with the value of the cost alone, and with its slope."""


@dataclass(frozen=True, kw_only=True)
class CodeRun:
    """One trained run."""

    estimator: str
    seed: int
    elbo_nats: float
    """evidence lower bound on held-out images"""

    gradient_variance_nats2: float
    """of one estimate of an image's gradient in its logits, summed over the bits"""


def by_estimator(
    runs: Sequence[CodeRun],
) -> dict[str, tuple[list[CodeRun], Estimate, Estimate]]:
    """Runs, bound and variance of each, the best bound first; intervals over runs."""
    groups: dict[str, list[CodeRun]] = {}
    for run in runs:
        groups.setdefault(run.estimator, []).append(run)
    found = {
        name: (
            own,
            over_runs([run.elbo_nats for run in own]),
            over_runs([run.gradient_variance_nats2 for run in own]),
        )
        for name, own in groups.items()
    }
    return dict(sorted(found.items(), key=lambda item: -item[1][1].value))


def over_runs(values: Sequence[float]) -> Estimate:
    """Interquartile mean with its 95 % bootstrap interval."""
    return stratified_bootstrap(np.array(values)[:, None], interquartile_mean)


def markdown(runs: Sequence[CodeRun]) -> str:
    """One table, the best bound first."""
    lines = [
        "| estimator | runs | bound [nats] | interval | gradient variance [nats^2] | interval |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name, (own, bound, variance) in by_estimator(runs).items():
        lines.append(
            f"| {name} | {len(own)} | {bound.value:.1f} | {bound.low:.1f} to {bound.high:.1f}"
            f" | {variance.value:.3g} | {variance.low:.3g} to {variance.high:.3g} |"
        )
    return "\n".join(lines) + "\n"


def chart(runs: Sequence[CodeRun], title: str) -> Figure:
    """Bound and variance of each estimator, a ring for each run, a stroke for their mean."""
    groups = by_estimator(runs)
    figure = new_figure(10.5, 0.36 * len(groups) + 1.6, title)
    left, right = figure.subplots(1, 2, sharey=True)
    for row, (name, (own, bound, variance)) in enumerate(groups.items()):
        colour = BLUE if name in SCORE_FUNCTIONS else ORANGE
        for axes, values, mean in (
            (left, [run.elbo_nats for run in own], bound),
            (right, [run.gradient_variance_nats2 for run in own], variance),
        ):
            axes.scatter(values, [row] * len(own), s=24, color="white", edgecolors=colour, zorder=3)
            axes.plot(mean.value, row, "|", color=colour, markersize=16, markeredgewidth=2.5)
    left.set_yticks(range(len(groups)), list(groups))
    left.set_ylim(len(groups) - 0.5, -0.5)
    left.set_xlabel("evidence lower bound on held-out images [nats], right is better")
    right.set(xlabel="variance of an image's gradient [nats²], left is better", xscale="log")
    for axes in (left, right):
        light_grid(axes, "x")
    left.set_title("blue: values of the cost alone", loc="left", fontsize=9, color=BLUE)
    right.set_title("orange: its slope as well", loc="left", fontsize=9, color=ORANGE)
    return figure
