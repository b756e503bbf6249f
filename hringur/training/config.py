"""Settings of the trainer."""

import math
from dataclasses import dataclass
from typing import Literal

from hringur.training.counters import Counters
from hringur.types import UserError

DEFAULT_SECONDS = 180.0

Device = Literal["auto", "cpu", "cuda"]
"""auto: the GPU if there is one."""


@dataclass(frozen=True, kw_only=True)
class TrainerConfig:
    """How long and where to train, and how often to look; the first budget used up ends it."""

    steps: int | None = None
    """budget in updates"""

    samples: int | None = None
    """budget in samples (problem instances, or steps of environments), of all processes together"""

    seconds: float | None = None
    """budget in seconds of training, evaluations not counted; 180 when no budget is given"""

    device: Device = "auto"
    """where to train; auto takes the GPU when there is one"""

    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """arithmetic of the forward pass; the weights are always 32 bit"""

    compile: bool = False
    """compile the networks with torch.compile: worth its minute or so on a GPU"""

    threads: int | None = None
    """processor threads for torch; as torch chooses when not given"""

    log_every: int = 20
    """updates between two points of a curve, each the average of those updates"""

    evaluate_every_seconds: float | None = 30.0
    """seconds of training between evaluations"""

    evaluate_every_steps: int | None = None
    """updates between evaluations"""

    evaluate_every_samples: int | None = None
    """samples between evaluations"""

    checkpoint_every_seconds: float | None = 60.0
    """seconds of training between checkpoints"""

    checkpoint_every_steps: int | None = None
    """updates between checkpoints"""

    keep_checkpoints: int = 2
    """how many of the last checkpoints stay in the run folder"""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if is_number and not 0 < value < math.inf:
                raise UserError(f"{name} must be positive and finite, got {value}")
        if self.steps is None and self.samples is None and self.seconds is None:
            object.__setattr__(self, "seconds", DEFAULT_SECONDS)

    def share(self, now: Counters) -> float:
        """The largest used share of any budget [0 .. 1]."""
        budgets = (
            (now.steps, self.steps),
            (now.samples, self.samples),
            (now.seconds, self.seconds),
        )
        return min(1.0, max(used / budget for used, budget in budgets if budget is not None))
