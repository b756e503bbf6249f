"""What is observed of prices, against loops that follow the formulas word for word."""

import numpy as np
import pytest

from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import PROCESSES
from hringur.envs.trading.features import features, rolling_sum
from hringur.envs.trading.problem import TradingProblem
from hringur.references.trading.wealth import Terms


def random_prices(rng, paths=3, days=60, sigma=0.02):
    close = 100 * np.exp(np.cumsum(sigma * rng.standard_normal((paths, days)), axis=1))
    return Prices(close * np.exp(0.5 * sigma * rng.standard_normal(close.shape)), close)


def problem(source, window=7, days=20, state=True):
    return TradingProblem(
        source=source,
        window=window,
        days=days,
        terms=Terms(buy_cost=0.001, sell_cost=0.002),
        state=state,
        compute_optimal=False,
    )


@pytest.mark.parametrize("width", [1, 2, 3, 7, 8, 30, 31, 60])
def test_rolling_sums_are_sums(width):
    values = np.random.default_rng(0).standard_normal((3, 60))
    found = rolling_sum(values, width)
    expected = [[row[k : k + width].sum() for k in range(61 - width)] for row in values]
    assert np.allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("window", [1, 2, 5, 30])
def test_rows_follow_the_formulas(window):
    prices = random_prices(np.random.default_rng(1))
    rows = features(prices, window)
    assert rows.shape == (3, 60 - window, window + 3) and rows.dtype == np.float32
    for path in range(3):
        for day in range(window, 60):
            x = [np.log(price) for price in prices.close[path, : day + 1].tolist()]
            returns = [x[k] - x[k - 1] for k in range(day - window + 1, day + 1)]
            volatility = np.sqrt(sum(r * r for r in returns) / window)
            level = (x[day] - sum(x[day - window :]) / (window + 1)) / (
                volatility * np.sqrt(window / 3)
            )
            expected = [*(r / volatility for r in returns), level, 0.0, 0.0]
            assert np.allclose(rows[path, day - window], expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("window", [1, 2, 30])
@pytest.mark.parametrize("kind", ["crash", "still", "up", "tiny after huge"])
def test_rows_stay_within_the_space_whatever_prices_do(window, kind):
    x = np.zeros(80)
    if kind == "crash":
        x[40:] = -20.0
    elif kind == "up":
        x = np.arange(80.0)
    elif kind == "tiny after huge":
        x[1::2] = 1e-9
        x[20] = 15.0
    close = np.exp(x)[None]
    prices = Prices(close, close)
    space = problem(prices, window).observation_space()
    for row in features(prices, window)[0]:
        assert row in space


@pytest.mark.parametrize("name", PROCESSES)
def test_a_path_is_observed_the_same_alone_and_among_others(name):
    """To the last bit: so that batches are single environments, side by side."""
    here = problem(PROCESSES[name]())
    numbers = np.random.default_rng(2).standard_normal((37, here.row_size))
    many = here.from_random_rows(numbers)[0]
    for row in (0, 5, 36):
        alone = here.from_random_rows(numbers[row : row + 1].copy())[0]
        assert np.array_equal(alone.rows[0], many.rows[row])
        assert np.array_equal(alone.outcomes[0], many.outcomes[row], equal_nan=True)


@pytest.mark.parametrize("name", [*PROCESSES, "prices"])
@pytest.mark.parametrize("how", ["changed", "shuffled"])
def test_nothing_of_tomorrow_is_seen(name, how):
    """The future changed or shuffled: observations up to day t keep every bit."""
    rng = np.random.default_rng(3)
    if name == "prices":
        here, prices = problem(random_prices(rng)), random_prices(rng)
    else:
        here = problem(PROCESSES[name]())
        prices = here.source.sample(rng, 3, here.path_days)
    before = here.paths(prices)
    for day in (here.window, here.window + 1, prices.days - 2):
        later = slice(day + 1, None)
        other = Prices(prices.open.copy(), prices.close.copy())
        if how == "changed":
            other.open[:, later] *= 1 + rng.random(other.open[:, later].shape)
            other.close[:, later] *= 1 + rng.random(other.close[:, later].shape)
        else:
            order = rng.permutation(prices.days - day - 1)
            other.open[:, later] = other.open[:, later][:, order]
            other.close[:, later] = other.close[:, later][:, order]
        after = here.paths(other)
        seen = day - here.window + 1
        assert np.array_equal(before.rows[:, :seen], after.rows[:, :seen])
        assert np.array_equal(before.outcomes[:, : seen - 1], after.outcomes[:, : seen - 1])
        if how == "changed":
            assert not np.array_equal(before.rows, after.rows)


def test_the_state_of_a_process_is_exact():
    """Level of the mean-reverting price, last return: in deviations, to float32."""
    rng = np.random.default_rng(4)
    for name in ("ornstein-uhlenbeck", "autoregressive", "hidden-regime"):
        here = problem(PROCESSES[name]())
        assert here.state_columns == 1 and here.width == here.window + 4
        prices = here.source.sample(rng, 2, here.path_days)
        seen = here.paths(prices).rows[..., here.window + 1]
        expected = here.source.state(prices.close)[:, here.window :, 0]
        assert np.allclose(seen, expected, rtol=1e-6, atol=1e-6)
        without = problem(PROCESSES[name](), state=False)
        assert without.state_columns == 0 and without.width == here.width - 1
    assert problem(PROCESSES["geometric-brownian"]()).state_columns == 0
