"""What a trader sees of the prices: tables made once a path, never while stepping.

With W returns of the logarithm x of the closing price in the window that ends at day t:

    volatility   v_t = sqrt(mean of r_i^2 over the window),      r_i = x_i - x_(i-1)
    returns      r_i / v_t, oldest first: within +-sqrt(W), whatever the prices do
    level        (x_t - mean of x over t-W .. t) / (v_t sqrt(W / 3)): about 1 in size for a random
                 walk, and within +-sqrt(W) too (Cauchy and Schwarz)

Nothing here looks past day t, and nothing depends on how many paths are worked on at once: sums
over windows are made of the window's own numbers only, in an order that never changes.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64
from numpy.lib.stride_tricks import sliding_window_view

from hringur.data.trading.prices import Prices

LEAST_VOLATILITY = 1e-6  # where prices stand still: no division by zero


@dataclass(frozen=True, eq=False)
class Features:
    """Of P paths with D days, on the E = D - W days from which W returns can be looked back on."""

    window: int
    returns: Float32[np.ndarray, "P D1"]
    """from each close to the next"""
    inverse: Float32[np.ndarray, "P E"]
    """1 / v_t"""
    beside: Float32[np.ndarray, "P E S"]
    """the level, then the columns of the process's own state"""

    def rows(self) -> Float32[np.ndarray, "P E F"]:
        """Whole observations; the last two columns, of the position, are left at 0."""
        paths, seen, more = self.beside.shape
        rows = np.zeros((paths, seen, self.window + more + 2), dtype=np.float32)
        windows = sliding_window_view(self.returns, self.window, axis=1)
        np.multiply(windows, self.inverse[..., None], out=rows[..., : self.window])
        rows[..., self.window : -2] = self.beside
        return rows


def features(
    prices: Prices, window: int, state: Float64[np.ndarray, "P D S"] | None = None
) -> Features:
    """All that the module's table names, on every day with a whole window behind it."""
    x = np.log(prices.close)
    returns = np.diff(x, axis=1)
    volatility = np.sqrt(rolling_sum(returns * returns, window) / window)
    inverse = 1.0 / np.maximum(volatility, LEAST_VOLATILITY)
    level = x[:, window:] - rolling_sum(x, window + 1) / (window + 1)
    beside = np.empty((*level.shape, 1 + (0 if state is None else state.shape[-1])), np.float32)
    beside[..., 0] = level * inverse * (1.0 / np.sqrt(window / 3.0))
    if state is not None:
        beside[..., 1:] = state[:, window:]
    return Features(window, returns.astype(np.float32), inverse.astype(np.float32), beside)


def rolling_sum(values: Float64[np.ndarray, "P M"], width: int) -> Float64[np.ndarray, "P K"]:
    """Sums of ``width`` neighbours, from those of 1, 2, 4, ... neighbours.

    Unlike differences of running totals this loses no digits, and a number outside of a window
    cannot leave a trace in its sum.
    """
    count = values.shape[1] - width + 1
    total: np.ndarray | None = None
    covered, span, sums = 0, 1, values  # sums[i] is that of values[i : i + span]
    while True:
        if width & span:
            part = sums[:, covered : covered + count]
            total = part if total is None else total + part
            covered += span
        if 2 * span > width:
            assert total is not None
            return total
        sums = sums[:, :-span] + sums[:, span:]
        span *= 2
