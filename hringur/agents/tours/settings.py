"""How tours are learned: settings that every network shares, and instances to learn from."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, ClassVar

import numpy as np

from hringur.agents.tours.decoding import TourPolicy
from hringur.checks import check_not_negative, check_positive, check_share
from hringur.data.tours.instances import Sampler
from hringur.data.tours.random_points import random_points
from hringur.estimators.baselines import BaselineName
from hringur.settings import Interval, Space
from hringur.types import Instances, State, UserError


@dataclass(frozen=True, kw_only=True)
class TourLearning(ABC):
    """How a policy learns to build tours. Each network adds settings of its own, and itself."""

    name: ClassVar[str]
    """name of the network in the registry"""

    renamed: ClassVar[Mapping[str, str]] = {"largest": "max_places"}

    search_space: ClassVar[Space] = {
        "lr": Interval(2e-4, 5e-3, log=True),
        "batch": (16, 32, 64, 128),
        "imitation": Interval(0.0, 1.0),
        "reinforcement": Interval(0.5, 4.0, log=True),
        "entropy_bonus": (0.0, 0.001, 0.003, 0.01),
        "average_decay": (0.98, 0.99, 0.995, 0.998),
    }

    frequencies: int = 6
    """octaves of sines that describe a position to the network; 0: the coordinates alone"""

    clip: float = 10.0
    """logits stay within plus and minus this (Bello et al. 2016)"""

    batch: int = 64
    """instances of an update"""

    tours: int | None = None
    """tours sampled of each instance; one from every place when not given"""

    min_places: int | None = None
    """draw instances of down to this many places; the environment's number when not given"""

    max_places: int | None = None
    """draw instances of up to this many places, smaller batches of larger ones"""

    points: float = 0.0
    """share of the batches that are points of a plane instead of the environment's own [0 .. 1]"""

    initial: Path | None = None
    """begin with the weights of this run, or of this saved agent, instead of random ones"""

    lr: float = 1e-3
    """Adam's highest learning rate, after a warm-up of 2 % of the budget; then a cosine decay"""

    baseline: BaselineName = "leave-one-out"
    """what a sampled tour is compared with"""

    imitation: float = 0.75
    """share of the tours that are replaced by a reading of the best one [0 .. 1]"""

    reinforcement: float = 2.0
    """weight of REINFORCE's tours, whose costs are counted in mean distances"""

    entropy_bonus: float = 0.0
    """weight of the entropy of a decision [per nat]"""

    average_decay: float = 0.995
    """decay of the running average of the weights, which is what is evaluated and saved"""

    clip_norm: float = 1.0
    """largest norm of the gradient; a longer one is scaled down"""

    def __post_init__(self) -> None:
        check_positive(self, "batch", "tours", "max_places", "lr", "clip_norm", "clip")
        check_not_negative(self, "reinforcement", "entropy_bonus", "frequencies")
        check_share(self, "imitation", "average_decay", "points")
        if self.tours is not None and self.tours < 2:
            raise UserError(f"tours must be at least 2, got {self.tours}")
        if self.min_places is not None and self.min_places < 2:
            raise UserError(f"min_places must be at least 2, got {self.min_places}")

    @abstractmethod
    def network(self) -> TourPolicy:
        """A new network with random weights."""

    def build(
        self, env_id: str, env_options: Mapping[str, Any], seed: int, fabric: Any
    ) -> "tuple[Any, InstanceBatches]":
        """The agent and its endless instances, different ones on each process."""
        agent_class = resolve_name("hringur.agents.tours.agent:TourAgent")  # slow to import
        agent = agent_class(env_id, self, seed=seed, fabric=fabric, env_options=env_options)
        return agent, agent.batches()


class InstanceBatches:
    """An endless source of instances that goes on where it stopped."""

    def __init__(
        self, sampler: Sampler, n_places: int, config: TourLearning, seed: list[int]
    ) -> None:
        self.sampler, self.n_places, self.config = sampler, n_places, config
        fewest, most = config.min_places or n_places, config.max_places or n_places
        if fewest > n_places:
            raise UserError(f"min_places must be at most {n_places}, got {fewest}")
        if most < n_places:
            raise UserError(f"max_places must be at least {n_places}, got {most}")
        for n in (fewest, most):
            sampler.random_row_size(n)  # refuses more, or fewer, than it can draw
        self.sizes = (fewest, most)
        self.rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[Instances]:
        return self

    def __next__(self) -> Instances:
        """A batch of one size, by the logarithm of the size: small sizes differ more.

        A batch falls with the square of its size, so that each update costs about the same.
        """
        n, batch, (fewest, most) = self.n_places, self.config.batch, self.sizes
        if fewest < most:
            n = int(fewest * ((most + 1) / fewest) ** self.rng.random())
            batch = max(2, round(batch * (self.n_places / n) ** 2))
        if self.config.points and self.rng.random() < self.config.points:
            return random_points(self.rng, batch, n)
        return self.sampler.sample(self.rng, batch, n)

    def state_dict(self) -> State:
        """State of the generator."""
        return {"generator": self.rng.bit_generator.state}

    def load_state_dict(self, state: State) -> None:
        """Go on from there."""
        self.rng.bit_generator.state = state["generator"]
