"""What a network does, as pictures: a planned tour, and how likely each place is to be next."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from hringur.agents.tour_policy import TourPolicy
from hringur.envs.drawing import TourPicture, tour_figure
from hringur.types import Instances

CHOICE = "#0072B2"
LABELLED = 0.03
"""Probabilities below are shown without their number."""


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
        title="a greedy tour",
    )
    so_far = tour[: max(1, len(tour) // 2)]
    decision = replace(picture, tour=so_far.tolist(), title="what comes next?")
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


def choice_map(picture: TourPicture, probability: Float[np.ndarray, " N"]) -> Figure:
    """The tour so far, and a disc around each place as large as it is likely to be next."""
    entropy = -float(np.sum(probability * np.log(np.maximum(probability, 1e-12))))
    note = f"probability of the next place; entropy {entropy:.2f} nats"
    figure = tour_figure(replace(picture, closed=False, note=note))
    (axes,) = figure.axes
    x, y = picture.coordinates.T
    axes.scatter(
        x,
        y,
        s=9000 * probability,
        c=CHOICE,
        alpha=0.35,
        edgecolors=CHOICE,
        linewidths=1.2,
        zorder=6,
    )
    halo = [withStroke(linewidth=3, foreground="white", alpha=0.9)]
    for place in np.flatnonzero(probability >= LABELLED):
        axes.annotate(
            f"{100 * probability[place]:.0f} %",
            (x[place], y[place]),
            xytext=(0, -15),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=11,
            fontweight="bold",
            color=CHOICE,
            zorder=12,
            path_effects=halo,
        )
    return figure
