"""Pictures of a search: the best so far, and what lies around a molecule in the space of codes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

from hringur.data.figures import light_grid, method_colours, new_figure
from hringur.generative.applications.search import METHODS
from hringur.generative.sequences.pictures import save_sheet

SIDE = 5
"""Molecules to a side of a neighbourhood."""

STEPS = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Distances of their codes, in lengths of the one in the middle; the first that tells is taken."""


def best_figure(runs: Mapping[str, Sequence[Any]], name: str) -> Figure:
    """The mean over repetitions of the best so far, for each method."""
    figure = new_figure(6.0, 3.6, f"The best {name} so far")
    axes = figure.subplots()
    every = {method: [one.best_so_far() for one in found] for method, found in runs.items()}
    longest = max(len(curve) for curves in every.values() for curve in curves)
    colours = method_colours(list(every), list(METHODS))
    for method, curves in every.items():
        # A search that was given up keeps what it found.
        padded = [np.pad(curve, (0, longest - len(curve)), "edge") for curve in curves]
        steps = np.arange(1, longest + 1)
        axes.plot(steps, np.mean(padded, axis=0), color=colours[method], label=method)
    axes.set(xlabel="evaluations", ylabel=name)
    if min(min(map(min, curves)) for curves in every.values()) > 0:
        axes.set_xscale("log")
        axes.set_yscale("log" if next(iter(runs.values()))[0].sign > 0 else "linear")
    light_grid(axes, "y")
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
    grid = (torch.arange(SIDE) - SIDE // 2).float() * centre.norm()
    for step in STEPS:
        moved = grid[:, None, None] * axes[0] + grid[None, :, None] * axes[1]
        codes = (centre + step * moved).flatten(0, 1)
        if model.config.objective != "vae":
            codes = F.layer_norm(codes, codes.shape[1:])
        found = model.decode(codes, "valence")
        if len(set(found)) > len(found) // 2:  # else most are the one in the middle
            break
    save_sheet(found, SIDE, path)
