"""How well a trader did: wealth beside buy-and-hold, the usual ratios, and the gap to the optimum.

With simple returns R = exp(gain) - 1 of each day, 252 days a year, no interest on cash:

    Sharpe ratio       sqrt(252) mean(R) / deviation(R), with T - 1 in the deviation (Sharpe 1994)
    Sortino ratio      sqrt(252) mean(R) / sqrt(mean(min(R, 0)^2)) (Sortino & Price 1994)
    maximum drawdown   the largest loss from a former height of wealth, as a fraction of it
    turnover           wealth traded over wealth, buys and sells added up, in a year
    gap                (J* - J) / (J* - max(J_hold, 0)), means over the same price paths: 0 for the
                       optimum, 1 for a trader who is no better than holding or than doing nothing

Log wealth is paired with that of buy-and-hold on the same prices. Where the paths are drawn
independently of each other, the interval of the mean difference draws paths anew. Assets over the
same days are not independent, nor are neighbouring days quite: there the interval draws blocks of
days anew, the same for all assets (circular block bootstrap, Politis & Romano 1992).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64, Int8, Integer

from hringur.envs.trading.problem import BUY, WAIT, YEAR
from hringur.evaluation.statistics import (
    LEVEL,
    RESAMPLES,
    Estimate,
    estimate_mean,
    estimate_rows,
)
from hringur.evaluators.environments import make_vector
from hringur.evaluators.episodes import HELD_OUT_SEED, EpisodeReturns, gap_of
from hringur.types import Decide, Metrics

ENV_ID = "StockTrading-v0"
BLOCK_DAYS = 21
"""Days that are drawn together: a month, longer than returns are known to hang together."""


@dataclass(frozen=True, eq=False)
class TradingRecord:
    """B episodes of T days each: what a trader did, and what buy-and-hold earned beside it."""

    gains: Float64[np.ndarray, "B T"]
    """change of log wealth of each day, costs taken off"""

    held: Float64[np.ndarray, "B T"]
    """the same of buying at once and selling at the end"""

    positions: Int8[np.ndarray, "B T"]
    """after each decision: 0 flat, 1 long"""

    optimal: Float64[np.ndarray, " B"] | None = None
    """log wealth of the best policy on each path, where it is known"""

    @property
    def log_wealth(self) -> Float64[np.ndarray, " B"]:
        """Log of final over initial wealth."""
        return self.gains.sum(axis=1)

    @cached_property
    def gap(self) -> Estimate | None:
        """The gap with its interval over paths, as a fraction; None where no optimum is known."""
        if self.optimal is None:
            return None
        return gap_to_optimum(self.log_wealth, self.optimal, self.held.sum(axis=1))

    @cached_property
    def above_holding(self) -> Estimate:
        """Mean log wealth above buy-and-hold, by path: for paths that know nothing of each other.

        That is those of a process; not real prices, whose episodes share their days.
        """
        return estimate_mean((self.gains - self.held).sum(axis=1))

    @cached_property
    def above_holding_by_days(self) -> Estimate:
        """The same figure with an interval over days: for assets over one stretch of real days."""
        return sum_over_days((self.gains - self.held).mean(axis=0))

    def metrics(self) -> Metrics:
        """Means over the episodes; a ratio that no episode has, as of no trade, is left out."""
        scalars = {
            "trading/log_wealth_percent": 100 * self.log_wealth,
            "trading/buy_and_hold_percent": 100 * self.held.sum(axis=1),
            "trading/sharpe_annual": sharpe_ratio(self.gains),
            "trading/sortino_annual": sortino_ratio(self.gains),
            "trading/max_drawdown_percent": 100 * maximum_drawdown(self.gains),
            "trading/turnover_per_year": turnover(self.positions),
            "trading/invested_percent": 100 * self.positions.mean(axis=1),
        }
        found = {tag: values[np.isfinite(values)] for tag, values in scalars.items()}
        metrics = {tag: float(values.mean()) for tag, values in found.items() if len(values)}
        return metrics | ({} if self.gap is None else {"trading/gap_percent": 100 * self.gap.value})


def play_trading(
    env_options: Mapping[str, Any],
    decide: Decide,
    episodes: int = 100,
    seed: int = HELD_OUT_SEED,
) -> TradingRecord:
    """Let ``decide`` trade, and buy-and-hold on the same prices: those of the same seeds."""
    env = make_vector(ENV_ID, episodes, **(dict(env_options) | {"compute_optimal": True}))
    try:
        gained, actions, info = _play(env, decide, seed)
        held, _, _ = _play(env, lambda observation, mask: np.full(episodes, BUY), seed)
    finally:
        env.close()
    optimal = info.get("optimal_return")
    return TradingRecord(
        gained, held, positions_of(actions), None if optimal is None else np.asarray(optimal, float)
    )


def _play(
    env: Any, decide: Decide, seed: int
) -> tuple[Float64[np.ndarray, "B T"], Integer[np.ndarray, "B T"], dict[str, Any]]:
    """One episode in each environment; they all end on the same day."""
    observation, info = env.reset(seed=seed)
    rewards, actions = [], []
    ended = np.zeros(env.num_envs, dtype=bool)
    while not ended.any():
        chosen = np.array(decide(observation, None))
        observation, reward, terminated, truncated, info = env.step(chosen)
        ended = terminated | truncated
        rewards.append(np.array(reward, dtype=np.float64))
        actions.append(chosen)
    assert ended.all(), "episodes of one environment are equally long"
    return np.stack(rewards, axis=1), np.stack(actions, axis=1), info


def positions_of(actions: Integer[np.ndarray, "B T"]) -> Int8[np.ndarray, "B T"]:
    """Position after each decision to sell (0), wait (1) or buy (2), from flat."""
    day = np.arange(actions.shape[1])
    last = np.maximum.accumulate(
        np.where(actions == WAIT, -1, day), axis=1
    )  # day of the last order
    ordered = np.take_along_axis(actions, np.maximum(last, 0), axis=1)
    return ((last >= 0) & (ordered == BUY)).astype(np.int8)


def sharpe_ratio(gains: Float64[np.ndarray, "B T"]) -> Float64[np.ndarray, " B"]:
    """Annualised; not a number where wealth never moved."""
    returns = np.expm1(gains)
    return _ratio(returns.mean(axis=1), returns.std(axis=1, ddof=1))


def sortino_ratio(gains: Float64[np.ndarray, "B T"]) -> Float64[np.ndarray, " B"]:
    """Annualised; not a number where no day lost anything."""
    returns = np.expm1(gains)
    return _ratio(returns.mean(axis=1), np.sqrt((np.minimum(returns, 0) ** 2).mean(axis=1)))


def maximum_drawdown(gains: Float64[np.ndarray, "B T"]) -> Float64[np.ndarray, " B"]:
    """Largest loss from a former height, as a fraction of it: 0 if wealth never fell."""
    log_wealth = np.cumsum(gains, axis=1)
    height = np.maximum(np.maximum.accumulate(log_wealth, axis=1), 0.0)  # it begins at 0
    return -np.expm1((log_wealth - height).min(axis=1))


def turnover(positions: Int8[np.ndarray, "B T"]) -> Float64[np.ndarray, " B"]:
    """Buys and sells of the whole wealth in a year, the sale at the end counted."""
    flat = np.zeros_like(positions[:, :1])
    trades = np.abs(np.diff(positions, axis=1, prepend=flat, append=flat)).sum(axis=1)
    return YEAR * trades / positions.shape[1]


def gap_to_optimum(
    earned: Float64[np.ndarray, " B"],
    optimal: Float64[np.ndarray, " B"],
    held: Float64[np.ndarray, " B"],
) -> Estimate:
    """The gap over paths common to all three; the interval draws whole paths anew."""
    played = EpisodeReturns(earned, np.ones(len(earned), dtype=np.int64), optimal, held)
    return estimate_rows(len(earned), lambda rows: gap_of(played, rows))


def sum_over_days(
    difference: Float64[np.ndarray, " T"], block_days: int = BLOCK_DAYS, seed: int = 0
) -> Estimate:
    """Sum of daily differences; the interval draws blocks of days anew, the last joins the first.

    Stretches shorter than ten blocks have no interval: there is too little to draw from.
    """
    days = len(difference)
    value = float(difference.sum())
    if days < 10 * block_days:
        return Estimate(value, np.nan, np.nan)
    rng = np.random.default_rng(seed)
    starts = rng.integers(days, size=(RESAMPLES, -(-days // block_days)))
    chosen = (starts[..., None] + np.arange(block_days)) % days  # resamples blocks days
    sums = difference[chosen.reshape(RESAMPLES, -1)[:, :days]].sum(axis=1)
    low, high = np.quantile(sums, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _ratio(
    mean: Float64[np.ndarray, " B"], risk: Float64[np.ndarray, " B"]
) -> Float64[np.ndarray, " B"]:
    """Of a day, brought to a year."""
    undefined = np.full_like(mean, np.nan)
    return np.sqrt(YEAR) * np.divide(mean, risk, out=undefined, where=risk > 0)
