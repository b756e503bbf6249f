"""Whole episodes are counted as a plain loop counts them, and held against the optimum."""

import sys

import gymnasium as gym
import numpy as np
import pytest

from hringur.evaluators.choice import Evaluator, evaluator_for
from hringur.evaluators.environments import gym_spec, make_vector
from hringur.evaluators.episodes import EpisodeEvaluator, EpisodeReturns, gap_of, play_episodes
from hringur.evaluators.tours import TourEvaluator
from hringur.types import UserError


def lean(observation, mask):
    """Push the cart to the side to which its pole leans."""
    return (observation[:, 2] > 0).astype(np.int64)


def test_every_episode_is_counted_once_and_whole():
    played = play_episodes("Acrobot-v1", {}, lambda o, _: np.zeros(len(o), np.int64), 3, seed=5)
    for episode in range(3):
        env = gym.make("Acrobot-v1")
        env.reset(seed=5 + episode)
        total, steps, over = 0.0, 0, False
        while not over:
            _, reward, terminated, truncated, _ = env.step(0)
            total, steps, over = total + reward, steps + 1, terminated or truncated
        assert played.returns[episode] == total
        assert played.lengths[episode] == steps
    assert played.optimal is None and played.gap is None


def test_the_same_seed_is_the_same_measurement():
    first, again, other = (
        play_episodes("CartPole-v1", {}, lean, 20, seed).returns for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_cart_pole_is_held_against_its_time_limit():
    played = play_episodes("CartPole-v1", {}, lean, 20)
    assert played.gap == pytest.approx((500 - played.returns.mean()) / 500)
    metrics = evaluator_for("CartPole-v1", {}, episodes=20).measure(lean)
    assert metrics["evaluation/gap_percent"] == pytest.approx(100 * played.gap)
    assert metrics["evaluation/length_mean"] == pytest.approx(played.lengths.mean())


def test_the_gap_is_from_the_reference_to_the_optimum():
    ones = np.ones(4)
    played = EpisodeReturns(3 * ones, np.ones(4, np.int64), 5 * ones, np.array([0, 2, 2, 0.0]))
    assert played.gap == pytest.approx((5 - 3) / (5 - 1))
    lossy = EpisodeReturns(3 * ones, np.ones(4, np.int64), 5 * ones, -ones)
    assert lossy.gap == pytest.approx(2 / 5)  # getting nothing is better than that reference
    tour = EpisodeReturns(-12 * ones, np.ones(4, np.int64), -10 * ones)
    assert tour.gap == pytest.approx(0.2)
    rows = np.array([[0, 0, 0, 0], [1, 1, 1, 1]])
    np.testing.assert_allclose(gap_of(played, rows), [2 / 5, 2 / 3])


def test_whoever_plays_for_ever_is_stopped_and_what_was_returned_counts():
    played = play_episodes("CartPole-v1", {}, lean, 6, most_steps=20)
    whole = play_episodes("CartPole-v1", {}, lean, 6)
    assert whole.lengths.max() > 20
    np.testing.assert_array_equal(played.lengths, whole.lengths.clip(max=20))
    np.testing.assert_array_equal(played.returns, whole.returns.clip(max=20))


def test_whoever_waits_is_told_how_many_episodes_have_ended():
    told = []
    played = play_episodes("CartPole-v1", {}, lean, 6, on_decision=lambda *seen: told.append(seen))
    lengths = played.lengths
    expected = [((lengths <= steps).sum(), steps) for steps in range(1, lengths.max() + 1)]
    assert told == expected


def test_games_of_pictures_are_fewer_unless_it_is_said():
    counts = [
        evaluator_for(*asked).count
        for asked in (("CartPole-v1", {}), ("ThreeActionBreakout-v0", {}))
    ]
    assert counts == [100, 25]
    assert evaluator_for("ThreeActionBreakout-v0", {}, episodes=3).count == 3
    assert evaluator_for("CartPole-v1", {}).measured_steps is None  # a gap is told at the end only


def test_while_training_goes_on_an_episode_is_stopped(monkeypatch):
    monkeypatch.setattr(EpisodeEvaluator, "measured_steps", 20)
    stopped = EpisodeEvaluator("CartPole-v1", {}, 4)
    assert stopped.measure(lean)["evaluation/length_mean"] == 20
    assert stopped.play_policy(lean).lengths.mean() > 20


def test_tours_have_the_evaluator_of_tours():
    tours = evaluator_for("hringur:IcelandTSP-v0", {"places": 6})
    assert isinstance(tours, TourEvaluator) and isinstance(tours, Evaluator)
    assert isinstance(evaluator_for("CartPole-v1", {}), EpisodeEvaluator)

    def nearest(observation, mask):
        here = observation["distances"][np.arange(len(mask)), observation["current"]]
        return np.where(mask, here, np.inf).argmin(axis=1)

    gap = tours.measure(nearest)["evaluation/gap_percent"]
    assert 0 < gap < 40


@pytest.mark.parametrize(
    "env_id, options, told",
    [
        ("CartPole-v9", {}, "CartPole-v9"),
        ("nonsense:CartPole-v1", {}, "nonsense"),
        ("CartPole-v1", {"mass": 3}, "CartPole-v1 has no option 'mass'"),
        ("IcelandTSP-v0", {"price": 3}, "IcelandTSP-v0 has no option 'price'"),
    ],
)
def test_an_unknown_environment_or_option_is_named(env_id, options, told):
    with pytest.raises(UserError, match=told):
        evaluator_for(env_id, options)
    with pytest.raises(UserError, match=told):
        make_vector(env_id, 2, **options)


def test_a_mode_that_the_native_vector_lacks_is_served_by_single_environments():
    native, single = make_vector("CartPole-v1", 2), make_vector("CartPole-v1", 2, "SameStep")
    assert not isinstance(native, gym.vector.SyncVectorEnv)
    assert isinstance(single, gym.vector.SyncVectorEnv)
    assert single.metadata["autoreset_mode"] is gym.vector.AutoresetMode.SAME_STEP


def test_episodes_are_counted_that_differ_in_anything_at_all():
    """CartPole from 20 seeds begins in 20 ways; a market of one path is the same every time."""
    assert play_episodes("CartPole-v1", {}, lean, 20).distinct == 20
    history = {"prices": "stocks", "ticker": "AAPL", "split": "test", "episode_days": None}
    rng = np.random.default_rng(0)

    def hold(observation, mask):
        return np.full(len(observation), 2)

    def chance(observation, mask):
        return rng.integers(3, size=len(observation))

    def half(observation, mask):
        return np.arange(len(observation)) // 3

    counted = [
        play_episodes("StockTrading-v0", history, decide, 6).distinct
        for decide in (hold, chance, half)
    ]
    assert counted == [1, 6, 2]


class Noisy(gym.Env):
    """What is done and what is rewarded is the same in each episode, what is seen is not."""

    observation_space = gym.spaces.Dict(
        {"seen": gym.spaces.Box(0, 1, (3,)), "count": gym.spaces.Discrete(9)}
    )
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.seen(0.0), {}

    def step(self, action):
        self.steps += 1
        return self.seen(self.np_random.random()), 1.0, self.steps == 3, False, {}

    def seen(self, first):
        return {"seen": np.array([first, 0, 0], np.float32), "count": self.steps}


def test_episodes_differ_where_only_a_later_observation_does(monkeypatch):
    gym.register("Noisy-v0", Noisy)

    def first(observation, mask):
        return np.zeros(len(observation["count"]), dtype=np.int64)

    assert play_episodes("Noisy-v0", {}, first, 4).distinct == 4
    monkeypatch.setattr(Noisy, "seen", lambda self, _, seen=Noisy.seen: seen(self, 0.0))
    assert play_episodes("Noisy-v0", {}, first, 4).distinct == 1
    del gym.registry["Noisy-v0"]


def test_episodes_of_one_history_are_not_independent():
    def wait(observation, mask):
        return np.ones(len(observation), dtype=np.int64)

    drawn, cut = (
        play_episodes("StockTrading-v0", {"episode_days": 10} | options, wait, 3)
        for options in ({}, {"prices": "stocks", "ticker": "AAPL", "split": "train"})
    )
    assert drawn.history is None and cut.history == "the train split" and cut.distinct == 3
    assert play_episodes("CartPole-v1", {}, lean, 2).history is None


@pytest.mark.parametrize("env_id", ["hringur:IcelandTSP-v0", "json:CartPole-v1", "CartPole-v1"])
def test_a_known_module_does_not_put_the_present_folder_on_the_path(env_id, monkeypatch):
    path = [folder for folder in sys.path if folder]
    monkeypatch.setattr(sys, "path", list(path))
    gym_spec(env_id)
    assert sys.path == path
