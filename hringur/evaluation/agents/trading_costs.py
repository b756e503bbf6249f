"""What a trader paid, day by day: trades with their spread, slippage and fees, and borrowing.

The account of ``hringur/references/trading/wealth.py`` once more, in money and one day at a time.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hringur.references.trading.wealth import FLAT, LONG, REMAINS, SHORT, Terms


@dataclass(frozen=True, eq=False)
class Payments:
    """Money of each day."""

    fees: Float64[np.ndarray, " T"]
    """of trades: spread, slippage, proportional and fixed fees"""
    borrowing: Float64[np.ndarray, " T"]
    """of what is owed, to its lender"""
    wealth: Float64[np.ndarray, " T"]
    """after each day"""


def payments(
    terms: Terms,
    days: Sequence[tuple[float, float, float]],
    positions: Sequence[int],
    wealth: float,
) -> Payments:
    """Of a trader who begins flat with so much money, and leaves the market at the last close.

    Args:
        terms: what trades cost.
        days: of each decision the next open, the close before and the close after.
        positions: after each decision.
        wealth: at the beginning.
    """
    account, before = _Account(terms, wealth), FLAT
    rows: list[tuple[float, float, float]] = []
    for (opening, last, close), after in zip(days, positions, strict=True):
        reference = last
        account.fees = account.borrowing = 0.0
        if after != before:
            account.trade(before, after, opening / last)
            reference = opening
        account.mark(after, close / reference)
        before = after
        if len(rows) + 1 == len(days) and after != FLAT:
            account.trade(after, FLAT, 1.0)
        rows.append((account.fees, account.borrowing, account.wealth))
    return Payments(*np.array(rows).T)


class _Account:
    """Wealth, all in one position at each close, and what was paid of it since the last one."""

    def __init__(self, terms: Terms, wealth: float) -> None:
        self.wealth, self.fees, self.borrowing = wealth, 0.0, 0.0
        self._fixed = terms.fixed_fee * wealth
        self._buying, self._selling = math.exp(terms.buy_cost), math.exp(-terms.sell_cost)
        self._rate = terms.borrow_per_day or 0.0

    def trade(self, before: int, after: int, moved: float) -> None:
        """One step; the price has moved by a factor since the last close."""
        if before == FLAT:
            self._pay_fixed()
        worth, bought, sold = self.wealth, self._buying - 1.0, 1.0 - self._selling
        if (before, after) == (FLAT, LONG):
            self._pay(worth - worth / self._buying)
        elif (before, after) == (LONG, FLAT):
            self.wealth *= moved
            self._pay(sold * self.wealth)
        elif (before, after) == (FLAT, SHORT):
            self._pay(worth * sold / (1.0 + sold))
        else:
            self.wealth = max(worth * (2.0 - moved), REMAINS * worth)
            self._pay(bought * worth * moved, REMAINS * worth)
        if after == FLAT:
            self._pay_fixed()

    def mark(self, position: int, moved: float) -> None:
        """At the close; a short is brought back to the wealth."""
        if position == LONG:
            self.wealth *= moved
        if position != SHORT:
            return
        owed, least = self.wealth * moved, REMAINS * self.wealth
        self.wealth = max(self.wealth * (2.0 - moved), least)
        lent = min(self._rate * owed, self.wealth - least)
        self.borrowing += lent
        self.wealth -= lent
        more = owed - self.wealth  # to be bought back, or to be sold if below 0
        cost = self._buying - 1.0 if more > 0.0 else self._selling - 1.0
        self._pay(cost * more / (1.0 - cost), least)

    def _pay(self, cost: float, least: float = 0.0) -> None:
        before, self.wealth = self.wealth, max(self.wealth - cost, least)
        self.fees += before - self.wealth

    def _pay_fixed(self) -> None:
        self._pay(self._fixed, REMAINS * self.wealth)
