"""What a day brings a trader, what an episode adds up to, and the most that hindsight could have.

A trader decides on the close of day t, is filled at the open of t + 1 and marked at the close of
t + 1; wealth is all in the asset (long) or all in cash (flat). The log wealth gained from one close
to the next depends on the position before and after the decision alone:

====== ====== ======================================
before after  gained
====== ====== ======================================
flat   flat   0
flat   long   log(close' / open') - buying
long   flat   log(open' / close) - selling
long   long   log(close' / close)
====== ====== ======================================

with the next day's prices marked by a dash. Whoever is long at the end sells at the last close.
"""

import numpy as np
from jaxtyping import Float64, Int8

from hringur.data.trading.prices import Prices

FLAT, LONG = 0, 1


def outcomes(prices: Prices, buy_cost: float, sell_cost: float) -> Float64[np.ndarray, "B D1 4"]:
    """Log wealth gained from each close to the next, by 2 * position before + position after.

    ``buy_cost`` and ``sell_cost`` are what a trade takes off log wealth.
    """
    opening, close = np.log(prices.open[:, 1:]), np.log(prices.close)
    table = np.zeros((*opening.shape, 4))
    table[..., 2 * FLAT + LONG] = close[:, 1:] - opening - buy_cost
    table[..., 2 * LONG + FLAT] = opening - close[:, :-1] - sell_cost
    table[..., 2 * LONG + LONG] = close[:, 1:] - close[:, :-1]
    return table


def gains(
    positions: Int8[np.ndarray, "B T"], table: Float64[np.ndarray, "B T 4"], sell_cost: float
) -> Float64[np.ndarray, "B T"]:
    """Log wealth gained day by day by traders who begin and end flat: an episode's rewards."""
    before = np.concatenate([np.zeros_like(positions[:, :1]), positions[:, :-1]], axis=1)
    chosen = (2 * before + positions).astype(np.int64)[..., None]
    gained = np.take_along_axis(table, chosen, axis=2)[..., 0]
    gained[:, -1] -= sell_cost * positions[:, -1]
    return gained


def returns_of(
    positions: Int8[np.ndarray, "B T"], table: Float64[np.ndarray, "B T 4"], sell_cost: float
) -> Float64[np.ndarray, " B"]:
    """Log of final over initial wealth of traders who begin and end flat."""
    return gains(positions, table, sell_cost).sum(axis=1)


def hindsight_optimum(
    table: Float64[np.ndarray, "B T 4"], sell_cost: float
) -> tuple[Float64[np.ndarray, " B"], Int8[np.ndarray, "B T"]]:
    """The most that could have been earned on each path, and how. Unreachable: it knows the future.

    Backward induction (Bellman 1957) over the position, which is all the state there is once the
    prices are known.
    """
    paths, days = table.shape[:2]
    worth = np.stack([np.zeros(paths), np.full(paths, -sell_cost)], axis=1)  # of the end, B p
    best = np.empty((days, paths, 2), dtype=np.int8)
    for day in reversed(range(days)):
        choices = table[:, day].reshape(paths, 2, 2) + worth[:, None, :]  # B before after
        best[day] = choices.argmax(axis=2)
        worth = choices.max(axis=2)
    positions = np.empty((paths, days), dtype=np.int8)
    position, row = np.zeros(paths, dtype=np.int64), np.arange(paths)
    for day in range(days):
        positions[:, day] = best[day, row, position]
        position = positions[:, day].astype(np.int64)
    return worth[:, FLAT], positions
