"""Cells of a comparison, several at a time: in processes of this machine, or on a Ray cluster."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Literal

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from hringur.commands.compare.cells import CellTask, Failed, run_cell
from hringur.types import MissingExtra

Backend = Literal["joblib", "ray"]
Work = Callable[[Any, int], Failed | None]
"""What is done with a cell, given the number of the process that started it."""


def run_cells(
    tasks: Sequence[CellTask], jobs: int, backend: Backend, work: Work = run_cell
) -> Iterator[tuple[Any, Failed | None]]:
    """Every cell as it is done, with its failure if it failed.

    Raises:
        MissingExtra: Ray is not installed.
    """
    with cluster() if backend == "ray" else nullcontext():
        yield from _in_processes(list(tasks), jobs, backend, work)


def _in_processes(
    tasks: list[CellTask], jobs: int, backend: Backend, work: Work
) -> Iterator[tuple[Any, Failed | None]]:
    """A process that is killed, say for want of memory, takes no cell with it but its own."""
    left = dict(enumerate(tasks))
    calls = [joblib.delayed(_numbered)(work, n, task, os.getpid()) for n, task in left.items()]
    # Ray's back end knows no generators.
    way = "list" if backend == "ray" else "generator_unordered"
    try:
        for number, failed in joblib.Parallel(n_jobs=jobs, return_as=way, batch_size=1)(calls):
            yield left.pop(number), failed
    except TerminatedWorkerError:  # which does not say whose process it was
        if len(left) == 1:
            (task,) = left.values()
            yield task, Failed(task=task, reason="its process was killed, perhaps out of memory")
            return
        suspects = [task for task in left.values() if task.begun] or list(left.values())
        for task in suspects:
            yield from _in_processes([task], jobs, backend, work)
        others = [task for task in left.values() if task not in suspects]
        yield from _in_processes(others, jobs, backend, work)


def _numbered(
    work: Work, number: int, task: CellTask, started_by: int
) -> tuple[int, Failed | None]:
    return number, work(task, started_by)


@contextmanager
def cluster() -> Iterator[None]:
    """The Ray cluster that is running, or else one of this machine alone.

    Raises:
        MissingExtra: Ray is not installed.
    """
    try:
        from ray.util.joblib import register_ray
    except ModuleNotFoundError:
        raise MissingExtra("--backend ray", "ray") from None
    register_ray()
    with joblib.parallel_config(backend="ray"):
        yield
