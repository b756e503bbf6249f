"""Agents side by side: each trained from several seeds with the same budget on one environment.

A run's score is the mean over its held-out episodes, which are the same for all. Figures over runs
are interquartile means with 95 % intervals from a bootstrap over runs (Agarwal et al. 2021, "Deep
Reinforcement Learning at the Edge of the Statistical Precipice"); so are gaps to the optimum.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.ticker import EngFormatter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from hringur.evaluation.agents.scores import between
from hringur.evaluation.statistics import (
    Estimate,
    interquartile_mean,
    probability_of_improvement,
    stratified_bootstrap,
)
from hringur.evaluators.episodes import EpisodeReturns, gap_of

HEADINGS = ("agent", "seeds", "return", "interval", "gap %", "interval")


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
        """How it went, in one line."""
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

    @cached_property
    def middle_return(self) -> Estimate:
        """Interquartile mean over runs [reward]."""
        return stratified_bootstrap(self.scores[:, None], interquartile_mean)

    @cached_property
    def gap(self) -> Estimate | None:
        """Interquartile mean over runs, as a fraction; None where no optimum is known."""
        if any(cell.played.optimal is None for cell in self.cells):
            return None
        rows = np.arange(len(self.cells[0].played.returns))
        gaps = np.array([float(gap_of(cell.played, rows)) for cell in self.cells])
        return stratified_bootstrap(gaps[:, None], interquartile_mean)

    def to_json(self) -> dict[str, Any]:
        """Numbers and strings only."""
        gap = self.gap
        return {
            "agent": self.agent,
            "seeds": [cell.seed for cell in self.cells],
            "returns": self.scores.tolist(),
            "interquartile_mean_return": self.middle_return.value,
            "interquartile_mean_return_interval": [self.middle_return.low, self.middle_return.high],
            "gap": None if gap is None else gap.value,
            "gap_interval": None if gap is None else [gap.low, gap.high],
            "samples": [cell.samples for cell in self.cells],
            "seconds": [cell.seconds for cell in self.cells],
            "commands": [cell.command for cell in self.cells],
        }


def grouped(cells: Sequence[Cell]) -> list[AgentRuns]:
    """By agent, best first."""
    by_agent: dict[str, list[Cell]] = {}
    for cell in cells:
        by_agent.setdefault(cell.agent, []).append(cell)
    runs = [
        AgentRuns(agent=agent, cells=tuple(sorted(own, key=lambda cell: cell.seed)))
        for agent, own in by_agent.items()
    ]
    return sorted(runs, key=lambda one: -one.middle_return.value)


def table(runs: Sequence[AgentRuns], title: str, unit: str) -> Table:
    """Figures of every agent, for the terminal; ``unit`` is what its samples are."""
    result = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column, heading in enumerate((*HEADINGS, unit.split()[-1], "time")):
        result.add_column(heading, justify="right" if column else "left", no_wrap=column > 0)
    for one in runs:
        result.add_row(*_row(one, compact=True))
    played = runs[0].cells[0].played
    for name, returns in (("optimum", played.optimal), ("reference", played.reference)):
        if returns is not None:
            result.add_row(name, "", f"{returns.mean():.4g}", style="green")
    return result


def markdown(runs: Sequence[AgentRuns], unit: str) -> str:
    """The same figures for a document."""
    headings = (*HEADINGS, unit, "seconds")
    lines = [headings, ["---", *["--:"] * (len(headings) - 1)], *(_row(one) for one in runs)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def seed_words(seeds: Sequence[int]) -> str:
    """``0-4`` for five seeds in a row, ``0, 2`` where some are missing."""
    first, last = seeds[0], seeds[-1]
    whole = len(seeds) > 2 and list(seeds) == list(range(first, last + 1))
    return f"{first}-{last}" if whole else ", ".join(map(str, seeds))


def improvement_table(runs: Sequence[AgentRuns]) -> Table:
    """Chance that a run of the agent on the left scores higher than one of the agent above."""
    title = "chance that a run of the left one beats one of the upper"
    result = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    result.add_column("")
    for one in runs:
        result.add_column(one.agent, justify="right")
    for one in runs:
        chances = ("" if other is one else _chance(one, other) for other in runs)
        result.add_row(one.agent, *chances)
    return result


def improvements(runs: Sequence[AgentRuns]) -> list[dict[str, Any]]:
    """The same for a program."""
    found = []
    for one in runs:
        for other in runs:
            if one is not other:
                chance = probability_of_improvement(one.scores, other.scores)
                pair = {"agent": one.agent, "over": other.agent, "probability": chance.value}
                found.append(pair | {"interval": [chance.low, chance.high]})
    return found


def _chance(one: AgentRuns, other: AgentRuns) -> str:
    chance = probability_of_improvement(one.scores, other.scores)
    return f"{chance.value:.2f} {between(chance, digits=2)}"


def _row(one: AgentRuns, compact: bool = False) -> tuple[str, ...]:
    """One line of either table; ``compact`` for a terminal of 80 columns."""
    value, gap = one.middle_return, one.gap
    digits = 3 if compact else 4
    shown = ("", "")
    if gap is not None:
        shown = (f"{100 * gap.value:.{digits}g}", between(gap, 100.0, digits))
    samples = float(np.mean([cell.samples for cell in one.cells]))
    seconds = np.mean([cell.seconds for cell in one.cells])
    return (
        one.agent,
        seed_words([cell.seed for cell in one.cells]),
        f"{value.value:.{digits}g}",
        between(value, digits=digits),
        *shown,
        short(samples) if compact else f"{samples:,.0f}",
        f"{seconds:.3g} s" if compact else f"{seconds:.1f}",
    )


def short(count: float) -> str:
    """``346k`` and ``1.2M``."""
    return EngFormatter(sep="", places=None)(float(f"{count:.3g}"))
