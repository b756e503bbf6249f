"""How many processor threads torch uses, chosen while training goes on.

OpenMP's threads wait for each other by spinning. On a quiet machine that is fastest; where another
program keeps a core busy, a thread that spins uses up its turn, and each parallel operation takes
milliseconds instead of microseconds: training with two threads beside one busy program is a hundred
times slower than with one. ``Threads`` notices it within one update, and goes back when the machine
is quiet again.

Sums over a whole tensor and some gradients of weights are added up in another order with another
number of threads (``docs/training.md``), so the number is fixed where a run must repeat itself.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from hringur.training.config import TrainerConfig
from hringur.training.fabric import world_size

PROBED = 0.04
"""Time for which parallel operations are tried [s]."""

CROWDED = 5.0
"""A parallel operation that takes so many times as long as a serial one waits for others."""

MEASURED = 0.3
"""Least time of training by which a number of threads is judged [s]."""

SLOW = 2.0
"""An update that takes so many times the usual makes us look again."""

PATIENCE = 10.0
"""Training between two looks for a machine that is quiet again [s]."""

PART = 32_768
"""Numbers for which torch uses one more thread."""


def crowded(threads: int) -> bool:
    """Whether so many threads keep each other waiting, because another program is running."""
    before, numbers = torch.get_num_threads(), torch.zeros(PART * threads)
    try:
        torch.set_num_threads(1)
        alone = _seconds_each(numbers, PROBED / 8)
        torch.set_num_threads(threads)
        return _seconds_each(numbers, PROBED) > CROWDED * alone
    finally:
        torch.set_num_threads(before)


def _seconds_each(numbers: torch.Tensor, seconds: float) -> float:
    count, began = 0, time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds or not count:
        numbers.add_(1.0)
        count += 1
    return passed / count


@dataclass
class Pace:
    """Samples and seconds of training with one number of threads."""

    samples: int = 0
    seconds: float = 0.0
    updates: int = 0

    def add(self, samples: int, seconds: float) -> None:
        """One update."""
        self.samples, self.seconds = self.samples + samples, self.seconds + seconds
        self.updates += 1

    @property
    def known(self) -> bool:
        """Long enough to judge by."""
        return self.updates >= 2 and self.seconds >= MEASURED

    @property
    def samples_per_second(self) -> float:
        """Speed."""
        return self.samples / self.seconds


class Threads:
    """Chooses how many threads torch takes, by the pace of updates.

    One thread is measured first, as it is slow nowhere; then as many as do not wait for another
    program. They stay if they are faster. They are looked at again after an update that took more
    than ``SLOW`` times as long as usual, and now and then for a machine that is quiet again.
    """

    def __init__(self, say: Callable[[str], None], probe: Callable[[int], bool] = crowded) -> None:
        """``say`` is told of every change in one line; ``probe`` says whether threads wait."""
        self.most, self.say, self.probe = torch.get_num_threads(), say, probe
        self.pace: dict[int, Pace] = {}
        self._first = self._due = True
        self._since, self._busy = 0.0, False
        torch.set_num_threads(1)

    def after(self, samples: int, seconds: float) -> None:
        """Judge by an update that has been made; may change the number for the next one."""
        if self._first:  # it allocates memory and more
            self._first = False
            return
        now = torch.get_num_threads()
        pace = self.pace.setdefault(now, Pace())
        slow = pace.known and seconds * pace.samples_per_second > SLOW * samples
        pace.add(samples, seconds)
        self._since += seconds
        if slow and now > 1 and self.probe(now):
            del self.pace[now]
            self._use(self._most_at_ease(), busy=True)
        elif pace.known and now > 1 and pace.samples_per_second < self._alone:
            self._use(1, self._busy)
        elif pace.known and now < self.most and (self._due or self._since >= PATIENCE):
            found = self._most_at_ease()
            other = self.pace.get(found)
            worse = other is not None and other.known and other.samples_per_second < self._alone
            self._use(now if worse else max(now, found), busy=found < self.most)

    @property
    def _alone(self) -> float:
        """Pace of one thread [samples/s]."""
        return self.pace[1].samples_per_second

    def _most_at_ease(self) -> int:
        """The largest number that no other program makes wait: all, one less, half of that ..."""
        number = self.most
        while number > 1 and self.probe(number):
            number = number - 1 if number == self.most > 2 else number // 2
        return max(1, number)

    def _use(self, threads: int, busy: bool) -> None:
        if busy != self._busy:
            why = "another program keeps a processor busy" if busy else "the machine is quiet again"
            self.say(f"threads: {threads}, as {why}")
        self._busy, self._due, self._since = busy, False, 0.0
        torch.set_num_threads(threads)

    def close(self) -> None:
        """As many as before."""
        torch.set_num_threads(self.most)


def chosen_by_pace(config: TrainerConfig) -> bool:
    """Whether a run may choose: on a processor, by itself, until a time that no run repeats."""
    counted = config.steps is not None or config.samples is not None
    gpu = config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())
    several = torch.get_num_threads() > 1 and config.threads is None
    return several and not counted and not gpu and world_size() == 1
