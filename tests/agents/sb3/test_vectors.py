"""Vector environments there and back: the same steps as without the way."""

import gymnasium as gym
import numpy as np
import pytest

import hringur
from hringur.envs import as_sb3_vec_env, from_sb3_vec_env
from hringur.types import UserError

env_util = pytest.importorskip("stable_baselines3.common.env_util")


def native(**more):
    options = {"places": 4, "autoreset_mode": "SameStep"} | more
    return gym.make_vec("EuclideanTSP-v0", 3, "vector_entry_point", **options)


def test_there_and_back_is_the_same_environment():
    plain, back = native(), from_sb3_vec_env(as_sb3_vec_env(native()))
    assert back.observation_space == plain.observation_space
    rng = np.random.default_rng(0)
    (one, _), (other, _) = plain.reset(seed=5), back.reset(seed=5)
    for _ in range(12):
        for key in one:
            assert np.array_equal(one[key], other[key])
        actions = rng.integers(4, size=3)
        step, same = plain.step(actions), back.step(actions)
        (one, *ours, info), (other, *theirs, told) = step, same
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(ours, theirs, strict=True))
        for row in np.flatnonzero(ours[1]):
            assert told["final_info"]["tour_km"][row] == info["final_info"]["tour_km"][row]
            last = told["final_obs"][row]["visited"]
            assert np.array_equal(last, info["final_obs"][row]["visited"])
    assert back.get_attr("n_places") == (4, 4, 4) and len(back.call("optimal_km")) == 3
    back.set_attr("render_mode", "rgb_array")
    back.close()


def test_episodes_that_are_cut_off_are_truncated():
    many = from_sb3_vec_env(env_util.make_vec_env("MountainCar-v0", 2))  # 200 steps, then cut
    many.reset(seed=0)
    for _ in range(200):
        _, _, terminated, truncated, info = many.step(np.array([1, 1]))
    assert truncated.all() and not terminated.any() and info["final_obs"][0].shape == (2,)
    with pytest.raises(UserError, match="start all at once"):
        many.reset(options={"reset_mask": np.array([True, False])})


def test_what_cannot_be_converted_is_refused():
    with pytest.raises(UserError, match="SameStep"):
        as_sb3_vec_env(native(autoreset_mode="NextStep"))
    with pytest.raises(UserError, match="needs a VecEnv"):
        from_sb3_vec_env("CartPole-v1")


def test_reinforce_takes_a_vec_env():
    config = hringur.agents.ReinforceConfig(n_steps=4)
    agent = hringur.Reinforce(env_util.make_vec_env("CartPole-v1", 2, seed=0), config)
    agent.learn(total_timesteps=16)
    assert agent.config.n_envs == 2 and agent.updates == 2
    grouped = hringur.agents.ReinforceConfig(n_steps=4, whole_episodes=True, group=2)
    agent = hringur.Reinforce(env_util.make_vec_env("CartPole-v1", 2, seed=0), grouped)
    with pytest.raises(UserError, match="group: environments of Stable-Baselines3 take one seed"):
        agent.learn(total_timesteps=16)
