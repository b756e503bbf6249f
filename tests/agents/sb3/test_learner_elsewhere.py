"""Stable-Baselines3 on environments without tours: as SB3 has it, behind our protocols."""

import numpy as np
import pytest
from gymnasium import spaces

import hringur  # noqa: F401  registers the environments
import tests.agents.reinforce.small_environments  # noqa: F401  registers Anything-v0
from hringur.agents.sb3.learner import SB3Learner, policy_for
from hringur.agents.sb3.settings import A2CConfig, DQNConfig, MaskablePPOConfig, PPOConfig
from hringur.training import checkpoint
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import Learner, UserError

ALL = [PPOConfig(minibatches=2, epochs=1), A2CConfig(), DQNConfig()]
names = lambda config: config.algorithm.name  # noqa: E731


def build(config, env_id="CartPole-v1", seed=0, **options):
    fabric = make_fabric(TrainerConfig(device="cpu", steps=1))
    return config.build(env_id, options, seed, fabric)


@pytest.mark.parametrize("config", ALL, ids=names)
def test_a_learner_counts_steps_and_comes_back_from_a_file(config, tmp_path):
    learner, batches = build(config)
    assert isinstance(learner, Learner) and isinstance(learner, SB3Learner)
    batch = next(batches)
    metrics = learner.update(batch, 0.1)
    assert learner.model.num_timesteps == len(batch) == learner.steps
    assert metrics["rollout/ep_rew_mean"] > 5 and np.isfinite(list(metrics.values())).all()
    checkpoint.save(tmp_path / "c.safetensors", learner.state_dict())
    other, _ = build(config, seed=1)
    seen = np.random.default_rng(0).normal(size=(200, 4)).astype(np.float32)
    other.load_state_dict(checkpoint.load(tmp_path / "c.safetensors"))
    np.testing.assert_array_equal(other.decide(seen, None), learner.decide(seen, None))
    assert (other.updates, other.model.num_timesteps) == (1, learner.steps)
    other.update(batch, 0.2)
    assert other.model.num_timesteps == 2 * learner.steps


@pytest.mark.parametrize("config", [PPOConfig(n_envs=3), A2CConfig(n_envs=3), DQNConfig(n_envs=3)])
def test_samples_are_steps_whatever_the_number_of_environments(config):
    learner, batches = build(config)
    for count in (1, 2):
        learner.update(next(batches), 0.1)
        assert learner.model.num_timesteps == count * len(next(batches))


def test_networks_follow_the_observations():
    def box(*shape):
        return spaces.Box(0, 255, shape, np.uint8)

    assert policy_for(box(4, 84, 84)) == policy_for(box(84, 84, 3)) == "CnnPolicy"
    assert policy_for(box(7, 7, 3)) == policy_for(spaces.Discrete(5)) == "MlpPolicy"
    both = spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Box(0, 1, (2,))})
    assert policy_for(both) == "MultiInputPolicy"


@pytest.mark.parametrize("config", ALL, ids=names)
def test_discrete_and_dictionary_observations(config):
    both = spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Box(-1, 1, (2,))})
    for options in ({"observation": spaces.Discrete(6)}, {"observation": both}):
        learner, batches = build(config, "Anything-v0", **options)
        metrics = learner.update(next(batches), 0.5) | learner.evaluate()
        assert metrics["evaluation/length_mean"] == 5 and np.isfinite(list(metrics.values())).all()


def test_masks_are_kept_in_training_and_in_evaluation():
    """The environment refuses what its mask forbids; PPO without masks is soon refused."""
    learner, batches = build(MaskablePPOConfig(epochs=1), "Anything-v0", masked=True)
    learner.update(next(batches), 0.5)
    assert learner.evaluate()["evaluation/length_mean"] == 5
    unmasked, batches = build(PPOConfig(epochs=1), "Anything-v0", masked=True)
    with pytest.raises(AssertionError):
        unmasked.update(next(batches), 0.5)


def test_episodes_go_on_from_update_to_update():
    """Always standing still, Acrobot takes 500 steps: more than an update makes of each."""
    learner, batches = build(A2CConfig(n_envs=2), "Acrobot-v1")
    assert learner.steps // 2 > 500
    learner, batches = build(A2CConfig(n_envs=8), "Acrobot-v1")
    assert learner.steps // 8 < 500  # no episode could end if each update began afresh
    for _ in range(5):
        metrics = learner.update(next(batches), 0.5)
    assert metrics["rollout/ep_len_mean"] > learner.steps // 8


def test_dqns_random_moves_follow_the_budget():
    learner, batches = build(DQNConfig())
    first = learner.update(next(batches), 0.0)["rollout/exploration_rate"]
    later = learner.update(next(batches), 0.5)["rollout/exploration_rate"]
    assert first == pytest.approx(1.0) and later == pytest.approx(0.05)


def test_evaluation_is_that_of_the_evaluator():
    learner, _ = build(A2CConfig())
    metrics = learner.evaluate()
    played = learner.evaluator.play(learner)
    assert metrics[learner.headline] == pytest.approx(played.returns.mean())
    assert metrics["evaluation/gap_percent"] == pytest.approx(100 * played.gap)


@pytest.mark.parametrize(
    "config, env_id, told",
    [
        (PPOConfig(), "Pendulum-v1", "PPO takes actions Discrete, MultiDiscrete, MultiBinary"),
        (DQNConfig(), "Pendulum-v1", "DQN takes actions Discrete; those of Pendulum-v1"),
        (A2CConfig(), "Blackjack-v1", "A2C takes observations Box, .* are Tuple"),
        (MaskablePPOConfig(), "CartPole-v1", "needs action masks, CartPole-v1 has none"),
    ],
    ids=["ppo", "dqn", "tuple", "maskable"],
)
def test_what_cannot_be_learned_is_refused_by_name(config, env_id, told):
    with pytest.raises(UserError, match=told):
        build(config, env_id)
