"""Everything that a finished comparison leaves on disk: tables, curves and maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from hringur.agents.tours.agent import TourAgent
from hringur.agents.tours.decoding import Decoding
from hringur.agents.tours.pictures import choice_map, most_open_decision
from hringur.data.files import write_whole
from hringur.envs.tours.drawing import TourPicture
from hringur.evaluation.figures import save
from hringur.evaluation.tours import plots
from hringur.evaluation.tours import table as compare
from hringur.evaluation.tours.maps import TourOnMap, tour_on_map
from hringur.evaluation.tours.scores import Score

CURVE_REFERENCES = ("nearest neighbour", "farthest insertion", "farthest insertion + 2-opt")
"""Heuristics whose gaps are drawn across a learning curve."""


def write_tables(scores: Sequence[Score], folder: Path) -> list[Path]:
    """``results.md`` for readers, ``results.json`` with every instance for programs."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "results.md": compare.markdown(scores),
        "results.json": compare.as_json(scores, per_instance=True) + "\n",
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
        save(plots.learning_curve(runs, references), folder / "learning_curve.png"),
        save(plots.gap_chart(scores), folder / "gaps.png"),
    ]


def draw_tours(agent: TourAgent, folder: Path) -> tuple[list[Path], dict[str, TourOnMap]]:
    """The agent's tours of the lecture's six and of all towns, and one of its decisions."""
    decoding = Decoding(method="all-starts")
    titles = {"lecture": "The lecture's six places", "towns": "All towns, by road"}
    tours = {
        places: tour_on_map(agent, places, decoding=decoding, title=title)
        for places, title in titles.items()
    }
    files = [save(tour.figure(), folder / f"{places}.png") for places, tour in tours.items()]
    return [*files, save(_decision(agent), folder / "next_place.png")], tours


def _decision(agent: TourAgent, seed: int = 3) -> Any:
    """What the agent would choose at the hardest moment of a random tour."""
    env: Any = gym.make("IcelandTSP-v0", places=20).unwrapped
    env.reset(seed=seed)
    tour = agent.plan(env.instance, Decoding())[0].astype(np.int64)
    so_far, probability = most_open_decision(agent.average, env.instance, tour)
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
