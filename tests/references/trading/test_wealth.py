"""What a day brings and what hindsight could have earned, against a ledger and enumeration."""

from itertools import product

import numpy as np
import pytest

from hringur.data.trading.processes import AutoregressiveReturns, OrnsteinUhlenbeck
from hringur.references.trading.optimum import gains, hindsight_optimum, outcomes, returns_of

COST = 0.001  # of log wealth, a side


def test_outcomes_are_those_of_a_ledger():
    """Cash and shares, marked at each close."""
    prices = AutoregressiveReturns().sample(np.random.default_rng(0), 6, 21)
    positions = np.random.default_rng(1).integers(2, size=(6, 20)).astype(np.int8)
    table = outcomes(prices, COST, 2 * COST)
    daily = gains(positions, table, 2 * COST)
    for path in range(6):
        cash, shares, marked = 1.0, 0.0, 1.0
        for day in range(20):
            opening, close = prices.open[path, day + 1], prices.close[path, day + 1]
            if positions[path, day] and not shares:
                cash, shares = 0.0, cash / opening * np.exp(-COST)
            elif shares and not positions[path, day]:
                cash, shares = shares * opening * np.exp(-2 * COST), 0.0
            if day == 19:
                cash, shares = cash + shares * close * np.exp(-2 * COST), 0.0
            wealth = cash + shares * close
            assert daily[path, day] == pytest.approx(np.log(wealth / marked), abs=1e-12)
            marked = wealth
        earned = returns_of(positions, table, 2 * COST)[path]
        assert earned == pytest.approx(np.log(marked), abs=1e-12)


def test_hindsight_against_every_way_to_trade():
    prices = OrnsteinUhlenbeck().sample(np.random.default_rng(0), 4, 11)
    table = outcomes(prices, COST, COST)
    ways = np.array(list(product((0, 1), repeat=10)), dtype=np.int8)  # 1,024
    best, positions = hindsight_optimum(table, COST)
    for path in range(4):
        every = returns_of(ways, np.broadcast_to(table[path], (1024, 10, 4)), COST)
        assert best[path] == pytest.approx(every.max(), abs=1e-12)
    np.testing.assert_allclose(returns_of(positions, table, COST), best, atol=1e-12)
