"""What comparisons of agents and of models do alike: refuse nonsense, and train what is missing."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hringur.commands.compare.cells import CellTask, Failed
from hringur.commands.compare.pool import Backend, run_cells
from hringur.commands.console import note
from hringur.training.trainer import make_fabric
from hringur.types import UserError


def check_contenders(
    kind: str, names: Sequence[str], known: Sequence[str], look_up: Callable[[str], Any]
) -> None:
    """Refuse none at all, one that ``look_up`` refuses, and one that is named twice.

    Raises:
        UserError: the message names it, or all that there are.
    """
    if not names:
        raise UserError(f"--{kind}s must name at least one of {', '.join(known)}")
    for name in names:
        look_up(name)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"the {kind} {twice[0]} is given twice")


def check_counts(**counts: int | None) -> None:
    """Refuse what is given and below one.

    Raises:
        UserError: the message names the option.
    """
    for option, value in counts.items():
        if value is not None and value < 1:
            raise UserError(f"--{option} must be at least 1, got {value}")


def parse_budget(
    text: str, units: Mapping[str, tuple[str, float]], examples: str
) -> tuple[str, float]:
    """The trainer's name of the budget, and how much of it; a count is a whole number.

    Raises:
        UserError: it is none; the message gives the ``examples``.
    """
    found = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*({'|'.join(units)})", text.strip())
    name, factor = units[found[2]] if found else ("", 0.0)
    if found is None or float(found[1]) <= 0 or (name == "samples" and "." in found[1]):
        raise UserError(f"--budget must be such as {examples}, got {text!r}")
    return name, float(found[1]) * factor


def check_buildable(kind: str, tasks: Sequence[CellTask]) -> None:
    """Build each contender once, before anything is written.

    Raises:
        UserError: one cannot learn from this, or needs what is not installed.
    """
    first = {task.contender: task for task in reversed(tasks)}
    for task in reversed(first.values()):
        try:
            task.settings().build(make_fabric(task.trainer))
        except UserError as error:
            raise UserError(f"the {kind} {task.contender}: {error}") from error


def train_cells(
    tasks: Sequence[CellTask],
    done: int,
    budget: str,
    jobs: int | None,
    backend: Backend,
    words: Callable[[CellTask], str],
) -> list[Failed]:
    """All of them, with a line for each that is finished; those that failed.

    ``done`` have been finished before; ``words`` says how a finished one did.
    """
    jobs, total = jobs or os.cpu_count() or 1, done + len(tasks)
    note(f"{len(tasks)} of {total} runs to train, budget {budget}, {jobs} at a time")
    failed: list[Failed] = []
    for task, failure in run_cells(tasks, jobs, backend):
        done += 1
        told = f"failed: {failure.reason}" if failure else words(task)
        note(f"[{done}/{total}] {task.name}: {told}")
        failed += [failure] if failure else []
    return failed


def tell_failed(failed: Sequence[Failed]) -> None:
    """Why each failed, and the command that tries it again."""
    for one in failed:
        note(f"failed: {one.task.name}: {one.reason}; again with: {one.task.command}")
