"""Ratios of a trader beside those of random orders, buy-and-hold and the best policy, if known.

All trade on the same price paths. Intervals resample independent paths. Episodes cut from one
history share its days, so means over them have no interval; where all cover the same days, the log
wealth above buy-and-hold has one by a circular block bootstrap of days (Politis & Romano 1992).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from hringur.data.trading.prices import Prices
from hringur.envs.trading.problem import BUY, WAIT, TradingProblem
from hringur.evaluation.agents.comparison import AgentRuns
from hringur.evaluation.agents.measures import (
    Measured,
    over_agents,
    over_episodes,
    table,
    to_json,
    without_intervals,
)
from hringur.evaluation.agents.scores import Evaluated, Report
from hringur.evaluation.statistics import (
    RESAMPLES,
    Estimate,
    estimate_mean,
    over_runs_words,
    percentiles,
)
from hringur.evaluation.tables import estimate_json
from hringur.evaluators.environments import make_single
from hringur.evaluators.episodes import EpisodeEvaluator, EpisodeReturns
from hringur.evaluators.trading import TradingRecorder
from hringur.types import Decide

RATIOS = {
    "trading/sharpe_annual": ("Sharpe", ".2f"),
    "trading/sortino_annual": ("Sortino", ".2f"),
    "trading/max_drawdown_percent": ("drawdown %", ".0f"),
    "trading/turnover_per_year": ("turnover", ".0f"),
    "trading/invested_percent": ("invested %", ".0f"),
}
"""Heading and format of each column, by tag of the figure."""

CAPTION = """\
Sharpe and Sortino ratio of a year; drawdown: the largest loss from an earlier peak of wealth;
turnover: buys and sells of the whole wealth in a year; invested: share of days in the market
"""

BLOCK_DAYS = 21
"""Days that are drawn together: a month, longer than returns are correlated."""


def report(evaluated: Evaluated) -> Report:
    """Ratios of the trader beside those of random orders, buy-and-hold and the best policy."""
    options, score = dict(evaluated.env_options), evaluated.score
    episodes = len(score.played.returns)
    problem = problem_of(evaluated.env_id, options)
    references = play_references(evaluated.env_id, options, episodes, frozenset(options))
    played = {score.name: score.played, **references, "random": evaluated.by_chance.played}
    traders = [
        Measured(name, over_episodes(one, RATIOS), one is score.played)
        for name, one in played.items()
    ]
    above = above_holding(evaluated, references["buy & hold"], problem)
    history = problem.history
    interval = "95 % bootstrap interval" if history is None else f"cut from {history}: no intervals"
    beyond = f"log wealth of {score.name} beyond buy-and-hold's on the same prices"
    return Report(
        tables=[
            table(traders, RATIOS, f"trading, means over {episodes:,} episodes, {interval}"),
            CAPTION,
            f"{beyond}: {above.percent()}",
        ],
        record={"trading": to_json(traders), **estimate_json("above_buy_and_hold", above)},
    )


def comparison(runs: Sequence[AgentRuns], env_id: str, env_options: Mapping[str, Any]) -> Report:
    """Ratios of every agent over its seeds, beside those of buy-and-hold and the best policy."""
    episodes = len(runs[0].cells[0].played.returns)
    references = play_references(env_id, env_options, episodes)
    traders = over_agents(runs, RATIOS)
    for name, played in references.items():
        traders.append(Measured(name, without_intervals(over_episodes(played, RATIOS))))
    title = f"trading, {over_runs_words([len(one.cells) for one in runs])}"
    return Report(
        tables=[table(traders, RATIOS, title), CAPTION], record={"trading": to_json(traders)}
    )


def play_references(
    env_id: str,
    env_options: Mapping[str, Any],
    episodes: int,
    chosen: frozenset[str] = frozenset(),
) -> dict[str, EpisodeReturns]:
    """The best policy, if the price process is known, and buy-and-hold on the held-out paths."""

    def play(decide: Decide, **more: Any) -> EpisodeReturns:
        options = dict(env_options) | more
        return EpisodeEvaluator(env_id, options, episodes, chosen).play_policy(decide)

    problem = problem_of(env_id, env_options)
    best = {}
    if problem.best_policy is not None:
        shown = problem_of(env_id, dict(env_options) | {"state": True})
        best = {"optimum": play(best_decide(shown), state=True)}
    return best | {"buy & hold": play(hold)}


def problem_of(env_id: str, env_options: Mapping[str, Any]) -> TradingProblem:
    """The market of an environment with these options."""
    env: Any = make_single(env_id, **dict(env_options) | {"compute_optimal": True})
    env.close()
    return env.unwrapped.problem


def hold(observation: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Buy at once, and never sell."""
    return np.full(len(observation), BUY)


def best_decide(problem: TradingProblem) -> Decide:
    """The best policy for a known price process, whose state is part of the observation."""
    policy, column = problem.best_policy, problem.window + 1
    assert policy is not None

    def decide(observation: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        state = observation[:, column] if problem.state_columns else np.zeros(len(observation))
        held = observation[:, -2].astype(np.int8)
        return WAIT + policy.decide(state, held) - held

    return decide


def above_holding(
    evaluated: Evaluated, holding: EpisodeReturns, problem: TradingProblem
) -> Estimate:
    """Mean log wealth of an episode above that of buy-and-hold on the same prices."""
    difference = evaluated.score.played.returns - holding.returns
    if problem.drawn:
        return estimate_mean(difference)
    assert isinstance(problem.source, Prices)
    if problem.days < problem.source.days - problem.window - 1:  # not all of the same days
        return Estimate(float(difference.mean()))
    options = dict(evaluated.env_options)
    evaluator = EpisodeEvaluator(
        evaluated.env_id, options, len(difference), chosen=frozenset(options)
    )
    gains = []
    for decide in (evaluated.decide, hold):
        recorder = TradingRecorder()
        evaluator.play_policy(decide, recorder=recorder)
        gains.append(recorder.gains())
    return sum_over_days((gains[0] - gains[1]).mean(axis=0))


def sum_over_days(
    difference: Float64[np.ndarray, " T"], block_days: int = BLOCK_DAYS, seed: int = 0
) -> Estimate:
    """Sum of daily differences; its interval resamples blocks, if there are at least ten."""
    days = len(difference)
    value = float(difference.sum())
    if days < 10 * block_days:
        return Estimate(value)
    rng = np.random.default_rng(seed)
    starts = rng.integers(days, size=(RESAMPLES, -(-days // block_days)))
    chosen = (starts[..., None] + np.arange(block_days)) % days  # resamples blocks days
    return percentiles(value, difference[chosen.reshape(RESAMPLES, -1)[:, :days]].sum(axis=1))
