"""What a person sees while waiting: a bar on a terminal, plain lines elsewhere, or nothing.

All of it goes to stderr, so that stdout stays free for results; but in a notebook pictures and
curves stand below the cell (``inline.py``).
"""

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from hringur.training.config import Counters
from hringur.training.displays import Display, Speed, summary
from hringur.training.inline import Inline
from hringur.types import printable

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_BARS = 0.25


def display(quiet: bool = False) -> Display:
    """A bar on a terminal, an output in a notebook, else lines; ``quiet`` shows nothing at all."""
    if quiet:
        return Display()
    shell = ipython()
    if getattr(shell, "kernel", None) is not None:
        return Inline()
    console = Console(stderr=True)
    chosen: Display = Bar(console) if console.is_terminal else Lines(console)
    chosen.inline = shell is not None
    return chosen


def ipython() -> Any:
    """IPython's shell when this process runs in one; IPython is not imported to find out."""
    module = sys.modules.get("IPython")
    return None if module is None else module.get_ipython()


class Bar(Display):
    """A bar with the share of the budget, the headline metric, the speed and the time left."""

    def __init__(self, console: Console) -> None:
        columns = (BarColumn(), TextColumn("{task.description}"))
        # No refreshing thread: it would compete with the training for the processor.
        self._bar = Progress(*columns, console=console, auto_refresh=False)
        self._task = self._bar.add_task("starting", total=1.0)
        self._speed = Speed(SECONDS_BETWEEN_BARS)

    def show(self, share: float, now: Counters, headline: str) -> None:
        """Redraw, a few times a second at most."""
        if self._speed.due(now, share):
            description = summary(share, now, headline, self._speed.samples_per_second)
            self._bar.start()  # the first time; later ones do nothing
            self._bar.update(self._task, completed=share, description=description)
            self._bar.refresh()

    def say(self, line: str) -> None:
        """One line above the bar."""
        self._bar.console.print(printable(line), highlight=False, markup=False, soft_wrap=True)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()


class Lines(Display):
    """The same as plain lines, one in ten seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._speed = Speed(SECONDS_BETWEEN_LINES)

    def show(self, share: float, now: Counters, headline: str) -> None:
        """Print a line when the last one is old enough."""
        if self._speed.due(now, share):
            self.say(summary(share, now, headline, self._speed.samples_per_second))

    def say(self, line: str) -> None:
        """Print the line."""
        self._console.print(printable(line), highlight=False, markup=False, soft_wrap=True)
