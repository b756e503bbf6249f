"""Curves of runs: what was logged, over samples and over minutes of training.

python scripts/draw_curves.py runs/breakout --tags rollout/ep_rew_mean evaluation/return_mean
"""

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hringur.evaluation.figures import COLOURS, light_grid, new_figure, save

SAMPLES, SECONDS = "time/samples", "time/elapsed_seconds"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to draw, and where to."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """run folders"""

    tags: tuple[str, ...] = ("rollout/ep_rew_mean",)
    """scalars, as in TensorBoard"""

    label: str = "mean reward of an episode while training"
    """of the vertical axis"""

    title: str = ""
    """above both panels"""

    output: Path = Path("curves.png")
    """PNG, overwritten if it exists"""


def scalars(run: Path, tag: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples, minutes and values of a tag, at the updates at which it was logged."""
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    series = {name: events.Scalars(name) for name in (SAMPLES, SECONDS, tag)}
    step = [point.step for point in series[tag]]
    samples, seconds = (
        np.interp(step, [p.step for p in series[name]], [p.value for p in series[name]])
        for name in (SAMPLES, SECONDS)
    )
    return samples, seconds / 60, np.array([point.value for point in series[tag]])


def main(options: Options) -> None:
    figure = new_figure(10.0, 4.2, options.title)
    by_samples, by_time = figure.subplots(1, 2, sharey=True)
    colours = cycle(COLOURS)
    for run in options.runs:
        for tag in options.tags:
            samples, minutes, values = scalars(run, tag)
            style = {"color": next(colours), "marker": "o" if len(values) < 20 else None}
            by_samples.plot(samples / 1e6, values, **style)
            by_time.plot(minutes, values, label=f"{run.name}: {tag}", **style)
    by_samples.set(xlabel="environment steps [million]", ylabel=options.label)
    by_time.set_xlabel("training time [min]")
    for axes in (by_samples, by_time):
        light_grid(axes, "both")
    if len(options.runs) * len(options.tags) > 1:
        by_time.legend(frameon=False, fontsize=8)
    print(f"drawn: {save(figure, options.output)}")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
