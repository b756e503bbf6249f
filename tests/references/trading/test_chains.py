"""Chains on a grid, against integrals, closed forms and simulated paths."""

import numpy as np
import pytest

from hringur.data.trading.processes import (
    PROCESSES,
    AutoregressiveReturns,
    HiddenRegime,
    OrnsteinUhlenbeck,
)
from hringur.references.trading.chains import CHAINS, chain, normal_steps
from hringur.types import UserError

EVERY = [process() for process in PROCESSES.values()]
each = pytest.mark.parametrize("process", EVERY, ids=lambda p: type(p).__name__)


def test_normal_steps_integrate_what_is_linear_between_the_points():
    """Any values on the grid, joined by lines, against a sum over a fine mesh."""
    grid = np.linspace(-3, 3, 31)
    mean, deviation = np.array([-2.9, -0.07, 1.3]), 0.5
    values = np.random.default_rng(0).standard_normal(31)
    narrowed = np.sqrt(deviation**2 - 0.2**2 / 6)
    mesh = np.linspace(-8, 8, 400_001)
    for row, chances in enumerate(normal_steps(grid, mean, deviation)):
        density = np.exp(-0.5 * ((mesh - mean[row]) / narrowed) ** 2)
        exact = np.average(np.interp(mesh, grid, values), weights=density)
        assert chances @ values == pytest.approx(exact, abs=1e-8)


def test_normal_steps_have_the_right_mean_and_variance():
    """The variance on average over the places between two points; exactly would need more."""
    grid = np.linspace(-10, 10, 201)
    mean = np.linspace(0, 0.1, 50, endpoint=False)
    chances = normal_steps(grid, mean, 0.25)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    np.testing.assert_allclose(chances @ grid, mean, atol=1e-10)
    variance = chances @ grid**2 - mean**2
    assert variance.mean() == pytest.approx(0.25**2, rel=1e-6)


@each
def test_the_stationary_law_is_that_of_long_paths(process):
    known = chain(process)
    np.testing.assert_allclose(known.stationary @ known.transition, known.stationary, atol=1e-12)
    assert known.stationary.min() > -1e-12
    if len(known.state) == 1:
        return
    state = process.state(process.sample(np.random.default_rng(0), 4000, 60).close)[:, -1, 0]
    levels = (-0.5, 0.1, 0.6)
    below = [known.stationary[known.state <= level].sum() for level in levels]
    simulated = [(state <= level).mean() for level in levels]
    np.testing.assert_allclose(below, simulated, atol=0.035)  # four standard errors
    assert known.law(None) is known.stationary


@each
def test_expected_returns_are_those_of_simulated_days(process):
    """Regress night and day on what is expected of them: slope 1, nothing left over."""
    known = chain(process)
    prices = process.sample(np.random.default_rng(1), 6000, 42)
    night = np.log(prices.open[:, 41] / prices.close[:, 40])
    day = np.log(prices.close[:, 41] / prices.open[:, 41])
    if len(known.state) == 1:
        for seen, expected in ((night, known.overnight), (day, known.intraday)):
            assert abs(seen.mean() - expected[0]) < 4 * seen.std() / np.sqrt(6000)
        return
    state = process.state(prices.close[:, :41])[:, -1, 0]
    for seen, grid in ((night, known.overnight), (day, known.intraday)):
        expected = np.interp(state, known.state, grid)
        left = seen - expected
        assert abs(left @ expected) < 4 * left.std() * np.linalg.norm(expected)


def test_a_belief_begins_in_ignorance_and_settles():
    known = chain(HiddenRegime())
    assert known.law(0) @ known.state**2 == 0
    spread = [known.law(seen) @ known.state**2 for seen in (1, 10, 300)]
    assert spread == sorted(spread)
    assert spread[-1] == pytest.approx(known.stationary @ known.state**2, rel=1e-4)
    close = HiddenRegime().sample(np.random.default_rng(0), 20_000, 11).close
    belief = HiddenRegime().state(close)[:, -1, 0]
    assert spread[1] == pytest.approx((belief**2).mean(), rel=0.04)


@pytest.mark.parametrize(
    "process, told",
    [
        ("stocks", "no best policy is known for a str"),
        (OrnsteinUhlenbeck(reversion=0.99999), "a day must move the state of the process by at"),
        (AutoregressiveReturns(momentum=0.9999999), "by at least 0.04 .* here it is 0.00045"),
    ],
)
def test_what_has_no_chain_is_refused(process, told):
    with pytest.raises(UserError, match=told):
        chain(process)


def test_every_process_has_a_chain():
    assert set(CHAINS) == set(PROCESSES.values())


@each
def test_the_laws_of_night_and_day_are_those_of_paths(process):
    """Mean of exp(20 r) and of |r| by the chain's laws, against paths that begin in its states."""
    known = chain(process)
    prices = process.sample(np.random.default_rng(1), 40_000, 25)
    state = process.state(prices.close)[:, -2]
    at = state[:, 0] if state.shape[1] else np.zeros(len(state))
    before, opening, close = prices.close[:, -2], prices.open[:, -1], prices.close[:, -1]
    moves = (opening / before, close / opening, close / before)
    for law, moved in zip(known.laws, moves, strict=True):
        for function in (lambda x: x**20, lambda x: np.abs(np.log(x))):
            expected = np.interp(at, known.state, law.expected(function))
            off = function(moved) - expected
            assert abs(off.mean()) < 4.5 * off.std() / np.sqrt(len(off))
            weighted = off * np.tanh(at)
            assert abs(weighted.mean()) < 4.5 * weighted.std() / np.sqrt(len(off)) + 1e-12
    means = [law.expected(np.log) for law in known.laws[:2]]
    np.testing.assert_allclose(means, [known.overnight, known.intraday], atol=1e-15)
