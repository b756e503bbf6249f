"""What a day brings a trader, what an episode adds up to, and the most that hindsight could have.

A trader decides on the close of day t, is filled at the open of t + 1 and marked at the close of
t + 1; wealth W is all in cash (flat, 0), all in the asset (long, 1) or, where the terms allow it,
owed in the asset (short, -1). An order goes one step along short, flat, long. With o the next open,
x and x' this close and the next, a unit bought for a times its price and sold for b times its
price, c the fixed fee and r the cost of borrowing for a day, W becomes

====== ====== =====================================================
before after
====== ====== =====================================================
flat   flat   W
flat   long   (W - c) (x' / o) / a
long   flat   W (o / x) b - c
long   long   W (x' / x)
flat   short  (W - c) / (2 - b) reset(x' / o)
short  short  W reset(x' / x)
short  flat   W (2 - a o / x) - c
====== ====== =====================================================

A short is worth as much as the wealth at each close: when the price has moved by the factor u, some
more is sold or bought back, at these costs but the fixed fee, which is one of orders. Of W owed,
W u is owed then, and the trader, who has paid r W u to the lender, has W (2 - (1 + r) u). Both are
equal again at W reset(u),

    reset(u) = min((2 - (a + r) u) / (2 - a), (2 - (b + r) u) / (2 - b)).

**Ruin.** No factor, and no fee, takes more than 99.9 % of wealth: the account is closed then, and
what it owes beyond is not the trader's. What is open at the end is closed at the last close.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float, Float64, Int8, Integer

from hringur.data.trading.prices import Prices

FLAT, LONG, SHORT = 0, 1, -1
"""Positions; in a table of P positions they are rows and columns, the short one the last."""

REMAINS = 0.001
"""Share of wealth that is left after ruin."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What trades and positions cost."""

    buy_cost: float
    """log a, log wealth lost by buying"""
    sell_cost: float
    """-log b, log wealth lost by selling"""
    fixed_fee: float = 0.0
    """c, of the wealth at the beginning, for each order"""
    borrow_per_day: float | None = None
    """r, of the value of what is owed; None: nothing is sold that is not owned"""

    @property
    def lowest(self) -> int:
        """The lowest position that the terms allow: flat or short."""
        return FLAT if self.borrow_per_day is None else SHORT

    @cached_property
    def positions(self) -> Int8[np.ndarray, " P"]:
        """Those there are, in the order of tables."""
        return np.array([FLAT, LONG, SHORT][: LONG + 1 - self.lowest], dtype=np.int8)

    def column(self, before: Any, after: Any) -> Any:
        """Where a table of ``outcomes`` has positions before and after, as numbers or arrays."""
        size = len(self.positions)
        return size * (before % size) + after % size

    @cached_property
    def closing(self) -> Float64[np.ndarray, " P"]:
        """Log wealth gained by leaving each position at a close, the fixed fee left out."""
        every = np.concatenate([[0.0, -self.sell_cost], self.covered(np.ones(1))])
        return every[: len(self.positions)]

    def opened(self) -> float:
        """Log wealth gained by selling short, at the same price."""
        return -float(np.log(2.0 - np.exp(-self.sell_cost)))

    def covered(self, moved: Float64[np.ndarray, "*B"]) -> Float64[np.ndarray, "*B"]:
        """Log wealth gained by buying back after the price moved by a factor."""
        return np.log(np.maximum(2.0 - np.exp(self.buy_cost) * moved, REMAINS))

    def reset(self, moved: Float64[np.ndarray, "*B"]) -> Float64[np.ndarray, "*B"]:
        """Log wealth gained at a close by a short after the price moved by a factor."""
        lost = [
            (2.0 - (unit + (self.borrow_per_day or 0.0)) * moved) / (2.0 - unit)
            for unit in (np.exp(self.buy_cost), np.exp(-self.sell_cost))
        ]
        return np.log(np.maximum(np.minimum(*lost), REMAINS))

    def outcomes(self, prices: Prices) -> Float64[np.ndarray, "B D1 P2"]:
        """Log wealth gained from each close to the next by position before and after, in a row.

        The fixed fee is left out; what no order leads to is minus infinity.
        """
        opening, close = np.log(prices.open[:, 1:]), np.log(prices.close)
        size = len(self.positions)
        table = np.zeros((*opening.shape, size, size))
        table[..., FLAT, LONG] = close[:, 1:] - opening - self.buy_cost
        table[..., LONG, FLAT] = opening - close[:, :-1] - self.sell_cost
        table[..., LONG, LONG] = close[:, 1:] - close[:, :-1]
        if self.lowest == SHORT:
            after, before = prices.close[:, 1:], prices.close[:, :-1]
            table[..., FLAT, SHORT] = self.opened() + self.reset(after / prices.open[:, 1:])
            table[..., SHORT, FLAT] = self.covered(prices.open[:, 1:] / before)
            table[..., SHORT, SHORT] = self.reset(after / before)
            table[..., SHORT, LONG] = table[..., LONG, SHORT] = -np.inf
        return table.reshape(*opening.shape, size * size)

    def fee(self, log_wealth: Float[np.ndarray, "*B"]) -> Float64[np.ndarray, "*B"]:
        """Log wealth gained (it is negative) by paying the fixed fee once."""
        if self.fixed_fee == 0.0:
            return np.zeros_like(log_wealth)
        enough = np.maximum(log_wealth, np.log(self.fixed_fee))  # nothing overflows
        return np.log(np.maximum(1.0 - self.fixed_fee * np.exp(-enough), REMAINS))

    def with_fees(
        self,
        log_wealth: Float[np.ndarray, "*#B"],
        before: Integer[np.ndarray, "*#B"],
        after: Integer[np.ndarray, "*#B"],
        gained: Float[np.ndarray, "*#B"],
    ) -> Float64[np.ndarray, "*B"]:
        """What a day gained by the table, with the fixed fees of its trades taken off.

        Who enters a position pays out of cash, and who leaves one out of what is then cash.
        """
        if self.fixed_fee == 0.0:
            return gained
        enters, leaves = abs(after) > abs(before), abs(after) < abs(before)
        gained = gained + np.where(enters, self.fee(log_wealth), 0.0)
        return gained + np.where(leaves, self.fee(log_wealth + gained), 0.0)

    def closed(
        self, log_wealth: Float[np.ndarray, "*B"], position: Integer[np.ndarray, "*#B"]
    ) -> Float64[np.ndarray, "*B"]:
        """Log wealth gained by leaving a position at the last close."""
        gained = self.closing[position]
        if self.fixed_fee == 0.0:
            return np.broadcast_to(gained, np.shape(log_wealth))
        return gained + np.where(position == FLAT, 0.0, self.fee(log_wealth + gained))

    def gains(
        self,
        positions: Int8[np.ndarray, "B T"],
        table: Float64[np.ndarray, "B T P2"],
        to_the_end: bool = True,
    ) -> Float64[np.ndarray, "B T"]:
        """Log wealth gained day by day by traders who begin flat: an episode's rewards.

        ``to_the_end``: what is not flat is left at the last close.
        """
        before = np.concatenate([np.zeros_like(positions[:, :1]), positions[:, :-1]], axis=1)
        chosen = self.column(before, positions).astype(np.int64)[..., None]
        gained = np.take_along_axis(table, chosen, axis=2)[..., 0]
        wealth = np.zeros(len(gained))
        if self.fixed_fee:  # depends on the wealth, and so on the days before
            for day in range(gained.shape[1]):
                step = (before[:, day], positions[:, day], gained[:, day])
                gained[:, day] = self.with_fees(wealth, *step)
                wealth += gained[:, day]
        if to_the_end:
            gained[:, -1] += self.closed(wealth, positions[:, -1])
        return gained

    def hindsight(
        self, table: Float64[np.ndarray, "B T P2"]
    ) -> tuple[Float64[np.ndarray, " B"], Int8[np.ndarray, "B T"]]:
        """The most that could have been earned on each path, and how. It knows the future.

        Forward induction (Bellman 1957) over the position alone. With the fixed fee wealth matters
        too, but the best wealth of each position is enough: by the module's table wealth after a
        day rises with the wealth before, for each pair of positions, and so does the last sale. So
        of two accounts in the same position the larger stays larger under the same orders.
        """
        paths, days = table.shape[:2]
        size = len(self.positions)
        before, after = self.positions[:, None], self.positions[None, :]
        worth = np.full((paths, size), -np.inf)
        worth[:, FLAT] = 0.0
        came = np.empty((days, paths, size), dtype=np.int8)
        for day in range(days):
            gained = table[:, day].reshape(paths, size, size)
            gained = self.with_fees(worth[:, :, None], before, after, gained)
            reached = worth[:, :, None] + gained  # B before after
            came[day] = reached.argmax(axis=1)
            worth = reached.max(axis=1)
        worth = worth + self.closed(worth, self.positions[None])
        positions = np.empty((paths, days), dtype=np.int8)
        position, row = worth.argmax(axis=1), np.arange(paths)  # rows of tables
        for day in reversed(range(days)):
            positions[:, day] = self.positions[position]
            position = came[day, row, position]
        return worth.max(axis=1), positions


def outcomes(prices: Prices, buy_cost: float, sell_cost: float) -> Float64[np.ndarray, "B D1 4"]:
    """``Terms.outcomes`` without short positions and fixed fee."""
    return Terms(buy_cost=buy_cost, sell_cost=sell_cost).outcomes(prices)


def gains(
    positions: Int8[np.ndarray, "B T"], table: Float64[np.ndarray, "B T 4"], sell_cost: float
) -> Float64[np.ndarray, "B T"]:
    """``Terms.gains`` without short positions and fixed fee."""
    return Terms(buy_cost=0.0, sell_cost=sell_cost).gains(positions, table)


def returns_of(
    positions: Int8[np.ndarray, "B T"], table: Float64[np.ndarray, "B T 4"], sell_cost: float
) -> Float64[np.ndarray, " B"]:
    """Log of final over initial wealth of traders who begin and end flat."""
    return gains(positions, table, sell_cost).sum(axis=1)


def hindsight_optimum(
    table: Float64[np.ndarray, "B T 4"], sell_cost: float
) -> tuple[Float64[np.ndarray, " B"], Int8[np.ndarray, "B T"]]:
    """``Terms.hindsight`` without short positions and fixed fee."""
    return Terms(buy_cost=0.0, sell_cost=sell_cost).hindsight(table)
