"""Measures of episodes beside their returns, by tag, of several policies in one table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from hringur.evaluation.agents.comparison import AgentRuns
from hringur.evaluation.statistics import Estimate, estimate_mean, limits, over_runs
from hringur.evaluation.tables import Column, Table, estimate_json, stacked
from hringur.evaluators.episodes import EpisodeReturns

Means = dict[str, Estimate | None]
"""Means by tag; None where a measure is not defined in any episode."""


@dataclass(frozen=True)
class Measured:
    """A policy and its measures."""

    policy: str
    means: Means
    learned: bool = False


def over_episodes(played: EpisodeReturns, tags: Iterable[str]) -> Means:
    """Means over the episodes in which a measure is defined, without interval of one history."""
    means: Means = dict.fromkeys(tags)
    for tag in means:
        if len(values := _defined(played.figures[tag])):
            mean = estimate_mean(values)
            means[tag] = mean if played.history is None else Estimate(mean.value)
    return means


def over_agents(runs: Sequence[AgentRuns], tags: Iterable[str]) -> list[Measured]:
    """Every agent's measures over those runs in which they are defined."""
    rows = []
    for one in runs:
        means: Means = dict.fromkeys(tags)
        for tag in means:
            each = (_defined(cell.played.figures.get(tag, np.empty(0))) for cell in one.cells)
            if found := [float(values.mean()) for values in each if len(values)]:
                means[tag] = over_runs(np.array(found), limits(tag))
        rows.append(Measured(one.agent, means, learned=True))
    return rows


def without_intervals(means: Means) -> Means:
    """The means alone."""
    return {tag: mean and Estimate(mean.value) for tag, mean in means.items()}


def table(
    rows: Sequence[Measured], columns: Mapping[str, tuple[str, str]], title: str
) -> Table[Measured]:
    """A row for each policy; ``columns`` has heading and format by tag."""

    def column(tag: str) -> Column[Measured]:
        heading, spec = columns[tag]
        return Column(heading, lambda row: stacked(row.means.get(tag), spec), wrap=True)

    return Table(
        title=title,
        columns=[
            Column("policy", lambda row: row.policy, text=True, wrap=True),
            *map(column, columns),
        ],
        rows=rows,
        style=lambda row: "bold cyan" if row.learned else "",
    )


def to_json(rows: Sequence[Measured]) -> list[dict[str, Any]]:
    """Every mean with its interval, by tag."""
    records: list[dict[str, Any]] = []
    for row in rows:
        records.append({"name": row.policy})
        for tag, mean in row.means.items():
            records[-1] |= estimate_json(tag, mean)
    return records


def _defined(values: Float64[np.ndarray, " K"]) -> Float64[np.ndarray, " F"]:
    return values[np.isfinite(values)]
