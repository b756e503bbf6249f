"""Native vector environments as Stable-Baselines3 wants them."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

import hringur  # noqa: F401  registers the environments
from hringur.agents.sb3.adapter import SB3VecEnv
from hringur.evaluators.environments import make_vector

PLACES = 6


def test_vector_adapter_equals_sb3s_own_step_for_step():
    """Oracle: DummyVecEnv over single environments, with valid and invalid actions."""
    singles = DummyVecEnv(
        [lambda: gym.make("IcelandTSP-v0", places=PLACES).unwrapped for _ in range(5)]
    )
    adapter = SB3VecEnv(make_vector("IcelandTSP-v0", 5, places=PLACES, autoreset_mode="SameStep"))
    singles.seed(3)
    adapter.seed(3)
    expected, found = singles.reset(), adapter.reset()
    rng, ends = np.random.default_rng(0), 0
    for _ in range(40):
        same(found, expected)
        masks = np.stack(singles.env_method("action_masks"))
        np.testing.assert_array_equal(np.stack(adapter.env_method("action_masks")), masks)
        actions = np.where(
            rng.random(5) < 0.9, [rng.choice(np.flatnonzero(m)) for m in masks], rng.integers(6)
        )
        expected, reward, done, infos = singles.step(actions)
        found, reward_here, done_here, infos_here = adapter.step(actions)
        np.testing.assert_allclose(reward_here, reward, rtol=1e-6)
        np.testing.assert_array_equal(done_here, done)
        for index in np.flatnonzero(done):
            ends += 1
            same(infos_here[index]["terminal_observation"], infos[index]["terminal_observation"])
            assert infos_here[index]["TimeLimit.truncated"] is False
        assert all(not infos_here[index] for index in np.flatnonzero(~done))
    assert ends > 20


def same(found, expected):
    assert found.keys() == expected.keys()
    for key in found:
        np.testing.assert_array_equal(found[key], expected[key], err_msg=key)


def test_vector_adapter_adds_up_the_episodes():
    adapter = SB3VecEnv(make_vector("IcelandTSP-v0", 2, places=3, autoreset_mode="SameStep"))
    adapter.seed(0)
    adapter.reset()
    _, first, _, _ = adapter.step(np.array([1, 1]))
    _, second, done, infos = adapter.step(np.array([2, 2]))
    assert done.all()
    for index, info in enumerate(infos):
        assert info["episode"]["l"] == 2
        assert info["episode"]["r"] == pytest.approx(first[index] + second[index])


def test_vector_adapter_refuses_another_autoreset_mode():
    with pytest.raises(ValueError, match="same step"):
        SB3VecEnv(make_vector("IcelandTSP-v0", 2, places=3))
