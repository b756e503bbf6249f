"""Curves of runs: what was logged, over minutes or samples of training.

python scripts/draw_curves.py runs/breakout --tags evaluation/return_mean
"""

from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hringur.data.figures import COLOURS, light_grid, new_figure, save

SAMPLES, SECONDS = "time/samples", "time/elapsed_seconds"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to draw, and where to."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional]
    """run folders"""

    tags: tuple[str, ...] = ("evaluation/return_mean",)
    """scalars, as in TensorBoard"""

    over: Literal["minutes", "samples"] = "minutes"
    """the horizontal axis"""

    label: str = "mean return of held-out episodes"
    """of the vertical axis"""

    title: str = ""
    """above"""

    output: Path = Path("curves.png")
    """PNG, SVG or PDF, overwritten if it exists"""


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
    figure = new_figure(8.0, 4.2, options.title)
    axes = figure.subplots()
    colours = cycle(COLOURS)
    for run in options.runs:
        for tag in options.tags:
            samples, minutes, values = scalars(run, tag)
            along = minutes if options.over == "minutes" else samples / 1e6
            style: dict[str, Any] = {"color": next(colours)}
            style |= {"marker": "o"} if len(values) < 20 else {}
            axes.plot(along, values, label=f"{run.name}: {tag}", **style)
    words = {"minutes": "training time [min]", "samples": "environment steps [million]"}
    axes.set(xlabel=words[options.over], ylabel=options.label)
    light_grid(axes, "both")
    if len(options.runs) * len(options.tags) > 1:
        axes.legend(frameon=False, fontsize=8)
    print(f"drawn: {save(figure, options.output)}")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
