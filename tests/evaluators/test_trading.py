"""Ratios of wealth against empyrical, turnover by hand, and the record that the steps make."""

import empyrical
import numpy as np
import pytest

from hringur.data.trading.processes import OrnsteinUhlenbeck
from hringur.envs.trading.problem import BUY, SELL, WAIT
from hringur.evaluators.episodes import EpisodeEvaluator, Recorder, play_episodes
from hringur.evaluators.trading import (
    TradingRecorder,
    maximum_drawdown,
    positions_of,
    sharpe_ratio,
    sortino_ratio,
    trading_figures,
    turnover,
)
from hringur.references.trading.optimum import gains, outcomes
from hringur.references.trading.wealth import SHORT


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


def test_positions_go_down_to_short_one_step_at_a_time():
    actions = np.array([[SELL, SELL, BUY, BUY, BUY, SELL, WAIT, SELL], [WAIT] * 8])
    expected = [[-1, -1, 0, 1, 1, 0, 0, -1], [0] * 8]
    np.testing.assert_array_equal(positions_of(actions, SHORT), expected)
    np.testing.assert_allclose(turnover(positions_of(actions, SHORT)), [252 / 8 * 6, 0])


def test_turnover_counts_both_sides_and_the_last_sale():
    positions = np.array([[0, 1, 1, 0, 0, 1], [0] * 6, [1] * 6], dtype=np.int8)
    np.testing.assert_allclose(turnover(positions), 252 / 6 * np.array([4, 0, 2]))


def test_what_has_no_value_is_not_a_number():
    still = trading_figures(np.zeros((2, 30)), np.zeros((2, 30), dtype=np.int8))
    assert np.isnan(still["trading/sharpe_annual"]).all()
    assert np.isnan(still["trading/sortino_annual"]).all()
    for tag in ("max_drawdown_percent", "turnover_per_year", "invested_percent"):
        np.testing.assert_array_equal(still[f"trading/{tag}"], [0, 0])


def test_the_record_is_of_every_step_and_adds_up_to_the_returns():
    options = {"prices": "ornstein-uhlenbeck", "window": 5, "episode_days": 40}
    rng, decided, recorder = np.random.default_rng(0), [], TradingRecorder()
    assert isinstance(recorder, Recorder)

    def decide(observation, mask):
        decided.append(rng.integers(3, size=len(observation)))
        return decided[-1]

    played = play_episodes("StockTrading-v0", options, decide, 6, seed=3, recorder=recorder)
    gained, taken = recorder.gains(), np.stack(decided, axis=1)
    assert gained.shape == (6, 40)
    np.testing.assert_allclose(gained.sum(axis=1), played.returns)
    for tag, values in trading_figures(gained, positions_of(taken)).items():
        np.testing.assert_array_equal(played.figures[tag], values)


def test_the_evaluator_of_a_trading_environment_records_by_itself():
    def hold(observation, mask):
        return np.full(len(observation), BUY)

    options = {"episode_days": 20}
    played = EpisodeEvaluator("StockTrading-v0", options, 4).play_policy(hold)
    np.testing.assert_array_equal(played.figures["trading/invested_percent"], [100] * 4)
    np.testing.assert_allclose(played.figures["trading/turnover_per_year"], [2 * 252 / 20] * 4)

    def sell(observation, mask):
        return np.full(len(observation), SELL)

    played = EpisodeEvaluator("StockTrading-v0", options | {"short": True}, 4).play_policy(sell)
    np.testing.assert_array_equal(played.figures["trading/invested_percent"], [100] * 4)
    other = EpisodeEvaluator("CartPole-v1", {}, 2).play_policy(
        lambda observation, mask: np.zeros(len(observation), dtype=np.int64)
    )
    assert other.figures == {}


def test_a_record_is_what_the_tables_say():
    """Drawn at random: the same gains from the actions as from the table of outcomes."""
    prices = OrnsteinUhlenbeck().sample(np.random.default_rng(0), 3, 41)
    table = outcomes(prices, 0.001, 0.001)
    held = gains(np.ones((3, 40), dtype=np.int8), table, 0.001)
    hold = np.log(prices.close[:, -1] / prices.open[:, 1]) - 0.002
    np.testing.assert_allclose(held.sum(axis=1), hold, atol=1e-12)
