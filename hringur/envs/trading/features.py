"""What a trader sees of the prices: tables made once a path, never while stepping.

With W returns of the logarithm x of the closing price in the window that ends at day t:

    volatility   v_t = sqrt(mean of r_i^2 over the window),      r_i = x_i - x_(i-1)
    returns      r_i / v_t, oldest first: within +-sqrt(W), whatever the prices do
    level        (x_t - mean of x over t-W .. t) / (v_t sqrt(W / 3)): about 1 in size for a random
                 walk, and within +-sqrt(W) too (Cauchy and Schwarz)

Nothing here looks past day t, and nothing depends on how many paths are worked on at once: sums
over windows are made of the window's own numbers only, in an order that never changes.
"""

import numpy as np
from jaxtyping import Float32, Float64
from numpy.lib.stride_tricks import sliding_window_view

from hringur.data.trading.prices import Prices

LEAST_VOLATILITY = 1e-6  # where prices stand still: no division by zero


def features(
    prices: Prices, window: int, state: Float64[np.ndarray, "P D S"] | None = None
) -> Float32[np.ndarray, "P E F"]:
    """Observations of P paths with D days, on the E = D - W days with a whole window behind them.

    After the W returns and the level come the columns of the process's own ``state``; the last two
    columns, of the position, are left at 0.
    """
    x = np.log(prices.close)
    returns = np.diff(x, axis=1)
    volatility = np.sqrt(rolling_sum(returns * returns, window) / window)
    inverse = 1.0 / np.maximum(volatility, LEAST_VOLATILITY)
    level = x[:, window:] - rolling_sum(x, window + 1) / (window + 1)
    more = 0 if state is None else state.shape[-1]
    rows = np.zeros((*level.shape, window + 1 + more + 2), dtype=np.float32)
    windows = sliding_window_view(returns.astype(np.float32), window, axis=1)
    np.multiply(windows, inverse.astype(np.float32)[..., None], out=rows[..., :window])
    rows[..., window] = level * inverse * (1.0 / np.sqrt(window / 3.0))
    if state is not None:
        rows[..., window + 1 : -2] = state[:, window:]
    return rows


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
