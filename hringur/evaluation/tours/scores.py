"""Tours of any method, driven through the environment and compared with the proven optimum."""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from jaxtyping import Bool, Float64, Int64

from hringur.data.tours.held_out import HeldOut
from hringur.evaluation.statistics import (
    AT_LEAST_0,
    Estimate,
    estimate_mean,
    interquartile_mean,
    mean_over_runs,
)
from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import Played, Predict, play, replay
from hringur.types import Instances, UserError

OPTIMAL_TOLERANCE = 1e-6
"""A tour counts as optimal up to this share of its length, because sums are rounded."""

Kind = Literal["learned", "heuristic", "exact"]
Plan = Callable[[Instances], Int64[np.ndarray, "B N"]]
"""From instances to one tour for each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """How one method did on one held-out set, instance by instance."""

    name: str
    """the method, for a reader"""

    kind: Kind
    held_out: str
    """name of the set"""

    decoding: str = ""
    """how tours were taken from the policy: greedy, all starts, ..."""

    unit: str = "km"
    """unit of lengths"""

    length: Float64[np.ndarray, " B"]
    """length of each tour in the environment, infinite for an invalid tour"""

    optimal: Float64[np.ndarray, " B"]
    """length of the proven shortest tour of each instance"""

    seconds: float
    """wall clock of all decisions, without the replay of planned tours"""

    command: str = ""
    """the command that measures it again"""

    @property
    def label(self) -> str:
        """Method and decoding."""
        return f"{self.name}, {self.decoding}" if self.decoding else self.name

    @cached_property
    def gap(self) -> Float64[np.ndarray, " B"]:
        """Detour beyond the proven optimum, as a fraction of it; infinite for an invalid tour."""
        return self.length / self.optimal - 1

    @cached_property
    def mean_gap(self) -> Estimate:
        """Mean over instances with its 95 % bootstrap interval."""
        return estimate_mean(self.gap)

    @property
    def valid(self) -> Bool[np.ndarray, " B"]:
        """Which tours visit every place once."""
        return np.isfinite(self.length)

    @property
    def share_optimal(self) -> float:
        """Share of instances on which the tour is a shortest one."""
        return float((self.gap <= OPTIMAL_TOLERANCE).mean())

    @property
    def share_valid(self) -> float:
        """Share of instances on which every place was visited once."""
        return float(self.valid.mean())

    @property
    def seconds_per_instance(self) -> float:
        """Wall clock of one instance's share of the batch."""
        return self.seconds / len(self.length)

    def to_json(self, per_instance: bool = True) -> dict[str, Any]:
        """The figures for a program; infinite ones are null."""
        summary = {
            "name": self.name,
            "kind": self.kind,
            "held_out": self.held_out,
            "instances": len(self.length),
            "decoding": self.decoding,
            "unit": self.unit,
            "mean_gap": _finite(self.mean_gap.value),
            "mean_gap_interval": [_finite(self.mean_gap.low), _finite(self.mean_gap.high)],
            "share_optimal": self.share_optimal,
            "share_valid": self.share_valid,
            "seconds": self.seconds,
            "command": self.command,
        }
        if per_instance:
            summary["length"] = [_finite(length) for length in self.length.tolist()]
            summary["gap"] = [_finite(gap) for gap in self.gap.tolist()]
        return summary


@dataclass(frozen=True)
class OverSeeds:
    """The gap over several runs of one method, each measured on the same instances."""

    runs: int
    mean: Estimate
    interquartile_mean: Estimate


def evaluate_plan(
    plan: Plan,
    held_out: HeldOut,
    *,
    name: str,
    kind: Kind,
    decoding: str = "",
    command: str = "",
) -> Score:
    """Plan all instances at once, then drive the tours through the environment."""
    started = time.perf_counter()
    tours = plan(held_out.instances)
    seconds = time.perf_counter() - started
    return _score(
        held_out,
        lambda env: replay(env, held_out.instances, tours),
        seconds,
        name=name,
        kind=kind,
        decoding=decoding,
        command=command,
    )


def evaluate_predict(
    predict: Predict,
    held_out: HeldOut,
    *,
    name: str,
    kind: Kind = "learned",
    decoding: str = "greedy",
    command: str = "",
) -> Score:
    """Decide step by step, all instances side by side, from their first places."""
    return _score(
        held_out,
        lambda env: play(env, held_out.instances, predict),
        name=name,
        kind=kind,
        decoding=decoding,
        command=command,
    )


def _score(
    held_out: HeldOut,
    drive: Callable[[gym.vector.VectorEnv], Played],
    seconds: float | None = None,
    **about: Any,
) -> Score:
    """The score of driven tours; the wall clock is measured here if it is not given."""
    options = {"places": held_out.n} if held_out.env_options is None else held_out.env_options
    with closing(make_vector(held_out.env_id, len(held_out), **options)) as env:
        started = time.perf_counter()
        length = drive(env).length
        return Score(
            held_out=held_out.name,
            unit=env.unwrapped.sampler.unit,  # type: ignore[attr-defined]
            length=length,
            optimal=held_out.optimal,
            seconds=time.perf_counter() - started if seconds is None else seconds,
            **about,
        )


def over_seeds(scores: Sequence[Score]) -> OverSeeds:
    """Mean gap of the runs, and mean of each run's interquartile mean, with t-intervals."""
    if len({(score.held_out, len(score.length)) for score in scores}) != 1:
        raise UserError("runs can be put together only if measured on one and the same set")
    gap = np.stack([score.gap for score in scores])  # runs instances
    return OverSeeds(
        len(scores),
        mean_over_runs(gap.mean(axis=1), AT_LEAST_0),
        mean_over_runs(np.asarray(interquartile_mean(gap, axis=1)), AT_LEAST_0),
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
