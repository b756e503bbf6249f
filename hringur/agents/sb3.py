"""Stable-Baselines3's PPO, A2C and DQN, and sb3-contrib's MaskablePPO, on our environments.

They see the same environments through the same Gymnasium interface as every other agent. The
defaults are what is quoted; docs/baselines.md says what was tuned.
"""

from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

from lightning_fabric import Fabric

from hringur.agents.sb3_learner import Chunks, Features, SB3Config, SB3Learner
from hringur.types import UserError

GAE_LAMBDA = 0.95  # of generalised advantage estimation, Schulman et al. 2016


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """SB3's PPO (Schulman et al. 2017); it must learn not to visit a place twice."""

    algorithm: ClassVar[str] = "PPO"
    masks_itself: ClassVar[bool] = False

    n_envs: int = 64
    """tours driven side by side"""

    tours_per_update: int = 2
    """full tours of each environment before each update"""

    epochs: int = 4
    """passes over the collected steps in one update"""

    minibatches: int = 4
    """parts that the collected steps are cut into"""

    lr: float = 2e-3
    """Adam step size at the start; falls linearly to a tenth of it over the budget"""

    entropy_weight: float = 0.003
    """weight of the entropy bonus"""

    value_weight: float = 0.02
    """weight of the critic's loss, which would drown the policy's in the features they share"""

    width: int = 256
    """units of the critic's hidden layer; with 'flat' features of both layers of both networks"""

    dislike: float = 5.0
    """how far visited places start out below the others [nats]; learned from there on"""

    features: Features = "places"
    """'places': one small network for every place; 'flat': SB3's own, all numbers in a row"""

    def __post_init__(self) -> None:
        _check_positive(self)

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[SB3Learner, Chunks]:
        """The learner and its endless source of step counts."""
        return _build(self, env_id, env_options, seed, fabric)

    def settings(self, steps: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments, for ``steps`` of each environment in an update."""
        return {
            "n_steps": steps,
            "batch_size": steps * self.n_envs // self.minibatches,
            "n_epochs": self.epochs,
            "ent_coef": self.entropy_weight,
            "vf_coef": self.value_weight,
            "gae_lambda": GAE_LAMBDA,
        }


@dataclass(frozen=True, kw_only=True)
class MaskablePPOConfig:
    """sb3-contrib's PPO with visited places masked out (Huang & Ontañón 2022)."""

    algorithm: ClassVar[str] = "MaskablePPO"
    masks_itself: ClassVar[bool] = True
    dislike: ClassVar[float] = 0.0

    n_envs: int = 64
    """tours driven side by side"""

    tours_per_update: int = 2
    """full tours of each environment before each update"""

    epochs: int = 4
    """passes over the collected steps in one update"""

    minibatches: int = 4
    """parts that the collected steps are cut into"""

    lr: float = 2e-3
    """Adam step size at the start; falls linearly to a tenth of it over the budget"""

    entropy_weight: float = 0.003
    """weight of the entropy bonus"""

    value_weight: float = 0.02
    """weight of the critic's loss, which would drown the policy's in the features they share"""

    width: int = 256
    """units of the critic's hidden layer; with 'flat' features of both layers of both networks"""

    features: Features = "places"
    """'places': one small network for every place; 'flat': SB3's own, all numbers in a row"""

    def __post_init__(self) -> None:
        _check_positive(self)

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[SB3Learner, Chunks]:
        """The learner and its endless source of step counts."""
        return _build(self, env_id, env_options, seed, fabric)

    def settings(self, steps: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments, for ``steps`` of each environment in an update."""
        return {
            "n_steps": steps,
            "batch_size": steps * self.n_envs // self.minibatches,
            "n_epochs": self.epochs,
            "ent_coef": self.entropy_weight,
            "vf_coef": self.value_weight,
            "gae_lambda": GAE_LAMBDA,
        }


@dataclass(frozen=True, kw_only=True)
class A2CConfig:
    """SB3's A2C (Mnih et al. 2016); it must learn not to visit a place twice."""

    algorithm: ClassVar[str] = "A2C"
    masks_itself: ClassVar[bool] = False

    n_envs: int = 64
    """tours driven side by side"""

    tours_per_update: int = 1
    """full tours of each environment before each update"""

    lr: float = 7e-4
    """RMSProp step size at the start; falls linearly to a tenth of it over the budget"""

    entropy_weight: float = 0.003
    """weight of the entropy bonus"""

    value_weight: float = 0.02
    """weight of the critic's loss, which would drown the policy's in the features they share"""

    width: int = 256
    """units of the critic's hidden layer; with 'flat' features of both layers of both networks"""

    dislike: float = 5.0
    """how far visited places start out below the others [nats]; learned from there on"""

    features: Features = "places"
    """'places': one small network for every place; 'flat': SB3's own, all numbers in a row"""

    def __post_init__(self) -> None:
        _check_positive(self)

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[SB3Learner, Chunks]:
        """The learner and its endless source of step counts."""
        return _build(self, env_id, env_options, seed, fabric)

    def settings(self, steps: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments, for ``steps`` of each environment in an update."""
        return {
            "n_steps": steps,
            "ent_coef": self.entropy_weight,
            "vf_coef": self.value_weight,
            "gae_lambda": GAE_LAMBDA,
        }


@dataclass(frozen=True, kw_only=True)
class DQNConfig:
    """SB3's DQN (Mnih et al. 2015); it must learn not to visit a place twice."""

    algorithm: ClassVar[str] = "DQN"
    masks_itself: ClassVar[bool] = False

    n_envs: int = 16
    """tours driven side by side"""

    tours_per_update: int = 4
    """full tours of each environment before control returns to the trainer"""

    batch: int = 256
    """transitions in one gradient step; one step is made for each step of all environments"""

    replay_megabytes: int = 256
    """memory of the replay buffer; how many transitions fit depends on the number of places"""

    lr: float = 5e-4
    """Adam step size at the start; falls linearly to a tenth of it over the budget"""

    exploration: float = 0.3
    """share of the budget over which random moves fall from all to 2 %"""

    width: int = 256
    """units in each of the two hidden layers, with 'flat' features"""

    dislike: float = 100.0
    """how far visited places start out below the others [reward]; learned from there on"""

    features: Features = "places"
    """'places': one small network for every place; 'flat': SB3's own, all numbers in a row"""

    def __post_init__(self) -> None:
        _check_positive(self)

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[SB3Learner, Chunks]:
        """The learner and its endless source of step counts."""
        return _build(self, env_id, env_options, seed, fabric)

    def settings(self, steps: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments; a transition is two observations."""
        return {
            "batch_size": self.batch,
            "buffer_size": max(self.replay_megabytes * 10**6 // (2 * observation_bytes), 1000),
            "train_freq": 1,
            "gradient_steps": 1,
            "learning_starts": 1000,
            "target_update_interval": 2000,
        }

    def exploration_rate(self, progress: float) -> float:
        """Share of random moves: from all to 2 % over the first part of the budget."""
        return max(0.02, 1 - 0.98 * progress / self.exploration)


def _build(
    config: SB3Config, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
) -> tuple[SB3Learner, Chunks]:
    """The learner and its chunks; SB3 trains in one process."""
    if fabric.world_size > 1:
        raise UserError(f"{config.algorithm} trains in one process, got {fabric.world_size}")
    learner = SB3Learner(config, env_id, env_options, seed, fabric.device)
    return learner, Chunks(config.n_envs * config.tours_per_update)


def _check_positive(config: SB3Config) -> None:
    """Every number is above zero; only weights may vanish."""
    for name, value in vars(config).items():
        vanishing = name in ("entropy_weight", "value_weight", "dislike")
        if isinstance(value, int | float) and not (0 < value < inf or vanishing and value == 0):
            raise UserError(f"{name} must be positive and finite, got {value}")
