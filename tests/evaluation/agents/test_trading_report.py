"""The page about a trader, against a ledger of cash and shares."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hringur.data.trading.market_files import shipped_stocks
from hringur.envs.trading.stock_trading import trading_problem
from hringur.evaluation.agents import trading_report as report
from tests.references.trading.ledger import accounts


@pytest.fixture(scope="module")
def passage():
    """Held on some days of two years, and at the end."""
    prices = shipped_stocks("IBM").between(200, 240)
    problem = trading_problem(prices, window=5, fee=0.002, episode_days=None)
    orders = iter([2, 1, 0, 1, 2, 2, 0, 0, *[1] * 20, 2, *[1] * 20])
    return report.passage(lambda seen, mask: np.array([next(orders)]), problem, "IBM")


def test_wealth_and_fees_are_those_of_a_ledger(passage):
    cash, shares, fees, wealth = 100.0, 0.0, [], []
    opened, closed = passage.prices.open[0, 1:], passage.prices.close[0, 1:]
    for day, long in enumerate(passage.positions):
        paid = 0.0
        if long and not shares:
            worth = cash / 1.002
            paid, shares, cash = cash - worth, worth / opened[day], 0.0
        elif shares and not long:
            paid, cash, shares = 0.002 * shares * opened[day], 0.998 * shares * opened[day], 0.0
        wealth.append(cash + shares * closed[day])
        fees.append(paid)
    fees[-1] += 0.002 * shares * closed[-1]
    wealth[-1] = cash + 0.998 * shares * closed[-1]
    assert shares > 0
    np.testing.assert_allclose(100 * np.exp(np.cumsum(passage.gained)), wealth, rtol=1e-12)
    np.testing.assert_allclose(passage.paid.fees, fees, rtol=1e-9, atol=1e-12)
    whole = report.years(passage)[-1]
    assert whole.fees == pytest.approx(sum(fees))
    assert whole.percent[0] == pytest.approx(wealth[-1] - 100)
    assert whole.orders == 6


@pytest.mark.parametrize("fixed_fee", [0.0, 0.004])
def test_all_that_was_paid_is_that_of_an_account(fixed_fee):
    """Slippage, fixed fees and borrowing; sold short for some time, and at the end."""
    prices = shipped_stocks("IBM").between(200, 240)
    options = {"short": True, "borrow_rate": 0.3, "slippage": 0.003, "fixed_fee": fixed_fee}
    problem = trading_problem(prices, window=5, episode_days=None, **options)
    orders = iter([2, 1, 0, 0, 1, 1, 2, 2, *[1] * 10, 0, 0, *[1] * 20])
    one = report.passage(lambda seen, mask: np.array([next(orders)]), problem, "IBM")
    books = accounts(one.prices, one.positions[None], problem.terms)
    np.testing.assert_allclose(100 * books.wealth[0], one.paid.wealth, rtol=1e-12)
    np.testing.assert_allclose(100 * np.exp(np.cumsum(one.gained)), one.paid.wealth, rtol=1e-12)
    np.testing.assert_allclose(100 * books.fees[0], one.paid.fees, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(100 * books.borrowing[0], one.paid.borrowing, rtol=1e-9)
    whole = report.years(one)[-1]
    assert whole.orders == 8 and one.positions[-1] == -1
    assert whole.borrowing == pytest.approx(100 * books.borrowing.sum()) and whole.borrowing > 0.3
    page = report.section(one, "IBM", None)
    assert f"{whole.fees:.2f} of fees, {whole.borrowing:.2f} for borrowing" in page


def test_years_add_up(passage):
    *each, whole = report.years(passage)
    assert [year.name for year in each] == ["2000", "2001"]
    for name in ("days", "orders", "fees"):
        assert sum(getattr(year, name) for year in each) == pytest.approx(getattr(whole, name))
    growth = np.prod([[1 + x / 100 for x in year.percent] for year in each], axis=0)
    np.testing.assert_allclose(growth, [1 + x / 100 for x in whole.percent])


def test_nothing_beats_hindsight(passage):
    cut = {name: getattr(passage, name)[:8] for name in ("gained", "positions", "table")}
    short = replace(passage, prices=passage.prices.between(0, 9), **cut)
    tried = [
        short.problem.terms.gains(np.array([p], dtype=np.int8), short.table[None]).sum()
        for p in product((0, 1), repeat=8)
    ]
    assert short.compared["hindsight"].sum() == pytest.approx(max(tried), rel=1e-12)


def test_the_page_is_one_file_without_markup_of_a_name(passage):
    page = report.page("<b>", [report.section(passage, "IBM <i>", 0.25)], "hringur evaluate <x>")
    assert page.count("<img") == 1 and "data:image/png;base64," in page
    assert "25 % of these days were in the sample" in page
    assert "<b>" not in page and "<i>" not in page and "<x>" not in page
