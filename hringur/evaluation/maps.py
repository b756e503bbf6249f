"""Planned tours on the map of Iceland, and what a network would choose next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float, Int
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from hringur.agents.decoding import Decoding
from hringur.agents.playing import make_vector, replay
from hringur.agents.tour_policy import TourPolicy
from hringur.envs.drawing import TourPicture, tour_figure
from hringur.evaluation.methods import Planner
from hringur.types import Instances, Season

CHOICE = "#0072B2"
LABELLED = 0.03
"""Probabilities below are shown without their number."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TourOnMap:
    """A tour through places of Iceland, driven and drawn."""

    names: tuple[str, ...]
    """in the order of visit"""

    km: float
    """as the environment added it up, the way home included"""

    optimal_km: float
    """of the proven shortest tour"""

    picture: TourPicture
    """what ``tour_figure`` draws"""

    @property
    def gap(self) -> float:
        """Detour beyond the optimum, as a fraction of it."""
        return self.km / self.optimal_km - 1

    def figure(self) -> Figure:
        """The map."""
        return tour_figure(self.picture)


def tour_on_map(
    planner: Planner,
    places: str | Sequence[str],
    season: Season = "summer",
    decoding: Decoding | None = None,
    title: str = "",
) -> TourOnMap:
    """Let a planner find a round trip through ``places``, and drive it in the environment."""
    env: Any = make_vector("IcelandTSP-v0", 1, places=places, season=season)
    sampler = env.unwrapped.sampler
    instance: Instances = sampler.sample(np.random.default_rng(0), 1, env.unwrapped.n_places)
    tour = planner.plan(instance, decoding)
    played = replay(env, instance, tour)
    single: Any = gym.make("IcelandTSP-v0", places=places, season=season).unwrapped
    single.reset(options={"instances": instance})
    km, optimal_km = float(played.length[0]), single.optimal_km()
    names = sampler.names(instance)
    gap = 100 * (km / optimal_km - 1)
    picture = TourPicture(
        coordinates=instance.coordinates[0],
        names=names,
        tour=tour[0].tolist(),
        season=season,
        by_road=True,
        title=title or f"{km:,.1f} km",
        note=f"{km:,.1f} km, {gap:.2f} % over the proven shortest {optimal_km:,.1f} km"
        if gap > 1e-4
        else f"{km:,.1f} km: the proven shortest",
    )
    ordered = tuple(names[place] for place in tour[0])
    return TourOnMap(names=ordered, km=km, optimal_km=optimal_km, picture=picture)


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
