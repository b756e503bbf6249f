"""What the main job leaves beside the runs: tables, curves, and the agent's tours on maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, NullFormatter

from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.decoding import Decoding
from hringur.agents.tours.pictures import choice_map, entropy_nats, next_place_probability
from hringur.data.figures import BLUE, GREY, ORANGE, PURPLE, new_figure, save
from hringur.data.files import write_whole
from hringur.envs.tours.drawing import TourPicture, tour_figure
from hringur.evaluation.tours import table
from hringur.evaluation.tours.plots import SMALLEST_PERCENT, gap_chart, percent_axis
from hringur.evaluation.tours.scores import Score
from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import Planner, replay
from hringur.training.run_folder import RunFolder
from hringur.types import Instances, UserError

CURVE_REFERENCES = ("nearest neighbour", "farthest insertion", "farthest insertion + 2-opt")
"""Heuristics whose gaps are drawn across a learning curve."""


def write_tables(scores: Sequence[Score], folder: Path) -> list[Path]:
    """``results.md`` for readers, ``results.json`` with every instance for programs."""
    texts = {
        "results.md": table.markdown(scores),
        "results.json": table.as_json(scores, per_instance=True) + "\n",
    }
    for name, text in texts.items():
        write_whole(folder / name, text)
    return [folder / name for name in texts]


def draw_gaps(
    scores: Sequence[Score], runs: Mapping[str, tuple[Path, str]], folder: Path
) -> list[Path]:
    """``gaps.png`` of all methods and ``learning_curve.png`` of the ``runs``."""
    references = {
        score.name: 100 * score.mean_gap.value for score in scores if score.name in CURVE_REFERENCES
    }
    return [
        save(learning_curve(runs, references), folder / "learning_curve.png"),
        save(gap_chart(scores), folder / "gaps.png"),
    ]


def draw_tours(agent: TourAgent, folder: Path) -> tuple[list[Path], list[TourPicture]]:
    """The agent's tours of the lecture's six and of all towns, and one of its decisions."""
    tours = {
        "lecture": tour_on_map(agent, "lecture", "The lecture's six places"),
        "towns": tour_on_map(agent, "towns", "All towns, by road"),
    }
    files = [save(tour_figure(tour), folder / f"{name}.png") for name, tour in tours.items()]
    return [*files, save(decision_map(agent), folder / "next_place.png")], list(tours.values())


def tour_on_map(planner: Planner, places: str | Sequence[str], title: str) -> TourPicture:
    """A planned round trip through ``places``, driven in the environment."""
    env: Any = make_vector("IcelandTSP-v0", 1, places=places)
    sampler = env.unwrapped.sampler
    instance: Instances = sampler.sample(np.random.default_rng(0), 1, env.unwrapped.n_places)
    tour = planner.plan(instance, Decoding(method="all-starts"))
    km = float(replay(env, instance, tour).length[0])
    single: Any = gym.make("IcelandTSP-v0", places=places).unwrapped
    single.reset(options={"instances": instance})
    optimal_km = single.optimal_km()
    gap = 100 * (km / optimal_km - 1)
    return TourPicture(
        coordinates=instance.coordinates[0],
        names=sampler.names(instance),
        tour=tour[0].tolist(),
        season="summer",
        by_road=True,
        arrows=True,
        title=title,
        note=f"{km:,.1f} km, {gap:.2f} % over the proven shortest {optimal_km:,.1f} km"
        if gap > 1e-4
        else f"{km:,.1f} km: the proven shortest",
    )


def decision_map(agent: TourAgent, seed: int = 3) -> Figure:
    """What the agent would choose at the hardest moment of a random tour."""
    env: Any = gym.make("IcelandTSP-v0", places=20).unwrapped
    env.reset(seed=seed)
    tour = agent.plan(env.instance, Decoding())[0].astype(np.int64)
    so_far, probability = most_open_decision(agent, env.instance, tour)
    names = env.sampler.names(env.instance)
    picture = TourPicture(
        coordinates=env.instance.coordinates[0],
        names=names,
        tour=so_far.tolist(),
        season="summer",
        by_road=True,
        title=f"What comes after {names[so_far[-1]]}?",
    )
    return choice_map(picture, probability)


def most_open_decision(
    agent: TourAgent, instance: Instances, tour: Int[np.ndarray, " N"]
) -> tuple[Int[np.ndarray, " T"], Float[np.ndarray, " N"]]:
    """The first places of a tour, two or more, after which the policy is least sure.

    Also the probability that it then gives to each place to be next.
    """
    beginnings = [tour[:count] for count in range(2, len(tour) - 1)]
    choices = [next_place_probability(agent.average, instance, so_far) for so_far in beginnings]
    return max(zip(beginnings, choices, strict=True), key=lambda pair: entropy_nats(pair[1]))


def learning_curve(
    runs: Mapping[str, tuple[Path, str]],
    references: Mapping[str, float] | None = None,
) -> Figure:
    """Gap [%] over training time and over samples, one line for each run folder.

    ``runs`` has by label a run folder and the scalar of its evaluations to draw [%];
    ``references`` are gaps of other methods [%], drawn as dotted lines.
    """
    figure = new_figure(10.0, 4.6, "Gap to the proven optimum while training")
    by_time, by_samples = figure.subplots(1, 2, sharey=True)
    curves = {label: _curve(*run) for label, run in runs.items()}
    methods = list(dict.fromkeys(label.split(",")[0] for label in curves))
    for label, (seconds, samples, gap) in curves.items():
        place = methods.index(label.split(",")[0])  # one colour for a method, however it decodes
        colour, dash = (BLUE, ORANGE, PURPLE)[place % 3], "--" if "all starts" in label else "-"
        style: dict[str, Any] = {"color": colour, "linestyle": dash, "linewidth": 2}
        by_time.plot(seconds, gap, marker="o", markersize=3, **style)
        by_samples.plot(samples, gap, marker="o", markersize=3, **style)
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
        percent_axis(axes, "y")
    by_time.margins(y=0.15)  # for the lowest name
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
