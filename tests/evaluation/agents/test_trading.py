"""Ratios of wealth against empyrical, turnover by hand, gaps and intervals against their law."""

import empyrical
import numpy as np
import pytest

from hringur.data.trading.processes import OrnsteinUhlenbeck
from hringur.envs.trading.problem import BUY, SELL, WAIT, costs
from hringur.evaluation.agents.trading import (
    TradingRecord,
    gap_to_optimum,
    maximum_drawdown,
    play_trading,
    positions_of,
    sharpe_ratio,
    sortino_ratio,
    sum_over_days,
    turnover,
)
from hringur.references.trading.optimum import gains, optimal_policy, outcomes
from hringur.types import UserError


def daily(seed: int = 0, paths: int = 5, days: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0005, 0.012, size=(paths, days))


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (sharpe_ratio, empyrical.sharpe_ratio),
        (sortino_ratio, empyrical.sortino_ratio),
        (maximum_drawdown, lambda returns: -empyrical.max_drawdown(returns)),
    ],
)
def test_ratios_are_those_of_empyrical(ours, theirs):
    found = ours(daily())
    expected = [theirs(np.expm1(path)) for path in daily()]
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_loss_from_the_first_day_is_a_drawdown():
    """Wealth 1, 0.8, 1.2, 0.9, 1.0: down by 20 %, then by 25 % from the height of 1.2."""
    wealth = np.array([[1.0, 0.8, 1.2, 0.9, 1.0]])
    assert maximum_drawdown(np.diff(np.log(wealth)))[0] == pytest.approx(0.25)
    assert maximum_drawdown(np.diff(np.log(wealth[:, :2])))[0] == pytest.approx(0.2)
    assert maximum_drawdown(np.abs(daily())).max() == 0


def test_positions_follow_the_last_order():
    actions = np.array([[WAIT, SELL, BUY, WAIT, BUY, SELL, WAIT], [WAIT] * 7, [BUY] + [WAIT] * 6])
    expected = [[0, 0, 1, 1, 1, 0, 0], [0] * 7, [1] * 7]
    np.testing.assert_array_equal(positions_of(actions), expected)


def test_turnover_counts_both_sides_and_the_last_sale():
    positions = np.array([[0, 1, 1, 0, 0, 1], [0] * 6, [1] * 6], dtype=np.int8)
    np.testing.assert_allclose(turnover(positions), 252 / 6 * np.array([4, 0, 2]))


def test_what_has_no_value_is_left_out():
    still = np.zeros((2, 30))
    record = TradingRecord(still, daily(paths=2, days=30), np.zeros((2, 30), dtype=np.int8))
    metrics = record.metrics()
    assert "trading/sharpe_annual" not in metrics and "trading/sortino_annual" not in metrics
    assert metrics["trading/max_drawdown_percent"] == 0 == metrics["trading/turnover_per_year"]
    assert record.gap is None and "trading/gap_percent" not in metrics


def test_gap_by_hand():
    """J* = 4, J = 3: a quarter of the way from nothing, half of it from a holder's 2."""
    optimal, earned = np.array([3.0, 5.0]), np.array([2.0, 4.0])
    assert gap_to_optimum(earned, optimal, np.array([-1.0, 0.5])).value == 0.25
    assert gap_to_optimum(earned, optimal, np.array([2.5, 1.5])).value == 0.5
    assert gap_to_optimum(optimal, optimal, np.zeros(2)).value == 0


def test_the_interval_of_the_gap_covers_and_uses_the_pairs():
    """Earned and optimal wealth share a path's luck; the gap of the means is 0.1."""
    rng, covered, widths = np.random.default_rng(0), [], []
    for _ in range(150):
        optimal = rng.normal(0.4, 0.15, size=100)
        earned = optimal - rng.normal(0.04, 0.02, size=100)
        gap = gap_to_optimum(earned, optimal, np.zeros(100))
        covered.append(gap.low <= 0.1 <= gap.high)
        widths.append(gap.high - gap.low)
    assert 0.86 <= np.mean(covered) <= 1.0  # binomial: five standard errors below 95 %
    # Without pairing, the luck of 100 paths alone would make it 4 * 0.15 / sqrt(100) / 0.4 wide.
    assert np.mean(widths) < 0.2 * 0.15


def test_days_that_hang_together_widen_the_interval():
    """Sums of an autoregression: blocks see its long-run deviation, single days do not."""
    rng, days = np.random.default_rng(0), 1000
    noise = rng.normal(size=(16, days + 50)) * 0.01
    values = np.zeros_like(noise)
    for day in range(1, noise.shape[1]):
        values[:, day] = 0.6 * values[:, day - 1] + noise[:, day]
    values = values[:, 50:]
    blocks, single = (
        [sum_over_days(path, block_days=length, seed=i) for i, path in enumerate(values)]
        for length in (40, 1)
    )
    exact = 2 * 1.96 * 0.01 / (1 - 0.6) * np.sqrt(days)
    assert np.mean([e.high - e.low for e in blocks]) == pytest.approx(exact, rel=0.15)
    assert np.mean([e.high - e.low for e in single]) < 0.6 * exact
    assert blocks[0].value == pytest.approx(values[0].sum())
    assert np.isnan(sum_over_days(values[0][:100]).low)


def test_the_best_policy_played_in_the_environment_has_no_gap():
    """It decides on the state in the observation; buy-and-hold beside it is that of the infos."""
    options = {"prices": "ornstein-uhlenbeck", "window": 5, "episode_days": 60}
    buy, sell = optimal_policy(OrnsteinUhlenbeck(), *costs(0.001, 0.0, 0.0)).thresholds()

    def decide(observation, mask):
        state = observation[:, -3]
        return np.where(state < buy, BUY, np.where(state > sell, SELL, WAIT))

    record = play_trading(options, decide, episodes=40, seed=7)
    assert record.gains.shape == record.held.shape == record.positions.shape == (40, 60)
    np.testing.assert_allclose(record.log_wealth, record.optimal, atol=1e-9)
    assert record.gap.value == pytest.approx(0, abs=1e-9)
    assert record.above_holding.low > 0
    metrics = record.metrics()
    assert metrics["trading/log_wealth_percent"] > metrics["trading/buy_and_hold_percent"]
    again = play_trading(options, decide, episodes=40, seed=7)
    np.testing.assert_array_equal(record.gains, again.gains)


def test_a_record_is_what_the_tables_say():
    """Drawn at random: the same gains from the actions as from the table of outcomes."""
    prices = OrnsteinUhlenbeck().sample(np.random.default_rng(0), 3, 41)
    table = outcomes(prices, 0.001, 0.001)
    held = gains(np.ones((3, 40), dtype=np.int8), table, 0.001)
    hold = np.log(prices.close[:, -1] / prices.open[:, 1]) - 0.002
    np.testing.assert_allclose(held.sum(axis=1), hold, atol=1e-12)


def test_real_prices_have_no_optimum_but_a_pair():
    options = {"prices": "stocks", "ticker": "AAPL", "window": 20, "split": "test"}
    record = play_trading(
        options | {"episode_days": None}, lambda o, mask: np.full(len(o), WAIT), episodes=1
    )
    assert record.optimal is None and record.gap is None
    estimate = record.above_holding_by_days
    assert estimate.value == pytest.approx(-record.held.sum())
    assert estimate.low < estimate.value < estimate.high


def test_an_unknown_option_is_refused():
    with pytest.raises(UserError, match="prise"):
        play_trading({"prise": 1}, lambda o, mask: np.zeros(len(o), int))
