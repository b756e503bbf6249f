"""Solvers of entropic transport beside the plan that is known: errors, a picture, a film."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from hringur.data.figures import BLUE, GREY, ORANGE, new_figure
from hringur.divergences.known_plans import Plan, known_plan, plan_error
from hringur.evaluation.statistics import AT_LEAST_0, Estimate, over_runs
from hringur.evaluation.tables import Column, Table, estimate_columns, estimate_json
from hringur.generative.applications.transport import SOLVERS

PLACES = 1000
"""Points x at which plans are compared."""

PUBLISHED = {(0.1, 2): 0.03, (0.1, 16): 0.08, (0.1, 64): 0.28, (0.1, 128): 0.60}
"""Error of the light bridge [%] on the authors' own pairs (Korotin et al. 2024, table 2)."""

DRAWN, FRAMES, PAUSE = 300, 40, 12
"""Points of the picture, steps of the film on their way, and steps at either end."""

ACROSS = 4
"""Panels in a row of the picture."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A known plan in so many dimensions."""

    dimensions: int
    epsilon: float
    samples: int


@dataclass(frozen=True, kw_only=True)
class Solved:
    """One solver on one problem, over several draws of the samples."""

    solver: str
    problem: Problem
    errors: tuple[float, ...]
    """of the plan [%], one for each seed"""
    seconds: float
    """mean time of a solution"""
    plan: Plan
    """that of the last seed"""

    @property
    def error(self) -> Estimate:
        """Over the seeds."""
        return over_runs(np.array(self.errors), AT_LEAST_0)


def solve(problem: Problem, solver: str, seeds: Sequence[int], **options: Any) -> Solved:
    """Learn the plan from samples, once for each seed, and hold it against the known one."""
    truth = known_plan(problem.dimensions, problem.epsilon)
    errors, began, plan = [], time.perf_counter(), None
    for seed in seeds:
        x, y, unseen = draw(problem, seed)
        plan = SOLVERS[solver](x, y, problem.epsilon, seed, **options)
        errors.append(plan_error(plan, truth, unseen, float(y.var(dim=0).sum())))
    assert plan is not None, "there is a seed"
    seconds = (time.perf_counter() - began) / len(seeds)
    return Solved(solver=solver, problem=problem, errors=tuple(errors), seconds=seconds, plan=plan)


def draw(
    problem: Problem, seed: int
) -> tuple[Float[Tensor, "N D"], Float[Tensor, "N D"], Float[Tensor, "M D"]]:
    """Samples of both sides, drawn independently of each other, and unseen points x."""
    generator = torch.Generator().manual_seed(seed)
    shape = problem.samples, problem.dimensions
    x, other = (torch.randn(shape, generator=generator) for _ in range(2))
    y = known_plan(problem.dimensions, problem.epsilon).draw(other, generator)
    return x, y, torch.randn(PLACES, problem.dimensions, generator=generator)


def table(solved: Sequence[Solved]) -> Table[Solved]:
    """A row for each problem and solver."""

    def published(one: Solved) -> str:
        key = one.problem.epsilon, one.problem.dimensions
        known = one.solver == "light-bridge" and key in PUBLISHED
        return f"{PUBLISHED[key]:.2f}" if known else ""

    return Table(
        title="error of the plan: conditional Bures-Wasserstein, % of the variance",
        columns=[
            Column("solver", lambda one: one.solver, text=True),
            Column("epsilon", lambda one: f"{one.problem.epsilon:g}"),
            Column("D", lambda one: str(one.problem.dimensions)),
            *estimate_columns("error %", lambda one: one.error),
            Column("published", published),
            Column("seconds", lambda one: f"{one.seconds:.1f}"),
        ],
        rows=solved,
    )


def to_json(solved: Sequence[Solved]) -> list[dict[str, Any]]:
    """Numbers and strings only."""
    return [
        {
            "solver": one.solver,
            "dimensions": one.problem.dimensions,
            "epsilon": one.problem.epsilon,
            "samples": one.problem.samples,
            **estimate_json("error_percent", one.error),
            "errors_percent": list(one.errors),
            "seconds": one.seconds,
        }
        for one in solved
    ]


def paths(solved: Sequence[Solved]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Where each solver, and the known plan, send the same points of two dimensions."""
    problem = solved[0].problem
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(DRAWN, 2, generator=generator)
    plans: dict[str, Plan] = {"known plan": known_plan(2, problem.epsilon)}
    plans |= {f"{one.solver}: {one.error.value:.3g} %": one.plan for one in solved}
    return {
        name: (start.numpy(), plan.draw(start, torch.Generator().manual_seed(1)).numpy())
        for name, plan in plans.items()
    }


def picture(solved: Sequence[Solved]) -> Figure:
    """Red points pushed onto the blue measure by each solver."""
    return _figure(blue_points(solved), paths(solved), share=1.0)


def blue_points(solved: Sequence[Solved]) -> Float[Tensor, "M 2"]:
    """Some samples of y, to be drawn."""
    return draw(solved[0].problem, 0)[1][:1500]


def _figure(
    blue: Float[Tensor, "M 2"], panels: dict[str, tuple[np.ndarray, np.ndarray]], share: float
) -> Figure:
    """The red points after ``share`` of their way, a panel for each plan."""
    columns = min(len(panels), ACROSS)
    rows = -(-len(panels) // columns)
    title = "Where the same points go by the best plan and by each solver's (error of its plan)"
    figure = new_figure(3.2 * columns, 3.5 * rows + 0.4, title)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for axes, (name, (start, end)) in zip(grid.flat, panels.items(), strict=False):
        now = start + share * (end - start)
        axes.scatter(*blue.T, s=3, color=BLUE, alpha=0.35, linewidths=0)
        ways = np.stack([start, now], axis=1)
        axes.add_collection(LineCollection(list(ways), color=GREY, linewidths=0.4, alpha=0.5))
        axes.scatter(*now.T, s=7, color=ORANGE, linewidths=0, zorder=3)
        axes.set(xlim=(-7, 7), ylim=(-7, 7), xticks=[], yticks=[], aspect="equal")
        axes.set_title(name, fontsize=11)
    return figure


def film(solved: Sequence[Solved]) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """The picture while the red points move."""
    steps = [0.0] * PAUSE + [k / FRAMES for k in range(FRAMES + 1)] + [1.0] * PAUSE
    blue, panels = blue_points(solved), paths(solved)
    for share in steps:
        canvas = FigureCanvasAgg(_figure(blue, panels, share))
        canvas.draw()
        yield np.asarray(canvas.buffer_rgba())[..., :3].copy()
