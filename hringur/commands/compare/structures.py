"""``hringur compare --models`` of models that infer what is known by construction."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hringur.commands.compare.models import ModelsComparison, TrainedModelTask
from hringur.commands.compare.training import Findings
from hringur.commands.options import DataSet
from hringur.data.files import write_whole
from hringur.evaluation.generative import structures
from hringur.evaluation.generative.structures import StructureCell, Structured
from hringur.registry import experiment, model_config, models
from hringur.settings import read
from hringur.trained import RunSettings, load_run
from hringur.training.run_folder import RunFolder
from hringur.types import Metrics, UserError


def infers_structure(name: str) -> bool:
    """Whether ``name`` is a model that infers what is known by construction."""
    return name in models() and issubclass(model_config(name)().model(), Structured)


@dataclass(frozen=True, kw_only=True)
class CompareStructures(ModelsComparison):
    """Train models from several seeds on one data set, and compare what they infer with the truth.

    What is done already is not done again: the same command goes on where it was stopped.
    """

    drawing: ClassVar = "structures.png"

    dataset: DataSet = "springs"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.models:
            if not infers_structure(experiment(name).model):
                raise UserError(
                    f"the model {name} infers neither graphs nor counts: compare it with others"
                )

    def evaluator(self) -> None:
        """No evaluator is needed: each model brings its held-out data."""

    def task(self, **shared: Any) -> "StructureTask":
        """The cell with these values of the fields that all tasks have."""
        return StructureTask(options=self, **shared)

    def findings(self, evaluator: None, cells: Sequence[StructureCell], seeds: str) -> Findings:
        """Figures of the models and of their references over seeds."""
        title = f"{self.dataset}, budget {self.budget}, seeds {seeds}"
        table = structures.table(cells, title)
        return Findings(
            figure=structures.figure(cells, title),
            tables=[table],
            markdown=table.markdown(),
            record={"cells": structures.to_json(cells)},
            runs=[sum(cell.model == name for cell in cells) for name in self.models],
        )


@dataclass(frozen=True, kw_only=True)
class StructureRecord:
    """The file of a cell."""

    model: str
    seed: int
    rows: dict[str, Metrics]
    headline: str
    samples: int
    seconds: float
    command: str

    def __post_init__(self) -> None:
        if not self.rows or self.headline not in next(iter(self.rows.values())):
            raise ValueError("figures are missing")
        if not np.isfinite([value for row in self.rows.values() for value in row.values()]).all():
            raise ValueError("a figure is not finite")


@dataclass(frozen=True, kw_only=True)
class StructureTask(TrainedModelTask):
    """A model to be trained and compared with the truth."""

    def measure(self, settings: RunSettings) -> None:
        """Compare with the truth, and write the cell's file, whole."""
        _, model = load_run(self.run, self.trainer.device)
        _, rows = model.truth_report(self.options.count)
        last = RunFolder.open(self.run).read_history()[-1]
        record = StructureRecord(
            model=self.contender,
            seed=self.seed,
            rows=rows,
            headline=model.headline,
            samples=last["samples"],
            seconds=last["seconds"],
            command=self.command,
        )
        write_whole(self.file, json.dumps(asdict(record), indent=1) + "\n")

    @classmethod
    def parse(cls, values: Any, path: Path) -> StructureCell:
        """The cell that was recorded as ``values``."""
        return StructureCell(**vars(read(StructureRecord, values, path.name)))
