"""Figures over runs, by enumeration and by hand; the picture shows what was measured."""

import dataclasses
import io
from itertools import product

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from hringur.evaluation.agents.comparison import (
    Cell,
    CurvePoint,
    grouped,
    improvements,
    markdown,
    seed_words,
    table,
)
from hringur.evaluation.agents.plots import comparison_figure, on_grid
from hringur.evaluation.agents.scores import EpisodeScore, random_decider, references
from hringur.evaluation.statistics import (
    estimate_rows,
    probability_of_improvement,
)
from hringur.evaluators.episodes import EpisodeReturns


def cell(agent: str, seed: int, mean: float, optimal: float | None = 10.0) -> Cell:
    rng = np.random.default_rng(seed)
    returns = mean + rng.normal(size=30)
    returns += mean - returns.mean()
    best = None if optimal is None else np.full(30, optimal)
    curve = tuple(CurvePoint(samples=100 * k, seconds=float(k), value=9.0 - k) for k in (1, 2, 4))
    return Cell(
        agent=agent,
        seed=seed,
        played=EpisodeReturns(returns, np.full(30, 7), best),
        samples=400,
        seconds=4.0,
        curve=curve,
        command=f"train {agent} {seed}",
    )


CELLS = [cell("slow", seed, 4.2 + seed) for seed in range(3)]
CELLS += [cell("fast", seed, 6.0 + seed) for seed in reversed(range(4))]


def test_agents_are_ranked_and_their_gaps_are_of_their_means():
    runs = grouped(CELLS)
    assert [one.agent for one in runs] == ["fast", "slow"]
    fast = runs[0]
    np.testing.assert_allclose(fast.scores, [6, 7, 8, 9])
    assert fast.mean_return.value == pytest.approx(7.5)
    assert fast.gap.value == pytest.approx(0.25)  # of 0.4, 0.3, 0.2, 0.1
    half = 3.182446 * np.std([6, 7, 8, 9], ddof=1) / 2  # Student's t with three degrees of freedom
    assert fast.mean_return.high == pytest.approx(7.5 + half, rel=1e-6)
    assert fast.gap.low < 0.25 < fast.gap.high
    found = fast.to_json()
    assert found["interquartile_mean_return"] == pytest.approx(7.5)
    assert found["mean_return_interval"] == pytest.approx([7.5 - half, 7.5 + half], rel=1e-6)
    assert found["seeds"] == [0, 1, 2, 3] and found["commands"][2] == "train fast 2"
    assert "| fast | 0-3 | 7.5 |" in markdown(runs, "environment steps")
    assert len(table(runs, "t", "environment steps").lines()) == 3  # two agents and the optimum


def test_chance_of_improvement_counts_pairs():
    one, other = np.array([1.0, 5.0, 3.0]), np.array([2.0, 3.0])
    pairs = [float(a > b) + 0.5 * (a == b) for a, b in product(one, other)]
    found = probability_of_improvement(one, other)
    assert found.value == pytest.approx(np.mean(pairs))
    assert found.low <= found.value <= found.high
    assert np.isnan(probability_of_improvement(one[:1], other).low)
    back = probability_of_improvement(other, one)
    assert found.value + back.value == pytest.approx(1)
    first = improvements(grouped(CELLS))[0]
    assert (first["agent"], first["over"]) == ("fast", "slow")
    assert first["probability"] == pytest.approx(11 / 12)  # 6, 7, 8, 9 against 4.2, 5.2, 6.2


@pytest.mark.parametrize("runs, away", [((3, 3), 0.0), ((5, 5), 0.5), ((9, 9), 1.0), ((4, 9), 0.5)])
def test_intervals_of_chance_cover_as_they_should(runs, away):
    """Normal scores ``away`` from each other: Phi(away / sqrt 2) is held in 95 % of repetitions.

    Few pairs have few values, so the share can only be near; it is never far below.
    """
    rng, truth = np.random.default_rng(0), stats.norm.cdf(away / 2**0.5)
    held = []
    for _ in range(1000):
        found = probability_of_improvement(rng.normal(away, size=runs[0]), rng.normal(size=runs[1]))
        held.append(found.low <= truth <= found.high)
    assert 0.9 <= np.mean(held) <= 0.985


def test_all_pairs_won_leave_room_for_a_loss():
    found = probability_of_improvement(np.array([4.0, 5.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    assert found.value == found.high == 1 and 0.3 < found.low < 0.8


def test_rows_stay_together():
    """The ratio of two columns that are proportional has no spread, however rows are drawn."""
    x = np.random.default_rng(0).random(50) + 1
    y = 3 * x
    found = estimate_rows(50, lambda rows: y[rows].mean(axis=-1) / x[rows].mean(axis=-1))
    assert (found.value, found.low, found.high) == pytest.approx((3, 3, 3))
    plain = estimate_rows(50, lambda rows: x[rows].mean(axis=-1))
    error = x.std() / np.sqrt(50)
    assert plain.high - plain.low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_one_row_has_no_interval():
    assert np.isnan(estimate_rows(1, lambda rows: rows.mean(axis=-1)).low)


def test_curves_meet_on_a_grid_that_all_cover():
    late = tuple(CurvePoint(samples=s, seconds=s / 10, value=float(s)) for s in (20, 60))
    early = tuple(CurvePoint(samples=s, seconds=s / 10, value=2.0 * s) for s in (10, 50))
    grid, values = on_grid([late, early], lambda point: float(point.samples))
    assert (grid[0], grid[-1]) == (20, 50)
    np.testing.assert_allclose(values, [grid, 2 * grid])


def test_a_logarithmic_grid_begins_beyond_zero():
    curve = tuple(CurvePoint(samples=s, seconds=0.0, value=float(s)) for s in (0, 10, 1000))
    grid, values = on_grid([curve], lambda point: float(point.samples), logarithmic=True)
    assert (grid[0], grid[-1]) == pytest.approx((10, 1000))
    np.testing.assert_allclose(grid[1:] / grid[:-1], grid[1] / grid[0])
    np.testing.assert_allclose(values[0], grid)


def test_agents_keep_their_colours_whoever_is_best():
    def colours(best: str) -> dict[str, str]:
        runs = grouped([cell(a, s, 5.0 + (a == best)) for a in ("ppo", "dqn") for s in (0, 1)])
        assert runs[0].agent == best
        names = comparison_figure(runs, "", "environment steps").axes[2].texts[::2]
        return {text.get_text(): text.get_color() for text in names}

    assert colours("ppo") == colours("dqn")


def test_a_picture_without_curves_or_intervals_is_drawn():
    one = dataclasses.replace(cell("one", 0, 5.0, None), curve=())
    figure = comparison_figure(grouped([one]), "", "training instances")
    assert [text.get_text() for text in figure.axes[2].texts] == ["one", "5"]


def test_seeds_in_words():
    assert seed_words([0, 1, 2, 3, 4]) == "0-4"
    assert seed_words([0, 1]) == "0, 1" and seed_words([0, 2, 3]) == "0, 2, 3"
    assert seed_words([7]) == "7"


def test_the_table_fits_a_terminal():
    console = Console(width=80, file=io.StringIO())
    named = [dataclasses.replace(one, agent="attention-model") for one in CELLS[:3]]
    console.print(table(grouped([*CELLS, *named]), "t", "environment steps"))
    lines = console.file.getvalue().splitlines()
    assert not any("\u2026" in line for line in lines) and len(lines) < 11


@pytest.mark.parametrize("optimal", [10.0, None])
def test_the_picture_names_every_agent_with_its_figure(optimal):
    cells = [cell(agent, s, 5.0 + s, optimal) for agent in ("one", "two") for s in range(3)]
    figure = comparison_figure(grouped(cells), "a title", "environment steps")
    steps, seconds, ends = figure.axes
    shown = " ".join(text.get_text() for text in ends.texts)
    assert ("40 %  [" in shown) if optimal else ("6  [" in shown)
    assert "one" in shown and "two" in shown
    unit = "gap to the optimum [%]" if optimal else "mean return"
    assert steps.get_ylabel() == unit and len(seconds.lines) >= 2


def test_a_score_stands_beside_the_optimum_and_the_reference():
    ones = np.ones(40)
    returns = np.random.default_rng(0).normal(5.0, 1.0, 40)
    played = EpisodeReturns(returns, np.full(40, 3), 9 * ones, 2 * ones)
    score = EpisodeScore(name="x", kind="learned", played=played)
    assert score.gap.value == pytest.approx((9 - returns.mean()) / 7)
    assert score.gap.low < score.gap.value < score.gap.high
    optimum, reference = references(score)
    assert (optimum.gap.value, reference.gap.value) == pytest.approx((0, 1))
    assert score.to_json()["mean_return"] == pytest.approx(returns.mean())


def test_random_actions_are_allowed_and_of_equal_chance():
    decide = random_decider("CartPole-v1", {}, seed=1)
    chosen = np.concatenate([decide(np.zeros((50, 4)), None) for _ in range(40)])
    assert abs(chosen.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    mask = np.array([[1, 0, 1], [0, 1, 0]])
    masked = np.array([decide(np.zeros((2, 4)), mask) for _ in range(400)])
    assert set(masked[:, 0]) == {0, 2} and set(masked[:, 1]) == {1}
    assert abs((masked[:, 0] == 2).mean() - 0.5) < 4 * 0.5 / np.sqrt(400)
