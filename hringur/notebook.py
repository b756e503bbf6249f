"""The lecture's cells in IPython and Jupyter, word for word: ``run run_models --xp_id exp0``.

``%load_ext hringur`` makes them work from any folder; in ``scripts/`` they work without it. Each
leaves ``model``, ``run`` and ``figures`` in the namespace.
"""

import ast
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hringur import lecture
from hringur.cli import one_line
from hringur.evaluation.tables import html_table
from hringur.training.console import ipython
from hringur.training.run_folder import RunFolder
from hringur.types import Metrics, UserError, printable

OURS = re.compile(r"^%?run\s+(?:\./)?run_models(?:\.py)?(?=\s|$)")
OTHERS = re.compile(r"^run\s+(?=[\w./~'\"-])(?!(?:if|in|is|and|or|not)\b)")
"""``run script`` is no magic any more to IPython once ``run`` is a variable."""

ROWS = ("evaluation", "floor", "untrained")
HEADINGS = ("measure", "this run", "data against themselves", "untrained")


@dataclass(frozen=True)
class Run:
    """A finished run, as a notebook shows it."""

    path: Path
    metrics: Metrics

    @classmethod
    def read(cls, path: Path) -> "Run":
        """The run in a folder, with its last evaluation."""
        return cls(path, RunFolder.open(path).read_history()[-1]["metrics"])

    def rows(self) -> list[list[str]]:
        """Name, value, the same of the data against themselves and of an untrained model."""
        names = sorted(tag.partition("/")[2] for tag in self.metrics if tag.startswith(ROWS[0]))
        values = [[self.metrics.get(f"{row}/{name}") for row in ROWS] for name in names]
        return [
            [name.replace("_", " "), *("" if x is None else f"{x:.4g}" for x in row)]
            for name, row in zip(names, values, strict=True)
        ]

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        lines = ["{:28} {:>12} {:>25} {:>10}".format(*row) for row in [HEADINGS, *self.rows()]]
        printer.text("\n".join([printable(str(self.path)), *lines]))

    def _repr_html_(self) -> str:
        return html_table(HEADINGS, self.rows(), str(self.path))


def load_extension(shell: Any) -> None:
    """Give ``shell`` the magic ``run_models``, and the line of the slide."""
    shell.register_magic_function(partial(run_line, shell), "line", "run_models")
    transformers = shell.input_transformers_cleanup
    if not any(getattr(one, "func", None) is as_magics for one in transformers):
        transformers.append(partial(as_magics, shell))


def as_magics(shell: Any, lines: list[str]) -> list[str]:
    """The cell with the lines that run a script made magics; as it is where it is Python."""
    try:
        ast.parse("".join(lines))
    except SyntaxError:
        lines = [OURS.sub("%run_models", line) for line in lines]
        if isinstance(shell.user_ns.get("run"), Run):
            lines = [OTHERS.sub("%run ", line) for line in lines]
    return lines


def run_line(shell: Any, line: str) -> Run | None:
    """Train an experiment of the lecture; the result is what a cell shows at its end."""
    return run_experiment(shell, shlex.split(line))


def run_experiment(shell: Any, arguments: Sequence[str]) -> Run | None:
    """Train, leave model, run and figures in the namespace; a refusal is one red line."""
    try:
        folder = lecture.main(arguments, again=True)
    except (UserError, FloatingPointError) as error:
        print(f"\x1b[31mrun_models: {one_line(str(error))}\x1b[0m", file=sys.stderr)
        return None
    except KeyboardInterrupt:  # said already, with the way to go on
        return None
    except SystemExit:  # --help ends this way
        return None
    if folder is None:
        return None
    from hringur.generative.pictures import figures
    from hringur.trained import load

    model, run = load(folder), Run.read(folder)
    shell.push({"model": model, "run": run, "figures": figures(model)})
    return run


def run_script(arguments: Sequence[str]) -> None:
    """What ``scripts/run_models.py`` does: in IPython as the magic, else as a command."""
    shell = ipython()
    if shell is None:
        sys.exit(lecture.exit_code(arguments))
    load_extension(shell)
    run = run_experiment(shell, arguments)
    if run is not None:
        from IPython.display import display  # this is IPython

        display(run)
