"""Price processes: their laws by moments and by a plain loop, and that nothing looks ahead."""

import numpy as np
import pytest

from hringur.data.trading.processes import (
    LEVEL,
    PROCESSES,
    AutoregressiveReturns,
    GeometricBrownianMotion,
    HiddenRegime,
    OrnsteinUhlenbeck,
    PriceProcess,
)
from hringur.types import UserError

every_process = pytest.mark.parametrize("name", PROCESSES)


def returns(close: np.ndarray) -> np.ndarray:
    return np.diff(np.log(close), axis=1)


@every_process
def test_a_row_of_numbers_is_a_path_whatever_stands_beside_it(name):
    process = PROCESSES[name]()
    assert isinstance(process, PriceProcess)
    numbers = np.random.default_rng(0).standard_normal((5, process.random_row_size(40)))
    together = process.from_random_rows(numbers, 40)
    for row in range(5):
        alone = process.from_random_rows(numbers[row : row + 1], 40)
        np.testing.assert_allclose(together.close[row], alone.close[0], rtol=1e-13)
        np.testing.assert_allclose(together.open[row], alone.open[0], rtol=1e-13)
    assert together.close.shape == together.open.shape == (5, 40)
    again = process.sample(np.random.default_rng(3), 2, 9).close
    np.testing.assert_array_equal(again, process.sample(np.random.default_rng(3), 2, 9).close)


@every_process
def test_the_state_does_not_look_ahead(name):
    process = PROCESSES[name]()
    close = process.sample(np.random.default_rng(1), 3, 30).close
    other = close.copy()
    other[:, 17:] *= np.random.default_rng(2).lognormal(size=(3, 13))
    np.testing.assert_array_equal(process.state(close)[:, :17], process.state(other)[:, :17])


def test_ornstein_uhlenbeck_by_a_plain_loop():
    """Night and day one after the other, each by the exact law of the continuous process."""
    process = OrnsteinUhlenbeck()
    numbers = np.random.default_rng(0).standard_normal((2, process.random_row_size(12)))
    prices = process.from_random_rows(numbers, 12)
    rate = -np.log(0.9)  # a day's
    spread = 0.02**2 / (1 - 0.9**2)
    for path in range(2):
        x = None
        for day in range(12):
            night, noon = numbers[path, 2 * day : 2 * day + 2]
            if x is None:
                opening = np.sqrt(spread) * night
            else:
                opening = x * np.exp(-rate / 4)
                opening += np.sqrt(spread * (1 - np.exp(-rate / 2))) * night
            x = opening * np.exp(-0.75 * rate) + np.sqrt(spread * (1 - np.exp(-1.5 * rate))) * noon
            assert prices.open[path, day] == pytest.approx(LEVEL * np.exp(opening))
            assert prices.close[path, day] == pytest.approx(LEVEL * np.exp(x))


def test_ornstein_uhlenbeck_from_close_to_close():
    x = np.log(OrnsteinUhlenbeck().sample(np.random.default_rng(0), 4000, 30).close / LEVEL)
    for day in (0, 29):  # stationary from the first day on
        assert x[:, day].std() == pytest.approx(0.02 / np.sqrt(1 - 0.81), rel=0.04)
    steps = (x[:, 1:] - 0.9 * x[:, :-1]).ravel()
    assert steps.std() == pytest.approx(0.02, rel=0.01)
    assert abs(np.corrcoef(steps, x[:, :-1].ravel())[0, 1]) < 4 / np.sqrt(len(steps))


def test_autoregressive_returns_and_their_nights():
    prices = AutoregressiveReturns().sample(np.random.default_rng(0), 4000, 30)
    r = returns(prices.close)
    night = np.log(prices.open[:, 1:] / prices.close[:, :-1])
    steps = (r[:, 1:] - 0.3 * r[:, :-1]).ravel()
    assert steps.std() == pytest.approx(0.01, rel=0.01)
    rest = (night[:, 1:] - 0.25 * 0.3 * r[:, :-1]).ravel()
    assert rest.std() == pytest.approx(0.01 * np.sqrt(0.25), rel=0.01)
    assert abs(np.corrcoef(rest, r[:, :-1].ravel())[0, 1]) < 4 / np.sqrt(len(rest))
    assert r[:, 0].std() == pytest.approx(0.01 / np.sqrt(1 - 0.09), rel=0.04)
    np.testing.assert_allclose(prices.close[:, 0], LEVEL)


def test_a_regime_lasts_fifty_days_and_drifts():
    """E[r_t r_(t+1)] = drift^2 (2 stay - 1): what persistence leaves in the returns."""
    process = HiddenRegime(drift=0.02)  # ten times as much, to be seen
    r = returns(process.sample(np.random.default_rng(0), 3000, 60).close)
    lagged = [(r[:, :-k] * r[:, k:]).mean() / 0.02**2 for k in (1, 5)]
    np.testing.assert_allclose(lagged, [0.96, 0.96**5], atol=0.04)
    assert r.var() == pytest.approx(0.01**2 + 0.02**2, rel=0.02)


def test_the_belief_is_bayes_rule_over_all_histories():
    """Enumerate every sequence of regimes of eight days."""
    process = HiddenRegime(drift=0.006)
    close = process.sample(np.random.default_rng(5), 4, 9).close
    r = returns(close)
    weights = np.zeros((4, 2))
    for history in np.ndindex(*[2] * 8):
        chance = 0.5 * np.prod(
            [0.98 if a == b else 0.02 for a, b in zip(history, history[1:], strict=False)]
        )
        expected = 0.006 * (2 * np.array(history) - 1)
        likelihood = np.exp(-(((r - expected) / 0.01) ** 2).sum(axis=1) / 2)
        weights[:, history[-1]] += chance * likelihood
    belief = weights[:, 1] / weights.sum(axis=1)
    np.testing.assert_allclose(process.state(close)[:, -1, 0], 2 * belief - 1, atol=1e-12)


def test_the_surest_belief_does_not_overflow():
    process = HiddenRegime(drift=0.5, sigma=1e-3)
    state = process.state(process.sample(np.random.default_rng(0), 2, 100).close)
    assert np.isfinite(state).all() and np.abs(state).max() <= 1


def test_a_geometric_brownian_motion_drifts_and_splits_its_days():
    process = GeometricBrownianMotion(drift=0.001, sigma=0.02, overnight=0.4)
    prices = process.sample(np.random.default_rng(0), 2000, 60)
    night = np.log(prices.open[:, 1:] / prices.close[:, :-1]).ravel()
    day = np.log(prices.close[:, 1:] / prices.open[:, 1:]).ravel()
    for part, share in ((night, 0.4), (day, 0.6)):
        error = part.std() / np.sqrt(len(part))
        assert abs(part.mean() - 0.001 * share) < 4 * error
        assert part.std() == pytest.approx(0.02 * np.sqrt(share), rel=0.01)
    assert abs(np.corrcoef(night, day)[0, 1]) < 4 / np.sqrt(len(day))
    assert process.state(prices.close).shape == (2000, 60, 0)


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda: OrnsteinUhlenbeck(reversion=1.0), "reversion must lie between 0 and 1, got 1.0"),
        (lambda: OrnsteinUhlenbeck(sigma=-0.1), "sigma must lie between 0 and 1, got -0.1"),
        (lambda: AutoregressiveReturns(momentum=-1.0), "momentum must lie between -1 and 1"),
        (lambda: HiddenRegime(stay=1.2), "stay must lie between 0 and 1, got 1.2"),
        (lambda: HiddenRegime(stay=1.0), "stay must lie between 0 and 1, got 1.0"),
        (lambda: HiddenRegime(overnight=float("nan")), "overnight must be a share in 0..1, got n"),
    ],
)
def test_numbers_out_of_range_are_refused(make, told):
    with pytest.raises(UserError, match=told):
        make()
