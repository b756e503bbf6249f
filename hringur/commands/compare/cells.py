"""One cell of a comparison: something trained from one seed, measured, and kept in a file.

A cell's run folder goes on where it was stopped, and its file is written once it is done, so a
comparison that was killed continues without doing anything twice.
"""

import os
import shlex
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hringur.commands.train.running import run
from hringur.trained import RunSettings, latest_state, read_settings
from hringur.training.config import TrainerConfig
from hringur.training.run_folder import RunFolder
from hringur.types import State, UserError


@dataclass(frozen=True, kw_only=True)
class CellTask(ABC):
    """What one cell is to do."""

    contender: str
    """what is compared: an agent, or an experiment"""

    seed: int
    trainer: TrainerConfig
    folder: Path
    """of the whole comparison"""

    @abstractmethod
    def settings(self) -> RunSettings:
        """Those of a fresh run, with the contender's defaults."""

    @abstractmethod
    def train_words(self) -> list[str]:
        """The command that trains it, without budget, device and seed."""

    @abstractmethod
    def measure(self, settings: RunSettings) -> None:
        """Measure what has been trained, and write the cell's file, whole."""

    @property
    def name(self) -> str:
        """Of its run folder and of its file."""
        return f"{self.contender}-{self.seed}"

    @property
    def file(self) -> Path:
        """Written when the cell is done."""
        return self.folder / "cells" / f"{self.name}.json"

    @property
    def run(self) -> Path:
        """Its run folder."""
        return self.folder / self.name

    @property
    def begun(self) -> bool:
        """Whether its run folder is there."""
        return (self.run / "config.json").is_file()

    @property
    def command(self) -> str:
        """What trains the same run again."""
        samples, seconds = self.trainer.samples, self.trainer.seconds
        budget = ["--seconds", f"{seconds:g}"] if samples is None else ["--samples", str(samples)]
        rest = ["--device", self.trainer.device, "--threads", "1", "--seed", str(self.seed)]
        return shlex.join([*self.train_words(), *budget, *rest])


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A cell that could not be done, and why."""

    task: CellTask
    reason: str


def run_cell(task: CellTask, started_by: int) -> Failed | None:
    """Train, measure, write the cell's file. Whatever goes wrong is this cell's affair alone."""
    end_with(started_by)
    try:
        if task.begun:
            folder: RunFolder | Path = RunFolder.open(task.run, write=True)
            state: State | None = latest_state(folder)  # type: ignore[arg-type]
            settings = read_settings(folder)  # type: ignore[arg-type]
        else:
            folder, state, settings = task.run, None, task.settings()
        run(settings, folder, state, task.command, quiet=True, silent=True)
        task.file.parent.mkdir(exist_ok=True)
        task.measure(settings)
    except Exception as error:  # one cell may fail in any way, and must not end the others
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        return Failed(task=task, reason=kind + " ".join(str(error).split()))
    return None


@cache  # one watch for each process
def end_with(started_by: int) -> None:
    """Let this process end when the one that started it has been killed, as no worker should stay.

    Nothing happens in that process itself, nor on a cluster, which sees to its own workers.
    """
    if os.getppid() != started_by:
        return

    def watch() -> None:
        while os.getppid() == started_by:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
