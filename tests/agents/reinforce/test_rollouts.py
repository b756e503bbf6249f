"""Rollouts against the episodes that were really played, told by an environment that counts."""

import math

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

import hringur  # noqa: F401  registers the environments
from hringur.agents.reinforce.action_distributions import distribution_for
from hringur.agents.reinforce.agent import ReinforceConfig
from hringur.agents.reinforce.networks import ActorCritic
from hringur.agents.reinforce.observations import leaves_of
from hringur.agents.reinforce.rollouts import Rollouts
from hringur.training import checkpoint
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import Batches, UserError
from tests.agents.reinforce.small_environments import Anything

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP]
every_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
SHARED = {"n_steps": 7, "gamma": 0.9, "whole_episodes": False, "seed": [3, 0]}


def rollouts(env, **settings) -> Rollouts:
    leaves = leaves_of(env.single_observation_space, "here")
    actions = distribution_for(env.single_action_space, "here")
    torch.manual_seed(0)
    network = ActorCritic(leaves, actions.n_logits, ReinforceConfig(width=8))
    return Rollouts(env, "Here-v0", leaves, actions, network, **(SHARED | settings))


def vector(name="Story-v0", mode=AutoresetMode.NEXT_STEP, n=3, kind="sync", **options):
    kwargs = {"autoreset_mode": mode}
    return gym.make_vec(name, n, vectorization_mode=kind, vector_kwargs=kwargs, **options)


@every_mode
@pytest.mark.parametrize("kind", ["sync", "async"])
def test_every_step_is_written_down_once_and_in_order(mode, kind):
    """Oracle: (episode, step) is observed, and the reward follows from it."""
    env = vector(mode=mode, kind=kind)
    source = rollouts(env)
    assert isinstance(source, Batches)
    told = [[] for _ in range(3)]  # per environment: episode, step, reward, end
    previous_end = None
    for _ in range(4):
        rollout = next(source)
        seen, valid = rollout.observation["observation"], rollout.valid
        assert len(rollout) == valid.sum() and seen.shape == (8, 3, 2)
        if previous_end is not None:
            torch.testing.assert_close(seen[0], previous_end)
        previous_end = seen[-1].clone()
        for t in range(7):
            for b in range(3):
                if valid[t, b]:
                    ends = bool(rollout.terminated[t, b]), bool(rollout.truncated[t, b])
                    row = (*seen[t, b].int().tolist(), float(rollout.reward[t, b]), ends)
                    told[b].append(row)
    env.close()
    if mode is AutoresetMode.SAME_STEP:
        assert sum(map(len, told)) == 4 * 7 * 3
    for story in told:
        assert len({row[0] for row in story}) > 3
        expected = (1, 0)  # the first episode, before its first step
        for episode, step, reward, (terminated, truncated) in story:
            assert (episode, step) == expected
            assert reward == pytest.approx(episode + 0.1 * (step + 1))
            assert terminated != truncated or not terminated
            assert not terminated or episode % 2 == 1
            assert not truncated or episode % 2 == 0
            expected = (episode + 1, 0) if terminated or truncated else (episode, step + 1)


@every_mode
def test_the_last_observation_of_a_cut_episode_is_known(mode):
    """Where time ran out, the true successor is one step further in the same episode."""
    source = rollouts(vector(mode=mode), n_steps=40)
    rollout = next(source)
    seen = rollout.observation["observation"]
    when, who = torch.nonzero(rollout.truncated & rollout.valid, as_tuple=True)
    assert len(when) > 5
    if mode is AutoresetMode.NEXT_STEP:
        assert rollout.cut_observation is None
        successor = seen[when + 1, who]
    else:
        pairs = [(int(t), int(b)) for t, b in zip(*rollout.cut, strict=True)]
        index = [pairs.index((int(t), int(b))) for t, b in zip(when, who, strict=True)]
        successor = rollout.cut_observation["observation"][index]
    torch.testing.assert_close(successor, seen[when, who] + torch.tensor([0.0, 1.0]))


@every_mode
def test_discounted_sums_and_recent_episodes_are_those_of_each_episode(mode):
    source = rollouts(vector(mode=mode))
    running, returns, lengths, finished = np.zeros(3), np.zeros(3), np.zeros(3), []
    for _ in range(5):
        rollout = next(source)
        for t in range(7):
            for b in range(3):
                if not rollout.valid[t, b]:
                    continue
                running[b] = 0.9 * running[b] + float(rollout.reward[t, b])
                assert float(rollout.discounted[t, b]) == pytest.approx(running[b], rel=1e-6)
                returns[b] += float(rollout.reward[t, b])
                lengths[b] += 1
                if rollout.terminated[t, b] or rollout.truncated[t, b]:
                    finished.append((returns[b], lengths[b]))
                    running[b] = returns[b] = lengths[b] = 0.0
    assert len(finished) > 10
    mean = np.mean(finished, axis=0)
    assert (rollout.ep_rew_mean, rollout.ep_len_mean) == pytest.approx(tuple(mean), rel=1e-5)


@every_mode
def test_whole_episodes_begin_afresh_and_count_once(mode):
    source = rollouts(vector(mode=mode), n_steps=20, whole_episodes=True)
    seeds = set()
    for _ in range(3):
        rollout = next(source)
        seeds.add(rollout.seed)
        assert (rollout.observation["observation"][0] == torch.tensor([1.0, 0.0])).all()
        lengths = rollout.valid.sum(dim=0)
        assert rollout.reward.shape[0] == lengths.max() < 20
        for b, length in enumerate(lengths.tolist()):
            assert rollout.valid[:length, b].all()
            assert (rollout.terminated | rollout.truncated)[length - 1, b]
    assert len(seeds) == 3
    single = gym.make("Story-v0")
    single.reset(seed=rollout.seed + 2)
    assert single.unwrapped.length == lengths[2]


@pytest.mark.parametrize("outputs", ["kept", "kept with graph"])
def test_a_group_begins_alike_and_decides_differently(outputs):
    """Oracles: environments of the same seeds, one by one, and the network on every observation."""
    env = gym.make_vec("CallFunction-v0", 12)
    source = rollouts(env, n_steps=20, whole_episodes=True, group=4, outputs=outputs)
    rollout = next(source)
    start = {name: rows[0] for name, rows in rollout.observation.items()}
    single = gym.make("CallFunction-v0")
    assert len(set(rollout.seed)) == 3
    for b, seed in enumerate(rollout.seed):
        observation, _ = single.reset(seed=seed)
        for leaf in source.leaves:
            np.testing.assert_array_equal(start[leaf.name][b], leaf.of(observation))
    logits, value = source.network(start, 12)
    torch.testing.assert_close(rollout.logits[0], logits)
    torch.testing.assert_close(rollout.value[0], value)
    assert all(len(set(group.tolist())) > 1 for group in rollout.decision[0].split(4))


def test_a_group_needs_an_environment_that_follows_its_seed():
    source = rollouts(vector("ByChance-v0", n=4), whole_episodes=True, group=2)
    with pytest.raises(UserError, match="Here-v0 does not begin alike from the same seed"):
        next(source)


def test_masked_actions_are_never_taken_and_the_mask_stands_beside_the_step():
    """The environment itself asserts that what is forbidden is not done."""
    env = vector("Anything-v0", masked=True, n=4)
    source = rollouts(env, n_steps=50)
    forbidden = 0
    for _ in range(3):
        rollout = next(source)
        rows = rollout.mask.gather(2, rollout.decision[..., None])[..., 0]
        assert rows[rollout.valid].all()
        forbidden += int((~rollout.mask[rollout.valid]).sum())
    assert forbidden > 100
    same = next(rollouts(vector("Anything-v0", AutoresetMode.SAME_STEP, masked=True, n=4)))
    assert same.valid.all()


@pytest.mark.parametrize("what", ["reward", "observation"])
def test_the_first_number_that_is_none_stops_it(what):
    text = rf"Here-v0: the {what}.*of environment 0 is nan after its step"
    with pytest.raises(FloatingPointError, match=text + " 4") as caught:
        next(rollouts(vector(spoil=what, mode=AutoresetMode.SAME_STEP)))
    assert ("[1]" in str(caught.value)) == (what == "observation")
    late = rollouts(vector(spoil=what, mode=AutoresetMode.SAME_STEP), n_steps=2)
    next(late)
    with pytest.raises(FloatingPointError, match=text + " 4"):
        next(late)


def test_an_environment_that_does_not_start_again_is_refused():
    with pytest.raises(UserError, match="Here-v0: episodes must start again"):
        rollouts(vector(mode=AutoresetMode.DISABLED))


def equal(one, other):
    for name, value in vars(one).items():
        twin = getattr(other, name)
        if isinstance(value, dict):
            for key in value:
                torch.testing.assert_close(value[key], twin[key], rtol=0, atol=0)
        elif torch.is_tensor(value):
            torch.testing.assert_close(value, twin, rtol=0, atol=0)
        elif isinstance(value, float) and math.isnan(value):
            assert math.isnan(twin)
        elif not isinstance(value, tuple):
            assert value == twin


def native(name, n=3):
    options = {"places": 5} if "TSP" in name else {}
    return gym.make_vec(name, n, vectorization_mode="vector_entry_point", **options)


@pytest.mark.parametrize("name", ["CartPole-v1", "IcelandTSP-v0"])
@pytest.mark.parametrize("whole", [False, True])
def test_resumed_from_a_file_the_rollouts_go_on_alike(name, whole, tmp_path):
    source = rollouts(native(name), n_steps=30, whole_episodes=whole)
    for _ in range(2):
        next(source)
    checkpoint.save(tmp_path / "c.safetensors", source.state_dict())
    other = rollouts(native(name), n_steps=30, whole_episodes=whole, seed=[99])
    other.load_state_dict(checkpoint.load(tmp_path / "c.safetensors"))
    for _ in range(3):
        equal(next(source), next(other))


def test_without_the_environments_state_fresh_episodes_begin_and_it_is_said(tmp_path):
    source = rollouts(vector())
    next(source)
    checkpoint.save(tmp_path / "c.safetensors", source.state_dict())
    again = []
    for _ in range(2):
        other = rollouts(vector())
        with pytest.warns(UserWarning, match="Here-v0 cannot restore its episodes"):
            other.load_state_dict(checkpoint.load(tmp_path / "c.safetensors"))
        again.append(next(other))
        assert (again[-1].observation["observation"][0, :, 1] == 0).all()
    equal(*again)


def test_a_state_before_the_first_rollout_is_a_beginning(tmp_path):
    source = rollouts(native("CartPole-v1"))
    checkpoint.save(tmp_path / "c.safetensors", source.state_dict())
    other = rollouts(native("CartPole-v1"), seed=[99])
    other.load_state_dict(checkpoint.load(tmp_path / "c.safetensors"))
    equal(next(source), next(other))


def test_environments_with_every_kind_of_action_are_played():
    for action in (
        gym.spaces.MultiDiscrete([2, 3], start=[1, 5]),
        gym.spaces.MultiBinary(3),
        gym.spaces.Discrete(4, start=-2),
    ):
        singles = [lambda action=action: Anything(action=action) for _ in range(2)]
        rollout = next(rollouts(gym.vector.SyncVectorEnv(singles)))
        assert rollout.decision.shape[:2] == (7, 2)


def test_a_rollout_without_a_decision_is_left_out():
    """One step at a time, every second step only begins the next episodes of one step."""
    env = gym.make_vec("BoundingBox-v0", 3, vectorization_mode="vector_entry_point")
    source = rollouts(env, n_steps=1)
    for _ in range(3):
        assert next(source).valid.all()


@pytest.mark.parametrize("vectorization", ["auto", "sync"])
def test_same_step_wastes_none_where_episodes_have_one_step(vectorization):
    def first(autoreset):
        config = ReinforceConfig(
            n_envs=4, n_steps=6, width=8, autoreset=autoreset, vectorization=vectorization
        )
        return next(config.build("BoundingBox-v0", {}, 0, make_fabric(TrainerConfig()))[1])

    same, following = first("same-step"), first("next-step")
    assert same.valid.all() and len(same) == 24 and same.terminated.all()
    assert following.valid.sum() == 12
    assert (same.observation["observation"][0] != same.observation["observation"][1]).any()
