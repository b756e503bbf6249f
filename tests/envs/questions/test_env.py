"""Questions as environments: Gymnasium's checks, the batch against a loop, states, refusals."""

import copy
import pickle
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import hringur  # noqa: F401  registers the environments
from hringur.evaluators.episodes import EpisodeEvaluator
from hringur.types import UserError

CASES = {
    "call": ("CallFunction-v0", {"max_calls": 5, "compute_optimal": True}),
    "box": ("BoundingBox-v0", {"side": 16, "smallest": 4, "largest": 8, "compute_optimal": True}),
    "moves": (
        "BoundingBox-v0",
        {"side": 16, "smallest": 4, "largest": 8, "moves": True, "max_moves": 26},
    ),
    "network": ("BuildNetwork-v0", {"towns": 4, "compute_optimal": True}),
    "steiner": ("BuildNetwork-v0", {"towns": 3, "steiner_points": 2, "compute_optimal": True}),
    "winter": ("BuildNetwork-v0", {"towns": 5, "season": "winter"}),
    "decoding": ("StopDecoding-v0", {"language": "german", "compute_optimal": True}),
    "sentences": ("StopDecoding-v0", {"text": "sentences", "compute_optimal": True}),
    "words": ("StopDecoding-v0", {"choose_words": True, "compute_optimal": True}),
}
ENVS = 4


def single(case, **more):
    env_id, options = CASES[case]
    return gym.make(env_id, **options, **more)


def native(case, num_envs=ENVS, **more):
    env_id, options = CASES[case]
    mode = "vector_entry_point"
    return gym.make_vec(env_id, num_envs, vectorization_mode=mode, **options, **more)


def same(one, other):
    """Equal to the last bit, whatever the order of keys."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    one, other = np.asarray(one), np.asarray(other)
    if one.dtype == object:
        pairs = zip(one, other, strict=True)
        return all((a is None and b is None) or same(a, b) for a, b in pairs)
    return one.dtype == other.dtype and np.array_equal(one, other)


@pytest.mark.parametrize(
    ("case", "count", "name", "unit"),
    [
        ("call", 5, (4, "drop-first"), "call"),
        ("moves", 9, (2, "bottom up"), "decision"),
        ("network", 6, (5, "2-3"), "connection"),
        ("decoding", 2, (1, "write"), "decision"),
        ("words", None, (0, "wait"), "decision"),
    ],
)
def test_actions_and_steps_have_names(case, count, name, unit):
    """One for each action, the same for one environment and for many."""
    env, many = single(case).unwrapped, native(case)
    number, word = name
    assert len(env.action_names) == env.action_space.n == (count or env.action_space.n)
    assert env.action_names[number] == word and env.time_unit == unit
    assert (many.action_names, many.time_unit) == (env.action_names, env.time_unit)


def test_a_move_does_what_its_name_says():
    """Each side that the box has goes where the name says."""
    env = single("moves").unwrapped
    sides = {"top": 0, "left": 1, "bottom": 2, "right": 3}
    for action, name in enumerate(env.action_names[:-1]):
        box = np.array([[2, 2, 5, 5]])
        moved = env.problem._moved(box, np.array([action]))[0] - box[0]
        words = name.split()
        assert moved.nonzero()[0].tolist() == [sides[words[0]]]
        assert moved.sum() == (1 if words[-1] in ("down", "right") else -1)


def some_actions(env, info, rng):
    """Allowed ones where there is a mask, mostly."""
    space = env.single_action_space
    if isinstance(space, gym.spaces.MultiDiscrete):
        return rng.integers(space.nvec, size=(env.num_envs, len(space.nvec)))
    actions = rng.integers(space.n, size=env.num_envs)
    mask = info.get("action_mask")
    if mask is not None and rng.random() < 0.9:
        actions = (rng.random(mask.shape) * mask).argmax(axis=1)
    return actions


@pytest.mark.parametrize("case", CASES)
def test_gymnasium_finds_nothing_wrong(case):
    check_env(single(case, render_mode="rgb_array").unwrapped)


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("case", CASES)
def test_a_native_step_is_a_loop_of_single_steps(case, mode):
    env_id, options = CASES[case]
    ours = native(case, autoreset_mode=mode)
    theirs = SyncVectorEnv([partial(gym.make, env_id, **options)] * ENVS, autoreset_mode=mode)
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    rng = np.random.default_rng(1)
    result = ours.reset(seed=7)
    assert same(result, theirs.reset(seed=7))
    info, ends = result[1], 0
    for _ in range(40):
        actions = some_actions(ours, info, rng)
        kept = copy.deepcopy(result)
        following = ours.step(actions)
        assert same(following, theirs.step(actions))
        assert same(kept, result)  # what was handed out before stays as it was
        result, info = following, following[4]
        assert result[0] in ours.observation_space
        ends += int(result[2].sum())
        if mode is AutoresetMode.DISABLED and result[2].any():
            mask = {"reset_mask": result[2]}
            result = ours.reset(options=mask)
            assert same(result, theirs.reset(options=mask))
            info = result[1]
    assert ends >= 2


@pytest.mark.parametrize("case", CASES)
def test_equal_seeds_are_drawn_once_and_go_on_alike(case):
    """Oracle: a loop of single environments, at the first episode and at the second."""
    env_id, options = CASES[case]
    ours = native(case)
    theirs = SyncVectorEnv([partial(gym.make, env_id, **options)] * ENVS)
    seeds = [[5, 8, 5, 8], [9, 9, 9, 2]]
    for seed in seeds:
        seed = (seed * ENVS)[:ENVS]
        assert same(ours.reset(seed=seed), theirs.reset(seed=seed))
    assert same(ours.reset(), theirs.reset())


@pytest.mark.parametrize("case", CASES)
def test_episodes_go_on_from_their_state(case):
    one, other = native(case), native(case)
    rng = np.random.default_rng(0)
    _, info = one.reset(seed=3)
    for _ in range(3):
        info = one.step(some_actions(one, info, rng))[4]
    other.reset(seed=9)
    other.load_state_dict(pickle.loads(pickle.dumps(one.state_dict())))
    for _ in range(20):
        actions = some_actions(one, info, rng)
        result = one.step(actions)
        assert same(result, other.step(actions))
        info = result[4]
    with pytest.raises(UserError, match="the state is of 4 environments, these are 2"):
        native(case, num_envs=2).load_state_dict(one.state_dict())


@pytest.mark.parametrize("case", CASES)
def test_a_picture_and_a_pickle(case):
    env = single(case, render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    assert frame.ndim == 3 and frame.std() > 5
    assert same(pickle.loads(pickle.dumps(env.unwrapped)).render(), frame)


@pytest.mark.parametrize("case", [name for name in CASES if name not in ("moves", "winter")])
def test_random_actions_are_measured_beside_the_optimum(case):
    env_id, options = CASES[case]
    space, rng = native(case).single_action_space, np.random.default_rng(0)

    def decide(observation, mask):
        if mask is not None:
            return (rng.random(mask.shape) * mask).argmax(axis=1)
        if isinstance(space, gym.spaces.MultiDiscrete):
            return rng.integers(space.nvec, size=(50, len(space.nvec)))
        return rng.integers(space.n, size=50)

    played = EpisodeEvaluator(env_id, options, 50).play_policy(decide)
    assert played.gap > 0.05
    if env_id != "StopDecoding-v0":  # there the best on average may have bad luck
        assert (played.returns <= played.optimal + 1e-6).all()


@pytest.mark.parametrize(
    ("env_id", "options", "words"),
    [
        ("CallFunction-v0", {"functions": ["sort", "shuffle"]}, "got 'shuffle'"),
        ("CallFunction-v0", {"functions": []}, "functions must be of reverse"),
        ("CallFunction-v0", {"functions": ["sort", "sort"]}, "each once, got ['sort', 'sort']"),
        ("CallFunction-v0", {"functions": "sort"}, 'functions must be a list such as ["a", "b"]'),
        ("CallFunction-v0", {"list_length": 1}, "list_length must be in 2..20, got 1"),
        ("CallFunction-v0", {"max_calls": 3}, "max_calls must be in 4..100, got 3"),
        ("CallFunction-v0", {"call_cost": 0.2}, "call_cost must be in 0..0.125"),
        ("BoundingBox-v0", {"largest": 60}, "largest must be in 10..40, got 60"),
        ("BoundingBox-v0", {"side": 41}, "side must be a multiple of cell=2, got 41"),
        ("BoundingBox-v0", {"distractors": 10**9}, "distractors must be in 0..50"),
        ("BuildNetwork-v0", {"towns": 500}, "towns must be in 2..67, got 500"),
        ("BuildNetwork-v0", {"season": "autumn"}, "season must be one of summer"),
        ("BuildNetwork-v0", {"steiner_points": 7}, "steiner_points must be in 0..6, got 7"),
        ("StopDecoding-v0", {"language": "french"}, "got 'french'"),
        ("StopDecoding-v0", {"text": "poems"}, "numbers, sentences, got 'poems'"),
        (
            "StopDecoding-v0",
            {"text": "sentences", "language": "german"},
            "must be icelandic, got 'german'",
        ),
        ("StopDecoding-v0", {"text": "sentences", "choose_words": True}, "is for numbers"),
        ("StopDecoding-v0", {"wrong_cost": -1.0}, "wrong_cost must be in 0..1e.06, got -1.0"),
        ("StopDecoding-v0", {"wrong_cost": 1e308}, "wrong_cost must be in 0..1e.06, got 1e.308"),
        ("StopDecoding-v0", {"delay_cost": "much"}, "delay_cost .*'much'"),
    ],
)
def test_bad_options_are_refused_in_one_line(env_id, options, words):
    for make in (gym.make, partial(gym.make_vec, num_envs=2)):
        with pytest.raises(UserError, match=words.replace("[", r"\[")) as refusal:
            make(env_id, **options)
        assert "\n" not in str(refusal.value)


def test_bad_actions_are_refused():
    env = native("box")
    env.reset(seed=0)
    with pytest.raises(gym.error.InvalidAction, match="got 8"):
        env.step(np.full((ENVS, 4), 8))
    with pytest.raises(gym.error.InvalidAction, match=r"whole numbers \(4, 4\)"):
        env.step(np.zeros(ENVS, dtype=int))
