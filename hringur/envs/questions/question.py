"""What a question states: spaces, first states, the effect of actions, the best return.

A question works on many episodes at once. Their state is a dictionary of arrays with a row for each
episode, so that one implementation serves the single and the batched environment.
"""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from gymnasium import spaces
from jaxtyping import Bool, Float64, UInt8

from hringur.types import Decide

Episodes = dict[str, np.ndarray]
"""B episodes: arrays with B rows."""


class Question(ABC):
    """A decision problem of at most ``length`` actions."""

    length: int
    """actions after which an episode ends at the latest"""

    row_size: int
    """R, the uniform random numbers that make an episode"""

    action_space: spaces.Discrete | spaces.MultiDiscrete
    allowed_actions: str
    """what an action may be, for messages"""

    action_names: tuple[str, ...] = ()
    """of each action of a Discrete space, for films; empty: their numbers"""

    time_unit: str = "decision"
    """what passes in a step, for films"""

    compute_optimal: bool
    """the best return is in the last step's info"""

    @abstractmethod
    def observation_space(self) -> spaces.Space:
        """Of one environment; a new object, as spaces hold their own random state."""

    @abstractmethod
    def begin(self, numbers: Float64[np.ndarray, "B R"]) -> Episodes:
        """Episodes from uniform numbers in [0, 1)."""

    @abstractmethod
    def act(
        self, episodes: Episodes, actions: np.ndarray
    ) -> tuple[Float64[np.ndarray, " B"], Bool[np.ndarray, " B"]]:
        """Change the episodes; rewards, and which have ended before ``length`` actions."""

    @abstractmethod
    def observe(self, episodes: Episodes) -> Any:
        """Observations, which later steps leave as they are."""

    @abstractmethod
    def optimal(self, episodes: Episodes) -> Float64[np.ndarray, " B"]:
        """What the best policy returns on each of these episodes, from their beginning."""

    @abstractmethod
    def figures(self, episodes: Episodes) -> dict[str, Float64[np.ndarray, " B"]]:
        """What is told of episodes that have ended, by name; percentages end in ``_percent``."""

    @abstractmethod
    def draw(self, episode: Episodes) -> UInt8[np.ndarray, "height width 3"]:
        """The picture of one episode, a batch of 1."""

    def policies(self) -> dict[str, Decide]:
        """Simple policies to compare with, by name."""
        return {}

    def allowed(self, episodes: Episodes) -> Bool[np.ndarray, "B A"] | None:
        """Which actions are allowed; None where all of them always are."""
        return None
