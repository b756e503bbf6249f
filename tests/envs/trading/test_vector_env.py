"""The native batch against Gymnasium's own loop over single environments, step for step."""

import copy
import json
import pickle
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import hringur  # noqa: F401  (registers the environments)
from hringur.data.trading.processes import PROCESSES
from hringur.types import UserError

CASES = {
    **{name: {"prices": name, "window": 5, "episode_days": 11} for name in PROCESSES},
    "known optimum": {"window": 3, "episode_days": 9, "compute_optimal": True, "fee": 0.002},
    "stocks": {"prices": "stocks", "window": 8, "episode_days": 12, "compute_optimal": True},
    "a fold": {
        "prices": "stocks",
        "ticker": "FB",
        "split": "test",
        "window": 4,
        "fold": 1,
        "folds": 3,
    },
    "one day": {"window": 2, "episode_days": 1},
    "short": {"short": True, "window": 3, "episode_days": 9, "compute_optimal": True},
    "a fixed fee": {"fixed_fee": 0.003, "window": 3, "episode_days": 9, "compute_optimal": True},
    "all costs": {
        "prices": "stocks",
        "short": True,
        "fixed_fee": 0.003,
        "slippage": 0.001,
        "window": 4,
        "episode_days": 9,
        "compute_optimal": True,
    },
}
ENVS = 5


def native(options, num_envs=ENVS, **more):
    mode = "vector_entry_point"
    return gym.make_vec("StockTrading-v0", num_envs, vectorization_mode=mode, **options, **more)


def looped(options, mode=AutoresetMode.NEXT_STEP, num_envs=ENVS):
    singles = [partial(gym.make, "StockTrading-v0", **options)] * num_envs
    return SyncVectorEnv(singles, autoreset_mode=mode)


def same(one, other):
    """Equal to the last bit, NaN included, whatever the order of keys."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype == object:
        return other.dtype == object and all(
            (a is None and b is None) or same(a, b) for a, b in zip(one, other, strict=True)
        )
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("case", CASES)
def test_a_native_step_is_a_loop_of_single_steps(case, mode):
    options = CASES[case]
    ours, theirs = native(options, autoreset_mode=mode), looped(options, mode)
    assert ours.metadata["autoreset_mode"] is mode
    assert ours.observation_space == theirs.observation_space
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.action_space == theirs.action_space
    rng = np.random.default_rng(1)
    result = ours.reset(seed=7)
    assert same(result, theirs.reset(seed=7))
    ends, steps = 0, 60
    for step in range(steps):
        actions = rng.integers(3, size=ENVS)
        kept = copy.deepcopy(result)
        following = ours.step(actions)
        assert same(following, theirs.step(actions))
        assert same(kept, result)  # what was handed out before stays as it was
        result = following
        assert result[0] in ours.observation_space
        ends += int(result[3].sum())
        mask = None
        if mode is AutoresetMode.DISABLED and result[3].any():
            mask = result[3]
        elif step % 17 == 4 and mode is not AutoresetMode.SAME_STEP and not result[3].any():
            mask = np.array([True, False, step % 2 == 0, False, False])  # out of lockstep
        if mask is not None:
            result = ours.reset(options={"reset_mask": mask})
            assert same(result, theirs.reset(options={"reset_mask": mask}))
    assert ends >= 2


def test_an_episode_of_more_than_a_year_is_too():
    options = {"window": 2, "episode_days": 260}
    ours, theirs = native(options, num_envs=2), looped(options, num_envs=2)
    assert same(ours.reset(seed=7), theirs.reset(seed=7))
    for step in range(270):
        actions = np.array([2, step % 3])
        assert same(ours.step(actions), theirs.step(actions))


def test_lockstep_is_a_loop_of_single_steps():
    """Everybody at the same day takes a shortcut of its own, over several episodes."""
    for case in ("ornstein-uhlenbeck", "stocks"):
        ours, theirs = native(CASES[case]), looped(CASES[case])
        rng = np.random.default_rng(2)
        assert same(ours.reset(seed=[3, 1, 4, 1, 5]), theirs.reset(seed=[3, 1, 4, 1, 5]))
        for _ in range(40):
            actions = rng.integers(3, size=ENVS)
            assert same(ours.step(actions), theirs.step(actions))


def test_seeds_and_generators_are_those_of_the_loop():
    for case in ("autoregressive", "stocks"):
        ours, theirs = native(CASES[case]), looped(CASES[case])
        for env in (ours, theirs):
            env.reset(seed=11)
            env.reset(seed=[None, 5, None, 6, None])
        assert ours.np_random_seed == theirs.np_random_seed == (11, 5, 13, 6, 15)
        states = [[g.bit_generator.state for g in env.np_random] for env in (ours, theirs)]
        assert states[0] == states[1]
        assert same(ours.reset(), theirs.reset())


def test_unseeded_environments_differ():
    """First days are drawn of about a thousand: two of twenty may meet, their generators not."""
    env = native({"prices": "stocks", "ticker": "AAPL"}, num_envs=20)
    observation, _ = env.reset()
    states = {str(generator.bit_generator.state) for generator in env.np_random}
    assert len(states) == 20
    assert len({row.tobytes() for row in observation}) > 10


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("case", ["known optimum", "stocks", "hidden-regime", "all costs"])
def test_it_goes_on_bit_for_bit_from_its_state(case, mode):
    """Saved in the middle and out of lockstep, taken up by an environment of another seed."""
    env = native(CASES[case], autoreset_mode=mode)
    rng = np.random.default_rng(3)
    env.reset(seed=4)

    def steps(env, count, rng):
        results = []
        for _ in range(count):
            results.append(env.step(rng.integers(3, size=ENVS)))
            if mode is AutoresetMode.DISABLED and results[-1][3].any():
                results.append(env.reset(options={"reset_mask": results[-1][3]}))
        return results

    for count in (3, env.unwrapped.problem.days - 3):  # in the middle, and as an episode ends
        env.reset(seed=4)
        steps(env, count, rng)
        if count == 3:
            env.reset(options={"reset_mask": np.arange(ENVS) < 2})
            steps(env, 2, rng)
        state = pickle.loads(pickle.dumps(env.unwrapped.state_dict()))
        other = native(CASES[case], autoreset_mode=mode)
        other.reset(seed=99)
        steps(other, 4, rng)
        fresh = native(CASES[case], autoreset_mode=mode)
        for resumed in (other, fresh):
            resumed.unwrapped.load_state_dict(state)
        unbroken = steps(env, 40, np.random.default_rng(5))
        for resumed in (other, fresh):
            assert same(tuple(unbroken), tuple(steps(resumed, 40, np.random.default_rng(5))))
            assert resumed.np_random_seed == env.np_random_seed


def test_the_state_is_arrays_numbers_and_strings():
    env = native(CASES["stocks"])
    env.reset(seed=0)

    def plain(value):
        if isinstance(value, dict):
            return all(isinstance(key, str) and plain(one) for key, one in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return isinstance(value, np.ndarray | int | float | str | bool)

    state = env.unwrapped.state_dict()
    assert plain(state) and json.dumps(state["generators"]["seeds"])


def test_a_state_of_another_environment_is_refused():
    env = native(CASES["stocks"])
    with pytest.raises(gym.error.ResetNeeded):
        env.unwrapped.state_dict()
    env.reset(seed=0)
    state = env.unwrapped.state_dict()
    with pytest.raises(UserError, match="of 5 environments, these are 6"):
        native(CASES["stocks"], num_envs=6).unwrapped.load_state_dict(state)
    with pytest.raises(UserError, match="other options"):
        native(CASES["autoregressive"]).unwrapped.load_state_dict(state)


def test_a_copy_by_pickle_plays_on_alike():
    for case in ("known optimum", "stocks"):
        env = native(CASES[case])
        env.reset(seed=0)
        env.step(np.array([1, 2, 2, 0, 1]))
        env.reset(options={"reset_mask": np.arange(ENVS) == 2})
        twin = pickle.loads(pickle.dumps(env))
        rng = np.random.default_rng(0)
        for _ in range(30):
            actions = rng.integers(3, size=ENVS)
            assert same(env.step(actions), twin.step(actions))


def test_the_action_space_repeats_itself_from_a_seed():
    env = native(CASES["stocks"])
    samples = []
    for _ in range(2):
        env.action_space.seed(3)
        samples.append([env.action_space.sample() for _ in range(5)])
    assert np.array_equal(*samples)


def test_what_cannot_be_played_is_refused():
    env = native(CASES["stocks"])
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(ENVS, dtype=int))
    with pytest.raises(gym.error.ResetNeeded, match="first reset"):
        env.reset(options={"reset_mask": np.arange(ENVS) < 2})
    env.reset(seed=0)
    before = env.unwrapped.state_dict()
    for actions in (np.full(ENVS, -1), np.full(ENVS, 3), [0] * 4):
        with pytest.raises(gym.error.InvalidAction):
            env.step(actions)
    assert same(before, env.unwrapped.state_dict())  # nobody has moved
    with pytest.raises(UserError, match="reset_mask"):
        env.reset(options={"reset_mask": np.zeros(ENVS, dtype=bool)})
    with pytest.raises(UserError, match="one or 5 numbers, got 2"):
        env.reset(seed=[1, 2])
    with pytest.raises(UserError, match="num_envs"):
        native(CASES["stocks"], num_envs=0)
    with pytest.raises(UserError, match="render_mode"):
        native(CASES["stocks"], render_mode="human")
    with pytest.raises(UserError, match="use episode_days=5"):
        native(CASES["stocks"], max_episode_steps=5)
    waiting = native(CASES["one day"], autoreset_mode="Disabled")
    waiting.reset(seed=0)
    waiting.step(np.ones(ENVS, dtype=int))
    with pytest.raises(gym.error.ResetNeeded, match="reset_mask"):
        waiting.step(np.ones(ENVS, dtype=int))
