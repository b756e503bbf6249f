"""The table of settings: tuned ones on tours, the Zoo's on images, SB3's own elsewhere."""

import dataclasses

import numpy as np
import pytest
from gymnasium import spaces

import hringur  # noqa: F401  registers the environments
from hringur.agents.sb3.learner import Problem, Setup
from hringur.agents.sb3.settings import (
    ARGUMENTS,
    A2CConfig,
    DQNConfig,
    MaskablePPOConfig,
    PPOConfig,
)
from hringur.evaluators.episodes import EpisodeEvaluator
from hringur.settings import read
from hringur.training import checkpoint
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import UserError

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


def build(config, env_id="CartPole-v1", **options):
    fabric = make_fabric(TrainerConfig(device="cpu", steps=1))
    return config.build(env_id, options, 0, fabric)


def on_breakout(config, **options):
    return build(config, BREAKOUT, **SMALL | options)


def seen(observations):
    """A problem without tours that shows this."""
    evaluator = EpisodeEvaluator("CartPole-v1", {})
    return Problem(
        env_id="CartPole-v1", env_options={}, evaluator=evaluator, observations=observations
    )


@pytest.mark.parametrize("config", [PPOConfig, MaskablePPOConfig, A2CConfig, DQNConfig])
def test_every_option_is_an_argument_of_sb3s_or_part_of_a_setup(config):
    known = ARGUMENTS.keys() | {field.name for field in dataclasses.fields(Setup)}
    assert {field.name for field in dataclasses.fields(config)} <= known
    assert config.algorithm.setups.keys() == {"tours", "images", "other"}


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"n_envs": 0}, {"lr": float("nan")}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(UserError, match="must be positive and finite, got"):
        PPOConfig(**wrong)


@pytest.mark.parametrize("name", ["entropy_weight", "value_weight", "visited_penalty"])
def test_weights_may_vanish_and_not_more(name):
    PPOConfig(**{name: 0.0})
    with pytest.raises(UserError, match=f"{name} must be 0 or more and finite, got -1"):
        PPOConfig(**{name: -1.0})


def test_the_visited_penalty_is_read_under_its_old_name(tmp_path):
    assert read(PPOConfig, {"dislike": 3.0}, "config.json") == PPOConfig(visited_penalty=3.0)
    learner, _ = build(PPOConfig(n_envs=2, visited_penalty=3.0), "IcelandTSP-v0", places=5)
    state = learner.state_dict()
    renamed = {
        name.replace("visited_penalty", "dislike"): value for name, value in state["policy"].items()
    }
    assert renamed.keys() != state["policy"].keys()
    other, _ = build(PPOConfig(n_envs=2), "IcelandTSP-v0", places=5)
    assert other.model.policy.features_extractor.visited_penalty == 5.0
    other.load_state_dict(state | {"policy": renamed})
    assert other.model.policy.features_extractor.visited_penalty == 3.0


def test_places_of_other_environments_keep_their_settings():
    tours, _ = build(PPOConfig(n_envs=4), "IcelandTSP-v0", places=5)
    arguments = tours.setup.arguments
    assert (arguments["learning_rate"], arguments["n_epochs"], tours.setup.n_envs) == (2e-3, 4, 4)


def test_dqn_learns_as_often_as_sb3s_of_one_environment():
    """Oracle: SB3's own, with one environment and as many steps."""
    from stable_baselines3 import DQN

    learner, batches = build(DQNConfig(n_envs=8))
    learner.update(next(batches), 0.1)
    theirs = DQN("MlpPolicy", "CartPole-v1").learn(learner.steps)
    assert learner.model._n_updates == pytest.approx(theirs._n_updates, rel=0.05)
    assert learner.model.replay_buffer.buffer_size * 8 == theirs.replay_buffer.buffer_size


def test_replay_is_bounded_by_memory():
    learner, _ = build(DQNConfig(replay_megabytes=1))  # 4 numbers of 4 bytes, twice
    assert learner.model.buffer_size == 10**6 // 32
    both = spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Box(0, 1, (2,))})
    assert seen(both).observation_bytes == 8 + 2 * 4
    numbers = spaces.Box(0, 1, (4 * 84 * 84 // 4,), np.float32)
    assert DQNConfig().setup(seen(numbers)).arguments["buffer_size"] == 4535


def test_what_is_not_given_is_sb3s_own():
    """Oracle: SB3's constructors themselves."""
    from stable_baselines3 import A2C, DQN, PPO

    for config, algorithm in (
        (PPOConfig, PPO),
        (A2CConfig, A2C),
        (DQNConfig, DQN),
    ):
        ours, theirs = build(config())[0].model, algorithm("MlpPolicy", "CartPole-v1")
        for name in ("learning_rate", "gamma", "ent_coef", "vf_coef", "n_epochs", "gae_lambda"):
            assert getattr(ours, name, None) == getattr(theirs, name, None), (config, name)
        assert str(ours.policy) == str(theirs.policy)


@pytest.mark.parametrize("kind", ZOO, ids=lambda kind: kind.algorithm.name)
def test_what_is_not_given_is_the_zoos(kind):
    model = on_breakout(kind())[0].model
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
    model = on_breakout(DQNConfig(n_envs=2, batch=8, learning_starts=50, replay_megabytes=10))[
        0
    ].model
    size = 10 * 10**6 // (4 * 42 * 42)
    assert (model.n_envs, model.batch_size, model.learning_starts) == (2, 8, 50)
    assert model.buffer_size == size


@pytest.mark.parametrize("size, stack, count", [(84, 4, 100_000), (160, 16, 7324)])
def test_dqns_memory_is_bounded(size, stack, count):
    problem = seen(spaces.Box(0, 255, (stack, size, size), np.uint8))
    transitions = DQNConfig().setup(problem).arguments["buffer_size"]
    assert transitions == count and transitions * stack * size * size <= 3e9


def test_ppos_learning_rate_and_clipping_decay_over_the_budget():
    learner, batches = on_breakout(PPOConfig(n_envs=2, epochs=1, lr=1e-3))
    metrics = learner.update(next(batches), 0.25)
    assert metrics["train/learning_rate"] == pytest.approx(0.75e-3)
    assert metrics["train/clip_range"] == pytest.approx(0.075)


def test_rewards_are_clipped_in_training_and_not_in_figures():
    learner, _ = on_breakout(A2CConfig(n_envs=2))
    options = learner.env.env.options
    assert options.clip_reward and options.life_loss
    assert learner.evaluator.overruled == {"clip_reward": False, "life_loss": False}
    assert learner.env_options == SMALL
    asked, _ = on_breakout(A2CConfig(n_envs=2), clip_reward=False)
    assert not asked.env.env.options.clip_reward and asked.env.env.options.life_loss


@pytest.mark.parametrize(
    "config",
    [
        PPOConfig(n_envs=2, epochs=1),
        A2CConfig(n_envs=4),
        DQNConfig(n_envs=2, learning_starts=200, replay_megabytes=10),
    ],
    ids=lambda config: config.algorithm.name,
)
def test_a_little_training_changes_weights_and_comes_back_from_a_file(config, tmp_path):
    learner, batches = on_breakout(config)
    before = [weight.clone() for weight in learner.model.policy.parameters()]
    metrics = learner.update(next(batches), 0.1)
    assert np.isfinite(list(metrics.values())).all() and metrics["rollout/ep_len_mean"] > 10
    after = list(learner.model.policy.parameters())
    assert any((one != other).any() for one, other in zip(before, after, strict=True))
    checkpoint.save(tmp_path / "c.safetensors", learner.state_dict())
    other, _ = on_breakout(config)
    other.load_state_dict(checkpoint.load(tmp_path / "c.safetensors"))
    images = np.random.default_rng(0).integers(256, size=(50, 4, 42, 42), dtype=np.uint8)
    np.testing.assert_array_equal(other.decide(images, None), learner.decide(images, None))
    assert learner.problem.observation_bytes == images[0].nbytes
