"""The chart of an episode: what it tells, and that it tells nothing of tomorrow."""

import gymnasium as gym
import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb

import hringur  # noqa: F401  (registers the environments)
from hringur.data.trading.prices import Prices
from hringur.envs.trading.canvas import ticks
from hringur.envs.trading.chart import BOUGHT, HELD, OWED, SOLD, fills, frame, story, words_of
from hringur.types import MissingExtra, UserError

BUY, WAIT, SELL = 2, 1, 0


def played(actions, **options):
    env = gym.make("StockTrading-v0", render_mode="rgb_array", **options)
    env.reset(seed=1)
    rewards = [env.step(action)[1] for action in actions]
    return env, np.array(rewards)


def told(env):
    inner = env.unwrapped
    path, first = int(inner._path[0]), int(inner._first[0])
    return story(inner.problem, inner._paths.prices, path, first, np.array(inner._positions, "i1"))


@pytest.mark.parametrize("options", [{}, {"prices": "stocks", "ticker": "MSFT"}])
def test_frames_from_the_first_to_the_last_day(options):
    env, _ = played([], episode_days=3, **options)
    frames = [env.render()]
    for action in (BUY, WAIT, SELL):
        env.step(action)
        frames.append(env.render())
    for image in frames:
        assert image.shape == (600, 800, 3) and image.dtype == np.uint8 and image.std() > 10
    assert len({image.tobytes() for image in frames}) == 4
    assert not matplotlib.pyplot.get_fignums() if hasattr(matplotlib, "pyplot") else True


def test_the_wealth_drawn_is_that_of_the_rewards():
    actions = [WAIT, BUY, WAIT, SELL, BUY, BUY, WAIT, BUY]
    env, rewards = played(actions, episode_days=8, fee=0.01)
    tale = told(env)
    assert np.allclose(np.log(tale.wealth[1:]), np.cumsum(rewards), atol=1e-12)
    dear = {"short": True, "fixed_fee": 0.01}
    owing, owed = played([SELL, WAIT, BUY, BUY, SELL, SELL, WAIT, WAIT], episode_days=8, **dear)
    assert np.allclose(np.log(told(owing).wealth[1:]), np.cumsum(owed), atol=1e-12)
    assert words_of(told(owing)).endswith("8 days, bought 3 times, sold 3 times")
    assert (owing.render() == [round(255 * part) for part in to_rgb(OWED)]).all(axis=2).any()
    assert tale.position.tolist() == [0, 0, 1, 1, 0, 1, 1, 1, 1]
    env.reset(seed=1)
    for _ in range(8):
        *_, info = env.step(BUY)
    assert np.isclose(np.log(tale.hold[-1]), info["buy_and_hold"])
    assert np.isclose(np.log(told(env).wealth[-1]), info["buy_and_hold"])


def test_the_picture_tells_nothing_of_tomorrow():
    env, _ = played([BUY, SELL, SELL, WAIT], episode_days=20, window=5, short=True, fixed_fee=0.01)
    inner = env.unwrapped
    prices, positions = inner._paths.prices, np.array(inner._positions, "i1")
    other = Prices(prices.open.copy(), prices.close.copy())
    other.open[:, 10:] *= 2.0
    other.close[:, 10:] *= 3.0
    one, two = (frame(inner.problem, some, 0, 0, positions) for some in (prices, other))
    assert np.array_equal(one, two)


def test_words_and_markers():
    env, _ = played(
        [BUY, SELL, BUY, SELL, BUY, WAIT], prices="stocks", ticker="IBM", episode_days=6
    )
    tale = told(env)
    assert words_of(tale).startswith("IBM, 6 days, bought 3 times, sold 3 times, ")
    assert fills(tale, 1).tolist() == [1, 3, 5] and fills(tale, -1).tolist() == [2, 4]
    image = env.render()
    for colour in (BOUGHT, SOLD, HELD):  # the middle of a marker, and a band, are of one colour
        assert (image == [round(255 * part) for part in to_rgb(colour)]).all(axis=2).any()


def test_a_picture_has_the_size_that_was_asked_for():
    env, _ = played([BUY, WAIT], episode_days=5, size=(320, 200))
    assert env.render().shape == (200, 320, 3)
    for size in ((10, 200), (300,), (300.0, 200)):
        with pytest.raises(UserError, match="size must be"):
            played([], size=size)


def test_ticks_are_round_numbers_within():
    assert ticks(-3.2, 17.0, 6).tolist() == [0.0, 5.0, 10.0, 15.0]
    assert np.allclose(ticks(0.101, 0.149, 6), [0.11, 0.12, 0.13, 0.14])


def test_many_are_drawn_one_by_one():
    options = {"prices": "stocks", "ticker": "AAPL", "episode_days": 6}
    mode = "vector_entry_point"
    many = gym.make_vec("StockTrading-v0", 2, mode, render_mode="rgb_array", **options)
    singles = [gym.make("StockTrading-v0", render_mode="rgb_array", **options) for _ in range(2)]
    many.reset(seed=5)
    for row, env in enumerate(singles):
        env.reset(seed=5 + row)
    for actions in ([2, 1], [1, 2], [0, 1], [2, 2], [1, 1], [1, 0]):
        many.step(np.array(actions))
        for env, action in zip(singles, actions, strict=True):
            env.step(action)
    for ours, env in zip(many.render(), singles, strict=True):
        assert np.array_equal(ours, env.render())


def test_nothing_is_kept_where_nobody_looks():
    env = gym.make("StockTrading-v0", episode_days=9)
    env.reset(seed=0)
    for _ in range(5):
        env.step(BUY)
    assert len(env.unwrapped._positions) == 1
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.unwrapped.render() is None


def test_a_window_shows_every_day(monkeypatch):
    pytest.importorskip("pygame")
    from hringur.envs.single import Window

    shown = []
    monkeypatch.setattr(Window, "show", lambda self, image, fps: shown.append(image.shape))
    env = gym.make("StockTrading-v0", render_mode="human", episode_days=2)
    env.reset(seed=0)
    env.step(BUY)
    env.close()
    assert shown == [(600, 800, 3)] * 2


def test_a_window_without_pygame_is_refused_at_once(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(MissingExtra, match="human"):
        gym.make("StockTrading-v0", render_mode="human")
