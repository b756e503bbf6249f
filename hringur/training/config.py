"""Settings of the trainer, how far a run has come, the averages of its scalars, and what is due."""

from dataclasses import dataclass, field
from typing import Literal

from hringur.checks import check_not_negative, check_positive
from hringur.types import Metrics

DEFAULT_SECONDS = 180.0

Device = Literal["auto", "cpu", "cuda"]
"""auto: the GPU if there is one."""


@dataclass(frozen=True, kw_only=True)
class Counters:
    """How far a run has come, over all its resumptions."""

    steps: int = 0
    """updates made"""

    samples: int = 0
    """samples seen, those of all processes together"""

    seconds: float = 0.0
    """time spent in drawing batches and in updates [s]: what the budget counts"""

    evaluation_seconds: float = 0.0
    """time spent in evaluations and their figures [s]"""

    def check(self) -> None:
        """Refuse counts that no run can have; not at every step, hence no ``__post_init__``."""
        check_not_negative(self, *vars(self))


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
        kinds = {name: type(value) for name, value in vars(self).items()}
        check_positive(self, *(name for name, kind in kinds.items() if kind in (int, float)))
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


@dataclass(frozen=True)
class Averages:
    """Running means of scalars by tag."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.sums.keys() != self.counts.keys() or not all(n > 0 for n in self.counts.values()):
            raise ValueError("a mean needs a sum and a count above zero")

    def add(self, metrics: Metrics) -> None:
        """Add the scalars of one update."""
        for tag, value in metrics.items():
            self.sums[tag] = self.sums.get(tag, 0.0) + value
            self.counts[tag] = self.counts.get(tag, 0) + 1

    def take(self) -> Metrics:
        """The means since the last call; the sums start again from zero."""
        means = {tag: total / self.counts[tag] for tag, total in self.sums.items()}
        self.sums.clear()
        self.counts.clear()
        return means


class Due:
    """True once every so many ``steps``, ``seconds`` or ``samples``; None is never."""

    def __init__(
        self,
        now: Counters,
        steps: int | None = None,
        seconds: float | None = None,
        samples: int | None = None,
    ) -> None:
        self.steps, self.seconds, self.samples = steps, seconds, samples
        self._last = now

    def __call__(self, now: Counters) -> bool:
        """Whether it is due at ``now``; if so, seconds and samples are counted from here on."""
        due = self.steps is not None and now.steps % self.steps == 0
        for name in ("seconds", "samples"):
            every, passed = getattr(self, name), getattr(now, name) - getattr(self._last, name)
            due |= every is not None and passed >= every
        if due:
            self._last = now
        return due
