"""What is told of traders: held against the best policy and buy-and-hold, over paths and seeds."""

import dataclasses
import io

import numpy as np
import pytest
from rich.console import Console

from hringur.data.trading.processes import OrnsteinUhlenbeck
from hringur.envs.trading.problem import BUY, SELL, WAIT, costs
from hringur.evaluation.agents.comparison import Cell, grouped
from hringur.evaluation.agents.scores import EpisodeScore, Evaluated
from hringur.evaluation.agents.trading import (
    CAPTION,
    RATIOS,
    comparison,
    play_references,
    report,
    sum_over_days,
)
from hringur.evaluators.episodes import EpisodeEvaluator
from hringur.references.trading.optimum import optimal_policy
from hringur.types import UserError

ENV_ID = "StockTrading-v0"
OPTIONS = {"prices": "ornstein-uhlenbeck", "window": 5, "episode_days": 60}
REAL = {"prices": "stocks", "ticker": "AAPL", "window": 20, "split": "test", "episode_days": None}


def band(observation, mask):
    """The best policy by its thresholds on the state in the observation."""
    buy, sell = optimal_policy(OrnsteinUhlenbeck(), *costs(0.001, 0.0, 0.0)).thresholds()
    state = observation[:, -3]
    return np.where(state < buy, BUY, np.where(state > sell, SELL, WAIT))


def wait(observation, mask):
    return np.full(len(observation), WAIT)


def evaluated(decide, options=OPTIONS, episodes=40, actions="likeliest") -> Evaluated:
    evaluator = EpisodeEvaluator(ENV_ID, options, episodes)
    score, by_chance = (
        EpisodeScore(name=name, kind=kind, played=evaluator.play_policy(one))
        for name, kind, one in (("agent", "learned", decide), ("random", "reference", wait))
    )
    return Evaluated(
        env_id=ENV_ID,
        env_options=options,
        decide=decide,
        actions=actions,
        score=score,
        by_chance=by_chance,
    )


def printed(*tables) -> str:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    for table in tables:
        console.print(table)
    return " ".join(console.file.getvalue().split())


def test_the_best_policy_has_the_ratios_of_the_optimum_beside_it():
    told = report(evaluated(band))
    agent, optimum, hold, waiting = told.record["trading"]
    assert [row["name"] for row in told.record["trading"]] == [
        "agent",
        "optimum",
        "buy & hold",
        "random",
    ]
    for tag in RATIOS:
        assert agent[tag] == pytest.approx(optimum[tag], abs=1e-9), tag
        assert agent[f"{tag}_interval"][0] < agent[tag] < agent[f"{tag}_interval"][1]
    assert optimum["trading/sharpe_annual"] > hold["trading/sharpe_annual"]
    assert hold["trading/invested_percent"] == 100 and waiting["trading/sharpe_annual"] is None
    low, high = told.record["above_buy_and_hold_interval"]
    assert 0 < low < told.record["above_buy_and_hold"] < high
    text = printed(*told.tables)
    assert "95 % bootstrap interval" in text and "buy-and-hold's on the same prices" in text
    headings = " ".join(text.split("policy")[1].split()[:7])
    assert headings == "Sharpe Sortino drawdown % turnover invested %"


def test_the_optimum_is_known_though_its_state_is_not_shown():
    shown = play_references(ENV_ID, OPTIONS, 5)["optimum"]
    hidden = play_references(ENV_ID, OPTIONS | {"state": False}, 5)["optimum"]
    np.testing.assert_array_equal(shown.returns, hidden.returns)
    np.testing.assert_allclose(shown.returns, shown.optimal, atol=1e-9)


def test_the_optimum_is_that_of_the_same_terms():
    short = play_references(ENV_ID, OPTIONS | {"short": True, "slippage": 0.001}, 5)
    np.testing.assert_allclose(short["optimum"].returns, short["optimum"].optimal, atol=1e-9)
    assert (
        short["optimum"].returns.mean()
        > play_references(ENV_ID, OPTIONS, 5)["optimum"].returns.mean()
    )
    assert list(play_references(ENV_ID, OPTIONS | {"fixed_fee": 0.001}, 2)) == ["buy & hold"]


def test_prices_of_no_known_law_have_no_optimum_and_no_intervals_over_episodes():
    told = report(evaluated(wait, REAL, episodes=2))
    assert [row["name"] for row in told.record["trading"]] == ["agent", "buy & hold", "random"]
    holding = told.record["trading"][1]
    assert np.isnan(holding["trading/sharpe_annual_interval"]).all()
    assert "cut from the test split: no intervals" in printed(*told.tables)
    gain = EpisodeEvaluator(ENV_ID, REAL, 1).play_policy(wait).reference
    assert told.record["above_buy_and_hold"] == pytest.approx(-gain[0])
    low, high = told.record["above_buy_and_hold_interval"]  # by blocks of the same days
    assert low < -gain[0] < high


def test_episodes_of_different_days_of_one_history_have_no_interval():
    told = report(evaluated(wait, REAL | {"episode_days": 60}, episodes=5))
    assert np.isnan(told.record["above_buy_and_hold_interval"]).all()


def test_agents_over_seeds_by_hand():
    """Student's t over three runs: half a width is 4.302653 standard deviations over sqrt(3)."""
    episodes = EpisodeEvaluator(ENV_ID, OPTIONS, 6)
    cells, invested = [], []
    for seed, share in enumerate((0.4, 0.5, 0.6)):
        rng = np.random.default_rng(seed)

        def decide(observation, mask, rng=rng, share=share):
            return np.where(rng.random(len(observation)) < share, BUY, SELL)

        played = episodes.play_policy(decide)
        invested.append(played.figures["trading/invested_percent"].mean())
        cells.append(
            Cell(
                agent="some",
                seed=seed,
                played=played,
                samples=1,
                seconds=1.0,
                curve=(),
                command="",
            )
        )
    old = dataclasses.replace(cells[0], agent="old", played=dataclasses.replace(played, figures={}))
    told = comparison(grouped([*cells, old]), ENV_ID, OPTIONS)
    rows = {row["name"]: row for row in told.record["trading"]}
    assert set(rows) == {"some", "old", "optimum", "buy & hold"}
    assert rows["old"]["trading/sharpe_annual"] is None
    mean, half = np.mean(invested), 4.302653 * np.std(invested, ddof=1) / np.sqrt(3)
    assert rows["some"]["trading/invested_percent"] == pytest.approx(mean)
    interval = rows["some"]["trading/invested_percent_interval"]
    assert interval == pytest.approx([mean - half, mean + half], rel=1e-6)
    assert "means over runs, 95 % t-intervals" in printed(*told.tables)
    assert told.tables[1] == CAPTION


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


def test_an_unknown_option_is_refused():
    with pytest.raises(UserError, match="prise"):
        play_references(ENV_ID, {"prise": 1}, 1)
