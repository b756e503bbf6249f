"""What a trader did, day by day, and the usual ratios of each episode.

With simple returns R = exp(gain) - 1 of each day, 252 days a year, no interest on cash:

    Sharpe ratio       sqrt(252) mean(R) / deviation(R), with T - 1 in the deviation (Sharpe 1994)
    Sortino ratio      sqrt(252) mean(R) / sqrt(mean(min(R, 0)^2)) (Sortino & Price 1994)
    maximum drawdown   the largest loss from a former height of wealth, as a fraction of it
    turnover           wealth traded over wealth, buys and sells added up, in a year
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int8, Integer

from hringur.envs.trading.problem import BUY, WAIT, YEAR
from hringur.references.trading.wealth import FLAT, LONG, SHORT


class TradingRecorder:
    """Called after every step of trading episodes side by side; keeps what their figures need."""

    def __init__(self, env: Any = None) -> None:
        """``env`` is a single one, which knows whether positions may be short."""
        self._lowest = FLAT if env is None else env.problem.terms.lowest
        self._rewards: list[Float64[np.ndarray, " B"]] = []
        self._actions: list[Integer[np.ndarray, " B"]] = []

    def __call__(
        self,
        observation: Any,
        actions: Integer[np.ndarray, " B"],
        rewards: Float[np.ndarray, " B"],
        info: Mapping[str, Any],
        playing: Bool[np.ndarray, " B"],
    ) -> None:
        """One day of every episode; they all end on the same one."""
        assert playing.all(), "episodes of one trading environment are equally long"
        self._rewards.append(np.array(rewards, dtype=np.float64))
        self._actions.append(np.array(actions))

    def gains(self) -> Float64[np.ndarray, "B T"]:
        """Change of log wealth of each day, costs taken off."""
        return np.stack(self._rewards, axis=1)

    def figures(self) -> dict[str, Float64[np.ndarray, " B"]]:
        """Figures of each episode by tag."""
        actions = np.stack(self._actions, axis=1)
        return trading_figures(self.gains(), positions_of(actions, self._lowest))


def trading_figures(
    gains: Float64[np.ndarray, "B T"], positions: Int8[np.ndarray, "B T"]
) -> dict[str, Float64[np.ndarray, " B"]]:
    """Figures of each episode by tag; NaN where wealth never moved, or never fell.

    ``gains`` are the changes of log wealth of each day, costs taken off; ``positions`` those after
    each decision, 0 flat, 1 long and -1 short.
    """
    return {
        "trading/sharpe_annual": sharpe_ratio(gains),
        "trading/sortino_annual": sortino_ratio(gains),
        "trading/max_drawdown_percent": 100 * maximum_drawdown(gains),
        "trading/turnover_per_year": turnover(positions),
        "trading/invested_percent": 100 * np.abs(positions).mean(axis=1),
    }


def positions_of(
    actions: Integer[np.ndarray, "B T"], lowest: int = FLAT
) -> Int8[np.ndarray, "B T"]:
    """Position after each decision to sell (0), wait (1) or buy (2), from flat.

    ``lowest``: FLAT, or SHORT where one may sell what one does not own.
    """
    if lowest == SHORT:
        steps = (actions - WAIT).astype(np.int8)
        for at in range(steps.shape[1]):
            if at:
                steps[:, at] += steps[:, at - 1]
            np.clip(steps[:, at], SHORT, LONG, out=steps[:, at])
        return steps
    day = np.arange(actions.shape[1])
    last = np.maximum.accumulate(np.where(actions == WAIT, -1, day), axis=1)  # order
    ordered = np.take_along_axis(actions, np.maximum(last, 0), axis=1)
    return ((last >= 0) & (ordered == BUY)).astype(np.int8)


def sharpe_ratio(gains: Float64[np.ndarray, "B T"]) -> Float64[np.ndarray, " B"]:
    """Annualised Sharpe ratio; NaN where wealth never moved."""
    returns = np.expm1(gains)
    return _ratio(returns.mean(axis=1), returns.std(axis=1, ddof=1))


def sortino_ratio(gains: Float64[np.ndarray, "B T"]) -> Float64[np.ndarray, " B"]:
    """Annualised Sortino ratio; NaN where no day lost anything."""
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


def _ratio(
    mean: Float64[np.ndarray, " B"], risk: Float64[np.ndarray, " B"]
) -> Float64[np.ndarray, " B"]:
    """The ratio of daily figures, annualised; NaN where the risk is 0."""
    undefined = np.full_like(mean, np.nan)
    return np.sqrt(YEAR) * np.divide(mean, risk, out=undefined, where=risk > 0)
