"""Accounts of cash and shares, which share nothing with the code but what its terms say."""

from dataclasses import dataclass
from itertools import product

import numpy as np

LEFT = 0.001  # of wealth, after ruin


@dataclass
class Books:
    """Money of B traders after each of T days, from 1 at the beginning."""

    wealth: np.ndarray
    fees: np.ndarray
    borrowing: np.ndarray


def ways(days, short):
    """Every sequence of positions that orders of one step lead to."""
    every = np.array(list(product((-1, 0, 1) if short else (0, 1), repeat=days)), dtype=np.int8)
    steps = np.diff(every, axis=1, prepend=0)
    return every[(np.abs(steps) <= 1).all(axis=1)]


def accounts(prices, positions, terms):
    """Of traders with these positions after each decision, on the first of the paths."""
    books = [_account(prices, row.tolist(), terms) for row in positions]
    return Books(*(np.array([book[k] for book in books]) for k in range(3)))


def _account(prices, positions, terms):
    a, b = np.exp(terms.buy_cost), np.exp(-terms.sell_cost)
    rate = terms.borrow_per_day or 0.0
    cash, shares, before, days = 1.0, 0.0, 0, []
    for day, after in enumerate(positions):
        last, opening, close = (
            prices.close[0, day],
            prices.open[0, day + 1],
            prices.close[0, day + 1],
        )
        fees = borrowed = 0.0
        base = cash + shares * last
        if before == 0 and after != 0:
            fees += min(terms.fixed_fee, (1 - LEFT) * cash)
            cash -= fees
            # Long: all cash. Short: as many as the wealth is then worth.
            shares = cash / (opening * a) if after == 1 else -cash / (opening * (2 - b))
            unit = a if after == 1 else b
            fees += abs(shares) * opening * abs(unit - 1)
            cash -= shares * opening * unit
            base = cash + shares * opening
        elif before != 0 and after == 0:
            cash, fees = leave(cash, shares, opening, base, a, b, terms.fixed_fee)
            shares = 0.0
        if after == -1:
            borrowed = rate * -shares * close
            cash -= borrowed
            # Cash must be twice what is owed: buy back, or sell more.
            lacks = -2 * shares * close - cash
            unit = a if lacks > 0 else b
            traded = lacks / (close * (2 - unit))
            cash -= traded * close * unit
            shares += traded
            fees += abs(traded) * close * abs(unit - 1)
            if cash + shares * close < LEFT * base:
                cash, shares = 2 * LEFT * base, -LEFT * base / close
        if day == len(positions) - 1 and after != 0:
            cash, paid = leave(cash, shares, close, cash + shares * close, a, b, terms.fixed_fee)
            shares, fees = 0.0, fees + paid
        days.append((cash + shares * close, fees, borrowed))
        before = after
    return np.array(days).T


def leave(cash, shares, price, base, a, b, fixed):
    """All cash, and what that cost."""
    unit = b if shares > 0 else a
    got, paid = cash + shares * price * unit, abs(shares) * price * abs(unit - 1)
    if got < LEFT * base:
        got = LEFT * base
    fixed = min(fixed, (1 - LEFT) * got)
    return got - fixed, paid + fixed
