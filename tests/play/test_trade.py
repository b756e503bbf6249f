"""The Trade tab: each control by a real click or key, scores beside the environment's."""

import numpy as np
import pytest

from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import OrnsteinUhlenbeck
from hringur.envs.trading.problem import costs
from hringur.references.trading.optimum import optimal_policy
from hringur.references.trading.wealth import outcomes, returns_of

DAYS, FIRST = 60, 30
BUY, SELL = costs(0.001, 0.0, 0.0)
STATE = """async () => (await import("/trade.js")).current()"""
PATHS = """async ([count, days]) => {
  const { makePath } = await import("/market.js");
  const { normal, uniform } = await import("/elements.js");
  const law = await (await fetch("trading.json")).json();
  const draw = normal(uniform(3));
  return Array.from({ length: count }, () => makePath(law, draw, days));
}"""


def prices_of(*paths):
    return Prices(*(np.array([path[key] for path in paths]) for key in ("open", "close")))


def shown(page, who):
    return float(page.get_attribute(f"tr[data-trader={who}]", "data-score"))


def test_sixty_days_by_clicks_and_keys_score_as_the_environment_does(visit):
    page = visit("trade?seed=5")
    page.click("#buy")
    assert page.is_disabled("#buy") and page.is_enabled("#sell")
    page.click("#wait")
    page.click("#sell")
    page.keyboard.type("wbs" + "bwSwBs" * (DAYS // 6 - 1))
    assert page.is_disabled("#wait") and page.is_disabled("#buy")
    game = page.evaluate(STATE)
    assert game["positions"]["you"] == [1, 1, 0, 0, 1, 0] * 10
    prices = prices_of(game["prices"])
    table = outcomes(prices, BUY, SELL)[:, FIRST : FIRST + DAYS]
    for who, positions in (game["positions"] | {"hold": [1] * DAYS}).items():
        expected = returns_of(np.array([positions], dtype=np.int8), table, SELL)[0]
        assert shown(page, who) == pytest.approx(expected, abs=1e-9), who
        assert f"{abs(100 * expected):.2f} %" in page.text_content(f"tr[data-trader={who}]")
    policy = optimal_policy(OrnsteinUhlenbeck(), BUY, SELL)
    best = policy.positions(prices, FIRST, DAYS)[0]
    assert game["positions"]["best"] == best.tolist()
    assert "best policy" in page.text_content("#day")


def test_prices_follow_the_law_of_the_package(visit):
    prices = prices_of(*visit("trade").evaluate(PATHS, [1500, 9]))
    process, x = OrnsteinUhlenbeck(), np.log(prices.close / 100)
    error = 5 / np.sqrt(1500)
    for day in (0, 8):
        assert x[:, day].std() == pytest.approx(process.deviation, rel=error)
    after = np.corrcoef(x[:, 5], x[:, 6])[0, 1]
    assert after == pytest.approx(process.reversion, abs=error * (1 - process.reversion**2) * 2)
    night = np.log(prices.open[:, 1:] / 100) - process.part(process.overnight)[0] * x[:, :-1]
    assert night.std() == pytest.approx(process.part(process.overnight)[1], rel=error)


def test_reinforce_learns_the_best_policy_nearly(visit):
    page = visit("trade?seed=1")
    page.wait_for_selector("#more:enabled")
    page.click("#more")
    page.wait_for_selector("#more:enabled")
    assert "250 updates" in page.text_content("#learned")
    constant, slope, held = page.evaluate(STATE)["weights"]
    process = OrnsteinUhlenbeck()
    prices = process.sample(np.random.default_rng(0), 2000, DAYS + 1)
    position = np.zeros(2000, dtype=np.int8)
    positions = np.empty((2000, DAYS), dtype=np.int8)
    for day in range(DAYS):
        x = process.state(prices.close[:, : day + 1])[:, day, 0]
        position = (constant + slope * x + held * (2 * position - 1) > 0).astype(np.int8)
        positions[:, day] = position
    earned = returns_of(positions, outcomes(prices, BUY, SELL), SELL).mean()
    best = optimal_policy(process, BUY, SELL)
    ceiling = best.expected_return(DAYS)
    assert 0.9 * ceiling < earned < 1.05 * ceiling


def test_hints_new_prices_and_a_seed_in_the_address(visit):
    page = visit("trade?seed=5")
    assert page.is_hidden("#hinted")
    page.check("#hint")
    assert "the best policy waits" in page.text_content("#hinted")  # the price is high, in cash
    page.click("#buy")
    assert "the best policy sells" in page.text_content("#hinted")
    before = page.evaluate(STATE)["prices"]
    page.click("#prices")
    assert page.evaluate(STATE)["prices"] != before
    assert "Day 0 of 60" in page.text_content("#day")
    page.evaluate("location.hash = '#trade?seed=5'")
    page.wait_for_timeout(100)
    assert page.evaluate(STATE)["prices"] == before
