"""Attributes and methods of each environment of a native vector, as Gymnasium's loop has them."""

import gymnasium as gym
import numpy as np
import pytest

import hringur  # noqa: F401  (registers the environments)
from hringur.types import UserError


@pytest.fixture
def envs():
    made = gym.make_vec("EuclideanTSP-v0", 3, "vector_entry_point", places=4)
    made.reset(seed=0)
    return made


def test_a_method_is_called_for_each_environment(envs):
    loop = gym.make_vec("EuclideanTSP-v0", 3, "sync", places=4)
    loop.reset(seed=0)
    for many in (envs, loop):
        many.step(np.array([1, 2, 3]))
    for name in ("action_masks", "optimal_km"):
        ours, theirs = envs.call(name), loop.call(name)
        assert len(ours) == 3 and all(map(np.array_equal, ours, theirs))
    for name in ("n_places", "action_space", "observation_space", "round_trip"):
        assert envs.get_attr(name) == envs.call(name) == loop.get_attr(name)
    assert envs.get_attr("_steps") == (1, 1, 1)  # a row each


def test_an_attribute_of_all_takes_one_value_and_a_column_takes_several(envs):
    envs.set_attr("render_mode", "rgb_array")
    assert envs.render_mode == "rgb_array" and len(envs.call("render")) == 3
    envs.set_attr("_steps", [1, 2, 3])
    assert envs.get_attr("_steps") == (1, 2, 3)
    with pytest.raises(UserError, match="one for all"):
        envs.set_attr("round_trip", [True, False, True])
    with pytest.raises(UserError, match="3 values, got 2"):
        envs.set_attr("round_trip", [True, False])


def test_a_question_without_a_mask_allows_everything():
    many = gym.make_vec("BoundingBox-v0", 2, "vector_entry_point")
    many.reset(seed=0)
    sizes = many.single_action_space
    count = sizes.n if isinstance(sizes, gym.spaces.Discrete) else sizes.nvec.sum()
    assert many.action_masks().shape == (2, count) and many.action_masks().all()
