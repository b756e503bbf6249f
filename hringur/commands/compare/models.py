"""``hringur compare --models exp0 ... exp7``: experiments trained side by side, and measured."""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from hringur.commands.compare.cells import CellTask
from hringur.commands.compare.training import Findings, TrainedComparison, check_contenders
from hringur.commands.options import DataSet, Size, check_counts
from hringur.data.archives import read_arrays
from hringur.data.files import write_whole
from hringur.data.images.images import load_images
from hringur.evaluation.generative import comparison
from hringur.evaluation.generative.comparison import (
    FITTED,
    PICTURES,
    SAMPLES,
    UNTRAINED,
    ModelCell,
)
from hringur.evaluation.generative.scores import check_extras, code_scores, sample_scores
from hringur.evaluators.images import COUNT, ImageEvaluator
from hringur.registry import EXPERIMENTS, experiment, model_config
from hringur.settings import read
from hringur.trained import RunSettings, load_run
from hringur.training.config import TrainerConfig
from hringur.training.run_folder import RunFolder
from hringur.types import Metrics, UserError


@dataclass(frozen=True, kw_only=True)
class ModelsComparison(TrainedComparison):
    """What comparisons of generative models share."""

    kind: ClassVar = "model"
    units: ClassVar = {"s": ("seconds", 1.0), "m": ("seconds", 60.0), "images": ("samples", 1.0)}
    budgets: ClassVar = "60s, 2m, 300000images or usual"

    models: tuple[str, ...]
    """experiments, exp0 to exp7, or generative models by name"""

    dataset: DataSet = "mnist"
    size: Size = None

    seeds: int = 3
    """runs of each experiment, from seeds 0, 1, ..."""

    budget: str = "usual"
    """training of each run: 60s, 2m, 300000images, or usual: as scripts/run_models.py has it"""

    count: int = COUNT
    """images on each side of a measurement, or held-out samples; all where there are fewer"""

    def __post_init__(self) -> None:
        check_contenders(self.kind, self.models, EXPERIMENTS, experiment)
        check_counts(self, "count")
        super().__post_init__()

    @property
    def name(self) -> str:
        """Name of the folder in runs/ when none is given."""
        return f"compare-models-{Path(self.dataset).stem}-{self.budget}"

    def trainer(self, contender: str) -> TrainerConfig:
        """The budget of each run of a model."""
        name, amount = self.amount(contender)
        return TrainerConfig(
            seconds=amount if name == "seconds" else None,
            samples=int(amount) if name == "samples" else None,
            device=self.device,
            threads=1,
            evaluate_every_seconds=None,  # an evaluation takes as long as much training
            checkpoint_every_seconds=20.0,
        )

    def amount(self, contender: str) -> tuple[str, float]:
        """The trainer's name of a model's budget, and how much of it."""
        if self.budget == "usual":
            return "samples", float(model_config(experiment(contender).model).usual_samples)
        return super().amount(contender)

    def common(self) -> dict[str, Any]:
        """Plain values that all cells of a folder share; models and seeds may be added."""
        names = ("dataset", "size", "budget", "count", "device")
        return {"kind": "models"} | {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class CompareModels(ModelsComparison):
    """Train every experiment from several seeds on one set of images, and measure their samples.

    What is done already is not done again: the same command goes on where it was stopped.
    """

    drawing: ClassVar = "samples.png"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in self.models:
            model = model_config(experiment(name).model)().model()
            if model.of != "images":
                raise UserError(
                    f"the model {name} is of {model.of}: train it from several seeds, then give "
                    "hringur compare the run folders"
                )

    def evaluator(self) -> ImageEvaluator:
        """The held-out images."""
        for model in self.models:
            check_extras(model_config(experiment(model).model)().model())
        return ImageEvaluator(load_images(self.dataset, self.size), self.count)

    def task(self, **shared: Any) -> "ModelTask":
        """The cell with these values of the fields that all tasks have."""
        return ModelTask(options=self, **shared)

    def findings(
        self, evaluator: ImageEvaluator, cells: Sequence[ModelCell], seeds: str
    ) -> Findings:
        """Measures of the samples beside both references, and a row of samples of each model."""
        ordered = sorted(self.models, key=[*EXPERIMENTS, *self.models].index)
        runs = comparison.grouped(cells, {name: experiment(name).teaches for name in ordered})
        halves = evaluator.halves
        title = f"Trained on {evaluator.images.name}: budget {self.budget}, seeds {seeds}"
        sides = f"{evaluator.count:,} images on each side"
        return Findings(
            figure=comparison.samples_figure(runs, evaluator.images.test, title),
            tables=[comparison.table(runs, halves, f"{title}, {sides}")],
            markdown=comparison.markdown(runs, halves),
            record={
                "images_on_each_side": evaluator.count,
                "models": [one.to_json() for one in runs],
                "halves": halves,
            },
            runs=[len(one.cells) for one in runs],
        )


@dataclass(frozen=True, kw_only=True)
class ModelRecord:
    """The file of a cell: samples of a trained model, measured beside held-out images."""

    model: str
    seed: int
    rows: dict[str, Metrics]
    samples: int
    seconds: float
    command: str

    def __post_init__(self) -> None:
        if not {SAMPLES, UNTRAINED} <= self.rows.keys():
            raise ValueError("figures are missing")
        if not np.isfinite([value for row in self.rows.values() for value in row.values()]).all():
            raise ValueError("a figure is not finite")


@dataclass(frozen=True, kw_only=True)
class TrainedModelTask(CellTask):
    """An experiment to be trained on a data set."""

    kind: ClassVar = "model"

    options: ModelsComparison

    def settings(self) -> RunSettings:
        """Settings of a fresh run, those of the experiment."""
        one = experiment(self.contender)
        return RunSettings(
            learner=one.model,
            config=model_config(one.model)(**one.settings),
            env=self.options.dataset,
            env_options={} if self.options.size is None else {"size": self.options.size},
            trainer=self.trainer,
            seed=self.seed,
        )

    def train_words(self) -> list[str]:
        """The lecture's own script."""
        dataset, size = self.options.dataset, self.options.size
        words = ["scripts/run_models.py", "--xp_id", self.contender, "--dataset", dataset]
        return words if size is None else [*words, "--size", str(size)]


@dataclass(frozen=True, kw_only=True)
class ModelTask(TrainedModelTask):
    """An experiment to be trained on a set of images, and its samples to be measured."""

    def measure(self, settings: RunSettings) -> None:
        """Measure the trained model's samples, and write the cell's file, whole."""
        _, model = load_run(self.run, self.trainer.device)
        evaluator, fresh = model.evaluator(self.options.count), model.untrained()
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
        record = ModelRecord(
            model=self.contender,
            seed=self.seed,
            rows=rows,
            samples=last["samples"],
            seconds=last["seconds"],
            command=self.command,
        )
        content = io.BytesIO()
        arrays = {kind: (255 * x).round().byte().cpu().numpy() for kind, x in pictures.items()}
        np.savez_compressed(content, **arrays)
        write_whole(self.file.with_suffix(".npz"), content.getvalue())
        write_whole(self.file, json.dumps(asdict(record), indent=1) + "\n")

    @classmethod
    def parse(cls, values: Any, path: Path) -> ModelCell:
        """The cell that was recorded as ``values``, with the pictures beside its file."""
        record = read(ModelRecord, values, path.name)
        pictures = read_arrays(path.with_suffix(".npz"))
        if SAMPLES not in pictures:
            raise ValueError("pictures are missing")
        return ModelCell(**vars(record), pictures=pictures)
