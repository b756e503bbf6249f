"""What a day brings and what hindsight could have earned, against a ledger and enumeration."""

from itertools import product

import numpy as np
import pytest

from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import AutoregressiveReturns, OrnsteinUhlenbeck
from hringur.references.trading.optimum import gains, hindsight_optimum, outcomes, returns_of
from hringur.references.trading.wealth import REMAINS, Terms
from tests.references.trading.ledger import accounts, ways

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


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("fixed", [False, True])
def test_hindsight_at_any_terms_against_every_account(short, fixed):
    """125 instances each: costs up to 5 %, fixed fees up to 30 %, prices that double in a day."""
    rng = np.random.default_rng([short, fixed])
    ruins = 0
    for _ in range(125):
        days, rough = int(rng.integers(1, 7)), rng.choice([0.01, 0.1, 0.5])
        steps = np.exp(rough * rng.standard_normal(2 * days + 2)).cumprod()
        prices = Prices(steps[None, ::2], steps[None, 1::2])
        buy, sell = rng.uniform(0, 0.05, 2) * rng.integers(2)
        terms = Terms(
            buy_cost=buy,
            sell_cost=sell,
            fixed_fee=rng.uniform(0, rng.choice([0.001, 0.3])) if fixed else 0.0,
            borrow_per_day=rng.uniform(0, 0.01) if short else None,
        )
        every = ways(days, short)
        wealth = accounts(prices, every, terms).wealth
        table = np.repeat(terms.outcomes(prices), len(every), axis=0)
        ours = np.exp(np.cumsum(terms.gains(every, table), axis=1))
        np.testing.assert_allclose(ours, wealth, rtol=1e-13, atol=1e-14)
        ruins += int((wealth < 2 * REMAINS).sum())
        best, positions = terms.hindsight(table[:1])
        assert best[0] == pytest.approx(np.log(wealth[:, -1]).max(), abs=1e-13)
        assert terms.gains(positions, table[:1]).sum() == pytest.approx(best[0], abs=1e-13)
        assert (every == positions).all(axis=1).any()
    assert not short or ruins > 100


def test_a_short_by_hand():
    """Sold at 100, worth 100 of 100 in cash; at 110 owed 110 of 90; 1 % buys back at 121 a unit."""
    prices = Prices(np.array([[100.0, 100.0, 99.0]]), np.array([[100.0, 110.0, 99.0]]))
    terms = Terms(buy_cost=np.log(1.1), sell_cost=0.0, borrow_per_day=0.01)
    table = terms.outcomes(prices)
    # Cash 200 - 1.1 lent = 198.9; x units bought back at 121: 2 (1 - x) 110 = 198.9 - 121 x.
    bought = (220 - 198.9) / 99
    first = 110 * (1 - bought)
    assert terms.gains(np.array([[-1, -1]], np.int8), table)[0, 0] == pytest.approx(
        np.log(first / 100)
    )
    # Left at the next open, 99: 2 first in cash, for first / 110 units at 108.9 each.
    left = 2 * first - first / 110 * 108.9
    assert terms.gains(np.array([[-1, 0]], np.int8), table).sum() == pytest.approx(
        np.log(left / 100)
    )


def test_ruin_leaves_a_thousandth():
    prices = Prices(np.array([[1.0, 1.0, 1.0]]), np.array([[1.0, 2.5, 2.5]]))
    terms = Terms(buy_cost=0.0, sell_cost=0.0, borrow_per_day=0.0)
    daily = terms.gains(np.array([[-1, 0]], np.int8), terms.outcomes(prices))
    assert daily[0] == pytest.approx([np.log(0.001), np.log(2 - 1 / 2.5)])
