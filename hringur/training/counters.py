"""How far a run has come, the averages of its scalars, and what is due."""

from dataclasses import dataclass, field

from hringur.types import Metrics


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


@dataclass(frozen=True)
class Averages:
    """Running means of scalars by tag."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, metrics: Metrics) -> None:
        """Take in the scalars of one update."""
        for tag, value in metrics.items():
            self.sums[tag] = self.sums.get(tag, 0.0) + value
            self.counts[tag] = self.counts.get(tag, 0) + 1

    def take(self) -> Metrics:
        """The means since the last call, and begin anew."""
        means = {tag: total / self.counts[tag] for tag, total in self.sums.items()}
        self.sums.clear()
        self.counts.clear()
        return means


class Due:
    """True once every so many steps, seconds or samples; None is never."""

    def __init__(
        self,
        every_steps: int | None,
        every_seconds: float | None,
        now: Counters,
        every_samples: int | None = None,
    ) -> None:
        self.every_steps = every_steps
        self.every_seconds = every_seconds
        self.every_samples = every_samples
        self._last = now

    def __call__(self, now: Counters) -> bool:
        """Whether it is due at ``now``; if so, seconds and samples are counted from here on."""
        by_steps = self.every_steps is not None and now.steps % self.every_steps == 0
        passed = now.seconds - self._last.seconds
        by_seconds = self.every_seconds is not None and passed >= self.every_seconds
        seen = now.samples - self._last.samples
        by_samples = self.every_samples is not None and seen >= self.every_samples
        due = by_steps or by_seconds or by_samples
        if due:
            self._last = now
        return due
