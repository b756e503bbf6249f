"""Which display a run has: what it is written to decides."""

import sys
from typing import Any

from rich.console import Console

from hringur.training.console import Bar, Display, Lines
from hringur.training.inline import Inline


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
