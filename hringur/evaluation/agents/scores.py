"""Returns of an agent over whole episodes, with intervals, beside the best known; and reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from rich.console import RenderableType

from hringur.evaluation.statistics import Estimate, Statistic, estimate_rows, interquartile_mean
from hringur.evaluation.tables import (
    Column,
    Table,
    estimate_cells,
    estimate_columns,
    estimate_json,
)
from hringur.evaluators.episodes import EpisodeReturns, gap_of
from hringur.training.random_state import seed_everything
from hringur.types import Decide

Kind = Literal["learned", "reference"]


@dataclass(frozen=True, kw_only=True, eq=False)
class EpisodeScore:
    """How one policy did on the held-out episodes of one environment."""

    name: str
    kind: Kind
    played: EpisodeReturns

    @cached_property
    def mean_return(self) -> Estimate:
        """Mean over episodes with its 95 % bootstrap interval [reward]."""
        return self._estimate(lambda rows: self.played.returns[rows].mean(axis=-1))

    @cached_property
    def middle_return(self) -> Estimate:
        """Interquartile mean over episodes [reward]."""
        return self._estimate(lambda rows: interquartile_mean(self.played.returns[rows]))

    @cached_property
    def gap(self) -> Estimate | None:
        """From the reference to the optimum, as a fraction; None where no optimum is known."""
        if self.played.optimal is None:
            return None
        return self._estimate(lambda rows: gap_of(self.played, rows))

    def to_json(self) -> dict[str, Any]:
        """The figures for a program."""
        return {
            "name": self.name,
            "kind": self.kind,
            "episodes": len(self.played.returns),
            "distinct_episodes": self.played.distinct,
            **estimate_json("mean_return", self.mean_return),
            "interquartile_mean_return": self.middle_return.value,
            "mean_length": float(self.played.lengths.mean()),
            **estimate_json("gap", self.gap),
        }

    def _estimate(self, statistic: Statistic) -> Estimate:
        # no interval where episodes do not differ, or are cut from one history
        count, played = len(self.played.returns), self.played
        if played.distinct == 1 or played.history is not None:
            return Estimate(float(statistic(np.arange(count))))
        return estimate_rows(count, statistic)


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """An agent whose held-out episodes have been played, with all that a report needs."""

    env_id: str
    env_options: Mapping[str, Any]
    """as they were played"""

    decide: Decide
    """the agent's policy"""

    actions: str
    """how actions were chosen: likeliest or sampled"""

    score: EpisodeScore
    by_chance: EpisodeScore
    """random actions on the same episodes"""

    samples: int | None = None
    """steps of the environment that it was trained for, if known"""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A domain's tables beside the returns, for a reader and for a program."""

    tables: Sequence[RenderableType]
    record: Mapping[str, Any]
    instead: bool = False
    """whether the tables replace the table of returns"""


def references(score: EpisodeScore) -> list[EpisodeScore]:
    """The optimum and the environment's own reference, as rows of the same table."""
    played, rows = score.played, []
    known = (("optimum", played.optimal), (played.reference_name, played.reference))
    for name, returns in known:
        if returns is not None:
            other = replace(played, returns=returns, figures={})
            rows.append(EpisodeScore(name=name, kind="reference", played=other))
    return rows


def variety(score: EpisodeScore, episodes: str = "episodes") -> str:
    """The number of its episodes that differ, in words."""
    count, distinct = len(score.played.returns), score.played.distinct
    history = score.played.history
    why = "" if history is None else f", cut from {history}: no intervals"
    return f"different {episodes} of {score.name}: {distinct:,} of {count:,}{why}"


def reseed(learner: Any, seed: int) -> None:
    """Seed the actions that a learner draws."""
    seed_everything(seed)  # SB3's algorithms draw from torch's own generator
    generator = getattr(learner, "generator", None)
    if generator is not None:
        generator.manual_seed(seed)


def random_decider(env_id: str, env_options: Mapping[str, Any], seed: int = 0) -> Decide:
    """A policy that takes every allowed action with the same probability."""
    env = gym.make(env_id, **env_options)
    space, rng = env.action_space, np.random.default_rng(seed)
    env.close()
    space.seed(seed)

    def decide(observation: Any, mask: np.ndarray | None) -> np.ndarray:
        if mask is not None:
            return (rng.random(mask.shape) * (mask != 0)).argmax(axis=1)
        return np.array([space.sample() for _ in range(batch_size(observation))])

    return decide


def batch_size(observation: Any) -> int:
    """Number of environments in a batch of observations."""
    while isinstance(observation, dict | tuple):
        parts = observation.values() if isinstance(observation, dict) else observation
        observation = next(iter(parts))
    return len(observation)


def table(scores: Sequence[EpisodeScore], title: str) -> Table[EpisodeScore]:
    """Returns and gaps of every policy, best on top."""
    return Table(
        title=title,
        columns=[
            Column("policy", lambda score: score.name, text=True, wrap=True),
            *estimate_columns("return", lambda score: score.mean_return),
            Column("middle half", lambda score: f"{score.middle_return.value:.4g}"),
            *estimate_columns("gap %", lambda score: score.gap, gap_cells),
        ],
        rows=sorted(scores, key=lambda score: -score.mean_return.value),
        style=lambda score: "bold cyan" if score.kind == "learned" else "",
    )


def gap_cells(gap: Estimate) -> tuple[str, str]:
    """A gap and its interval [%]."""
    return f"{100 * gap.value:.2f}", estimate_cells(gap, factor=100.0)[1]
