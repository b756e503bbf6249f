"""One cell of a comparison: an agent trained from one seed, measured, and kept in a file.

A cell's run folder goes on where it was stopped, and its file is written once it is done, so a
comparison that was killed continues without doing anything twice.
"""

import json
import math
import os
import shlex
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from hringur.agents.episodes import EpisodeReturns
from hringur.agents.yardstick import yardstick_for
from hringur.commands import train
from hringur.commands.runs import RunSettings, latest_state, read_settings
from hringur.data.files import write_whole
from hringur.evaluation.comparison import Cell, CurvePoint
from hringur.evaluation.episode_scores import measure_learner
from hringur.registry import learner_config
from hringur.training.config import TrainerConfig
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import make_fabric
from hringur.types import Metrics, State, UserError

CURVE_TAGS = ("evaluation/gap_percent", "evaluation/return_mean")


@dataclass(frozen=True, kw_only=True)
class CellTask:
    """What one cell is to do."""

    agent: str
    seed: int
    env: str
    env_options: dict[str, Any]
    episodes: int
    trainer: TrainerConfig
    folder: Path
    """of the whole comparison"""

    @property
    def name(self) -> str:
        """Of its run folder and of its file."""
        return f"{self.agent}-{self.seed}"

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
        parts = ["hringur", "train", self.agent, "--env", self.env]
        if self.env_options:
            parts += ["--option", *(f"{key}={value}" for key, value in self.env_options.items())]
        samples, seconds = self.trainer.samples, self.trainer.seconds
        parts += ["--seconds", f"{seconds:g}"] if samples is None else ["--samples", str(samples)]
        parts += ["--device", self.trainer.device, "--threads", "1", "--seed", str(self.seed)]
        return shlex.join(parts)

    def settings(self) -> RunSettings:
        """Those of a fresh run, with the agent's defaults."""
        return RunSettings(
            learner=self.agent,
            config=learner_config(self.agent)(),
            env=self.env,
            env_options=self.env_options,
            trainer=self.trainer,
            seed=self.seed,
        )


@runtime_checkable
class Task(Protocol):
    """A cell to be done, whatever is trained in it."""

    @property
    def name(self) -> str:
        """Of its run folder and of its file."""
        ...

    @property
    def begun(self) -> bool:
        """Whether its run folder is there."""
        ...

    @property
    def command(self) -> str:
        """What trains the same run again."""
        ...


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A cell that could not be done, and why."""

    task: Task
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
        train.run(settings, folder, state, task.command, quiet=True, silent=True)
        measure(task, settings)
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


def measure(task: CellTask, settings: RunSettings) -> None:
    """Let the trained agent play, and write the cell's file, whole.

    Raises:
        FloatingPointError: it returned what is not finite.
    """
    run = RunFolder.open(task.run)
    state = latest_state(run)
    assert state is not None, "training ends with a checkpoint"
    seed_everything(task.seed)
    learner, _ = settings.without_initial().build(make_fabric(settings.trainer))
    untrained = learner.evaluate()
    learner.load_state_dict(state["learner"])
    played = measure_learner(learner, yardstick_for(task.env, task.env_options, task.episodes))
    if not np.isfinite(played.returns).all():
        raise FloatingPointError("a held-out episode returned what is not finite")
    history = run.read_history()
    record = {
        "agent": task.agent,
        "seed": task.seed,
        "samples": history[-1]["samples"],
        "seconds": history[-1]["seconds"],
        "returns": played.returns.tolist(),
        "lengths": played.lengths.tolist(),
        "optimal": None if played.optimal is None else played.optimal.tolist(),
        "reference": None if played.reference is None else played.reference.tolist(),
        "curve": [asdict(point) for point in curve_of(untrained, history)],
        "command": task.command,
    }
    task.file.parent.mkdir(exist_ok=True)
    write_whole(task.file, json.dumps(record, indent=1) + "\n")


def curve_of(untrained: Metrics, history: list[dict[str, Any]]) -> list[CurvePoint]:
    """The gap where it is known, else the mean return: before training, then at each evaluation."""
    begin = {"samples": 0, "seconds": 0.0, "metrics": untrained}
    tags = [tag for tag in CURVE_TAGS if math.isfinite(untrained.get(tag, math.nan))]
    return [
        CurvePoint(
            samples=entry["samples"],
            seconds=entry["seconds"],
            value=float(entry["metrics"][tags[0]]),
        )
        for entry in [begin, *history]
        if tags and entry["metrics"].get(tags[0]) is not None
    ]


def read_cell(path: Path) -> Cell:
    """The cell in a file.

    Raises:
        UserError: it is no such file, or not whole.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        cell = Cell(
            agent=record["agent"],
            seed=int(record["seed"]),
            played=EpisodeReturns(
                np.array(record["returns"], dtype=float),
                np.array(record["lengths"], dtype=np.int64),
                _column(record, "optimal"),
                _column(record, "reference"),
            ),
            samples=int(record["samples"]),
            seconds=float(record["seconds"]),
            curve=tuple(
                CurvePoint(
                    samples=int(point["samples"]),
                    seconds=float(point["seconds"]),
                    value=float(point["value"]),
                )
                for point in record["curve"]
            ),
            command=str(record["command"]),
        )
        check_cell(cell, path.stem)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"the cell file {path} is broken ({type(error).__name__}: {error});"
            " delete it to have the cell done again"
        ) from error
    return cell


def check_cell(cell: Cell, name: str) -> None:
    """Refuse what cannot be the record of the cell of this name.

    Raises:
        ValueError: it is of another one, or its columns do not fit.
    """
    if name != f"{cell.agent}-{cell.seed}":
        raise ValueError(f"it is of {cell.agent}-{cell.seed}")
    played = cell.played
    columns = [played.returns, played.lengths, played.optimal, played.reference]
    if len({column.shape for column in columns if column is not None}) > 1:
        raise ValueError("columns of different lengths")
    if not np.isfinite(played.returns).all() or played.returns.ndim != 1 or not len(played.returns):
        raise ValueError("no finite returns")


def _column(record: Mapping[str, Any], name: str) -> np.ndarray | None:
    values = record[name]
    return None if values is None else np.array(values, dtype=float)
