"""Binary codes by every estimator: where each one's bound ends, and how much its gradient varies.

python scripts/discrete_codes.py --figure docs/pictures/discrete_codes.png

The same autoencoder of bits is trained with each estimator, from the same seeds, on equally many
images. A run that is done is kept in the folder, so the same command goes on where it was stopped.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import tyro
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hringur.data.figures import BLUE, ORANGE, light_grid, new_figure, save
from hringur.data.files import write_whole
from hringur.data.images.images import ImageSet, load_images
from hringur.evaluation.statistics import Estimate, over_runs, over_runs_words
from hringur.evaluation.tables import Column, Table, estimate_cells, estimate_columns
from hringur.generative.models.discrete_autoencoder import (
    DiscreteAutoencoder,
    DiscreteAutoencoderConfig,
)

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

PAIRS = ("arm", "disarm")
"""Estimators whose draws are pairs."""


@dataclass(frozen=True, kw_only=True)
class DiscreteCodes:
    """Train, measure, draw."""

    dataset: str = "mnist"
    """images"""
    estimators: tuple[str, ...] = ESTIMATORS
    """names in hringur.estimators"""
    seeds: int = 3
    """runs of each, from seeds 0, 1, ..."""
    samples: int = 60_000
    """images that each run learns from"""
    draws: int = 4
    """evaluations of the cost for an image and an update; antithetic pairs count for two"""
    latent: int = 32
    """bits of a code"""
    threads: int = 1
    """processor threads"""
    folder: Path = Path("runs/discrete-codes")
    """where figures are kept"""
    figure: Path | None = None
    """draw to this PNG, SVG or PDF too"""


@dataclass(frozen=True, kw_only=True)
class CodeRun:
    """One trained run."""

    estimator: str
    seed: int
    elbo_nats: float
    """evidence lower bound on held-out images"""

    gradient_variance_nats2: float
    """of one estimate of an image's gradient in its logits, summed over the bits"""


def train(options: DiscreteCodes, images: ImageSet, estimator: str, seed: int) -> CodeRun:
    """One run: its bound on held-out images, and its gradient's variance, at the end."""
    draws = options.draws // 2 if estimator in PAIRS else options.draws
    config = DiscreteAutoencoderConfig(estimator=estimator, draws=draws, latent=options.latent)
    model = DiscreteAutoencoder(images, config, seed=seed, device="cpu")
    model.fit(samples=options.samples)
    torch.manual_seed(0)
    measured = model.own_measures()
    return CodeRun(
        estimator=estimator,
        seed=seed,
        elbo_nats=measured["evaluation/elbo_nats"],
        gradient_variance_nats2=measured["evaluation/gradient_variance_nats2"],
    )


def main(options: DiscreteCodes) -> None:
    torch.set_num_threads(options.threads)
    images, runs = load_images(options.dataset), []
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        for estimator in options.estimators:
            recipe = f"{options.dataset}-{options.samples}-{options.latent}-{options.draws}"
            file = options.folder / f"{estimator}-{seed}-{recipe}.json"
            if not file.exists():
                done = train(options, images, estimator, seed)
                write_whole(file, json.dumps(asdict(done)) + "\n")
                print(f"{estimator}-{seed}: {done.elbo_nats:.1f} nats", flush=True)
            runs.append(CodeRun(**json.loads(file.read_text())))
    table = markdown(runs)
    write_whole(options.folder / "results.md", table)
    title = f"{options.dataset}, {options.latent} bits, {options.samples:,} images"
    figure = chart(runs, f"Binary codes by estimator: {title}, {options.seeds} runs each")
    for path in filter(None, (options.folder / "results.png", options.figure)):
        save(figure, path)
    print(table)


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
            over_runs(np.array([run.elbo_nats for run in own])),
            over_runs(np.array([run.gradient_variance_nats2 for run in own])),
        )
        for name, own in groups.items()
    }
    return dict(sorted(found.items(), key=lambda item: -item[1][1].value))


def markdown(runs: Sequence[CodeRun]) -> str:
    """One table, the best bound first."""
    rows = by_estimator(runs)

    def bound(name: str) -> Estimate:
        return rows[name][1]

    def variance(name: str) -> Estimate:
        return rows[name][2]

    return Table(
        title=over_runs_words([len(own) for own, _, _ in rows.values()]),
        columns=[
            Column[str]("estimator", lambda name: name, text=True),
            Column[str]("runs", lambda name: str(len(rows[name][0]))),
            *estimate_columns("bound [nats]", bound),
            *estimate_columns(
                "gradient variance [nats^2]", variance, lambda v: estimate_cells(v, 3)
            ),
        ],
        rows=list(rows),
    ).markdown()


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
    left.set_xlabel("bound on held-out images [nats], higher is better")
    right.set(xlabel="variance of an image's gradient [nats²], lower is better", xscale="log")
    for axes in (left, right):
        light_grid(axes, "x")
    keys = [
        Line2D([], [], color=colour, marker="o", markerfacecolor="white", linewidth=0, label=words)
        for colour, words in ((BLUE, "sees the cost's value alone"), (ORANGE, "its slope as well"))
    ]
    figure.legend(handles=keys, loc="outside lower left", ncols=2, frameon=False, fontsize=9)
    return figure


if __name__ == "__main__":
    main(tyro.cli(DiscreteCodes))
