"""Pictures of a search: the best so far, and what lies around a molecule in the space of codes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from hringur.data.figures import new_figure
from hringur.generative.sequences.pictures import save_sheet

SIDE, STEP = 5, 1.0
"""Molecules to a side of a neighbourhood, and how far apart their codes are."""


def best_figure(runs: Mapping[str, Sequence[Any]], name: str) -> Figure:
    """The mean over repetitions of the best so far, for each method."""
    figure = new_figure(6.0, 3.6, f"best {name} so far")
    axes = figure.subplots()
    for method, found in runs.items():
        curves = [one.best_so_far() for one in found]
        shortest = min(map(len, curves))
        mean = np.mean([curve[:shortest] for curve in curves], axis=0)
        axes.plot(np.arange(1, shortest + 1), mean, label=method)
    axes.set(xlabel="evaluations", ylabel=name)
    axes.legend(frameon=False)
    return figure


def winners_sheet(runs: Mapping[str, Sequence[Any]], path: Path) -> None:
    """Draw the best molecule of every search; a line of them for each method."""
    every = [(method, one) for method, found in runs.items() for one in found]
    captions = [f"{method}, {one.sign * one.winner[1]:.4g}" for method, one in every]
    columns = max(map(len, runs.values()))
    save_sheet([one.winner[0] for _, one in every], columns, path, captions)


def neighbourhood(model: Any, string: str, path: Path) -> None:
    """Draw a molecule in the middle, and what two random directions of its code decode to."""
    centre = model.encode([string]).cpu()
    generator = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(centre.shape[1], 2, generator=generator))[0].T
    steps = STEP * (torch.arange(SIDE) - SIDE // 2).float() * centre.norm() / SIDE
    codes = centre + steps[:, None, None] * axes[0] + steps[None, :, None] * axes[1]
    codes = codes.flatten(0, 1)
    if model.config.objective != "vae":
        codes = F.layer_norm(codes, codes.shape[1:])
    save_sheet(model.decode(codes, "valence"), SIDE, path)
