"""Stable-Baselines3's PPO, A2C and DQN, and sb3-contrib's MaskablePPO: what each starts from.

The table below has a row for each algorithm and in it a setup for each kind of problem, in SB3's
own argument names. What is not given on the command line is taken from there: on tours, as tuned
(docs/baselines.md says how); on images, as RL Baselines3 Zoo has it for Atari; elsewhere, as SB3
itself has it, with 8 environments side by side.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import gcd
from typing import Any, ClassVar

from gymnasium import spaces
from lightning_fabric import Fabric

from hringur.agents.sb3.learner import Algorithm, Chunks, Features, Problem, SB3Learner, Setup
from hringur.checks import check_not_negative, check_positive
from hringur.settings import Interval, Space
from hringur.types import Learner, UserError

# On tours. A length is not discounted, and only whole tours are learned from. The learning rate
# decays to a tenth.
A2C_ON_TOURS = Setup(
    n_envs=64,
    width=256,
    visited_penalty=5.0,
    decay={"learning_rate": 0.1},
    arguments={
        "learning_rate": 7e-4,
        "ent_coef": 0.003,
        "vf_coef": 0.02,  # actor and critic share their features
        "gae_lambda": 0.95,
        "gamma": 1.0,
    },
)
PPO_ON_TOURS = replace(
    A2C_ON_TOURS,
    tours_per_update=2,
    minibatches=4,
    arguments={**A2C_ON_TOURS.arguments, "learning_rate": 2e-3, "n_epochs": 4},
)
DQN_ON_TOURS = Setup(
    n_envs=16,
    width=256,
    visited_penalty=100.0,
    tours_per_update=4,
    decay={"learning_rate": 0.1},
    replay_megabytes=256,
    log_interval=1,
    arguments={
        "learning_rate": 5e-4,
        "batch_size": 256,
        "learning_starts": 1000,
        "train_freq": 1,
        "gradient_steps": 1,
        "target_update_interval": 2000,
        "exploration_fraction": 0.3,
        "exploration_final_eps": 0.02,
        "gamma": 1.0,
    },
)

# On images: RL Baselines3 Zoo's settings for Atari (Raffin 2020). It trains for 10 million steps,
# with clipped rewards and an episode for each life, which hold here too where the environment has
# such options and nothing else is asked for. Two things differ: DQN has 8 environments instead of
# one and as many gradient steps a transition, and its memory keeps each image once, not twice.
PPO_ON_IMAGES = Setup(
    minibatches=4,
    decay={"learning_rate": 0.0, "clip_range": 0.0},
    arguments={
        "learning_rate": 2.5e-4,
        "n_steps": 128,
        "n_epochs": 4,
        "clip_range": 0.1,
        "ent_coef": 0.01,
        "vf_coef": 0.5,
    },
)
A2C_ON_IMAGES = Setup(
    n_envs=16,
    arguments={"learning_rate": 7e-4, "ent_coef": 0.01, "vf_coef": 0.25},
    policy_arguments={  # RMSprop as TensorFlow has it
        "optimizer_class": "stable_baselines3.common.sb2_compat.rmsprop_tf_like:RMSpropTFLike",
        "optimizer_kwargs": {"eps": 1e-5},
    },
)
DQN_ON_IMAGES = Setup(
    replay_megabytes=3000,
    log_interval=4,
    arguments={
        "learning_rate": 1e-4,
        "batch_size": 32,
        "buffer_size": 100_000,  # transitions; those of 84 x 84 x 4 bytes take 2.8 GB
        "learning_starts": 100_000,
        "target_update_interval": 1000,
        "train_freq": 4,
        "exploration_fraction": 0.1,
        "exploration_final_eps": 0.01,
        "optimize_memory_usage": True,
        "replay_buffer_kwargs": {"handle_timeout_termination": False},  # SB3 has not both
    },
)

# Elsewhere: SB3's defaults for one environment are kept where there are several.
PPO_ELSEWHERE = Setup(rollout=2048, arguments={"batch_size": 64})
DQN_ELSEWHERE = Setup(replay_megabytes=256, log_interval=4, arguments={"buffer_size": 1_000_000})

PPO = Algorithm(
    name="PPO",
    setups={"tours": PPO_ON_TOURS, "images": PPO_ON_IMAGES, "other": PPO_ELSEWHERE},
)
MASKABLE_PPO = replace(
    PPO,
    name="MaskablePPO",
    module="sb3_contrib",
    masks_itself=True,
    setups={**PPO.setups, "tours": replace(PPO_ON_TOURS, visited_penalty=0.0)},
)
A2C = Algorithm(
    name="A2C", setups={"tours": A2C_ON_TOURS, "images": A2C_ON_IMAGES, "other": Setup()}
)
DQN = Algorithm(
    name="DQN",
    on_policy=False,
    actions=(spaces.Discrete,),
    setups={"tours": DQN_ON_TOURS, "images": DQN_ON_IMAGES, "other": DQN_ELSEWHERE},
)

ARGUMENTS = {
    "lr": "learning_rate",
    "epochs": "n_epochs",
    "batch": "batch_size",
    "entropy_weight": "ent_coef",
    "value_weight": "vf_coef",
    "learning_starts": "learning_starts",
    "exploration": "exploration_fraction",
}
"""SB3's name of an option; other options are fields of ``Setup``."""

LEAST_REPLAY = 1000  # transitions, whatever they take
MAY_BE_ZERO = ("entropy_weight", "value_weight", "visited_penalty")


@dataclass(frozen=True, kw_only=True)
class SB3Config:
    """Options of every algorithm."""

    algorithm: ClassVar[Algorithm]
    renamed: ClassVar[Mapping[str, str]] = {"dislike": "visited_penalty"}

    search_space: ClassVar[Space] = {
        "lr": Interval(1e-4, 1e-2, log=True),
        "n_envs": (8, 16, 32, 64),
    }

    n_envs: int | None = None
    """environments side by side; 64 on tours, but 16 for DQN; 16 on images for A2C; else 8"""

    tours_per_update: int | None = None
    """on tours: whole tours of each environment in an update; 2 for PPO, 1 for A2C, 4 for DQN"""

    lr: float | None = None
    """learning rate; on tours 2e-3 for PPO, 7e-4 for A2C, 5e-4 for DQN, decaying to a tenth; on
    images PPO's 2.5e-4 decays to 0; else SB3's own"""

    width: int | None = None
    """units of hidden layers; 256 on tours, else as SB3 has them"""

    features: Features = "places"
    """on tours: 'places', one small network for every place, or 'flat', SB3's own"""

    def __post_init__(self) -> None:
        numbers = [field.name for field in fields(self) if field.name != "features"]
        check_positive(self, *(name for name in numbers if name not in MAY_BE_ZERO))
        check_not_negative(self, *(name for name in numbers if name in MAY_BE_ZERO))

    def build(
        self, env_id: str, env_options: dict[str, Any], seed: int, fabric: Fabric
    ) -> tuple[Learner, Chunks]:
        """The learner and its endless source of step counts."""
        algorithm = self.algorithm
        algorithm.load()  # first of all, for the rest needs the extra too
        problem = Problem.of(algorithm, env_id, env_options)
        learner = SB3Learner(algorithm, self.setup(problem), problem, seed, fabric.device)
        return learner, Chunks(learner.samples)

    def setup(self, problem: Problem) -> Setup:
        """The table's setup for this problem, with the options that are given in its place."""
        usual = self.algorithm.setups[problem.kind]
        given = {name: value for name, value in vars(self).items() if value is not None}
        setup = replace(usual, **{k: given[k] for k in given if k not in ARGUMENTS})
        arguments = {**usual.arguments, **{ARGUMENTS[k]: given[k] for k in given if k in ARGUMENTS}}
        derived = _rollout_arguments if self.algorithm.on_policy else _replay_arguments
        return replace(setup, arguments=arguments | derived(setup, arguments, problem))


@dataclass(frozen=True, kw_only=True)
class ActorCriticConfig(SB3Config):
    """Options of the algorithms that have a policy and a critic."""

    search_space: ClassVar[Space] = {
        **SB3Config.search_space,
        "entropy_weight": Interval(1e-4, 0.1, log=True),
        "value_weight": Interval(0.01, 1.0, log=True),
    }

    entropy_weight: float | None = None
    """weight of the entropy bonus; 0.003 on tours, 0.01 on images, else 0"""

    value_weight: float | None = None
    """weight of the critic's loss; 0.02 on tours, where both share their features, on images 0.25
    for A2C, else 0.5"""


@dataclass(frozen=True, kw_only=True)
class ClippedConfig(ActorCriticConfig):
    """Options of PPO, with action masks or without."""

    search_space: ClassVar[Space] = {
        **ActorCriticConfig.search_space,
        "epochs": Interval(1, 20, log=True),
        "minibatches": (2, 4, 8, 16),
    }

    epochs: int | None = None
    """epochs over the collected steps in an update; 4 on tours and on images, else 10"""

    minibatches: int | None = None
    """minibatches of an epoch; 4 on tours and on images, else of 64 steps"""


@dataclass(frozen=True, kw_only=True)
class UnmaskedConfig(SB3Config):
    """Options of the algorithms that must learn not to visit a place twice."""

    visited_penalty: float | None = None
    """on tours: what visited places' logits [nats], or values, start out below the others', then
    learned; 100 for DQN, else 5"""


@dataclass(frozen=True, kw_only=True)
class MaskablePPOConfig(ClippedConfig):
    """sb3-contrib's PPO with visited places masked out (Huang & Ontañón 2022)."""

    algorithm: ClassVar[Algorithm] = MASKABLE_PPO


@dataclass(frozen=True, kw_only=True)
class PPOConfig(ClippedConfig, UnmaskedConfig):
    """SB3's PPO (Schulman et al. 2017); it must learn not to visit a place twice."""

    algorithm: ClassVar[Algorithm] = PPO


@dataclass(frozen=True, kw_only=True)
class A2CConfig(ActorCriticConfig, UnmaskedConfig):
    """SB3's A2C (Mnih et al. 2016); it must learn not to visit a place twice."""

    algorithm: ClassVar[Algorithm] = A2C


@dataclass(frozen=True, kw_only=True)
class DQNConfig(UnmaskedConfig):
    """SB3's DQN (Mnih et al. 2015); it must learn not to visit a place twice."""

    algorithm: ClassVar[Algorithm] = DQN

    search_space: ClassVar[Space] = {
        **SB3Config.search_space,
        "batch": (32, 64, 128, 256),
        "exploration": Interval(0.05, 0.5),
    }

    batch: int | None = None
    """transitions in a gradient step; 256 on tours, else 32"""

    replay_megabytes: int | None = None
    """most memory of the replay memory; 3000 on images, for 100 000 transitions, else 256"""

    learning_starts: int | None = None
    """steps before the first gradient step; 1000 on tours, 100 000 on images, else 100"""

    exploration: float | None = None
    """share of the budget over which random actions grow rare; 0.3, to 2 %, on tours, else 0.1"""


def _rollout_arguments(setup: Setup, arguments: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """Steps of each environment in an update, and steps of all of them in a minibatch."""
    found: dict[str, Any] = {}
    if problem.kind == "tours":
        found["n_steps"] = setup.tours_per_update * problem.sample_steps
    if setup.rollout is not None:
        size = arguments["batch_size"]
        whole = size // gcd(size, setup.n_envs)  # steps that fill minibatches without a rest
        found["n_steps"] = max(setup.rollout // setup.n_envs // whole * whole, whole, 2)
    if setup.minibatches is not None:
        steps = {**arguments, **found}["n_steps"] * setup.n_envs
        found["batch_size"] = steps // setup.minibatches
        if found["batch_size"] < 2:  # SB3 normalises the advantages of a minibatch
            raise UserError(
                f"minibatches must be at most {steps // 2} for the {steps} steps of an update, got"
                f" {setup.minibatches}"
            )
    return found


def _replay_arguments(setup: Setup, arguments: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """Transitions that the memory holds; gradient steps after ``train_freq`` of every environment.

    SB3 makes a gradient step for every four steps of one environment: the same for several.
    """
    assert setup.replay_megabytes is not None
    observations = 1 if arguments.get("optimize_memory_usage") else 2  # of a transition
    fitting = setup.replay_megabytes * 10**6 // (observations * problem.observation_bytes)
    return {
        "buffer_size": max(min(fitting, arguments.get("buffer_size", fitting)), LEAST_REPLAY),
        "gradient_steps": arguments.get("gradient_steps", setup.n_envs),
    }
