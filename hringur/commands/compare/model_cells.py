"""Cells of a comparison of generative models: samples laid beside held-out images."""

import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hringur.commands.compare.cells import CellTask
from hringur.data.files import write_whole
from hringur.evaluation.generative.comparison import (
    FITTED,
    PICTURES,
    SAMPLES,
    UNTRAINED,
    ModelCell,
)
from hringur.evaluation.generative.scores import code_scores, sample_scores
from hringur.registry import experiment, model_config
from hringur.trained import RunSettings, load_run
from hringur.training.run_folder import RunFolder
from hringur.types import Metrics, UserError


@dataclass(frozen=True, kw_only=True)
class ModelTask(CellTask):
    """An experiment to be trained on a set of images."""

    dataset: str
    size: int | None
    count: int
    """images on each side of a measurement"""

    def settings(self) -> RunSettings:
        """Those of a fresh run, with the experiment's settings."""
        one = experiment(self.contender)
        return RunSettings(
            learner=one.model,
            config=model_config(one.model)(**one.settings),
            env=self.dataset,
            env_options={} if self.size is None else {"size": self.size},
            trainer=self.trainer,
            seed=self.seed,
        )

    def train_words(self) -> list[str]:
        """The lecture's own script."""
        words = ["scripts/run_models.py", "--xp_id", self.contender, "--dataset", self.dataset]
        return words if self.size is None else [*words, "--size", str(self.size)]

    def measure(self, settings: RunSettings) -> None:
        """Lay the trained model's samples beside held-out images; write the cell's file, whole."""
        _, model = load_run(self.run, self.trainer.device)
        evaluator, fresh = model.evaluator(self.count), model.untrained()
        rows = {
            SAMPLES: sample_scores(model, evaluator, self.seed) | code_scores(model, evaluator),
            UNTRAINED: sample_scores(fresh, evaluator, self.seed) | code_scores(fresh, evaluator),
        }
        pictures = {SAMPLES: model.sample(PICTURES, seed=self.seed)}
        if model.encodes:
            made = model.sample(evaluator.count, density="fitted", seed=self.seed)
            rows[FITTED] = evaluator.measure(made)
            pictures[FITTED] = model.sample(PICTURES, density="fitted", seed=self.seed)
        last = RunFolder.open(self.run).read_history()[-1]
        record = {
            "model": self.contender,
            "seed": self.seed,
            "rows": rows,
            "samples": last["samples"],
            "seconds": last["seconds"],
            "command": self.command,
        }
        content = io.BytesIO()
        bytes_of = {
            kind: (255 * made).round().byte().cpu().numpy() for kind, made in pictures.items()
        }
        np.savez_compressed(content, **bytes_of)
        write_whole(self.file.with_suffix(".npz"), content.getvalue())
        write_whole(self.file, json.dumps(record, indent=1) + "\n")


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
