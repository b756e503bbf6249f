"""Settings of REINFORCE for any environment, and how they depend on what is observed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from hringur.agents.reinforce.environments import Autoreset, Vectorization
from hringur.agents.reinforce.layers import Activation, ImageNetwork
from hringur.checks import check_not_negative, check_positive, check_share
from hringur.settings import Interval, Space
from hringur.types import UserError

StepBaselineName = Literal[
    "value", "none", "moving-average", "batch-mean", "leave-one-out", "greedy-rollout"
]

Schedule = Literal["linear", "cosine", "constant"]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Settings whose usual values depend on whether images are observed."""

    n_envs: int
    n_steps: int
    epochs: int
    minibatches: int
    clip: float
    lr: float


USUAL = Sizes(n_envs=64, n_steps=16, epochs=1, minibatches=1, clip=0.2, lr=2e-3)
OF_IMAGES = Sizes(n_envs=16, n_steps=64, epochs=3, minibatches=4, clip=0.1, lr=5e-4)
"""Steps of a game are expensive, so each is learned from more than once."""


@dataclass(frozen=True, kw_only=True)
class ReinforceSettings:
    """What the parts of REINFORCE need to know; ``ReinforceConfig`` in agent.py also builds it."""

    renamed: ClassVar[Mapping[str, str]] = {"passes": "epochs", "parts": "minibatches"}

    search_space: ClassVar[Space] = {
        "lr": Interval(2e-4, 1e-2, log=True),
        "n_envs": (16, 32, 64, 128),
        "gamma": (0.95, 0.98, 0.99, 0.995, 1.0),
        "gae_lambda": Interval(0.8, 1.0),
        "entropy_weight": Interval(1e-4, 0.1, log=True),
        "epochs": (1, 2, 4, 8),
        "width": (32, 64, 128),
    }

    n_envs: int | None = None
    """environments side by side; 64 when not given, 16 where images are observed"""

    n_steps: int | None = None
    """steps of each environment in an update, and with whole_episodes the longest episode; 16 when
    not given, 64 where images are observed"""

    whole_episodes: bool = False
    """an update is one whole episode of each environment, begun afresh"""

    group: int = 1
    """with whole_episodes: environments that begin in the same way, so many of n_envs at a time;
    leave-one-out then compares each only with the others of its group"""

    vectorization: Vectorization = "auto"
    """'auto': the native vector where there is one; 'sync': a loop; 'async': processes"""

    autoreset: Autoreset = "next-step"
    """how the next episode begins: by a step of its own (next-step), or at the end of the last one
    (same-step), which wastes nothing where episodes are short"""

    gamma: float = 0.99
    """discount of a reward one step later [0 .. 1]"""

    baseline: StepBaselineName = "value"
    """what a return is compared with; 'greedy-rollout' needs whole_episodes"""

    gae_lambda: float = 0.95
    """with the value baseline: 1 is the whole reward-to-go, 0 trusts the critic after one step"""

    normalise_advantage: bool = True
    """divide advantages by their deviation (and, with the value baseline, subtract their mean)"""

    normalise_observation: bool = True
    """standardise observed numbers by their running mean and deviation"""

    normalise_reward: bool = True
    """divide rewards by the running deviation of discounted returns"""

    entropy_weight: float = 0.01
    """weight of the entropy bonus at the start [per nat]"""

    entropy_schedule: Schedule = "constant"
    """how that weight falls to zero over the budget, if it does"""

    value_weight: float = 0.5
    """weight of the critic's squared error"""

    epochs: int | None = None
    """epochs over each rollout, with clipped ratios after the first gradient step (Schulman et al.
    2017); 1 when not given, 3 where images are observed"""

    minibatches: int | None = None
    """minibatches of an epoch, one gradient step each; 1 when not given, 4 where images are
    observed"""

    clip: float | None = None
    """with epochs or minibatches: share by which a decision's probability may change in an update;
    0.2 when not given, 0.1 where images are observed"""

    lr: float | None = None
    """Adam's learning rate at the start; 2e-3 when not given, 5e-4 where images are observed"""

    schedule: Schedule = "linear"
    """how the learning rate falls to zero over the budget, if it does"""

    clip_norm: float = 0.5
    """largest norm of the gradient; a longer one is scaled down"""

    width: int = 64
    """units of a hidden layer"""

    layers: int = 2
    """hidden layers of the policy, and of the critic"""

    activation: Activation = "tanh"
    """between the layers"""

    score_actions: bool = False
    """also score each action by one shared network, from the rows of numbers that the observation
    has for it, such as the length of each connection"""

    smooth_choices: float = 0.0
    """of actions whose values are in order, such as coordinates: how far neighbours share their
    logits, the deviation of a normal distribution [values]; 0: not at all"""

    image_network: ImageNetwork = "small"
    """convolutions for images: those of Mnih et al. 2016 (small) or 2015 (nature); of patches of
    4 pixels and then of 3 patches (fine), which see where something is; or residual ones of which
    each row and column keeps the largest values (profiles), which see it best and cost more"""

    def __post_init__(self) -> None:
        check_positive(self, *vars(USUAL), "width", "clip_norm", "group")
        check_not_negative(self, "layers", "entropy_weight", "value_weight", "smooth_choices")
        check_share(self, "gamma", "gae_lambda")
        if self.baseline == "greedy-rollout" and not self.whole_episodes:
            raise UserError("baseline greedy-rollout needs whole_episodes")
        if self.group > 1 and not self.whole_episodes:
            raise UserError(f"group={self.group} needs whole_episodes")

    def sizes(self, images: bool) -> Sizes:
        """What was given, and the usual values for what was not."""
        given = {name: getattr(self, name) for name in vars(USUAL)}
        known = {name: value for name, value in given.items() if value is not None}
        sizes = replace(OF_IMAGES if images else USUAL, **known)
        if sizes.n_envs % self.group:
            raise UserError(f"n_envs must be a multiple of group={self.group}, got {sizes.n_envs}")
        return sizes
