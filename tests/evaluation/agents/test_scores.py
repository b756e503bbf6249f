"""Gaps and their intervals of whole episodes."""

import numpy as np
import pytest

from hringur.evaluation.agents.scores import EpisodeScore, references, variety
from hringur.evaluators.episodes import EpisodeReturns


def score(earned, optimal, reference) -> EpisodeScore:
    lengths = np.ones(len(earned), dtype=np.int64)
    played = EpisodeReturns(earned, lengths, optimal, reference)
    return EpisodeScore(name="x", kind="learned", played=played)


def test_gap_by_hand():
    """J* = 4, J = 3: a quarter of the way from nothing, half of it from a holder's 2."""
    optimal, earned = np.array([3.0, 5.0]), np.array([2.0, 4.0])
    assert score(earned, optimal, np.array([-1.0, 0.5])).gap.value == 0.25
    assert score(earned, optimal, np.array([2.5, 1.5])).gap.value == 0.5
    assert score(optimal, optimal, np.zeros(2)).gap.value == 0


def test_the_interval_of_the_gap_covers_and_uses_the_pairs():
    """Earned and optimal wealth share a path's luck; the gap of the means is 0.1."""
    rng, covered, widths = np.random.default_rng(0), [], []
    for _ in range(150):
        optimal = rng.normal(0.4, 0.15, size=100)
        earned = optimal - rng.normal(0.04, 0.02, size=100)
        gap = score(earned, optimal, np.zeros(100)).gap
        covered.append(gap.low <= 0.1 <= gap.high)
        widths.append(gap.high - gap.low)
    assert 0.86 <= np.mean(covered) <= 1.0  # binomial: five standard errors below 95 %
    # Without pairing, the luck of 100 paths alone would make it 4 * 0.15 / sqrt(100) / 0.4 wide.
    assert np.mean(widths) < 0.2 * 0.15


def test_episodes_that_do_not_differ_have_no_interval():
    """One path, however often it is played, and days of one history."""
    returns = np.array([3.0, 3.0, 4.0])
    lengths = np.full(3, 9)
    for alike in ({"distinct": 1}, {"history": "all of the prices"}):
        played = EpisodeReturns(returns, lengths, np.full(3, 5.0), **alike)
        one = EpisodeScore(name="x", kind="learned", played=played)
        assert not one.mean_return.bounded and not one.gap.bounded
        assert one.mean_return.value == pytest.approx(10 / 3)
        assert not references(one)[0].mean_return.bounded
    played = EpisodeReturns(returns, lengths, distinct=2)
    one = EpisodeScore(name="x", kind="learned", played=played)
    assert one.mean_return.bounded and one.to_json()["distinct_episodes"] == 2
    assert variety(one, "games") == "different games of x: 2 of 3"
