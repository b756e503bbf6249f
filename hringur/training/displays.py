"""What every display of a run is told, and the words that displays share."""

import time
from collections.abc import Mapping

from matplotlib.figure import Figure

from hringur.training.config import Counters
from hringur.types import Metrics


class Display:
    """Shows a run's progress to a person; this one shows nothing."""

    inline = False
    """whether results are shown as values of a cell, so that nobody need print them"""

    def show(self, share: float, now: Counters, headline: str) -> None:
        """Called after every update; ``share`` of the budget is used [0 .. 1]."""

    def say(self, line: str) -> None:
        """One line that stays."""

    def measured(self, metrics: Metrics, now: Counters) -> None:
        """The result of one evaluation."""

    def draw(self, figures: Mapping[str, Figure]) -> None:
        """Pictures by tag."""

    def close(self) -> None:
        """The run has ended."""


class Speed:
    """Samples per second of training, measured afresh every ``interval`` seconds."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self.samples_per_second = 0.0
        self._shown_at = float("-inf")  # the first update is shown
        self._then: Counters | None = None

    def due(self, now: Counters, share: float) -> bool:
        """Whether ``interval`` seconds have passed, or all; if so, the speed is measured."""
        if share < 1 and time.perf_counter() - self._shown_at < self.interval:
            return False
        if self._then is not None and now.seconds > self._then.seconds:
            samples = now.samples - self._then.samples
            self.samples_per_second = samples / (now.seconds - self._then.seconds)
        self._shown_at, self._then = time.perf_counter(), now
        return True


def summary(share: float, now: Counters, headline: str, samples_per_second: float) -> str:
    """One line: share of the budget, headline metric, steps, speed, time left."""
    left = now.seconds * (1 - share) / share if share > 0 else 0.0
    parts = [f"{share:4.0%}", headline, f"step {now.steps:,}"]
    parts += [f"{samples_per_second:,.0f} samples/s"] if samples_per_second else []
    parts += [f"{clock(left)} left" if share < 1 else f"{clock(now.seconds)} in all"]
    return "  ".join(part for part in parts if part)


def clock(seconds: float) -> str:
    """``seconds`` as 1:23 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
