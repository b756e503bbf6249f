"""What Stable-Baselines3's algorithms start from on pictures: RL Baselines3 Zoo's Atari settings.

The Zoo (Raffin 2020) trains for 10 million steps, with clipped rewards and an episode for each
life, which hold here too where the environment has such options and nothing else is asked for.
PPO's step size and its clipping fall linearly to zero over the budget. Two things differ: DQN has
8 environments instead of one and as many gradient steps a transition, and its memory keeps each
picture once instead of twice.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

Config = TypeVar("Config")

PPO: dict[str, Any] = {
    "n_envs": 8,
    "epochs": 4,
    "minibatches": 4,
    "lr": 2.5e-4,
    "entropy_weight": 0.01,
    "value_weight": 0.5,
}
ZOO: dict[str, dict[str, Any]] = {
    "PPO": PPO,
    "MaskablePPO": PPO,
    "A2C": {"n_envs": 16, "lr": 7e-4, "entropy_weight": 0.01, "value_weight": 0.25},
    "DQN": {
        "n_envs": 8,
        "batch": 32,
        "lr": 1e-4,
        "exploration": 0.1,
        "replay_megabytes": 3000,
        "learning_starts": 100_000,
    },
}
"""Of each algorithm, by the names of its own settings; what is given there holds."""

PPO_STEPS = 128  # of each environment in an update
PPO_CLIP = 0.1
REPLAY = 100_000  # transitions; those of 84 x 84 x 4 bytes take 2.8 GB
LEAST_REPLAY = 1000


def filled(config: Config, values: Mapping[str, Any]) -> Config:
    """With these values where none was given."""
    missing = {name: value for name, value in values.items() if getattr(config, name) is None}
    return replace(config, **missing)  # type: ignore[type-var]


def arguments(config: Any, n_envs: int, observation_bytes: int) -> dict[str, Any]:
    """SB3's own arguments."""
    complete = filled(config, ZOO[config.algorithm])
    if config.algorithm == "A2C":
        return _step(complete) | _weights(complete)
    if config.algorithm == "DQN":
        return _step(complete) | _dqn(complete, n_envs, observation_bytes)
    return {
        **_step(complete),
        **_weights(complete),
        "n_steps": PPO_STEPS,
        "batch_size": PPO_STEPS * n_envs // complete.minibatches,
        "n_epochs": complete.epochs,
        "clip_range": PPO_CLIP,
    }


def policy_arguments(algorithm: str) -> dict[str, Any]:
    """A2C's optimiser is RMSprop as TensorFlow has it."""
    if algorithm != "A2C":
        return {}
    from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike

    return {"optimizer_class": RMSpropTFLike, "optimizer_kwargs": {"eps": 1e-5}}


def fall(model: Any, progress: float) -> None:
    """PPO's step size and clipping at this share of the budget, which SB3 does not know."""
    left = 1 - progress
    lr = model.learning_rate
    model.lr_schedule = lambda _: lr * left
    model.clip_range = lambda _: PPO_CLIP * left


def _step(config: Any) -> dict[str, Any]:
    return {"learning_rate": config.lr}


def _weights(config: Any) -> dict[str, Any]:
    return {"ent_coef": config.entropy_weight, "vf_coef": config.value_weight}


def _dqn(config: Any, n_envs: int, observation_bytes: int) -> dict[str, Any]:
    fitting = config.replay_megabytes * 10**6 // observation_bytes
    return {
        "buffer_size": max(min(fitting, REPLAY), LEAST_REPLAY),
        "batch_size": config.batch,
        "learning_starts": config.learning_starts,
        "target_update_interval": 1000,
        "train_freq": 4,
        "gradient_steps": n_envs,  # one for every four steps of one environment
        "exploration_fraction": config.exploration,
        "exploration_final_eps": 0.01,
        "optimize_memory_usage": True,
        "replay_buffer_kwargs": {"handle_timeout_termination": False},  # SB3 has not both
    }
