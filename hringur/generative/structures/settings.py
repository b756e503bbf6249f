"""Settings that models of structures share: discrete latents behind any estimator."""

from dataclasses import dataclass

from hringur.checks import check_positive, check_share
from hringur.generative.settings import LearningConfig

EXACT = "exact"
"""All values of the discrete latent are weighed, in place of an estimator."""


@dataclass(frozen=True, kw_only=True)
class StructureConfig(LearningConfig):
    """How a model learns that infers a structure, such as a graph, without labels."""

    width: int = 64
    """units of each hidden layer"""

    batch: int = 64
    """samples of an update"""

    estimator: str
    """estimator of the gradient through the structure, by its name in hringur.estimators"""

    draws: int = 1
    """structures drawn for a sample"""

    clip_norm: float
    """norm that the gradient is brought down to"""

    heat: float = 1000.0
    """what the error is divided by at first, so that a structure is not decided before the rest can
    use it; it falls geometrically to 1"""

    heat_share: float = 0.1
    """share of the budget over which it does [0 .. 1]"""

    supervised: bool = False
    """learn from the true structures instead, as a reference"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_positive(self, "width", "draws", "heat", "clip_norm")
        check_share(self, "heat_share")

    def temperature(self, progress: float) -> float:
        """What the error is divided by at this share of the budget."""
        left = 1 - progress / self.heat_share if progress < self.heat_share else 0.0
        return self.heat**left
