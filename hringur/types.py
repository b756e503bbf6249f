"""Records and protocols that pass between the parts of Hringur.

Axis letters used in every shape annotation:

====== ==========================================================
letter meaning
====== ==========================================================
B      batch of problem instances or environments
N      places of one instance
P      tours decoded side by side for one instance (starts, samples)
H      attention heads
D      width of an embedding
T      time: decisions in a row
N, M   images of a set, vectors of a sample
C H W  channels, height and width of an image
Z      width of a latent code
K      classes; components of a mixture
====== ==========================================================
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

Metrics = dict[str, float]
"""Scalars by tag, as logged; every tag is explained in docs/metrics.md."""

Season = Literal["summer", "summer-no-f-roads", "winter"]
"""Summer: every road. summer-no-f-roads: those that a car without four-wheel drive may take.
Winter: the network that is kept open all year."""

Decide = Callable[[Any, np.ndarray | None], np.ndarray]
"""A policy: from a batch of observations, and 1 for each action that is allowed, to actions."""

OnDecision = Callable[[int, int], None]
"""Called after each decision with the numbers of episodes that ended and of decisions made."""

State = dict[str, Any]
"""A nested dictionary of tensors, arrays, numbers, strings and lists; never of code."""


def printable(text: str) -> str:
    """``text`` on one line; what a terminal would obey (ESC, BEL, bidi marks) is escaped."""
    if text.isprintable():
        return text
    spaced = (" " if letter.isspace() else letter for letter in text)
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in spaced
    )


class UserError(ValueError):
    """Bad input: the message is one line that names the value, what was allowed and where."""

    def __str__(self) -> str:
        return printable(super().__str__())


class MissingExtra(UserError):
    """An optional package is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': pip install 'hringur[{extra}]'")


def optional(module: str, feature: str, extra: str) -> Any:
    """A module of an optional package; ``MissingExtra`` where it is not installed."""
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra(feature, extra) from error


@dataclass(frozen=True, eq=False)
class Instances:
    """A batch of B tour problems with N places each."""

    coordinates: Float64[np.ndarray, "B N 2"]
    """position in the unit square, y upwards"""

    distance: Float64[np.ndarray, "B N N"]
    """from row to column [km on the map of Iceland, unit lengths in the unit square]"""

    def __len__(self) -> int:
        return len(self.distance)

    def __getitem__(self, rows: slice | np.ndarray) -> "Instances":
        """The chosen instances, as a batch again."""
        return Instances(self.coordinates[rows], self.distance[rows])

    @property
    def n_places(self) -> int:
        """N, the number of places of each instance."""
        return self.distance.shape[-1]


@runtime_checkable
class Batches(Protocol):
    """An endless, resumable source of batches; a batch's ``len`` is its number of samples."""

    def __iter__(self) -> Iterator[Any]: ...

    def __next__(self) -> Any: ...

    def state_dict(self) -> State:
        """The position in the source."""

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""


@runtime_checkable
class Learner(Protocol):
    """What the trainer trains: it knows neither rewards nor images, only this.

    Optional methods: ``compile()`` compiles the networks in place with torch; ``figures()`` returns
    pictures by tag, for the log, after each evaluation.
    """

    def update(self, batch: Any, progress: float) -> Metrics:
        """One update; ``progress`` is the used share of the training budget, for schedules."""

    def evaluate(self) -> Metrics:
        """Scalars on held-out data; the one named by ``headline`` is shown in the progress bar."""

    @property
    def headline(self) -> str:
        """Tag of the metric that a reader wants to see while waiting."""

    def state_dict(self) -> State:
        """Everything needed to go on bit for bit: weights, optimiser, generators."""

    def load_state_dict(self, state: State) -> None:
        """Go on from ``state``."""
