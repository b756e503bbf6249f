"""One cell of a comparison of generative models: an experiment trained from one seed, measured.

As in ``cells.py``: its run goes on where it was stopped, and its file is written once it is done.
"""

import io
import json
import math
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hringur.commands import train
from hringur.commands.cells import Failed, end_with
from hringur.commands.runs import RunSettings, latest_state, load_run, read_settings
from hringur.data.files import write_whole
from hringur.evaluation.generative_comparison import (
    FITTED,
    PICTURES,
    SAMPLES,
    UNTRAINED,
    ModelCell,
)
from hringur.evaluation.generative_scores import (
    code_scores,
    sample_scores,
    untrained,
    yardstick_of,
)
from hringur.registry import experiment, model_config
from hringur.training.config import TrainerConfig
from hringur.training.run_folder import RunFolder
from hringur.types import Metrics, State, UserError


@dataclass(frozen=True, kw_only=True)
class ModelTask:
    """What one cell is to do."""

    model: str
    """the experiment"""

    seed: int
    dataset: str
    size: int | None
    count: int
    """images on each side of a measurement"""

    trainer: TrainerConfig
    folder: Path
    """of the whole comparison"""

    @property
    def name(self) -> str:
        """Of its run folder and of its file."""
        return f"{self.model}-{self.seed}"

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
        parts = ["scripts/run_models.py", "--xp_id", self.model, "--dataset", self.dataset]
        if self.size is not None:
            parts += ["--size", str(self.size)]
        samples, seconds = self.trainer.samples, self.trainer.seconds
        parts += ["--seconds", f"{seconds:g}"] if samples is None else ["--samples", str(samples)]
        parts += ["--device", self.trainer.device, "--threads", "1", "--seed", str(self.seed)]
        return shlex.join(parts)

    def settings(self) -> RunSettings:
        """Those of a fresh run, with the experiment's settings."""
        one = experiment(self.model)
        return RunSettings(
            learner=one.model,
            config=model_config(one.model)(**one.settings),
            env=self.dataset,
            env_options={} if self.size is None else {"size": self.size},
            trainer=self.trainer,
            seed=self.seed,
        )


def run_cell(task: ModelTask, started_by: int) -> Failed | None:
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
        measure(task)
    except Exception as error:  # one cell may fail in any way, and must not end the others
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        return Failed(task=task, reason=kind + " ".join(str(error).split()))
    return None


def measure(task: ModelTask) -> None:
    """Lay the trained model's samples beside held-out images, and write the cell's file, whole."""
    _, model = load_run(task.run, task.trainer.device)
    yardstick, fresh = yardstick_of(model, task.count), untrained(model)
    rows = {
        SAMPLES: sample_scores(model, yardstick, task.seed) | code_scores(model, yardstick),
        UNTRAINED: sample_scores(fresh, yardstick, task.seed) | code_scores(fresh, yardstick),
    }
    pictures = {SAMPLES: model.sample(PICTURES, seed=task.seed)}
    if model.encodes:
        made = model.sample(yardstick.count, density="fitted", seed=task.seed)
        rows[FITTED] = yardstick.measure(made)
        pictures[FITTED] = model.sample(PICTURES, density="fitted", seed=task.seed)
    last = RunFolder.open(task.run).read_history()[-1]
    record = {
        "model": task.model,
        "seed": task.seed,
        "rows": rows,
        "samples": last["samples"],
        "seconds": last["seconds"],
        "command": task.command,
    }
    content = io.BytesIO()
    bytes_of = {kind: (255 * made).round().byte().cpu().numpy() for kind, made in pictures.items()}
    np.savez_compressed(content, **bytes_of)
    task.file.parent.mkdir(exist_ok=True)
    write_whole(task.file.with_suffix(".npz"), content.getvalue())
    write_whole(task.file, json.dumps(record, indent=1) + "\n")


def read_cell(path: Path) -> ModelCell:
    """The cell in a file, and the pictures beside it.

    Raises:
        UserError: it is no such file, or not whole.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        rows = {str(kind): _figures(row) for kind, row in record["rows"].items()}
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as found:
            pictures = {kind: found[kind] for kind in found.files}
        cell = ModelCell(
            model=str(record["model"]),
            seed=int(record["seed"]),
            rows=rows,
            pictures=pictures,
            samples=int(record["samples"]),
            seconds=float(record["seconds"]),
            command=str(record["command"]),
        )
        if path.stem != f"{cell.model}-{cell.seed}":
            raise ValueError(f"it is of {cell.model}-{cell.seed}")
        if not {SAMPLES, UNTRAINED} <= rows.keys() or SAMPLES not in pictures:
            raise ValueError("figures or pictures are missing")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise UserError(
            f"the cell file {path} is broken ({type(error).__name__}: {error});"
            " delete it to have the cell done again"
        ) from error
    return cell


def _figures(row: dict[str, Any]) -> Metrics:
    figures = {str(tag): float(value) for tag, value in row.items()}
    if not all(math.isfinite(value) for value in figures.values()):
        raise ValueError("a figure is not finite")
    return figures
