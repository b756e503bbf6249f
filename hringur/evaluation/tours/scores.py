"""Tours of any method, driven through the environment and held against the proven optimum."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import gymnasium as gym
import numpy as np
from jaxtyping import Bool, Float64, Int64

from hringur.data.tours.held_out import HeldOut
from hringur.evaluation.statistics import (
    Estimate,
    estimate_mean,
    interquartile_mean,
    mean_over_runs,
)
from hringur.evaluators.environments import make_vector
from hringur.evaluators.tours import Played, Predict, play, replay
from hringur.types import Instances, UserError

OPTIMAL_TOLERANCE = 1e-6
"""A tour is called optimal up to this share of its length: the rounding of sums."""

Kind = Literal["learned", "heuristic", "exact"]
Plan = Callable[[Instances], Int64[np.ndarray, "B N"]]
"""From instances to one whole tour for each."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Score:
    """How one method did on one held-out set, instance by instance."""

    name: str
    """method, as a reader would call it"""

    kind: Kind
    held_out: str
    """name of the set"""

    decoding: str = ""
    """how tours were taken from the policy: greedy, all starts, ..."""

    unit: str = "km"
    """of lengths"""

    length: Float64[np.ndarray, " B"]
    """of each tour, as the environment added it up; infinite for an invalid tour"""

    optimal: Float64[np.ndarray, " B"]
    """of the proven shortest tour of each instance"""

    seconds: float
    """wall clock of all decisions, without the environment's own replay of planned tours"""

    command: str = ""
    """what to type to measure it again"""

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
        """Wall clock of one decision maker's work on one instance, batched as it was."""
        return self.seconds / len(self.length)

    def to_json(self, per_instance: bool = True) -> dict[str, Any]:
        """Numbers and strings only; what is infinite is null."""
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
    env = _environment(held_out)
    played = replay(env, held_out.instances, tours)
    return _score(env, played, held_out, seconds, name, kind, decoding, command)


def evaluate_predict(
    predict: Predict,
    held_out: HeldOut,
    *,
    name: str,
    kind: Kind = "learned",
    decoding: str = "greedy",
    command: str = "",
) -> Score:
    """Let ``predict`` decide step by step, all instances side by side, from their first places."""
    env = _environment(held_out)
    started = time.perf_counter()
    played = play(env, held_out.instances, predict)
    seconds = time.perf_counter() - started
    return _score(env, played, held_out, seconds, name, kind, decoding, command)


def over_seeds(scores: Sequence[Score]) -> OverSeeds:
    """Mean gap of the runs, and mean of each run's interquartile mean over the instances.

    Both have Student's t-interval over the runs, for more such runs on these instances.
    """
    if len({(score.held_out, len(score.length)) for score in scores}) != 1:
        raise UserError("runs can be put together only if measured on one and the same set")
    gap = np.stack([score.gap for score in scores])  # runs instances
    return OverSeeds(
        len(scores),
        mean_over_runs(gap.mean(axis=1)),
        mean_over_runs(np.asarray(interquartile_mean(gap, axis=1))),
    )


def _environment(held_out: HeldOut) -> gym.vector.VectorEnv:
    options = {"places": held_out.n} if held_out.env_options is None else held_out.env_options
    return make_vector(held_out.env_id, len(held_out), **options)


def _score(
    env: gym.vector.VectorEnv,
    played: Played,
    held_out: HeldOut,
    seconds: float,
    name: str,
    kind: Kind,
    decoding: str,
    command: str,
) -> Score:
    """What the environment said, as a record; closes the environment."""
    unit = env.unwrapped.sampler.unit  # type: ignore[attr-defined]
    env.close()
    return Score(
        name=name,
        kind=kind,
        held_out=held_out.name,
        decoding=decoding,
        unit=unit,
        length=played.length,
        optimal=held_out.optimal,
        seconds=seconds,
        command=command,
    )


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
