"""Agents side by side: each trained from several seeds with the same budget on one environment.

A run's score is its mean return over the held-out episodes; figures over runs are ``over_runs``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import permutations
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.ticker import EngFormatter

from hringur.evaluation.statistics import (
    Estimate,
    mean_over_runs,
    middle_over_runs,
    over_runs,
    probability_of_improvement,
)
from hringur.evaluation.tables import (
    Column,
    Table,
    estimate_cells,
    estimate_columns,
    estimate_json,
)
from hringur.evaluators.episodes import EpisodeReturns, gap_of


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """One evaluation during training."""

    samples: int
    """environment steps, or instances for agents that plan tours"""

    seconds: float
    value: float
    """gap [%] where the optimum is known, else mean return"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """One trained run, measured."""

    agent: str
    seed: int
    played: EpisodeReturns
    samples: int
    seconds: float
    curve: tuple[CurvePoint, ...]
    command: str

    @property
    def score(self) -> float:
        """Mean return."""
        return float(self.played.returns.mean())

    @property
    def words(self) -> str:
        """The result in one line."""
        gap = "" if self.played.gap is None else f", gap {100 * self.played.gap:.2f} %"
        return f"mean return {self.score:.4g}{gap} after {self.samples:,} samples"


@dataclass(frozen=True, kw_only=True, eq=False)
class AgentRuns:
    """All runs of one agent."""

    agent: str
    cells: tuple[Cell, ...]

    @property
    def scores(self) -> Float64[np.ndarray, " runs"]:
        """Mean return of each run."""
        return np.array([cell.score for cell in self.cells])

    @property
    def mean_samples(self) -> float:
        """Mean over runs."""
        return float(np.mean([cell.samples for cell in self.cells]))

    @property
    def mean_seconds(self) -> float:
        """Mean training time over runs [s]."""
        return float(np.mean([cell.seconds for cell in self.cells]))

    @cached_property
    def mean_return(self) -> Estimate:
        """Mean return over runs [reward]."""
        return over_runs(self.scores)

    @cached_property
    def gap(self) -> Estimate | None:
        """Gap over runs, as a fraction; None where no optimum is known."""
        if any(cell.played.optimal is None for cell in self.cells):
            return None
        rows = np.arange(len(self.cells[0].played.returns))
        gaps = np.array([float(gap_of(cell.played, rows)) for cell in self.cells])
        return over_runs(gaps)

    def to_json(self) -> dict[str, Any]:
        """The figures for a program."""
        return {
            "agent": self.agent,
            "seeds": [cell.seed for cell in self.cells],
            "returns": self.scores.tolist(),
            **estimate_json("mean_return", mean_over_runs(self.scores)),
            **estimate_json("interquartile_mean_return", middle_over_runs(self.scores)),
            **estimate_json("gap", self.gap),
            "samples": [cell.samples for cell in self.cells],
            "seconds": [cell.seconds for cell in self.cells],
            "commands": [cell.command for cell in self.cells],
        }


def grouped(cells: Sequence[Cell]) -> list[AgentRuns]:
    """The cells by agent, best first."""
    ordered = sorted(cells, key=lambda cell: cell.seed)
    runs = [
        AgentRuns(agent=agent, cells=tuple(cell for cell in ordered if cell.agent == agent))
        for agent in dict.fromkeys(cell.agent for cell in cells)
    ]
    return sorted(runs, key=lambda one: -one.mean_return.value)


def table(runs: Sequence[AgentRuns], title: str, unit: str) -> Table[AgentRuns]:
    """Figures of every agent, for the terminal; ``unit`` is what its samples are."""
    played = runs[0].cells[0].played
    references = {"optimum": played.optimal, played.reference_name: played.reference}
    return Table(
        title=title,
        columns=[
            *_columns(digits=3),
            Column(unit.split()[-1], lambda one: short(one.mean_samples)),
            Column("time", lambda one: f"{one.mean_seconds:.3g} s"),
        ],
        rows=runs,
        references=[
            (name, "", f"{returns.mean():.4g}")
            for name, returns in references.items()
            if returns is not None
        ],
    )


def markdown(runs: Sequence[AgentRuns], unit: str) -> str:
    """The same figures for a document."""
    columns = [
        *_columns(digits=4),
        Column[AgentRuns](unit, lambda one: f"{one.mean_samples:,.0f}"),
        Column[AgentRuns]("seconds", lambda one: f"{one.mean_seconds:.1f}"),
    ]
    return Table(columns=columns, rows=runs).markdown()


def seed_words(seeds: Sequence[int]) -> str:
    """``0-4`` for five seeds in a row, ``0, 2`` where some are missing."""
    first, last = seeds[0], seeds[-1]
    whole = len(seeds) > 2 and list(seeds) == list(range(first, last + 1))
    return f"{first}-{last}" if whole else ", ".join(map(str, seeds))


def episodes_words(runs: Sequence[AgentRuns]) -> str:
    """How many episodes each run played, of which history, and how many at least differ."""
    played = [cell.played for one in runs for cell in one.cells]
    count, history = len(played[0].returns), played[0].history
    differ = min((one.distinct for one in played if one.distinct is not None), default=count)
    words = f"{count} held-out episodes" if history is None else f"{count} episodes on {history}"
    return words if differ == count else f"{words}, as few as {differ} of them different"


def improvement_table(runs: Sequence[AgentRuns]) -> Table[AgentRuns]:
    """Chance that a run of the agent on the left scores higher than one of the agent above."""

    def column(other: AgentRuns) -> Column[AgentRuns]:
        def cell(one: AgentRuns) -> str:
            chance = probability_of_improvement(one.scores, other.scores)
            interval = estimate_cells(chance, digits=2)[1]
            return "" if other is one else f"{chance.value:.2f} {interval}"

        return Column(other.agent, cell, wrap=True)

    return Table(
        title="chance that a run of the left one beats one of the upper",
        columns=[Column("", lambda one: one.agent, text=True, wrap=True), *map(column, runs)],
        rows=runs,
    )


def improvements(runs: Sequence[AgentRuns]) -> list[dict[str, Any]]:
    """The same for a program."""
    found = []
    for one, other in permutations(runs, 2):
        chance = probability_of_improvement(one.scores, other.scores)
        pair = {"agent": one.agent, "over": other.agent, "probability": chance.value}
        found.append(pair | {"interval": [chance.low, chance.high]})
    return found


def _columns(digits: int) -> list[Column[AgentRuns]]:
    return [
        Column("agent", lambda one: one.agent, text=True, wrap=True),
        Column("seeds", lambda one: seed_words([cell.seed for cell in one.cells])),
        *estimate_columns(
            "return", lambda one: one.mean_return, lambda found: estimate_cells(found, digits)
        ),
        *estimate_columns(
            "gap %", lambda one: one.gap, lambda found: estimate_cells(found, digits, factor=100.0)
        ),
    ]


def short(count: float) -> str:
    """A number with a unit prefix, such as ``346k``."""
    return EngFormatter(sep="", places=None)(float(f"{count:.3g}"))
