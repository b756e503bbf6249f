"""Stable-Baselines3 on pictures: the Zoo's settings and a short training."""

import numpy as np
import pytest

import hringur  # noqa: F401  registers the environments
from hringur.agents.sb3 import tuned as sb3_pictures
from hringur.agents.sb3.elsewhere import observation_bytes
from hringur.agents.sb3.settings import A2CConfig, DQNConfig, PPOConfig
from hringur.training import checkpoint
from hringur.training.trainer import TrainerConfig, make_fabric

BREAKOUT = "ThreeActionBreakout-v0"
SMALL = {"frame_size": 42, "max_frames": 400}
# hyperparams/ppo.yml, a2c.yml and dqn.yml of RL Baselines3 Zoo, under "atari".
ZOO = {
    PPOConfig: {
        "n_envs": 8,
        "n_steps": 128,
        "n_epochs": 4,
        "batch_size": 256,
        "learning_rate": 2.5e-4,
        "vf_coef": 0.5,
        "ent_coef": 0.01,
    },
    A2CConfig: {"n_envs": 16, "n_steps": 5, "ent_coef": 0.01, "vf_coef": 0.25},
    DQNConfig: {
        "batch_size": 32,
        "learning_rate": 1e-4,
        "learning_starts": 100_000,
        "target_update_interval": 1000,
        "exploration_fraction": 0.1,
        "exploration_final_eps": 0.01,
        "optimize_memory_usage": True,
    },
}


def build(config, **options):
    fabric = make_fabric(TrainerConfig(device="cpu", steps=1))
    return config.build(BREAKOUT, SMALL | options, 0, fabric)


@pytest.mark.parametrize("kind", ZOO, ids=lambda kind: kind.algorithm)
def test_what_is_not_given_is_the_zoos(kind):
    model = build(kind())[0].model
    for name, value in ZOO[kind].items():
        assert getattr(model, name) == value, name
    assert type(model.policy).__name__ in ("ActorCriticCnnPolicy", "CnnPolicy")
    if kind is A2CConfig:
        assert type(model.policy.optimizer).__name__ == "RMSpropTFLike"
        assert model.policy.optimizer.defaults["eps"] == 1e-5
    if kind is DQNConfig:  # one gradient step for every four of one environment
        assert model.train_freq.frequency * model.n_envs / model.gradient_steps == 4
        kept = model.replay_buffer
        assert kept.buffer_size * model.n_envs == 100_000 and not hasattr(kept, "next_observations")


def test_what_is_given_holds():
    model = build(DQNConfig(n_envs=2, batch=8, learning_starts=50, replay_megabytes=10))[0].model
    size = 10 * 10**6 // (4 * 42 * 42)
    assert (model.n_envs, model.batch_size, model.learning_starts) == (2, 8, 50)
    assert model.buffer_size == size


@pytest.mark.parametrize("size, stack, count", [(84, 4, 100_000), (160, 16, 7324)])
def test_dqns_memory_is_bounded(size, stack, count):
    bytes_of_one = stack * size * size
    transitions = sb3_pictures.arguments(DQNConfig(), 8, bytes_of_one)["buffer_size"]
    assert transitions == count and transitions * bytes_of_one <= 3e9


def test_ppos_step_size_and_clipping_fall_over_the_budget():
    learner, batches = build(PPOConfig(n_envs=2, epochs=1, lr=1e-3))
    metrics = learner.update(next(batches), 0.25)
    assert metrics["train/learning_rate"] == pytest.approx(0.75e-3)
    assert metrics["train/clip_range"] == pytest.approx(0.075)


def test_training_is_eased_and_figures_are_not():
    learner, _ = build(A2CConfig(n_envs=2))
    options = learner.env.env.options
    assert options.clip_reward and options.life_loss
    assert learner.evaluator.overruled == {"clip_reward": False, "life_loss": False}
    assert learner.env_options == SMALL
    asked, _ = build(A2CConfig(n_envs=2), clip_reward=False)
    assert not asked.env.env.options.clip_reward and asked.env.env.options.life_loss


@pytest.mark.parametrize(
    "config",
    [
        PPOConfig(n_envs=2, epochs=1),
        A2CConfig(n_envs=4),
        DQNConfig(n_envs=2, learning_starts=200, replay_megabytes=10),
    ],
    ids=lambda config: config.algorithm,
)
def test_a_little_training_changes_weights_and_comes_back_from_a_file(config, tmp_path):
    learner, batches = build(config)
    before = [weight.clone() for weight in learner.model.policy.parameters()]
    metrics = learner.update(next(batches), 0.1)
    assert np.isfinite(list(metrics.values())).all() and metrics["rollout/ep_len_mean"] > 10
    after = list(learner.model.policy.parameters())
    assert any((one != other).any() for one, other in zip(before, after, strict=True))
    checkpoint.save(tmp_path / "c.safetensors", learner.state_dict())
    other, _ = build(config)
    other.load_state_dict(checkpoint.load(tmp_path / "c.safetensors"))
    seen = np.random.default_rng(0).integers(256, size=(50, 4, 42, 42), dtype=np.uint8)
    np.testing.assert_array_equal(other.decide(seen, None), learner.decide(seen, None))
    assert observation_bytes(learner.model.observation_space) == seen[0].nbytes
