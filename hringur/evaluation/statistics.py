"""Means, interquartile means and bootstrap intervals of measured gaps.

The interval of one run resamples the held-out instances. Over several runs there are two
sources of chance, the seed of a run and the draw of the instances. Where every cell of the
(runs x tasks) table was trained on its own, cells are resampled within each task (Agarwal et
al. 2021, "Deep Reinforcement Learning at the Edge of the Statistical Precipice"). Where one
network was measured on all instances, the cells of a row rise and fall together, and resampling
them singly would give intervals that are far too narrow: then whole rows and whole columns are
resampled.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

LEVEL = 0.95
RESAMPLES = 2000
FEW_RUNS = 10
"""With fewer runs a bootstrap could give no more than their range."""

Statistic = Callable[..., np.floating | np.ndarray]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float

    def percent(self, digits: int = 2) -> str:
        """``1.26 % [1.17, 1.35]``; an infinite figure is said to be so."""
        if not np.isfinite(self.value):
            return "infinite"
        value, low, high = (100 * x for x in (self.value, self.low, self.high))
        if not np.isfinite([low, high]).all():
            return f"{value:.{digits}f} %"
        return f"{value:.{digits}f} % [{low:.{digits}f}, {high:.{digits}f}]"


def interquartile_mean(
    values: Float64[np.ndarray, "*axes N"], axis: int = -1
) -> np.floating | np.ndarray:
    """Mean of the middle half: the lowest and the highest quarter are left out."""
    values = np.moveaxis(values, axis, -1)
    count = values.shape[-1]
    outer = count // 4
    parted = np.partition(values, (outer, count - outer - 1), axis=-1)
    return parted[..., outer : count - outer].mean(axis=-1)


def estimate_mean(values: Float64[np.ndarray, " N"], seed: int = 0) -> Estimate:
    """Mean over instances; the interval resamples the instances."""
    mean = float(values.mean())
    if len(values) < 2 or not np.isfinite(mean):
        return Estimate(mean, mean, mean)
    return estimate_rows(len(values), lambda rows: values[rows].mean(axis=-1), seed)


def estimate_rows(count: int, statistic: Statistic, seed: int = 0) -> Estimate:
    """A statistic of ``count`` rows that belong together; the interval draws whole rows anew.

    ``statistic`` takes numbers of rows ``[..., count]`` and reduces the last axis, so that what is
    paired stays paired.
    """
    value = float(statistic(np.arange(count)))
    if count < 2 or not np.isfinite(value):
        return Estimate(value, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    resampled = [  # a hundred at a time: thousands of instances two thousand times over are large
        statistic(rng.integers(count, size=(100, count))) for _ in range(RESAMPLES // 100)
    ]
    return percentiles(value, np.concatenate(resampled))


def percentiles(value: float, resampled: Float64[np.ndarray, " R"]) -> Estimate:
    """``value`` with the percentile interval of what was resampled."""
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def probability_of_improvement(
    one: Float64[np.ndarray, " M"], other: Float64[np.ndarray, " N"], seed: int = 0
) -> Estimate:
    """Chance that a run of ``one`` scores higher than a run of ``other``; equal ones count half.

    Agarwal et al. 2021, section 4.3, for one task: Mann and Whitney's U over M N. The interval
    draws the runs of both anew; where there is but one of either, there is none.
    """

    def better(first: np.ndarray, second: np.ndarray) -> np.ndarray | np.floating:
        pairs = np.sign(first[..., :, None] - second[..., None, :])
        return 0.5 * (1 + pairs.mean(axis=(-1, -2)))

    value = float(better(one, other))
    if min(len(one), len(other)) < 2:
        return Estimate(value, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    drawn = [
        values[rng.integers(len(values), size=(RESAMPLES, len(values)))] for values in (one, other)
    ]
    return percentiles(value, np.asarray(better(*drawn)))


def over_runs(values: Float64[np.ndarray, " runs"], seed: int = 0) -> Estimate | None:
    """A figure over runs from several seeds; None where there are no runs.

    Of fewer than ten runs the mean, with Student's t-interval; else the interquartile mean, with a
    bootstrap interval. One run, and runs that are all the same, have no interval.
    """
    count = len(values)
    if not count:
        return None
    if (values == values[0]).all():
        return Estimate(float(values[0]), np.nan, np.nan)
    if count >= FEW_RUNS:
        return estimate_rows(count, lambda rows: interquartile_mean(values[rows]), seed)
    from scipy.special import stdtrit  # quantiles of Student's t; half of this module's import

    mean = float(values.mean())
    half = stdtrit(count - 1, (1 + LEVEL) / 2) * values.std(ddof=1) / math.sqrt(count)
    return Estimate(mean, float(mean - half), float(mean + half))


def over_runs_words(counts: Sequence[int]) -> str:
    """What ``over_runs`` gives for groups of so many runs."""
    few = "means over runs, 95 % t-intervals"
    many = "interquartile means over runs, 95 % bootstrap intervals"
    words = [few] * (min(counts) < FEW_RUNS) + [many] * (max(counts) >= FEW_RUNS)
    return f"; of {FEW_RUNS} runs or more ".join(words)


def stratified_bootstrap(
    values: Float64[np.ndarray, "runs tasks"],
    statistic: Statistic,
    seed: int = 0,
) -> Estimate:
    """Interval of ``statistic`` when each (run, task) was trained by itself.

    ``statistic`` takes ``[..., runs * tasks]`` and reduces the last axis. Runs are drawn anew
    within each task; the tasks are taken as given. One run has no interval.
    """
    if len(values) < 2:
        return Estimate(float(statistic(values.ravel())), np.nan, np.nan)
    rng = np.random.default_rng(seed)
    shape = RESAMPLES, len(values)
    drawn = np.concatenate([task[rng.integers(len(values), size=shape)] for task in values.T], -1)
    return percentiles(float(statistic(values.ravel())), np.asarray(statistic(drawn)))


def crossed_bootstrap(
    values: Float64[np.ndarray, "runs instances"],
    statistic: Statistic,
    seed: int = 0,
) -> Estimate:
    """Interval of ``statistic`` when each run was measured on the same instances.

    Whole runs and whole instances are drawn anew; with few runs the interval is rough, but it
    does not pretend that a thousand instances are a thousand runs.
    """
    value = float(statistic(values.ravel()))
    if not np.isfinite(values).all():
        return Estimate(value, value, value)
    rng, (runs, instances) = np.random.default_rng(seed), values.shape
    resampled = [
        statistic(
            values[rng.integers(runs, size=runs)][
                :, rng.integers(instances, size=instances)
            ].ravel()
        )
        for _ in range(RESAMPLES)
    ]
    return percentiles(value, np.array(resampled))
