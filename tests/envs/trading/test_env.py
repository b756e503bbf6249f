"""StockTrading-v0 one at a time: checks, an independent ledger, honesty, starts, options."""

import itertools
import pickle
from math import log

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import hringur  # noqa: F401  (registers the environments)
from hringur.data.trading.market_files import shipped_stocks
from hringur.data.trading.prices import Prices
from hringur.data.trading.processes import PROCESSES, OrnsteinUhlenbeck
from hringur.types import UserError
from tests.references.trading.ledger import accounts

SELL, WAIT, BUY = 0, 1, 2
CASES = {
    "default": {},
    **{name: {"prices": name, "window": 5, "episode_days": 12} for name in PROCESSES},
    "no state": {"state": False, "window": 3, "episode_days": 9},
    "a process of one's own": {"prices": OrnsteinUhlenbeck(sigma=0.05), "compute_optimal": True},
    "a stock": {"prices": "stocks", "ticker": "IBM", "split": "test"},
    "stocks": {"prices": "stocks", "episode_days": 40},
    "few days": {"prices": "stocks", "ticker": "FB", "window": 190},
    "short": {"short": True, "window": 3, "episode_days": 30, "compute_optimal": True},
    "a fixed fee": {"fixed_fee": 0.002, "episode_days": 30, "compute_optimal": True},
    "short, with a fixed fee": {"prices": "stocks", "short": True, "fixed_fee": 0.001},
}
COSTS = [(0.0, 0.0, 0.0), (0.001, 0.0, 0.0), (0.0, 0.002, 0.0), (0.003, 0.004, 0.005)]


def make(**options):
    return gym.make("StockTrading-v0", **options)


def random_prices(rng, paths=1, days=40):
    close = 50 * np.exp(np.cumsum(0.03 * rng.standard_normal((paths, days)), axis=1))
    return Prices(close * np.exp(0.02 * rng.standard_normal(close.shape)), close)


def play(env, actions, **reset):
    """Observations, rewards and the last info."""
    observation, info = env.reset(**reset)
    seen, rewards, truncated = [observation], [], False
    assert set(info.values()) == {np.inf}
    while not truncated:
        step = env.step(next(actions))
        observation, reward, terminated, truncated, info = step
        assert not terminated and observation in env.observation_space
        assert all(np.isfinite(list(info.values()))) == truncated
        seen.append(observation)
        rewards.append(reward)
    return np.array(seen), np.array(rewards), info


def ledger(prices, first, actions, fee, half_spread, slippage):
    """Log wealth after each close, from cash and shares alone; nothing is shared with the code."""
    cash, shares, wealth = 1000.0, 0.0, [1000.0]
    for k, action in enumerate(actions):
        opened, closed = prices.open[0, first + k + 1], prices.close[0, first + k + 1]
        if action == BUY and shares == 0.0:
            paid_per_share = opened * (1 + half_spread + slippage)
            shares = cash / (paid_per_share + fee * paid_per_share)
            cash = 0.0
        elif action == SELL and shares > 0.0:
            proceeds = shares * opened * (1 - half_spread - slippage)
            cash, shares = proceeds - fee * proceeds, 0.0
        if k == len(actions) - 1 and shares > 0.0:
            proceeds = shares * closed * (1 - half_spread - slippage)
            cash, shares = proceeds - fee * proceeds, 0.0
        wealth.append(cash + shares * closed)
    return np.log(np.array(wealth) / 1000.0)


@pytest.mark.parametrize("case", CASES)
def test_gymnasium_accepts_it(case):
    check_env(make(**CASES[case]).unwrapped)


@pytest.mark.parametrize("case", CASES)
def test_stable_baselines3_accepts_it(case):
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(make(**CASES[case]), warn=True)


@pytest.mark.parametrize("fee, half_spread, slippage", COSTS)
def test_rewards_are_those_of_a_ledger_of_cash_and_shares(fee, half_spread, slippage):
    rng = np.random.default_rng(0)
    for _ in range(10):
        prices = random_prices(rng)
        env = make(
            prices=prices,
            window=4,
            episode_days=int(rng.integers(1, 36)),
            fee=fee,
            half_spread=half_spread,
            slippage=slippage,
        )
        actions = rng.integers(3, size=36)
        _, rewards, info = play(env, iter(actions))
        first = 4 + int(env.unwrapped._first[0])
        expected = ledger(prices, first, actions[: len(rewards)], fee, half_spread, slippage)
        assert np.allclose(np.cumsum(rewards), expected[1:], rtol=0, atol=1e-9)
        assert abs(info["log_wealth"] - expected[-1]) < 1e-9


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("fixed_fee", [0.0, 0.01])
def test_rewards_at_any_terms_are_those_of_an_account(short, fixed_fee):
    """A year of random orders, to 1e-13."""
    rng = np.random.default_rng(1)
    costs = {"fee": 0.001, "half_spread": 0.0005, "slippage": 0.0007, "fixed_fee": fixed_fee}
    env = make(
        prices=random_prices(rng, days=260), window=4, short=short, episode_days=None, **costs
    )
    actions = rng.choice(3, p=[0.1, 0.8, 0.1], size=260)
    seen, rewards, info = play(env, iter(actions))
    positions = np.zeros(len(rewards) + 1, dtype=np.int8)
    for day, action in enumerate(actions[: len(rewards)]):
        positions[day + 1] = np.clip(positions[day] + action - 1, -1 if short else 0, 1)
    assert seen[:-1, -2].tolist() == positions[:-1].tolist() and (-1 in positions) == short
    prices = env.unwrapped._paths.prices.between(4, 260)
    books = accounts(prices, positions[None, 1:], env.unwrapped.problem.terms)
    assert np.abs(np.exp(np.cumsum(rewards)) / books.wealth[0] - 1).max() < 1e-13
    assert abs(info["log_wealth"] - rewards.sum()) < 1e-12


def test_an_episode_by_hand():
    """Bought at 12 after a close of 10, sold at 18 after 15, with dear fees."""
    opened, closed = np.array([[9.0, 9, 12, 14, 18]]), np.array([[9.0, 10, 13, 15, 20]])
    env = make(prices=Prices(opened, closed), window=1, fee=0.1, half_spread=0.05)
    _, rewards, info = play(env, iter([BUY, WAIT, SELL]))
    assert len(rewards) == 3
    bought = log(13 / 12) - log(1.05 * 1.1)
    assert np.allclose(rewards, [bought, log(15 / 13), log(18 / 15) + log(0.95 * 0.9)])
    assert np.isclose(info["log_wealth"], log(18 / 12) - log(1.05 * 1.1) + log(0.95 * 0.9))
    _, rewards, info = play(env, iter([WAIT, BUY, BUY]))  # sold at the last close
    assert np.isclose(rewards[-1], log(20 / 15) + log(0.95 * 0.9))
    assert np.isclose(info["log_wealth"], log(20 / 14) - log(1.05 * 1.1) + log(0.95 * 0.9))


def test_position_and_its_age_are_observed():
    env = make(prices=random_prices(np.random.default_rng(1)), window=4)
    seen, _, _ = play(env, iter([WAIT, BUY, WAIT, BUY, SELL, SELL, BUY] + [WAIT] * 40), seed=0)
    assert seen[:8, -2].tolist() == [0, 0, 1, 1, 1, 0, 0, 1]
    assert np.allclose(seen[:8, -1] * 252, [0, 1, 1, 2, 3, 1, 2, 1], atol=1e-4)
    assert seen[-1, -2:].tolist() == [0, 0]  # sold at the end


def test_a_long_wait_is_at_most_one_year():
    env = make(window=2, episode_days=600)
    seen, _, _ = play(env, itertools.repeat(BUY))
    assert seen[500, -1] == 1.0 and 0.99 < seen[252, -1] <= 1.0


@pytest.mark.parametrize("case", CASES)
def test_a_reset_forgets_the_position_and_the_same_seed_says_the_same(case):
    env, rng = make(**CASES[case]), np.random.default_rng(2)
    actions = rng.integers(3, size=300)
    one = play(env, iter(actions), seed=5)
    env.reset(seed=8)
    env.step(BUY)
    two = play(env, iter(actions), seed=5)  # left in the middle, with a position
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1]) and one[2] == two[2]
    assert one[0][0, -2] == 0 and two[0][0, -2] == 0


def test_unseeded_episodes_begin_anywhere():
    for options in ({"prices": "stocks", "ticker": "AAPL"}, {}):
        env = make(**options)
        env.reset(seed=0)
        begins = {env.reset()[0].tobytes() for _ in range(20)}
        fresh = {make(**options).reset()[0].tobytes() for _ in range(5)}
        assert len(begins) == 20 and len(fresh) > 1


def test_every_start_of_every_asset_is_dealt():
    prices = random_prices(np.random.default_rng(3), paths=3, days=12)
    env = make(prices=prices, window=4, episode_days=5).unwrapped
    found = set()
    for seed in range(300):
        env.reset(seed=seed)
        found.add((int(env._path[0]), int(env._first[0])))
    assert found == set(itertools.product(range(3), range(3)))  # 12 - 4 - 5 starts


def test_splits_see_their_own_days_only():
    whole = shipped_stocks("IBM")
    whole_days = {}
    for split in ("train", "validation", "test"):
        env = make(prices="stocks", ticker="IBM", split=split, window=40).unwrapped
        dates = env.problem.source.dates
        whole_days[split] = (
            whole.dates.searchsorted(dates[0]),
            whole.dates.searchsorted(dates[-1]),
        )
    assert whole_days["train"][0] == 0
    assert whole_days["validation"][0] - whole_days["train"][1] == 41
    assert whole_days["test"][0] - whole_days["validation"][1] == 41
    assert whole_days["test"][1] == whole.days - 1


def test_an_episode_is_as_long_as_the_prices_allow():
    prices = random_prices(np.random.default_rng(4), days=20)
    for days, expected in ((252, 15), (None, 15), (15, 15), (3, 3)):
        env = make(prices=prices, window=4, episode_days=days)
        assert len(play(env, itertools.repeat(WAIT))[1]) == expected
    shortest = make(prices=prices, window=18)
    assert len(play(shortest, itertools.repeat(BUY))[1]) == 1
    with pytest.raises(UserError, match="window of 19 days needs at least 21 days .*got 20"):
        make(prices=prices, window=19)


def test_buy_and_hold_is_buying_at_once():
    for options in (
        {"fee": 0.01, "slippage": 0.002, "short": True},
        {"prices": "stocks", "ticker": "MSFT"},
        {"prices": "stocks", "ticker": "MSFT", "fixed_fee": 0.02},
    ):
        env = make(compute_optimal=True, **options)
        _, rewards, info = play(env, itertools.repeat(BUY), seed=1)
        assert abs(rewards.sum() - info["buy_and_hold"]) < 1e-9
        assert info["reference_return"] == info["buy_and_hold"]
        _, rewards, other = play(env, itertools.repeat(WAIT), seed=1)
        assert rewards.sum() == 0.0 and other["buy_and_hold"] == info["buy_and_hold"]
        assert ("optimal_return" in info) == ("prices" not in options)


@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("name", PROCESSES)
def test_the_optimal_return_is_that_of_the_best_policy_played_here(name, short):
    env = make(prices=name, window=3, episode_days=60, compute_optimal=True, short=short)
    problem = env.unwrapped.problem
    env.reset(seed=3)
    prices = env.unwrapped._paths.prices
    positions = problem.best_policy.positions(prices, 3, 60)[0]
    actions = 1 + np.diff(positions, prepend=0)
    assert not short or name == "geometric-brownian" or positions.min() == -1
    _, rewards, info = play(env, iter(actions), seed=3)
    assert abs(rewards.sum() - info["optimal_return"]) < 1e-9
    assert info["optimal_return"] <= env.unwrapped.hindsight() + 1e-12


@pytest.mark.parametrize("more", [{}, {"fixed_fee": 0.01}, {"fixed_fee": 0.001, "short": True}])
def test_hindsight_is_the_best_of_all_ways_to_trade(more):
    env = make(window=2, episode_days=5, fee=0.004, **more)
    every = itertools.product((SELL, WAIT, BUY), repeat=5)
    returns = [play(env, iter(ways), seed=6)[1].sum() for ways in every]
    assert abs(max(returns) - env.unwrapped.hindsight()) < 1e-12


@pytest.mark.parametrize("case", ["default", "stocks"])
def test_a_copy_by_pickle_plays_on_alike(case):
    env = make(**CASES[case])
    env.reset(seed=0)
    env.step(BUY)
    twin = pickle.loads(pickle.dumps(env))
    for env_a, env_b in ((env, twin),):
        for action in np.random.default_rng(0).integers(3, size=30).tolist():
            one, two = env_a.step(action), env_b.step(action)
            assert np.array_equal(one[0], two[0]) and one[1:] == two[1:]


def test_observations_belong_to_their_receiver():
    env = make(**CASES["stocks"])
    first, _ = env.reset(seed=0)
    kept = first.copy()
    second = env.step(BUY)[0]
    second[:] = 7.0
    first[:] = 7.0
    assert np.array_equal(env.reset(seed=0)[0], kept)
    assert env.step(WAIT)[0].max() < 7.0


@pytest.mark.parametrize("action", [-1, 3, 1.0, "buy", None, np.array([1, 2]), np.float64(1), [1]])
def test_what_is_no_action_is_refused(action):
    env = make().unwrapped
    with pytest.raises(gym.error.ResetNeeded):
        env.step(WAIT)
    env.reset(seed=0)
    with pytest.raises(gym.error.InvalidAction, match="0 .sell., 1 .wait. or 2 .buy."):
        env.step(action)


def test_whole_numbers_of_numpy_are_actions():
    env = make().unwrapped
    env.reset(seed=0)
    for action in (np.int64(2), np.int8(1), np.array(2), np.uint8(0)):
        assert env.step(action)[3] is False
    while not env.step(1)[3]:
        pass
    with pytest.raises(gym.error.ResetNeeded):
        env.step(1)
    with pytest.raises(gym.error.ResetNeeded):
        make().unwrapped.hindsight()


@pytest.mark.parametrize(
    "options, told",
    [
        ({"fee": -0.001}, "fee must be a fraction in 0..1, below 1, got -0.001"),
        ({"fee": 1.0}, "fee"),
        ({"half_spread": float("nan")}, "half_spread"),
        ({"slippage": -1e-9}, "slippage"),
        ({"half_spread": 0.5, "slippage": 0.5}, "together must be below 1"),
        ({"fixed_fee": 1.0}, "fixed_fee must be a fraction of the wealth at the beginning"),
        ({"fixed_fee": -0.1}, "fixed_fee must be a fraction .* got -0.1"),
        ({"short": 1}, "short must be True or False, got 1"),
        ({"borrow_rate": 0.01}, "borrow_rate is an option of short=True only"),
        ({"short": True, "borrow_rate": -0.01}, "borrow_rate must be a fraction a year in 0..252"),
        ({"short": True, "fee": 0.5}, "must add less than 50 % to a price, got 50 %"),
        ({"window": 0}, "window must be a whole number of days in 1..100,000, got 0"),
        ({"window": 10**11}, "window must be a whole number of days in 1..100,000"),
        ({"episode_days": 10**13}, "episode_days must be a whole number of days in 1..100,000"),
        ({"window": 2000, "episode_days": 90_000}, "window times episode_days must be at most"),
        ({"prices": "stocks", "split": "test", "folds": "x"}, "folds must be a whole number"),
        ({"episode_days": 0}, "episode_days must be"),
        ({"episode_days": None}, "a process has no end"),
        ({"split": "train"}, "options of real prices only"),
        ({"prices": "stocks", "split": "training"}, "split must be one of"),
        ({"prices": "stocks", "embargo": 3, "split": "test"}, "embargo must be at least"),
        ({"prices": "nonsense"}, "unknown prices 'nonsense'"),
        ({"ticker": "IBM"}, "ticker is an option of prices='stocks' only"),
        ({"render_mode": "ansi"}, "render_mode must be None or one of human, rgb_array"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*render_mode")
def test_bad_options_are_refused_in_one_line(options, told):
    with pytest.raises(UserError, match=told) as refusal:
        make(**options)
    assert "\n" not in str(refusal.value)


def test_a_mask_tells_which_orders_change_something():
    env = make(window=2, episode_days=4)
    env.reset(seed=0)
    for action, mask in ((BUY, [False, True, True]), (WAIT, [True, True, False]), (SELL, None)):
        mask = [True, True, False] if mask is None else mask
        assert env.unwrapped.action_masks().tolist() == mask
        env.step(action)
    assert env.unwrapped.action_masks().tolist() == [False, True, True]
    env = make(window=2, episode_days=4, short=True)
    env.reset(seed=0)
    for action, mask in ((SELL, [True, True, True]), (BUY, [False, True, True])):
        assert env.unwrapped.action_masks().tolist() == mask
        env.step(action)
    many = gym.make_vec("StockTrading-v0", 2, "vector_entry_point", window=2, episode_days=4)
    many.reset(seed=0)
    many.step(np.array([BUY, WAIT]))
    assert many.unwrapped.action_masks().tolist() == [[True, True, False], [False, True, True]]


def test_a_fixed_fee_hides_the_best_policy_rather_than_tell_another():
    with_fee, without = (make(fixed_fee=f, compute_optimal=True) for f in (1e-4, 0.0))
    infos = [play(env, itertools.repeat(WAIT), seed=0)[2] for env in (with_fee, without)]
    assert ["optimal_return" in info for info in infos] == [False, True]
    assert all("reference_return" in info for info in infos)


def test_ruin_of_a_short_leaves_a_thousandth_and_the_episode_goes_on():
    opened, closed = np.array([[9.0, 9, 9, 30, 30]]), np.array([[9.0, 9, 9, 30, 30]])
    env = make(prices=Prices(opened, closed), window=1, fee=0.0, short=True, borrow_rate=0.0)
    _, rewards, _ = play(env, iter([SELL, WAIT, BUY]))
    assert np.allclose(rewards, [0.0, log(0.001), 0.0])
