"""Stable-Baselines3's PPO, A2C and DQN, and sb3-contrib's MaskablePPO, on our environments.

They see the same environments through the same Gymnasium interface as every other agent. What is
not given is chosen by the kind of environment: on tours, as tuned (docs/baselines.md says how);
on pictures, as RL Baselines3 Zoo has it for Atari; elsewhere, as SB3 itself has it.
"""

from dataclasses import dataclass
from math import gcd, inf
from typing import Any, ClassVar

from lightning_fabric import Fabric

from hringur.agents.sb3.elsewhere import SB3Elsewhere
from hringur.agents.sb3.on_tours import Chunks, Features, SB3Learner
from hringur.agents.sb3.tuned import filled
from hringur.evaluators.choice import evaluator_for
from hringur.evaluators.tours import TourEvaluator
from hringur.types import Learner, UserError

GAE_LAMBDA = 0.95  # of generalised advantage estimation, Schulman et al. 2016
# SB3's defaults for one environment, kept where there are several:
ROLLOUT, MINIBATCH = 2048, 64  # steps in an update of PPO, and in each part of it
REPLAY = 1_000_000  # transitions that DQN remembers, where memory allows it
REPLAY_MEGABYTES = 256
PPO_ON_TOURS = {
    "n_envs": 64,
    "epochs": 4,
    "minibatches": 4,
    "lr": 2e-3,
    "entropy_weight": 0.003,
    "value_weight": 0.02,
    "width": 256,
}
A2C_ON_TOURS = {
    "n_envs": 64,
    "lr": 7e-4,
    "entropy_weight": 0.003,
    "value_weight": 0.02,
    "width": 256,
}
DQN_ON_TOURS = {
    "n_envs": 16,
    "batch": 256,
    "lr": 5e-4,
    "exploration": 0.3,
    "width": 256,
    "learning_starts": 1000,
}


@dataclass(frozen=True, kw_only=True)
class PPOConfig:
    """SB3's PPO (Schulman et al. 2017); it must learn not to visit a place twice."""

    algorithm: ClassVar[str] = "PPO"
    masks_itself: ClassVar[bool] = False

    n_envs: int | None = None
    """environments side by side; 64 on tours, else 8"""

    tours_per_update: int = 2
    """on tours: full ones of each environment before each update"""

    epochs: int | None = None
    """passes over the collected steps in one update; 4 on tours and on pictures, else 10"""

    minibatches: int | None = None
    """parts that the collected steps are cut into; 4 on tours and pictures, else of 64 steps"""

    lr: float | None = None
    """Adam step size; on tours 2e-3, falling to a tenth, on pictures 2.5e-4, to 0, else 3e-4"""

    entropy_weight: float | None = None
    """weight of the entropy bonus; 0.003 on tours, 0.01 on pictures, else 0"""

    value_weight: float | None = None
    """weight of the critic's loss; 0.02 on tours, where both share their features, else 0.5"""

    width: int | None = None
    """units of hidden layers; 256 on tours, else as SB3 has them"""

    dislike: float = 5.0
    """on tours: how far visited places start out below the others [nats]; learned from there on"""

    features: Features = "places"
    """on tours: 'places', one small network for every place, or 'flat', SB3's own"""

    def __post_init__(self) -> None:
        _check_positive(self)

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[Learner, Chunks]:
        """The learner and its endless source of step counts."""
        return _build(self, env_id, env_options, seed, fabric)

    def on_tours(self) -> "PPOConfig":
        """With what is not given as it was tuned on tours."""
        return filled(self, PPO_ON_TOURS)

    def elsewhere(self, n_envs: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments on other environments; what is not given is SB3's default."""
        return _ppo_elsewhere(self, n_envs)

    def settings(self, steps: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments, for ``steps`` of each environment in an update, on tours."""
        return _ppo_on_tours(self, steps)


@dataclass(frozen=True, kw_only=True)
class MaskablePPOConfig:
    """sb3-contrib's PPO with visited places masked out (Huang & Ontañón 2022)."""

    algorithm: ClassVar[str] = "MaskablePPO"
    masks_itself: ClassVar[bool] = True
    dislike: ClassVar[float] = 0.0

    n_envs: int | None = None
    """environments side by side; 64 on tours, else 8"""

    tours_per_update: int = 2
    """on tours: full ones of each environment before each update"""

    epochs: int | None = None
    """passes over the collected steps in one update; 4 on tours and on pictures, else 10"""

    minibatches: int | None = None
    """parts that the collected steps are cut into; 4 on tours and pictures, else of 64 steps"""

    lr: float | None = None
    """Adam step size; on tours 2e-3, falling to a tenth, on pictures 2.5e-4, to 0, else 3e-4"""

    entropy_weight: float | None = None
    """weight of the entropy bonus; 0.003 on tours, 0.01 on pictures, else 0"""

    value_weight: float | None = None
    """weight of the critic's loss; 0.02 on tours, where both share their features, else 0.5"""

    width: int | None = None
    """units of hidden layers; 256 on tours, else as SB3 has them"""

    features: Features = "places"
    """on tours: 'places', one small network for every place, or 'flat', SB3's own"""

    def __post_init__(self) -> None:
        _check_positive(self)

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[Learner, Chunks]:
        """The learner and its endless source of step counts."""
        return _build(self, env_id, env_options, seed, fabric)

    def on_tours(self) -> "MaskablePPOConfig":
        """With what is not given as it was tuned on tours."""
        return filled(self, PPO_ON_TOURS)

    def elsewhere(self, n_envs: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments on other environments; what is not given is SB3's default."""
        return _ppo_elsewhere(self, n_envs)

    def settings(self, steps: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments, for ``steps`` of each environment in an update, on tours."""
        return _ppo_on_tours(self, steps)


@dataclass(frozen=True, kw_only=True)
class A2CConfig:
    """SB3's A2C (Mnih et al. 2016); it must learn not to visit a place twice."""

    algorithm: ClassVar[str] = "A2C"
    masks_itself: ClassVar[bool] = False

    n_envs: int | None = None
    """environments side by side; 64 on tours, 16 on pictures, else 8"""

    tours_per_update: int = 1
    """on tours: full ones of each environment before each update"""

    lr: float | None = None
    """RMSProp step size; 7e-4, on tours falling linearly to a tenth of it"""

    entropy_weight: float | None = None
    """weight of the entropy bonus; 0.003 on tours, 0.01 on pictures, else 0"""

    value_weight: float | None = None
    """weight of the critic's loss; 0.02 on tours, 0.25 on pictures, else 0.5"""

    width: int | None = None
    """units of hidden layers; 256 on tours, else as SB3 has them"""

    dislike: float = 5.0
    """on tours: how far visited places start out below the others [nats]; learned from there on"""

    features: Features = "places"
    """on tours: 'places', one small network for every place, or 'flat', SB3's own"""

    def __post_init__(self) -> None:
        _check_positive(self)

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[Learner, Chunks]:
        """The learner and its endless source of step counts."""
        return _build(self, env_id, env_options, seed, fabric)

    def on_tours(self) -> "A2CConfig":
        """With what is not given as it was tuned on tours."""
        return filled(self, A2C_ON_TOURS)

    def elsewhere(self, n_envs: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments on other environments; what is not given is SB3's default."""
        return _given(
            learning_rate=self.lr, ent_coef=self.entropy_weight, vf_coef=self.value_weight
        )

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

    n_envs: int | None = None
    """environments side by side; 16 on tours, else 8"""

    tours_per_update: int = 4
    """on tours: full ones of each environment before control returns to the trainer"""

    batch: int | None = None
    """transitions in one gradient step; 256 on tours, else 32"""

    replay_megabytes: int | None = None
    """most memory of the replay buffer; 3000 on pictures, for 100 000 transitions, else 256"""

    learning_starts: int | None = None
    """steps before the first gradient step; 1000 on tours, 100 000 on pictures, else 100"""

    lr: float | None = None
    """Adam step size; on tours 5e-4, falling linearly to a tenth of it, else 1e-4"""

    exploration: float | None = None
    """share of the budget over which random moves grow rare: 0.3, to 2 %, on tours, else 0.1"""

    width: int | None = None
    """units of hidden layers; 256 on tours, else as SB3 has them"""

    dislike: float = 100.0
    """on tours: how far visited places start out below the others [reward]; then learned"""

    features: Features = "places"
    """on tours: 'places', one small network for every place, or 'flat', SB3's own"""

    def __post_init__(self) -> None:
        _check_positive(self)

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[Learner, Chunks]:
        """The learner and its endless source of step counts."""
        return _build(self, env_id, env_options, seed, fabric)

    def on_tours(self) -> "DQNConfig":
        """With what is not given as it was tuned on tours."""
        return filled(self, DQN_ON_TOURS)

    def elsewhere(self, n_envs: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments on other environments; what is not given is SB3's default.

        SB3 makes a gradient step for every four of one environment: the same for several.
        """
        return _given(
            gradient_steps=n_envs,
            buffer_size=min(self._transitions(observation_bytes), REPLAY),
            learning_rate=self.lr,
            batch_size=self.batch,
            exploration_fraction=self.exploration,
            learning_starts=self.learning_starts,
        )

    def settings(self, steps: int, observation_bytes: int) -> dict[str, Any]:
        """SB3's own arguments, on tours."""
        return {
            "batch_size": self.batch,
            "buffer_size": self._transitions(observation_bytes),
            "train_freq": 1,
            "gradient_steps": 1,
            "learning_starts": self.learning_starts,
            "target_update_interval": 2000,
        }

    def _transitions(self, observation_bytes: int) -> int:
        """How many fit into the replay buffer; each is two observations."""
        megabytes = self.replay_megabytes or REPLAY_MEGABYTES
        return max(megabytes * 10**6 // (2 * observation_bytes), 1000)

    def exploration_rate(self, progress: float) -> float:
        """Share of random moves on tours: from all to 2 % over the first part of the budget."""
        assert self.exploration is not None
        return max(0.02, 1 - 0.98 * progress / self.exploration)


def _build(
    config: Any, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
) -> tuple[Learner, Chunks]:
    """The learner and its chunks; SB3 trains in one process."""
    if fabric.world_size > 1:
        raise UserError(f"{config.algorithm} trains in one process, got {fabric.world_size}")
    evaluator = evaluator_for(env_id, env_options)
    if isinstance(evaluator, TourEvaluator):
        tours = config.on_tours()
        learner = SB3Learner(tours, env_id, env_options, seed, fabric.device)
        return learner, Chunks(tours.n_envs * tours.tours_per_update)
    other = SB3Elsewhere(config, evaluator, seed, fabric.device)  # type: ignore[arg-type]
    return other, Chunks(other.steps)


def _ppo_elsewhere(config: PPOConfig | MaskablePPOConfig, n_envs: int) -> dict[str, Any]:
    """An update has as many steps as SB3's of one environment, in minibatches of its size."""
    whole = MINIBATCH // gcd(MINIBATCH, n_envs)  # steps that fill minibatches without a rest
    steps = max(ROLLOUT // n_envs // whole * whole, whole, 2)
    part = MINIBATCH if config.minibatches is None else steps * n_envs // config.minibatches
    return _given(
        n_steps=steps,
        batch_size=min(part, steps * n_envs),
        n_epochs=config.epochs,
        learning_rate=config.lr,
        ent_coef=config.entropy_weight,
        vf_coef=config.value_weight,
    )


def _ppo_on_tours(config: PPOConfig | MaskablePPOConfig, steps: int) -> dict[str, Any]:
    """An update has whole tours, in a few large minibatches."""
    assert config.n_envs is not None and config.minibatches is not None
    return {
        "n_steps": steps,
        "batch_size": steps * config.n_envs // config.minibatches,
        "n_epochs": config.epochs,
        "ent_coef": config.entropy_weight,
        "vf_coef": config.value_weight,
        "gae_lambda": GAE_LAMBDA,
    }


def _given(**arguments: Any) -> dict[str, Any]:
    """Without those that are not given."""
    return {name: value for name, value in arguments.items() if value is not None}


def _check_positive(config: Any) -> None:
    """Every number is above zero; only weights may vanish."""
    for name, value in vars(config).items():
        vanishing = name in ("entropy_weight", "value_weight", "dislike")
        if isinstance(value, int | float) and not (0 < value < inf or vanishing and value == 0):
            raise UserError(f"{name} must be positive and finite, got {value}")
