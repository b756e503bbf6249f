"""Ctrl-C while the program ``hringur`` starts: one line, where libraries would make a traceback.

It is imported before all of them. A program that imports the package keeps its own signals.
"""

import os
import signal
import sys
from typing import Any


def stop_at_once(*_: Any) -> None:
    """End the process; nothing has been begun yet."""
    os.write(2, b"hringur: stopped\n")
    os._exit(130)


def as_usual() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is stop_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def is_the_program(words: list[str]) -> bool:
    """Whether Python was called with ``words`` to run ``hringur`` or ``python -m hringur``."""
    return words[1:3] == ["-m", "hringur"] or os.path.basename((*words, "")[1]) == "hringur"


if is_the_program(sys.orig_argv) and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, stop_at_once)
