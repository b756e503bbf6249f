"""Trajectories on the device, endless batches of them, how right a graph is, and its picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from hringur.data.figures import COLOURS, new_figure
from hringur.data.trajectories import Trajectories
from hringur.generative.relations import with_self, without_self
from hringur.types import State, UserError


@dataclass(frozen=True, eq=False)
class TrajectoryBatch:
    """Trajectories for an update, in units of the data's standard deviation."""

    motion: Float[Tensor, "B N T 4"]
    graph: Bool[Tensor, "B N N"]
    """for the supervised ceiling alone"""

    def __len__(self) -> int:
        return len(self.motion)


@dataclass(frozen=True, eq=False)
class Motions:
    """A data set of trajectories on the device."""

    name: str
    train: Float[Tensor, "M N T 4"]
    test: Float[Tensor, "K N T 4"]
    train_graph: Bool[Tensor, "M N N"]
    test_graph: Bool[Tensor, "K N N"]
    scale: Float[Tensor, "4"]
    """standard deviation of positions, twice, and of velocities, twice"""

    @classmethod
    def on_device(cls, data: Trajectories, device: torch.device) -> "Motions":
        """A copy of ``data`` on the device."""
        arrays = (data.train, data.test, data.train_graph, data.test_graph)
        train, test, known, true = (torch.tensor(array, device=device) for array in arrays)
        spread = train.square().mean(dim=(0, 1, 2)).unflatten(0, (2, 2)).mean(dim=1).sqrt()
        return cls(data.name, train, test, known, true, spread.repeat_interleave(2))

    def first(self, count: int | None) -> "Motions":
        """The same with the first ``count`` held-out simulations."""
        return replace(self, test=self.test[:count], test_graph=self.test_graph[:count])


class TrajectoryBatches:
    """Endless batches of trajectories drawn with replacement; each process draws its own."""

    def __init__(
        self, motions: Motions, batch: int, seed: int, rank: int = 0, processes: int = 1
    ) -> None:
        if batch > len(motions.train):
            most = len(motions.train)
            raise UserError(f"batch must be at most {most}, the trajectories, got {batch}")
        self.motions, self.batch = motions, batch
        self.generator = torch.Generator().manual_seed(seed * processes + rank)

    def __iter__(self) -> Iterator[TrajectoryBatch]:
        return self

    def __next__(self) -> TrajectoryBatch:
        count = len(self.motions.train)
        rows = torch.randint(count, (self.batch,), generator=self.generator)
        rows = rows.to(self.motions.train.device)
        motion = self.motions.train[rows] / self.motions.scale
        return TrajectoryBatch(motion, self.motions.train_graph[rows])

    def state_dict(self) -> State:
        """The generator."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
        self.generator.set_state(state["generator"])


def accuracy(found: Bool[Tensor, "M N others"], true: Bool[Tensor, "M N others"]) -> float:
    """Share of ordered pairs that are right, under the better naming of the two types."""
    right = (found == true).double().mean().item()
    return max(right, 1 - right)


def constant_accuracy(motions: Motions) -> float:
    """The same of the likelier type for every pair."""
    true = without_self(motions.test_graph)
    return accuracy(torch.zeros_like(true), true)


def correlation_accuracy(motions: Motions) -> float:
    """The same of "more correlated than a threshold", the best one for the training graphs.

    Pearson's correlation of two bodies' trajectories, the mean over the four numbers.
    """
    known = without_self(motions.train_graph).flatten().double()
    seen = correlations(motions.train).flatten()
    order = seen.argsort()
    # Right if all from this place on are joined: those that are, and the unjoined before it.
    right = (
        known[order].flip(0).cumsum(0).flip(0) + (1 - known[order]).cumsum(0) - (1 - known[order])
    )
    share = right / len(right)
    best = torch.maximum(share, 1 - share).argmax()
    found = correlations(motions.test) >= seen[order][best]
    return accuracy(found, without_self(motions.test_graph))


def correlations(motion: Float[Tensor, "M N T 4"]) -> Float[Tensor, "M N others"]:
    """Mean over x, y and both velocities of the correlation in time of each two bodies."""
    centred = motion - motion.mean(dim=2, keepdim=True)
    unit = centred / centred.norm(dim=2, keepdim=True).clamp_min(1e-12)
    return without_self(torch.einsum("mitf,mjtf->mij", unit, unit) / motion.shape[-1])


def graph_figure(
    motion: Float[Tensor, "B N T 4"], found: Bool[Tensor, "B N others"], motions: Motions
) -> Figure:
    """A row for each simulation: trajectories, the graph found, and the true one."""
    true = motions.test_graph[: len(motion)]
    matrix = with_self(found.float()) > 0
    if (matrix == true).double().mean() < 0.5:  # the types have changed places
        matrix = with_self((~found).float()) > 0
    title = "Bodies by colour: how they moved, which pairs the model joins, which are joined"
    figure = new_figure(8.0, 2.4 * len(motion) + 0.4, title, size=11)
    panels = figure.subplots(len(motion), 3, squeeze=False)
    for one, own, known, row in zip(motion, matrix, true, panels, strict=True):
        place = one.cpu().numpy()
        for body, colour in zip(place, COLOURS, strict=False):
            row[0].plot(body[:, 0], body[:, 1], color=colour, linewidth=1.2)
            row[0].plot(*body[-1, :2], "o", color=colour, markersize=6)
        row[0].set(xticks=[], yticks=[], title="paths, to the dots")
        row[0].set_aspect("equal", adjustable="datalim")
        right = int((own == known).sum()) - len(known)
        _draw_graph(
            row[1], own.cpu().numpy(), f"found: {right} of {len(known) ** 2 - len(known)} right"
        )
        _draw_graph(row[2], known.cpu().numpy(), "true")
    return figure


def _draw_graph(axes: Axes, graph: Bool[np.ndarray, "N N"], title: str) -> None:
    """Bodies on a circle; an edge that goes one way only is drawn thin."""
    angle = 2 * np.pi * np.arange(len(graph)) / len(graph)
    place = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    for i, j in np.argwhere(np.triu(graph | graph.T, 1)):
        both = graph[i, j] and graph[j, i]
        axes.plot(*place[[i, j]].T, color="0.35", linewidth=2.0 if both else 0.6, zorder=1)
    axes.scatter(place[:, 0], place[:, 1], c=COLOURS[: len(graph)], s=120, zorder=2)
    axes.set(aspect="equal", xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), title=title)
    axes.set_axis_off()
