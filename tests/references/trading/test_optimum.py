"""The best policy, against simulation, a linear program and another discretisation."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog
from scipy.stats import norm

from hringur.data.trading.processes import (
    AutoregressiveReturns,
    GeometricBrownianMotion,
    HiddenRegime,
    OrnsteinUhlenbeck,
)
from hringur.references.trading import chains as trading_chains
from hringur.references.trading import optimum as trading
from hringur.references.trading.optimum import optimal_policy, outcomes, returns_of
from hringur.references.trading.wealth import Terms
from hringur.types import UserError

COST = -np.log1p(-0.001)  # 10 basis points a side
KNOWN = [OrnsteinUhlenbeck(), AutoregressiveReturns(), HiddenRegime()]
each_known = pytest.mark.parametrize("process", KNOWN, ids=lambda p: type(p).__name__)
WINDOW, DAYS = 30, 252


@each_known
def test_simulation_earns_what_the_policy_promises(process):
    policy, paths = optimal_policy(process, COST, COST), 2500
    prices = process.sample(np.random.default_rng(0), paths, WINDOW + DAYS + 1)
    table = outcomes(prices, COST, COST)[:, WINDOW:]
    earned = {
        known_end: returns_of(policy.positions(prices, WINDOW, DAYS, known_end), table, COST)
        for known_end in (False, True)
    }
    error = earned[False].std() / np.sqrt(paths)
    assert error < 0.05 * earned[False].mean()
    promised = {end: policy.expected_return(DAYS, WINDOW, end) for end in (False, True)}
    for known_end, log_wealth in earned.items():
        assert abs(log_wealth.mean() - promised[known_end]) < 4.5 * error
    more = promised[True] - promised[False]
    assert 0 < more < 1e-3 * promised[False]
    difference = earned[True] - earned[False]
    assert abs(difference.mean() - more) < 4.5 * difference.std() / np.sqrt(paths)
    assert promised[False] == pytest.approx(DAYS * policy.value_per_day, rel=0.011)


@each_known
def test_simulation_earns_what_the_policy_promises_with_short_positions(process):
    policy, paths = optimal_policy(process, COST, COST, borrow_per_day=1e-4), 2500
    prices = process.sample(np.random.default_rng(0), paths, WINDOW + DAYS + 1)
    table = policy.terms.outcomes(prices)[:, WINDOW:]
    positions = policy.positions(prices, WINDOW, DAYS)
    earned = policy.terms.gains(positions, table).sum(axis=1)
    error = earned.std() / np.sqrt(paths)
    assert abs(earned.mean() - policy.expected_return(DAYS, WINDOW)) < 4.5 * error
    assert earned.mean() > optimal_policy(process, COST, COST).expected_return(DAYS, WINDOW) + 0.05
    assert (positions == -1).any() and (np.abs(np.diff(positions, axis=1)) <= 1).all()
    rises = -1 if isinstance(process, OrnsteinUhlenbeck) else 1
    state = rises * process.state(prices.close)[:, WINDOW:-1, 0]
    best = banded(state, rises * np.array([policy.thresholds(1), policy.thresholds(-1)]))
    np.testing.assert_array_equal(best, positions)
    for k, factor in itertools.product(range(4), (0.3, 2.0)):  # of buy, sell, sell short, cover
        bands = rises * np.array([policy.thresholds(1), policy.thresholds(-1)])
        bands[k // 2, k % 2] += factor * bands[0, 0] - bands[0, 0]
        other = policy.terms.gains(banded(state, bands), table).sum(axis=1)
        assert (earned - other).mean() > -3 * (earned - other).std() / np.sqrt(paths)


def banded(state, bands):
    """Positions of one who is long above, short below, and leaves them at other states."""
    positions, held = np.empty(state.shape, np.int8), np.zeros(len(state), np.int8)
    (buys, sells), (shorts, covers) = bands
    for day in range(state.shape[1]):
        now = state[:, day]
        from_flat = np.where(now > buys, 1, np.where(now < shorts, -1, 0))
        from_side = np.where(held == 1, now > sells, now < covers) * held
        held = np.where(held == 0, from_flat, from_side).astype(np.int8)
        positions[:, day] = held
    return positions


@each_known
def test_no_other_band_earns_more(process):
    """All pairs of thresholds, sooner and later, on the same long paths."""
    policy = optimal_policy(process, COST, COST)
    buy, sell = policy.thresholds()
    assert sell == pytest.approx(-buy, abs=1e-6)  # symmetric
    rises = -1 if isinstance(process, OrnsteinUhlenbeck) else 1  # buy low there, high elsewhere
    assert rises * buy > 0.1
    prices = process.sample(np.random.default_rng(1), 300, WINDOW + 1001)
    state = rises * process.state(prices.close)[:, WINDOW:-1, 0]
    table = outcomes(prices, COST, COST)[:, WINDOW:]

    def earned(buy_above: float, sell_below: float) -> np.ndarray:
        orders = np.where(state > buy_above, 2, np.where(state < sell_below, 0, 1))
        held, positions = np.zeros(len(state), np.int64), np.empty(state.shape, np.int8)
        for day in range(state.shape[1]):
            held = (held + orders[:, day]) // 2
            positions[:, day] = held
        return returns_of(positions, table, COST)

    width = abs(buy)
    best = earned(width, -width)
    ours = returns_of(policy.positions(prices, WINDOW, 1000), table, COST)
    np.testing.assert_allclose(best, ours, atol=1e-12)
    for above in (0.0, 0.5, 1.0, 1.7, 3.0):
        for below in (0.0, 0.5, 1.0, 1.7, 3.0):
            worse = best - earned(above * width, -below * width)
            assert worse.mean() >= -3 * worse.std() / np.sqrt(len(worse)), (above, below)
    for factor in (0.0, 3.0):  # and these are worse for certain
        worse = best - earned(factor * width, -factor * width)
        assert worse.mean() > 2.5 * worse.std() / np.sqrt(len(worse)), factor


def bins_of(process, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chances from the middle of a bin to each bin, and expected log return of the night."""
    middle = (edges[1:] + edges[:-1]) / 2
    inner = np.concatenate([[-np.inf], edges[1:-1], [np.inf]])
    if isinstance(process, OrnsteinUhlenbeck):
        below = norm.cdf(inner, 0.9 * middle[:, None], np.sqrt(1 - 0.9**2))
        x = middle * 0.02 / np.sqrt(1 - 0.9**2)
        return np.diff(below, axis=1), (0.9**0.25 - 1) * x
    if isinstance(process, AutoregressiveReturns):
        below = norm.cdf(inner, 0.3 * middle[:, None], np.sqrt(1 - 0.3**2))
        return np.diff(below, axis=1), 0.25 * 0.3 * middle * 0.01 / np.sqrt(1 - 0.3**2)
    rises = 0.98 * (1 + middle) / 2 + 0.02 * (1 - middle) / 2
    # The belief rises with the return: which return leads to the edge of a bin?
    odds = (1 + edges[1:-1]) / (1 - edges[1:-1]) * ((1 - rises) / rises)[:, None]
    limit = np.log(odds) * 0.01**2 / (2 * 0.002)
    below = rises[:, None] * norm.cdf(limit, 0.002, 0.01)
    below += (1 - rises[:, None]) * norm.cdf(limit, -0.002, 0.01)
    return np.diff(below, axis=1, prepend=0.0, append=1.0), 0.25 * 0.002 * (2 * rises - 1)


@each_known
@pytest.mark.parametrize("timing", ["open", "observed"])
def test_another_discretisation_and_plain_value_iteration_agree(process, timing):
    """States in bins, chances by the cumulative law, both positions' values day by day."""
    reach = 0.999 if isinstance(process, HiddenRegime) else 6.0
    chances, night = bins_of(process, np.linspace(-reach, reach, 502))
    if isinstance(process, OrnsteinUhlenbeck):
        whole = night * (0.9 - 1) / (0.9**0.25 - 1)
    else:
        whole = 4 * night
    value, gain = np.zeros((501, 2)), np.zeros((501, 2, 2))
    gain[:, 0, 1] = (whole - night if timing == "open" else whole) - COST
    gain[:, 1, 0] = (night if timing == "open" else 0) - COST
    gain[:, 1, 1] = whole
    for _ in range(400):
        better = (gain + (chances @ value)[:, None, :]).max(axis=2)
        change, value = better - value, better - better[0, 0]
    assert np.ptp(change) < 1e-9
    policy = optimal_policy(process, COST, COST, timing)
    assert policy.value_per_day == pytest.approx(change.mean(), rel=1e-3)


@each_known
@pytest.mark.parametrize("borrow", [None, 1e-4])
def test_the_average_gain_is_that_of_a_linear_program(process, borrow, monkeypatch):
    """The dual program of average reward (Puterman 1994, section 8.8), on a coarse chain."""
    size, sides = 91, 2 if borrow is None else 3
    monkeypatch.setattr(trading_chains, "POINTS", size)
    terms = Terms(buy_cost=COST, sell_cost=2 * COST, borrow_per_day=borrow)
    policy = trading._solved.__wrapped__(process, terms, "open")
    # Variables: how often state s with position p is met and q chosen.
    balance = np.zeros((sides * size + 1, size, sides, sides))
    for s, p, q in np.ndindex(size, sides, sides):
        balance[sides * s + p, s, p, q] += 1
        balance[q : sides * size : sides, s, p, q] -= policy.chain.transition[s]
        balance[-1, s, p, q] = 1
    ends = np.zeros(sides * size + 1)
    ends[-1] = 1
    gain = np.maximum(policy.gain, -1e3).ravel()  # from long to short takes two orders
    found = linprog(-gain, A_eq=balance.reshape(len(ends), -1), b_eq=ends)
    assert policy.value_per_day == pytest.approx(-found.fun, rel=1e-6)


def test_filled_at_the_price_that_was_seen():
    """Figures of another program: flat and ignorant at the start, nothing sold at the end."""
    earned = []
    for process in KNOWN:
        policy = optimal_policy(process, COST, COST, "observed")
        sale = COST / 2  # by symmetry, one is long at the end every other time
        earned.append(policy.expected_return(DAYS, seen=0) + sale)
    np.testing.assert_allclose(earned, [0.432, 0.229, 0.101], atol=0.0006)


def test_one_day_before_the_end_one_buys_what_the_day_pays_for():
    """In closed form: the intraday return must pay for the purchase and for the sale."""
    process = OrnsteinUhlenbeck()
    policy = optimal_policy(process, COST, 2 * COST)
    prices = process.sample(np.random.default_rng(0), 4000, 3)
    x = np.log(prices.close[:, 1] / 100)
    pays = (0.9 - 0.9**0.25) * x > 3 * COST
    positions = policy.positions(prices, 1, 1, known_end=True)
    assert 0.1 < pays.mean() < 0.45
    # A grid's values are lines between its points, so is this gain; no difference at all.
    np.testing.assert_array_equal(positions[:, 0], pays)


def test_who_knows_the_end_never_loses_where_trading_hardly_pays():
    dear = optimal_policy(AutoregressiveReturns(), 0.01, 0.01)
    assert dear.value_per_day > 0 > dear.expected_return(DAYS)  # one trade in years, then an end
    assert 0 <= dear.expected_return(DAYS, known_end=True) < 0.001


def test_positions_look_at_nothing_later():
    process = HiddenRegime()
    policy = optimal_policy(process, COST, COST, borrow_per_day=0.0)
    prices = process.sample(np.random.default_rng(0), 5, 80)
    changed = type(prices)(prices.open.copy(), prices.close.copy())
    changed.close[:, 61:] *= 1.1
    changed.open[:, 61:] *= 0.9
    before, after = (policy.positions(p, 20, 41) for p in (prices, changed))
    np.testing.assert_array_equal(before, after)


def test_where_nothing_can_be_known_nothing_is_done_unless_it_drifts():
    still = optimal_policy(GeometricBrownianMotion(), COST, COST)
    prices = GeometricBrownianMotion().sample(np.random.default_rng(0), 3, 60)
    assert not still.positions(prices, 10, 40).any() and still.expected_return(DAYS) == 0
    assert np.isnan(still.thresholds()).all()
    rising = optimal_policy(GeometricBrownianMotion(drift=0.001), COST, COST)
    assert rising.positions(prices, 10, 40).all()
    assert rising.value_per_day == pytest.approx(0.001)
    # Bought at the first open, held, sold at the end.
    expected = DAYS * 0.001 - 0.25 * 0.001 - 2 * COST
    assert rising.expected_return(DAYS) == pytest.approx(expected)


def test_free_trades_follow_every_hint():
    """E[max(intraday, 0)] while flat and E[max(-overnight, 0)] while long, for one half each."""
    process = AutoregressiveReturns()
    policy = optimal_policy(process, 0.0, 0.0)
    np.testing.assert_allclose(policy.thresholds(), 0.0, atol=1e-6)
    assert policy.value_per_day == pytest.approx(_free_autoregressive(process), rel=1e-4)


def _free_autoregressive(process: AutoregressiveReturns) -> float:
    """With normal states today and yesterday, correlated by the momentum m.

    Long after the close of t if r_t > 0. Both signs equal with chance 1/2 + asin(m) / pi. The mean
    of r over r > 0 is deviation sqrt(2 / pi) / 2, and over r > 0 > r before it, (1 - m) / 2 of it.
    """
    m, share = process.momentum, process.overnight
    half = process.deviation / np.sqrt(2 * np.pi)  # E[r; r > 0]
    turned = half * (1 - m) / 2  # E[r; r > 0 and the one before < 0]
    stayed = half - turned
    bought = m * (1 - share) * turned  # only the day is left
    sold = -m * share * turned  # the night is lost: E[r; r < 0 and the one before > 0] = -turned
    return m * stayed + bought + sold


def test_solved_once():
    first = optimal_policy(OrnsteinUhlenbeck(), COST, COST)
    assert optimal_policy(OrnsteinUhlenbeck(), np.float64(COST), COST) is first


@pytest.mark.parametrize(
    "make, told",
    [
        (
            lambda: optimal_policy(KNOWN[0], COST, COST, borrow_per_day=-1.0),
            "borrow_per_day must be at",
        ),
        (lambda: optimal_policy("stocks", COST, COST), "no best policy is known for a str"),
        (lambda: optimal_policy(KNOWN[0], -0.1, COST), "buy_cost must be at least 0 and finite"),
        (lambda: optimal_policy(KNOWN[0], COST, np.nan), "sell_cost must be .* got nan"),
        (
            lambda: optimal_policy(KNOWN[0], COST, COST).positions(
                KNOWN[0].sample(np.random.default_rng(0), 1, 30), 10, 21
            ),
            r"days 10\.\.30 must lie within 0\.\.29",
        ),
    ],
)
def test_bad_input_is_refused(make, told):
    with pytest.raises(UserError, match=told):
        make()


def test_a_search_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(trading, "MOST_SWEEPS", 50)
    with pytest.raises(UserError, match=r"GeometricBrownian.* of 0.001 and 0.001: trades are too"):
        optimal_policy(GeometricBrownianMotion(drift=1e-9), COST, COST)


@pytest.mark.parametrize("borrow", [None, 1e-4])
@pytest.mark.parametrize("process", KNOWN[:3])
def test_policies_and_sweeps_agree(monkeypatch, process, borrow):
    found = []
    for patience in (1, 20_000):
        monkeypatch.setattr(trading, "PATIENCE", patience)
        monkeypatch.setattr(trading, "MOST_SWEEPS", 20_000)
        trading._solved.cache_clear()
        found.append(optimal_policy(process, 0.01, 0.008, borrow_per_day=borrow))
    trading._solved.cache_clear()
    by_policies, by_sweeps = found
    np.testing.assert_allclose(by_policies.wish, by_sweeps.wish, rtol=0, atol=1e-7)
    assert abs(by_policies.value_per_day - by_sweeps.value_per_day) < 1e-13


def test_very_rare_trades_are_no_obstacle():
    """Who may buy only once holds for ever; 5 % a side is more than any regime brings."""
    rising = optimal_policy(GeometricBrownianMotion(drift=1e-9), COST, COST)
    assert rising.value_per_day == pytest.approx(1e-9, rel=1e-6)
    assert optimal_policy(HiddenRegime(), 0.05, 0.05).value_per_day == 0.0
    assert np.isnan(optimal_policy(HiddenRegime(), 0.05, 0.05, borrow_per_day=0.0).thresholds()[0])
