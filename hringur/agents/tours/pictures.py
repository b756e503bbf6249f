"""What a network does, as pictures: a planned tour, and how likely each place is to be next."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from hringur.agents.tours.decoding import TourPolicy
from hringur.data.figures import BLUE
from hringur.envs.tours.drawing import TourPicture, tour_figure
from hringur.types import Instances

LABELLED = 0.03  # probabilities below are shown without their number


def learning_pictures(
    policy: TourPolicy, problem: Any, instance: Instances, tour: Int[np.ndarray, " N"]
) -> dict[str, Figure]:
    """For the log: a greedy tour of one instance, and the decision in its middle.

    ``problem`` is the environment's ``TourProblem``, which knows the map.
    """
    picture = TourPicture(
        coordinates=instance.coordinates[0],
        names=problem.sampler.names(instance),
        tour=tour.tolist(),
        closed=problem.round_trip,
        season=problem.map_season,
        by_road=problem.by_road,
        arrows=True,
        title="A tour, always on to the likeliest place",
    )
    so_far = tour[: max(1, len(tour) // 2)]
    decision = replace(picture, tour=so_far.tolist(), title="What comes next?")
    probability = next_place_probability(policy, instance, so_far)
    return {
        "evaluation/tour": tour_figure(picture),
        "policy/next_place": choice_map(decision, probability),
    }


@torch.no_grad()
def next_place_probability(
    policy: TourPolicy, instance: Instances, so_far: Int[np.ndarray, " T"]
) -> Float[np.ndarray, " N"]:
    """Probability of each place to be next, after the places ``so_far`` of a batch of 1."""
    device = next(policy.parameters()).device  # type: ignore[attr-defined]
    coordinates, distance = (
        torch.as_tensor(array, dtype=torch.float32, device=device)
        for array in (instance.coordinates, instance.distance)
    )
    encoding = policy.encode(coordinates, distance)
    visited = torch.as_tensor(so_far, device=device)
    memory = policy.begin(encoding, visited[None, :1])
    is_open = torch.ones(1, 1, instance.n_places, dtype=torch.bool, device=device)
    for place in visited:
        is_open[0, 0, place] = False
        logits, memory = policy.logits(encoding, memory, place.view(1, 1), is_open.clone())
    return logits.masked_fill(~is_open, -torch.inf).softmax(dim=-1)[0, 0].cpu().numpy()


def entropy_nats(probability: Float[np.ndarray, " N"]) -> float:
    """0 where one choice is certain, log N where all are equally likely."""
    return -float(np.sum(probability * np.log(np.maximum(probability, 1e-12))))


def choice_map(picture: TourPicture, probability: Float[np.ndarray, " N"]) -> Figure:
    """The tour so far, and a disc around each place as large as it is likely to be next."""
    note = f"probability of the next place; entropy {entropy_nats(probability):.2f} nats"
    names = [
        _with_percent(name, share)
        for name, share in zip(picture.names, probability.tolist(), strict=True)
    ]
    figure = tour_figure(replace(picture, closed=False, note=note, names=names))
    (axes,) = figure.axes
    x, y = picture.coordinates.T
    sizes = 5000 * probability
    axes.scatter(x, y, s=sizes, c=BLUE, alpha=0.35, edgecolors=BLUE, linewidths=1.2, zorder=6)
    return figure


def _with_percent(name: str, share: float) -> str:
    """What to write beside a place; a mere number is no name."""
    shown = "" if name.isdecimal() else name
    return f"{shown.split(' (')[0]} {100 * share:.0f} %".strip() if share >= LABELLED else shown
