"""The native batch against Gymnasium's own loop over single environments, step for step."""

import copy
import pickle
from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import hringur  # noqa: F401  (registers the environments)
from hringur.data.tours.instances import IcelandPlaces, UniformPoints
from hringur.envs.tours.problem import invalid_reward
from hringur.types import UserError

FOUR = ["Akureyri", "Höfn", "Reykjavík", "Vík"]
CASES = {
    "drawn": ("IcelandTSP-v0", {"places": 6}),
    "drawn open from a named start": (
        "IcelandTSP-v0",
        {"places": 5, "start": "Akureyri", "round_trip": False, "season": "winter"},
    ),
    "fixed, start drawn": ("IcelandTSP-v0", {"places": FOUR, "distance": "great_circle"}),
    "fixed with optimum": (
        "IcelandTSP-v0",
        {"places": FOUR, "start": "Höfn", "compute_optimal": True},
    ),
    "two places": ("IcelandTSP-v0", {"places": 2}),
    "points": ("EuclideanTSP-v0", {"places": 5}),
    "flat": ("EuclideanTSP-v0", {"places": 5, "observation": "flat", "observe_mask": True}),
}
ENVS = 5


def native(env_id, options, num_envs=ENVS, **more):
    mode = "vector_entry_point"
    return gym.make_vec(env_id, num_envs=num_envs, vectorization_mode=mode, **options, **more)


def looped(env_id, options, mode=AutoresetMode.NEXT_STEP, num_envs=ENVS):
    singles = [partial(gym.make, env_id, **options)] * num_envs
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


def some_actions(rng, mask):
    """Mostly valid places, sometimes any at all."""
    n = mask.shape[1]
    valid = np.argmax(rng.random(mask.shape) * mask, axis=1)
    return np.where(rng.random(len(mask)) < 0.1, rng.integers(n, size=len(mask)), valid)


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("case", CASES)
def test_a_native_step_is_a_loop_of_single_steps(case, mode):
    ours, theirs = native(*CASES[case], autoreset_mode=mode), looped(*CASES[case], mode=mode)
    assert ours.metadata["autoreset_mode"] is mode
    assert ours.observation_space == theirs.observation_space
    assert ours.single_observation_space == theirs.single_observation_space
    assert ours.action_space == theirs.action_space
    rng = np.random.default_rng(1)
    result = ours.reset(seed=7)
    assert same(result, theirs.reset(seed=7))
    lost = won = 0
    for _ in range(200):
        actions = some_actions(rng, ours.action_masks())
        kept = copy.deepcopy(result[0])
        step = ours.step(actions)
        assert same(step, theirs.step(actions))
        assert same(kept, result[0])  # what was handed out before stays as it was
        result, ended = step, step[2]
        info = step[4].get("final_info", step[4])
        lost += int(np.isinf(info["tour_km"][ended]).sum())
        won += int(np.isfinite(info["tour_km"][ended]).sum())
        assert result[0] in ours.observation_space
        if mode is AutoresetMode.DISABLED and ended.any():
            result = ours.reset(options={"reset_mask": ended})
            assert same(result, theirs.reset(options={"reset_mask": ended}))
    assert lost > 20 and won > 20


def test_all_ending_at_once_is_a_loop_of_single_steps():
    """Lockstep takes shortcuts of its own: every episode valid, everybody restarts together."""
    ours, theirs = (
        native("EuclideanTSP-v0", {"places": 4}),
        looped("EuclideanTSP-v0", {"places": 4}),
    )
    rng = np.random.default_rng(2)
    assert same(ours.reset(seed=[3, 1, 4, 1, 5]), theirs.reset(seed=[3, 1, 4, 1, 5]))
    for _ in range(40):
        mask = ours.action_masks()
        actions = np.argmax(rng.random(mask.shape) * mask, axis=1)
        assert same(ours.step(actions), theirs.step(actions))


def test_seeds_and_generators_are_those_of_the_loop():
    ours, theirs = native(*CASES["drawn"]), looped(*CASES["drawn"])
    for env in (ours, theirs):
        env.reset(seed=11)
        env.reset(seed=[None, 5, None, 6, None])
    assert ours.np_random_seed == theirs.np_random_seed == (11, 5, 13, 6, 15)
    states = [[g.bit_generator.state for g in env.np_random] for env in (ours, theirs)]
    assert states[0] == states[1]
    assert same(ours.reset(), theirs.reset())


def test_the_action_space_repeats_itself_from_a_seed():
    env = native(*CASES["drawn"])
    samples = []
    for _ in range(2):
        env.action_space.seed(3)
        samples.append([env.action_space.sample() for _ in range(5)])
    assert np.array_equal(*samples)


@pytest.mark.parametrize(
    "sampler, env_id",
    [
        (IcelandPlaces(range(94)), "IcelandTSP-v0"),
        (UniformPoints(), "EuclideanTSP-v0"),
    ],
)
def test_given_instances_are_played_from_given_starts(sampler, env_id):
    instances, start = sampler.sample(np.random.default_rng(0), 3, 5), np.array([4, 0, 2])
    env = native(env_id, {"places": 5}, num_envs=3)
    observation, _ = env.reset(options={"instances": instances, "start": start})
    assert np.array_equal(observation["start"], start)
    assert np.allclose(observation["distances"] * sampler.reward_scale, instances.distance)
    way, total = [start], 0.0
    for k in range(1, 5):
        way.append((start + k) % 5)
        _, reward, ended, _, info = env.step(way[-1])
        total = total + reward
    assert ended.all()
    legs = zip(way, way[1:] + way[:1], strict=True)
    length = sum(instances.distance[np.arange(3), a, b] for a, b in legs)
    assert np.allclose(info["tour_km"], length, rtol=1e-12)
    assert np.allclose(-total * sampler.reward_scale, length, rtol=1e-6)
    assert np.array_equal(info["tour"], np.stack(way, axis=1))
    before = instances.distance.copy()
    env.reset(options={"reset_mask": np.array([True, False, False])})
    assert np.array_equal(instances.distance, before)  # the caller's own arrays are left alone


@pytest.mark.parametrize("case", ["drawn", "points", "fixed, start drawn"])
def test_given_and_drawn_instances_play_side_by_side(case):
    env_id, options = CASES[case]
    ours, theirs = native(env_id, options), looped(env_id, options)
    given = ours.unwrapped.sampler.sample(np.random.default_rng(3), 2, ours.unwrapped.n_places)
    for env in (ours, theirs):
        env.reset(seed=2)
    chosen = np.array([False, True, False, False, True])
    observation, _ = ours.reset(options={"reset_mask": chosen, "instances": given, "start": 1})
    for k, row in enumerate(np.flatnonzero(chosen)):
        single = theirs.envs[row].reset(options={"instances": given[k : k + 1], "start": 1})[0]
        assert same({name: part[row] for name, part in observation.items()}, single)
    for _ in range(12):  # to the end, and once more with all instances drawn
        mask = ours.action_masks()
        actions = np.argmax(mask, axis=1)
        assert same(ours.step(actions)[1:], theirs.step(actions)[1:])


def test_a_copy_by_pickle_plays_on_alike():
    env = native(*CASES["drawn"])
    env.reset(seed=0)
    env.step(np.array([1, 2, 3, 0, 1]))
    twin = pickle.loads(pickle.dumps(env))
    for _ in range(30):
        actions = np.argmax(env.action_masks(), axis=1)
        assert same(env.step(actions), twin.step(actions))


def test_observations_of_a_whole_instance_are_read_only_and_the_rest_is_new():
    env = native(*CASES["drawn"])
    first, _ = env.reset(seed=0)
    with pytest.raises(ValueError, match="read-only"):
        first["distances"][:] = 0.0
    second = env.step(np.argmax(env.action_masks(), axis=1))[0]
    assert second["distances"] is first["distances"]
    for name in ("visited", "current", "start"):
        assert not np.shares_memory(first[name], second[name])


def test_the_optimum_of_every_environment():
    env = native("EuclideanTSP-v0", {"places": 4})
    observation, _ = env.reset(seed=0)
    d = observation["distances"].astype(float)
    rings = [(0, 1, 2, 3), (0, 1, 3, 2), (0, 2, 1, 3)]
    best = np.min([sum(d[:, r[k - 1], r[k]] for k in range(4)) for r in rings], axis=0)
    assert np.allclose(env.optimal_km(), best, rtol=1e-6)


def test_what_cannot_be_played_is_refused():
    env = native(*CASES["drawn"])
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(ENVS, dtype=int))
    env.reset(seed=0)
    for actions in (np.full(ENVS, -1), np.full(ENVS, 6), [0] * 4):
        with pytest.raises(gym.error.InvalidAction):
            env.step(actions)
    with pytest.raises(UserError, match="reset_mask"):
        env.reset(options={"reset_mask": np.zeros(ENVS, dtype=bool)})
    with pytest.raises(UserError, match="num_envs"):
        native(*CASES["drawn"], num_envs=0)
    with pytest.raises(UserError, match="render_mode"):
        native(*CASES["drawn"], render_mode="human")
    waiting = native("EuclideanTSP-v0", {"places": 2}, autoreset_mode="Disabled")
    waiting.reset(seed=0)
    waiting.step(np.ones(ENVS, dtype=int))
    with pytest.raises(gym.error.ResetNeeded, match="reset_mask"):
        waiting.step(np.ones(ENVS, dtype=int))


def test_the_price_is_that_of_the_single_environment():
    env = native("EuclideanTSP-v0", {"places": 5})
    observation, _ = env.reset(seed=0)
    _, reward, ended, _, info = env.step(observation["start"])
    largest = observation["distances"].max(axis=(1, 2))
    assert ended.all() and np.isinf(info["tour_km"]).all()
    assert np.array_equal(reward, [invalid_reward(float(one), 5) for one in largest])


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
@pytest.mark.parametrize("case", CASES)
def test_what_was_saved_to_a_file_plays_on_alike(case, mode, tmp_path):
    """Oracle: the environment that was never stopped."""
    from hringur.training import checkpoint

    rng = np.random.default_rng(3)
    ours = native(*CASES[case], autoreset_mode=mode)
    ours.reset(seed=5)
    for _ in range(13):
        ours.step(some_actions(rng, ours.action_masks()))
    checkpoint.save(tmp_path / "env.safetensors", ours.unwrapped.state_dict())
    twin = native(*CASES[case], autoreset_mode=mode)
    twin.reset(seed=99)
    twin.unwrapped.load_state_dict(checkpoint.load(tmp_path / "env.safetensors"))
    assert ours.np_random_seed == twin.np_random_seed
    for _ in range(40):
        actions = some_actions(rng, ours.action_masks())
        assert same(ours.step(actions), twin.step(actions))
    assert same(ours.reset(), twin.reset())


def test_a_state_of_given_instances_keeps_them_and_of_other_numbers_is_refused():
    env = native("EuclideanTSP-v0", {"places": 5}, num_envs=3)
    given = UniformPoints().sample(np.random.default_rng(0), 3, 5)
    env.reset(options={"instances": given})
    twin = native("EuclideanTSP-v0", {"places": 5}, num_envs=3)
    twin.load_state_dict(env.state_dict())
    for _ in range(12):
        actions = np.argmax(env.action_masks(), axis=1)
        assert same(env.step(actions), twin.step(actions))
    with pytest.raises(UserError, match="of 3 environments, these are 2"):
        native("EuclideanTSP-v0", {"places": 5}, num_envs=2).load_state_dict(env.state_dict())
    fresh = native("EuclideanTSP-v0", {"places": 5}, num_envs=2)
    fresh.load_state_dict(native("EuclideanTSP-v0", {"places": 5}, num_envs=2).state_dict())
    with pytest.raises(gym.error.ResetNeeded):
        fresh.step(np.zeros(2, dtype=int))


def test_a_state_of_version_0_1_goes_on_too():
    """It held the places by a common clock modulo N, in place of each tour."""
    env = native("IcelandTSP-v0", {"places": 6}, num_envs=3)
    env.reset(seed=0)
    for step in range(7):
        env.step(np.argmax(env.action_masks(), axis=1))
        if step == 2:
            env.reset(options={"reset_mask": np.array([False, True, False])})
    state = env.state_dict()
    episodes, clock = state["episodes"], 20
    tour, began = episodes.pop("tour"), clock - episodes.pop("steps")
    ring = np.zeros((6, 3), dtype=np.int64)
    for row in range(3):
        for step in range(6):
            ring[(began[row] + step) % 6, row] = tour[row, step]
    episodes.update(clock=clock, began=began, ring=ring)
    twin = native("IcelandTSP-v0", {"places": 6}, num_envs=3)
    twin.load_state_dict(state)
    for _ in range(12):
        actions = np.argmax(env.action_masks(), axis=1)
        assert same(env.step(actions), twin.step(actions))
