"""Agents at play on a small environment: their chances beside drawn samples, and the files."""

import os

import gymnasium as gym
import numpy as np
import pytest

from hringur.agents.reinforce.agent import Reinforce
from hringur.evaluation.films.film import film_agent, probabilities_of
from hringur.types import UserError


def frequencies(agent, observation, count: int) -> np.ndarray:
    batch = np.repeat(observation[None], count, axis=0)
    return np.bincount(agent.predict(batch, deterministic=False)[0], minlength=2) / count


def untrained():
    agent = Reinforce("CartPole-v1", seed=0, device="cpu")
    for weight in agent.network.policy[-1].parameters():
        weight.data.mul_(100)  # an untrained policy is sure of nothing
    return agent


def test_reinforces_chances_are_the_frequencies_of_its_samples():
    agent = untrained()
    chances = probabilities_of(agent)
    rng = np.random.default_rng(0)
    for observation in rng.normal(size=(3, 4)).astype(np.float32):
        drawn = frequencies(agent, observation, 20_000)
        assert chances(observation) == pytest.approx(drawn, abs=0.02)  # over five deviations
    assert chances(observation)[0] != pytest.approx(0.5, abs=0.05)


def test_sb3s_chances_are_the_frequencies_of_its_samples():
    sb3 = pytest.importorskip("stable_baselines3")
    agent = sb3.A2C("MlpPolicy", "CartPole-v1", seed=0, device="cpu")
    agent.policy.action_net.weight.data.mul_(100)
    observation = np.array([0.1, -0.5, 0.2, 0.4], dtype=np.float32)
    drawn = frequencies(agent, observation, 20_000)
    assert probabilities_of(agent)(observation) == pytest.approx(drawn, abs=0.02)
    assert probabilities_of(sb3.DQN("MlpPolicy", "CartPole-v1", device="cpu")) is None


class Coloured(gym.Env):
    """CartPole, its angle as a shade of grey."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}

    def __init__(self, render_mode=None):
        self.inner, self.render_mode = gym.make("CartPole-v1").unwrapped, render_mode
        self.observation_space = self.inner.observation_space
        self.action_space = self.inner.action_space

    def reset(self, *, seed=None, options=None):
        return self.inner.reset(seed=seed)

    def step(self, action):
        return self.inner.step(action)

    def render(self):
        return np.full((20, 30, 3), int(127 + 500 * self.inner.state[2]), dtype=np.uint8)


@pytest.fixture
def coloured():
    gym.register("Coloured-v0", Coloured)
    yield "Coloured-v0"
    del gym.registry["Coloured-v0"]


def test_film_filmstrip_and_decisions_lie_side_by_side(tmp_path, coloured):
    record, written = film_agent(untrained(), coloured, {}, tmp_path / "game.gif", max_steps=40)
    names = ["game-decisions.png", "game-filmstrip.png", "game.gif"]
    assert sorted(os.listdir(tmp_path)) == names == sorted(path.name for path in written)
    assert record.score == len(record.scores) - 1 and len(record.chances) == len(record.scores) - 1
    for chances, action in zip(record.chances, record.actions, strict=False):
        assert action == np.argmax(chances)


def test_nothing_is_played_where_the_film_cannot_be_written(tmp_path):
    with pytest.raises(UserError, match="a video must end in .mp4 or .gif"):
        film_agent(None, "CartPole-v1", {}, tmp_path / "game.mov")
