import gymnasium as gym
import numpy as np
import pytest
import torch

import hringur  # noqa: F401  registers the environments
from hringur.agents.reinforce.agent import Reinforce, ReinforceConfig
from hringur.agents.reinforce.baselines import make_step_baseline, replays
from hringur.agents.reinforce.buffer import Rollout
from hringur.estimators.baselines import Baseline
from hringur.types import UserError
from tests.agents.reinforce.small_environments import Anything

RETURNS = torch.tensor([[1.0, 2.0, 6.0], [4.0, 100.0, 0.0]])
VALID = torch.tensor([[True, True, True], [True, False, False]])


def rollout_with(valid):
    """Baselines look at little of a rollout: at what counts."""
    none, reward = torch.zeros_like(valid), torch.zeros(valid.shape)
    nowhere = torch.zeros(0, dtype=torch.int64)
    return Rollout(
        observation={}, decision=none.long(), reward=reward, discounted=reward, terminated=none,
        truncated=none, valid=valid, mask=None, cut=(nowhere, nowhere), cut_observation=None,
        samples=4,
    )  # fmt: skip


def value(name, returns=RETURNS, valid=VALID):
    baseline = make_step_baseline(name)
    assert isinstance(baseline, Baseline)
    return torch.broadcast_to(baseline.value(returns, rollout_with(valid)), returns.shape)[
        valid
    ].tolist()


def test_values_worked_out_by_hand():
    assert value("none") == [0.0] * 4
    assert value("batch-mean") == [13 / 4] * 4
    assert value("leave-one-out") == [4.0, 3.5, 1.5, 0.0]  # alone at time 2: nothing to compare
    assert value("moving-average") == [0.0] * 4


def test_leave_one_out_in_groups_against_a_loop():
    returns, valid = torch.randn(2, 6), torch.rand(2, 6) < 0.7
    found = make_step_baseline("leave-one-out", group=3).value(returns, rollout_with(valid))
    for t, b in valid.nonzero().tolist():
        group = [b // 3 * 3 + k for k in range(3)]
        others = [returns[t, k].item() for k in group if k != b and valid[t, k]]
        assert found[t, b].item() == pytest.approx(np.mean(others) if others else 0.0, abs=1e-6)


def test_the_moving_average_is_of_earlier_rollouts_and_comes_back():
    baseline = make_step_baseline("moving-average")
    network = greedy_agent(baseline="moving-average").network
    for mean in (10.0, 20.0):
        baseline.update(torch.full((2, 3), mean), network, rollout_with(VALID))
    expected = 0.95 * 10 + 0.05 * 20
    assert baseline.value(RETURNS, rollout_with(VALID)).unique().item() == pytest.approx(expected)
    other = make_step_baseline("moving-average")
    other.load_state_dict(baseline.state_dict())
    assert other.value(RETURNS, rollout_with(VALID))[0, 0] == pytest.approx(expected)


def greedy_agent(**settings):
    plain = {"whole_episodes": True, "baseline": "greedy-rollout", "normalise_reward": False}
    config = ReinforceConfig(n_envs=6, n_steps=120, gamma=0.9, **(plain | settings))
    return Reinforce("CartPole-v1", config, device="cpu")


def test_the_greedy_rollout_is_the_greedy_policys_own_episode():
    """Oracle: the same seed played by hand with the agent's own predict."""
    agent = greedy_agent()
    agent.network.policy[-1].weight.data.mul_(100)
    rollout = next(agent.batches)
    found = agent.baseline.value(rollout.reward, rollout)
    env = gym.make_vec("CartPole-v1", 6, vectorization_mode="vector_entry_point")
    seen, _ = env.reset(seed=rollout.seed)
    length, rewards, playing = len(found), [], np.ones(6, dtype=bool)
    for _ in range(length):
        seen, reward, terminated, truncated, _ = env.step(agent.predict(seen)[0])
        rewards.append(np.where(playing, reward, 0.0))
        playing &= ~(terminated | truncated)
    to_go = np.array(
        [sum(0.9**k * rewards[t + k] for k in range(length - t)) for t in range(length)]
    )
    np.testing.assert_allclose(found, to_go, rtol=1e-5)
    assert (found[0] > 5).all() and found.unique().numel() > 10


def test_a_better_policy_becomes_the_greedy_one():
    agent = greedy_agent()
    challenge = agent.baseline.challenge
    challenge.every = 4
    with torch.no_grad():  # the pole's angle and its speed say where to push: 200 steps and more
        for layer in agent.network.policy:
            if isinstance(layer, torch.nn.Linear):
                layer.weight.zero_()
        first, _, second, _, last = agent.network.policy
        first.weight[0] = torch.tensor([0.0, 0.1, 1.0, 1.0]) * 0.1
        second.weight[0, 0], last.weight[1, 0] = 1.0, 50.0
    before = {name: weight.clone() for name, weight in challenge.frozen.state_dict().items()}
    for k in range(4):
        rollout = next(agent.batches)
        agent.baseline.value(rollout.reward, rollout)
        agent.baseline.update(rollout.reward, agent.network, rollout)
        changed = any((before[n] != w).any() for n, w in challenge.frozen.state_dict().items())
        assert changed == (k == 3)


def test_replaying_is_found_out():
    def vector(maker):
        return gym.vector.SyncVectorEnv([maker] * 2)

    class Fickle(Anything):
        def step(self, action):
            observation, _, *rest = super().step(action)
            return observation, float(np.random.default_rng().random()), *rest

    assert replays(vector(Anything)) and replays(vector(lambda: Anything(masked=True)))
    assert not replays(vector(Fickle))
    gym.register("Fickle-v0", Fickle)
    config = ReinforceConfig(n_envs=2, whole_episodes=True, baseline="greedy-rollout")
    with pytest.raises(UserError, match="greedy-rollout: Fickle-v0 does not repeat itself"):
        Reinforce("Fickle-v0", config, device="cpu").baseline  # noqa: B018
