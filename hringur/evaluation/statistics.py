"""Means, interquartile means and their 95 % intervals.

One policy on many instances or episodes has a bootstrap interval. Fewer than ten runs from several
seeds have their mean with Student's t-interval, because a bootstrap could give little more than
their range; ten or more have the interquartile mean with a bootstrap over runs (Agarwal et al.
2021). What cannot vary has no interval: one run, one instance, runs that are all the same. An
interval over runs ends where the figure does: an error is never below 0, a share never above 1.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

LEVEL = 0.95
TAIL = (1 - LEVEL) / 2
RESAMPLES = 2000
LARGEST = 1_000_000
"""Resampled rows in memory at once."""

FEW_RUNS = 10
Limits = tuple[float, float]
"""The least and the most that a figure can be."""

ANY, AT_LEAST_0, SHARE, PERCENT = (-math.inf, math.inf), (0.0, math.inf), (0.0, 1.0), (0.0, 100.0)
LIMITS: dict[str, Limits] = {
    **dict.fromkeys(("precision", "recall", "coverage", "box_overlap", "qed"), SHARE),
    "sa": (1.0, 10.0),
    **dict.fromkeys(("density", "error", "code_std", "turnover_per_year"), AT_LEAST_0),
    **dict.fromkeys(("gap_percent", "prediction_error_percent"), AT_LEAST_0),
    **dict.fromkeys(("kernel_distance", "log_wealth_percent", "buy_and_hold_percent"), ANY),
    **dict.fromkeys(("_distance", "_error", "_bits"), AT_LEAST_0),
    "_percent": PERCENT,
}
"""By the name of a figure or, after those, by its end; anything else may be any number."""

Statistic = Callable[[Int64[np.ndarray, "*axes N"]], np.floating | np.ndarray]
"""From numbers of rows to a figure of those rows, along the last axis."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; both ends are NaN where it has none."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def bounded(self) -> bool:
        """Whether there is an interval."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def percent(self, digits: int = 2) -> str:
        """The figure in percent, such as ``1.26 % [1.17, 1.35]`` or ``infinite``."""
        if not math.isfinite(self.value):
            return "infinite"
        value, low, high = (f"{100 * x:.{digits}f}" for x in (self.value, self.low, self.high))
        return f"{value} % [{low}, {high}]" if self.bounded else f"{value} %"


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
    return estimate_rows(len(values), lambda rows: values[rows].mean(axis=-1), seed)


def estimate_rows(count: int, statistic: Statistic, seed: int = 0, tail: float = TAIL) -> Estimate:
    """A statistic of ``count`` rows; the interval resamples whole rows, which keeps pairs.

    ``statistic`` takes numbers of rows ``[..., count]`` and reduces the last axis. ``tail`` is the
    share of resampled figures beyond either end.
    """
    value = float(statistic(np.arange(count)))
    if count < 2 or not math.isfinite(value):
        return Estimate(value)
    rng = np.random.default_rng(seed)
    at_once = min(RESAMPLES, max(1, LARGEST // count))
    resampled = [
        statistic(rng.integers(count, size=(min(at_once, RESAMPLES - start), count)))
        for start in range(0, RESAMPLES, at_once)
    ]
    return percentiles(value, np.concatenate(resampled), tail)


def percentiles(value: float, resampled: Float64[np.ndarray, " R"], tail: float = TAIL) -> Estimate:
    """``value`` with the percentile interval of resampled figures."""
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return Estimate(value, float(low), float(high))


def limits(name: str) -> Limits:
    """Between what a figure lies, by its tag or its name without the area."""
    name = name.rpartition("/")[2]
    by_end = next((LIMITS[end] for end in LIMITS if end[0] == "_" and name.endswith(end)), ANY)
    return LIMITS.get(name, by_end)


def over_runs(values: Float64[np.ndarray, " runs"], within: Limits = ANY) -> Estimate:
    """A figure over runs from several seeds, as ``over_runs_words`` names it.

    ``within`` is the least and the most that it can be: its interval does not go beyond.
    """
    if len(values) < FEW_RUNS:
        return mean_over_runs(values, within)
    return middle_over_runs(values)  # a bootstrap stays among the runs


def over_runs_words(counts: Sequence[int]) -> str:
    """The name of the figure of ``over_runs`` for groups of so many runs."""
    few = "means over runs, 95 % t-intervals"
    many = "interquartile means over runs, 95 % bootstrap intervals"
    words = [few] * (min(counts) < FEW_RUNS) + [many] * (max(counts) >= FEW_RUNS)
    return f"; of {FEW_RUNS} runs or more ".join(words)


def mean_over_runs(values: Float64[np.ndarray, " runs"], within: Limits = ANY) -> Estimate:
    """Mean over runs from several seeds with Student's t-interval, cut to ``within``."""
    from scipy.special import stdtrit  # as long to import as all else here

    mean, count = float(values.mean()), len(values)
    if not math.isfinite(mean) or (values == values[0]).all():
        return Estimate(mean)
    error = float(values.std(ddof=1)) / math.sqrt(count)
    half = float(stdtrit(count - 1, 1 - TAIL)) * error
    least, most = min(within[0], values.min()), max(within[1], values.max())
    return Estimate(mean, max(least, mean - half), min(most, mean + half))


def middle_over_runs(values: Float64[np.ndarray, " runs"]) -> Estimate:
    """Interquartile mean over runs; of ten and more with its bootstrap interval.

    Plain percentiles of so few runs cover 93 %, so they are moved out as far as Student's t is
    beyond the normal distribution (Hesterberg 2015).
    """
    count = len(values)
    if count < FEW_RUNS or (values == values[0]).all():
        return Estimate(float(interquartile_mean(values)))
    from scipy.special import ndtr, stdtrit

    tail = float(ndtr(stdtrit(count - 1, TAIL)))
    return estimate_rows(count, lambda rows: interquartile_mean(values[rows]), tail=tail)


def probability_of_improvement(
    one: Float64[np.ndarray, " M"], other: Float64[np.ndarray, " N"]
) -> Estimate:
    """Chance that a run of ``one`` scores higher than a run of ``other``; equal ones count half.

    Agarwal et al. 2021, section 4.3, for one task: Mann and Whitney's U over M N, with the interval
    of Newcombe 2006, "Confidence intervals for an effect size measure based on the Mann-Whitney
    statistic. Part 2", method 5. One run of either has none.
    """
    counts = len(one), len(other)
    value = float(0.5 * (1 + np.sign(one[:, None] - other).mean()))
    if min(counts) < 2:
        return Estimate(value)
    return Estimate(value, _least_chance(value, *counts), 1 - _least_chance(1 - value, *counts))


def _least_chance(found: float, m: int, n: int) -> float:
    """Smallest chance of improvement that a share ``found`` of M N pairs does not reject."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    def above(chance: float) -> float:
        pairs = (1 - chance) / (2 - chance) + chance / (1 + chance)
        variance = chance * (1 - chance) * (1 + ((m + n) / 2 - 1) * pairs) / (m * n)
        return chance - found + float(ndtri(1 - TAIL)) * math.sqrt(variance)

    return float(brentq(above, 0.0, min(found, 1 - 1e-9))) if found > 0 else 0.0
