"""The command line: ``hringur train | evaluate | compare | tour | mix | ...``.

A command is a function of its arguments, imported only when it is called, so that help is quick.
Bad input ends in one line on stderr and exit code 2, a training that failed (a loss that is not
finite) in one line and 1, Ctrl-C in 130.
"""

import os
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pkgutil import resolve_name

from hringur import interrupts
from hringur.types import UserError, printable

MOST_LETTERS = 2_000
"""In a message that names what a file holds."""

COMMANDS = {
    "train": ("train.usage", "train a learner; Ctrl-C saves, --resume goes on"),
    "evaluate": ("evaluate.command", "a trained run beside the best that is known"),
    "compare": ("compare.command", "runs, heuristics, agents or generative models, side by side"),
    "tune": ("tune.command", "settings of a learner or model, searched in many short trainings"),
    "push": ("push", "a run sent to the Hugging Face Hub, with figures and a film"),
    "signal": ("signal", "buy, wait or sell: what a trader would do after the last row of a file"),
    "tour": ("tour.command", "plan a tour through places of Iceland, or of a file"),
    "mix": ("applications.mix", "two images mixed into one by a model of images"),
    "edit": ("applications.edit", "attributes of images given or taken away: --smile 1"),
    "search": ("search", "the molecule or expression of the best property, by its code"),
    "rewrite": ("rewrite", "sentences in another style, learned in seconds and without pairs"),
    "translate": ("applications.translate", "images of one set as of another, without pairs"),
    "transport": ("applications.transport", "optimal transport, beside a plan that is known"),
    "list": ("listing", "everything that has a name: environments, learners, models ..."),
    "estimators": ("estimators", "gradient estimators against the exact one"),
    "demo": ("demo", "a page to play with: networks in your browser, nothing from the network"),
}
"""The module of ``hringur.commands`` whose ``main`` each command is, and its line of help."""


TRAINING = ("train", "compare", "tune")
"""Commands of which numbers that are not finite are a result, not a fault of what was given."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*is out of date")  # Gymnasium's
            threading.excepthook = of_thread
            run(arguments)
            sys.stdout.flush()  # while it can still be told that this fails
    except UserError as error:
        print(f"hringur: {one_line(str(error))}", file=sys.stderr)
        return 2
    except FloatingPointError as error:
        trains = arguments[0] in TRAINING
        reason = "the training failed: " if trains else ""
        print(f"hringur: {reason}{one_line(str(error))}", file=sys.stderr)
        return 1 if trains else 2
    except BrokenPipeError:  # the reader, say head, has seen enough
        discard_output()
        return 1
    except OSError as error:  # of a file that could not be tried before: the disk is full
        discard_output()
        where = "" if error.filename is None else f"{error.filename}: "
        print(f"hringur: cannot go on: {one_line(f'{where}{error.strerror}')}", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        print(f"hringur: not enough memory: {one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("hringur: stopped", file=sys.stderr)
        return 130
    except SystemExit as stopped:  # --help ends this way
        return int(stopped.code or 0)
    return 0


def of_thread(failure: threading.ExceptHookArgs) -> None:
    """Say what ended a thread; but TensorBoard's, on a full disk, hands its error on."""
    if not isinstance(failure.exc_value, OSError):
        threading.__excepthook__(failure)


def run(arguments: Sequence[str]) -> None:
    """Print help or version, or call the command."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(overview())
    elif arguments[0] == "--version":
        print(f"hringur {version('hringur')}")
    else:
        command(arguments[0])(list(arguments[1:]))


def discard_output() -> None:
    """Let nothing more be written to standard output, where it can no longer be."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def out_of_memory(error: Exception) -> bool:
    """Whether Python, NumPy or torch wanted more memory than there is."""
    words = ("can't allocate memory", "out of memory")
    return isinstance(error, MemoryError) or any(part in str(error).lower() for part in words)


def command(name: str) -> Callable[[list[str]], None]:
    """The function behind a command."""
    if name not in COMMANDS:
        raise UserError(f"unknown command {name!r}; there are {', '.join(COMMANDS)}")
    function = resolve_name(f"hringur.commands.{COMMANDS[name][0]}:main")
    interrupts.as_usual()
    return function


def overview() -> str:
    """What ``hringur --help`` prints."""
    lines = [f"  {name:12}{summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        [
            "usage: hringur COMMAND [OPTIONS]",
            "",
            "Neural networks that make discrete decisions, beside the proven optimum.",
            "",
            *lines,
            "",
            "hringur COMMAND --help lists the options of each; hringur --version the version.",
            "A first tour: hringur tour Reykjavík Akureyri Egilsstaðir",
        ]
    )


def one_line(message: str) -> str:
    """A message in one line of letters that no terminal obeys, cut if it is endless."""
    line = printable(" ".join(message.split()))
    return line if len(line) <= MOST_LETTERS else f"{line[:MOST_LETTERS]} ..."
