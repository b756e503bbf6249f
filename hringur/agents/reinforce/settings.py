"""Settings of REINFORCE for any environment."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from lightning_fabric import Fabric

from hringur.agents.reinforce.baselines import StepBaselineName
from hringur.agents.reinforce.environments import Vectorization
from hringur.agents.reinforce.image_encoder import ImageNetwork
from hringur.agents.reinforce.perceptron import Activation
from hringur.checks import check_not_negative, check_positive, check_share
from hringur.evaluators.choice import training_options
from hringur.types import UserError

if TYPE_CHECKING:
    from hringur.agents.reinforce.agent import Reinforce
    from hringur.agents.reinforce.rollouts import Rollouts

USUAL: dict[str, Any] = {
    "n_envs": 64, "n_steps": 16, "passes": 1, "parts": 1, "clip": 0.2, "lr": 2e-3,
}  # fmt: skip
ON_PICTURES = USUAL | {
    "n_envs": 16, "n_steps": 64, "passes": 3, "parts": 4, "clip": 0.1, "lr": 5e-4,
}  # fmt: skip
"""Steps of a game are dear, so each is learned from more than once."""


@dataclass(frozen=True, kw_only=True)
class ReinforceConfig:
    """REINFORCE (Williams 1992) for any environment with discrete actions."""

    n_envs: int | None = None
    """environments side by side; 64 when not given, 16 where pictures are seen"""

    n_steps: int | None = None
    """steps of each environment in an update, and with whole_episodes the longest episode; 16 when
    not given, 64 where pictures are seen"""

    whole_episodes: bool = False
    """an update is one whole episode of each environment, begun afresh"""

    vectorization: Vectorization = "auto"
    """'auto': the native vector where there is one; 'sync': a loop; 'async': processes"""

    gamma: float = 0.99
    """discount of a reward one step later [0 .. 1]"""

    baseline: StepBaselineName = "value"
    """what a return is compared with; 'greedy-rollout' needs whole_episodes"""

    gae_lambda: float = 0.95
    """with the value baseline: 1 is the whole reward-to-go, 0 trusts the critic after one step"""

    normalise_advantage: bool = True
    """divide advantages by their deviation (and, with the value baseline, take off their mean)"""

    normalise_observation: bool = True
    """standardise observed numbers by their running mean and deviation"""

    normalise_reward: bool = True
    """divide rewards by the running deviation of discounted returns"""

    entropy_weight: float = 0.01
    """weight of the entropy bonus [per nat]"""

    value_weight: float = 0.5
    """weight of the critic's squared error"""

    passes: int | None = None
    """over each rollout, from the second step on with clipped ratios (Schulman et al. 2017); 1 when
    not given, 3 where pictures are seen"""

    parts: int | None = None
    """gradient steps of a pass, each on another part of the rollout; 1 when not given, 4 where
    pictures are seen"""

    clip: float | None = None
    """with passes or parts: share by which a decision's probability may change in an update; 0.2
    when not given, 0.1 where pictures are seen"""

    lr: float | None = None
    """Adam's step size at the start; 2e-3 when not given, 5e-4 where pictures are seen"""

    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """how the step size falls to zero over the budget, if it does"""

    clip_norm: float = 0.5
    """longest gradient"""

    width: int = 64
    """units of a hidden layer"""

    layers: int = 2
    """hidden layers of the policy, and of the critic"""

    activation: Activation = "tanh"
    """between the layers; a tanh costs more time than the 64 x 64 products around it"""

    image_network: ImageNetwork = "small"
    """convolutions for images: those of Mnih et al. 2016 (small) or 2015 (nature)"""

    def __post_init__(self) -> None:
        check_positive(self, *USUAL, "width", "clip_norm")
        check_not_negative(self, "layers", "entropy_weight", "value_weight")
        check_share(self, "gamma", "gae_lambda")
        if self.baseline == "greedy-rollout" and not self.whole_episodes:
            raise UserError("baseline greedy-rollout needs whole_episodes")

    def build(
        self, env_id: str, env_options: Mapping[str, Any], seed: int, fabric: Fabric
    ) -> "tuple[Reinforce, Rollouts]":
        """The agent and its endless rollouts, different ones on each process."""
        from hringur.agents.reinforce.agent import Reinforce  # which needs this file

        options = training_options(env_id, env_options)
        agent = Reinforce(env_id, self, seed=seed, fabric=fabric, env_options=options)
        return agent, agent.batches

    def complete(self, pictures: bool) -> "CompleteConfig":
        """With usual values where none is given, or with those that pictures need."""
        usual = ON_PICTURES if pictures else USUAL
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        missing = {name: usual[name] for name, value in given.items() if value is None}
        return CompleteConfig(**given | missing)


@dataclass(frozen=True, kw_only=True)
class CompleteConfig(ReinforceConfig):
    """Settings of which none is left open."""

    n_envs: int
    n_steps: int
    passes: int
    parts: int
    clip: float
    lr: float
