"""Cells of a comparison; each is one contender trained from one seed, measured, kept in a file.

The run folder of a cell goes on where it was stopped, and its file is written once it is done, so a
comparison that was killed continues without doing anything twice. Several cells are trained at a
time: in processes of this machine, or on a Ray cluster.
"""

import multiprocessing
import os
import shlex
import signal
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import joblib
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from hringur.commands.train.running import run
from hringur.data.files import read_json, reading
from hringur.trained import RunSettings, latest_state, read_settings
from hringur.training.config import TrainerConfig
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import Interruption
from hringur.types import State, UserError, optional

Backend = Literal["joblib", "ray"]

RETRIES = 3
"""How often Ray begins a cell again whose process or node is lost."""

SECONDS_TO_SAVE = 30.0


@dataclass(frozen=True, kw_only=True)
class CellTask(ABC):
    """What is to be trained and measured for one cell."""

    kind: ClassVar[str]
    """what a contender is called in the cell's file, and in messages"""

    contender: str
    """an agent, or an experiment of the lecture"""

    seed: int
    trainer: TrainerConfig
    folder: Path
    """folder of the whole comparison"""

    @abstractmethod
    def settings(self) -> RunSettings:
        """Settings of a fresh run, the contender's defaults."""

    @abstractmethod
    def train_words(self) -> list[str]:
        """The command that trains the run, without budget, device and seed."""

    @abstractmethod
    def measure(self, settings: RunSettings) -> None:
        """Measure what has been trained, and write the cell's file, whole."""

    @classmethod
    @abstractmethod
    def parse(cls, values: Any, path: Path) -> Any:
        """The cell whose file at ``path`` holds the JSON ``values``; ValueError if not whole."""

    @classmethod
    def read(cls, path: Path) -> Any:
        """The cell in a file."""
        try:
            values = read_json(path)
            with reading(path, "a cell"):
                cell = cls.parse(values, path)
                name = f"{values[cls.kind]}-{values['seed']}"
            if path.stem != name:
                raise UserError(f"it is of {name}")
        except UserError as error:
            raise UserError(
                f"the cell file {path} is broken ({error}); delete it to have the cell done again"
            ) from error
        return cell

    @property
    def name(self) -> str:
        """Name of the run folder and of the file."""
        return f"{self.contender}-{self.seed}"

    @property
    def label(self) -> str:
        """What a reader is told of it."""
        return self.name

    @property
    def file(self) -> Path:
        """The file that is written when the cell is done."""
        return self.folder / "cells" / f"{self.name}.json"

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder / self.name

    @property
    def begun(self) -> bool:
        """Whether the run folder is there."""
        return (self.run / "config.json").is_file()

    @property
    def command(self) -> str:
        """The command that trains the same run again."""
        return shlex.join([*self.train_words(), *budget_words(self.trainer, self.seed)])


def budget_words(trainer: TrainerConfig, seed: int) -> list[str]:
    """Options of ``hringur train``: budget, device and seed."""
    samples, seconds = trainer.samples, trainer.seconds
    budget = ["--seconds", f"{seconds:g}"] if samples is None else ["--samples", str(samples)]
    return [*budget, "--device", trainer.device, "--threads", "1", "--seed", str(seed)]


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A cell that could not be done, and why."""

    task: Any
    reason: str


STOPPED: list[bool] = []
"""Not empty in a worker that has been told to end: it begins no other cell."""

Work = Callable[[Any, int], Failed | None]
"""What is done with a cell, given the number of the process that started it."""


def run_cell(task: CellTask, started_by: int) -> Failed | None:
    """Train, measure, write the cell's file; an error of any kind fails this cell alone."""
    return guarded(do_cell, task, started_by)


def do_cell(task: CellTask) -> None:
    """Train, from the checkpoint if there is one, measure, write the cell's file."""
    if task.begun:
        folder: RunFolder | Path = RunFolder.open(task.run, write=True)
        state: State | None = latest_state(folder)  # type: ignore[arg-type]
        settings = read_settings(folder)  # type: ignore[arg-type]
    else:
        folder, state, settings = task.run, None, task.settings()
    run(settings, folder, state, task.command, quiet=True, silent=True)
    task.file.parent.mkdir(exist_ok=True)
    task.measure(settings)


def guarded(do: Callable[[Any], None], task: Any, started_by: int) -> Failed | None:
    """Do a task in a worker; an error of any kind is the failure of this task alone.

    Ctrl-C or SIGTERM ends it at once, but training saves first: what is measured can be again.
    """
    end_with(started_by)
    try:
        if STOPPED:
            return Failed(task=task, reason="stopped")
        with Interruption(stop_now):
            do(task)
    except KeyboardInterrupt:
        if os.getpid() == started_by:
            raise
        STOPPED.append(True)
        return Failed(task=task, reason="stopped")
    except Exception as error:  # one cell may fail in any way, and must not end the others
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        return Failed(task=task, reason=kind + " ".join(str(error).split()))
    return None


def stop_now() -> None:
    """In answer to a signal."""
    raise KeyboardInterrupt


def end_workers() -> None:
    """Tell the processes of this machine that train cells to save them and to begin no others."""
    for worker in multiprocessing.active_children():
        worker.terminate()


@cache  # one thread for each process
def end_with(started_by: int) -> None:
    """End this process when the one that started it has been killed, for no worker should stay.

    Nothing happens in that process itself, nor on a cluster, which ends its own workers.
    """
    if os.getppid() != started_by:
        return
    signal.signal(signal.SIGTERM, lambda *about: STOPPED.append(True))  # training has its own

    def wait() -> None:
        while os.getppid() == started_by:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def check_backend(backend: Backend) -> None:
    """Refuse Ray where it is not installed."""
    if backend == "ray":
        optional("ray", "--backend ray", "ray")


def run_cells(
    tasks: Sequence[Any], jobs: int | None, backend: Backend, work: Work = run_cell
) -> Iterator[tuple[Any, Failed | None]]:
    """Every cell as it is done, with its failure if it failed; ``jobs`` None: all processors."""
    if backend == "ray":
        yield from _on_ray(list(tasks), jobs, work)
    else:
        yield from _in_processes(list(tasks), jobs or os.cpu_count() or 1, work)


def _on_ray(tasks: list[Any], jobs: int | None, work: Work) -> Iterator[tuple[Any, Failed | None]]:
    """Ray begins a cell again, on another node, when the node that trains it is lost."""
    ray: Any = optional("ray", "--backend ray", "ray")
    if not ray.is_initialized():  # the cluster that is running, or one of this machine alone
        ray.init(log_to_driver=False, logging_level="ERROR")
    remote = ray.remote(num_cpus=1, max_retries=RETRIES)(work)
    waiting, running = list(tasks), dict[Any, Any]()
    with Interruption() as stop:
        while (waiting or running) and not stop.requested:
            while waiting and len(running) < (jobs or len(tasks)):
                task = waiting.pop(0)
                running[remote.remote(task, os.getpid())] = task
            for done in ray.wait(list(running), timeout=1.0)[0]:
                task = running.pop(done)
                try:
                    yield task, ray.get(done)
                except ray.exceptions.RayError as error:
                    yield task, Failed(task=task, reason=str(error).strip().splitlines()[0])
        if stop.requested:
            for one in running:
                ray.cancel(one)  # its worker saves what it trains
            ray.wait(list(running), num_returns=len(running), timeout=SECONDS_TO_SAVE)
            raise KeyboardInterrupt


def _in_processes(tasks: list[Any], jobs: int, work: Work) -> Iterator[tuple[Any, Failed | None]]:
    """A process that is killed, say for want of memory, takes no cell with it but its own."""
    left = dict(enumerate(tasks))
    calls = [joblib.delayed(_numbered)(work, n, task, os.getpid()) for n, task in left.items()]
    stop = Interruption(end_workers)
    try:
        with stop:  # Ctrl-C or SIGTERM: what is being trained is saved by its worker
            for number, failed in joblib.Parallel(
                n_jobs=jobs, return_as="generator_unordered", batch_size=1
            )(calls):
                if not stop.requested:
                    yield left.pop(number), failed
        if stop.requested:
            # They have saved and begin no cell again: the next comparison has workers of its own.
            get_reusable_executor(reuse=True).shutdown(kill_workers=True)
            raise KeyboardInterrupt
    except TerminatedWorkerError:  # which does not say whose process it was
        if stop.requested:
            raise KeyboardInterrupt from None
        if len(left) == 1:
            (task,) = left.values()
            yield task, Failed(task=task, reason="its process was killed, perhaps out of memory")
            return
        suspects = [task for task in left.values() if task.begun] or list(left.values())
        for task in suspects:
            yield from _in_processes([task], jobs, work)
        others = [task for task in left.values() if task not in suspects]
        yield from _in_processes(others, jobs, work)


def _numbered(work: Work, number: int, task: Any, started_by: int) -> tuple[int, Failed | None]:
    return number, work(task, started_by)
