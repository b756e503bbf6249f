"""``hringur compare --models exp0 ... exp7``: experiments trained side by side, and measured."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hringur.commands.compare.cells import Failed
from hringur.commands.compare.folder import check_same, keep_settings
from hringur.commands.compare.model_cells import ModelTask, read_cell
from hringur.commands.compare.pool import Backend
from hringur.commands.compare.training import (
    check_buildable,
    check_contenders,
    check_counts,
    parse_budget,
    tell_failed,
    train_cells,
)
from hringur.commands.console import parse, print_json, show
from hringur.commands.options import check_figure
from hringur.data.files import json_text, plain, write_whole
from hringur.data.images.images import load_images
from hringur.evaluation.agents.comparison import seed_words
from hringur.evaluation.figures import save
from hringur.evaluation.generative import comparison
from hringur.evaluators.images import COUNT, ImageEvaluator
from hringur.registry import EXPERIMENTS, experiment, model_config
from hringur.training.config import Device, TrainerConfig

UNITS = {"s": ("seconds", 1.0), "m": ("seconds", 60.0), "images": ("samples", 1.0)}
BUDGETS = "60s, 2m, 300000images or usual"


@dataclass(frozen=True, kw_only=True)
class CompareModels:
    """Train every experiment from several seeds on one set of images, and measure their samples.

    What is done already is not done again: the same command goes on where it was stopped.
    """

    models: tuple[str, ...]
    """experiments, exp0 to exp7, or generative models by name"""

    dataset: str = "mnist"
    """images: mnist, digits, fashion-mnist, a folder, a .zip or an .npz"""

    size: int | None = None
    """bring the images to so many pixels, high and wide; as they are when not given"""

    seeds: int = 3
    """runs of each experiment, from seeds 0, 1, ..."""

    budget: str = "usual"
    """training of each run: 60s, 2m, 300000images, or usual: as scripts/run_models.py has it"""

    count: int = COUNT
    """images on each side of a measurement; all held-out ones where there are fewer"""

    jobs: int | None = None
    """runs at the same time, one thread each; as many as there are processors when not given"""

    backend: Backend = "joblib"
    """where the runs go: processes of this machine, or a Ray cluster"""

    device: Device = "cpu"
    """where networks are trained; runs at the same time share a GPU"""

    folder: Path | None = None
    """where everything is kept; runs/compare-models-DATASET-BUDGET when not given"""

    figure: Path | None = None
    """draw the samples to this PNG too; it is always in the folder"""

    json: bool = False
    """print the figures as JSON instead of a table"""

    def __post_init__(self) -> None:
        check_contenders("model", self.models, list(EXPERIMENTS), experiment)
        check_counts(seeds=self.seeds, count=self.count, jobs=self.jobs)
        self.trainer(self.models[0])
        if self.figure is not None:
            check_figure(self.figure)

    def trainer(self, model: str) -> TrainerConfig:
        """The budget of each run of a model."""
        name, amount = self.amount(model)
        settings: dict[str, Any] = {"device": self.device, "threads": 1}
        # measuring takes as long as a good deal of training, so only the end is measured
        settings |= {"evaluate_every_seconds": None, "checkpoint_every_seconds": 20.0}
        settings[name] = amount if name == "seconds" else int(amount)
        return TrainerConfig(**settings)

    def amount(self, model: str) -> tuple[str, float]:
        """The trainer's name of a model's budget, and how much of it."""
        if self.budget == "usual":
            return "samples", float(model_config(experiment(model).model).usual_samples)
        return parse_budget(self.budget, UNITS, BUDGETS)

    def where(self) -> Path:
        """The folder of the comparison."""
        name = f"compare-models-{Path(self.dataset).stem}-{self.budget}"
        return self.folder or Path("runs") / re.sub(r"[^\w.-]+", "-", name)

    def tasks(self) -> list[ModelTask]:
        """Every cell, seed by seed."""
        return [
            ModelTask(
                contender=model,
                seed=seed,
                dataset=self.dataset,
                size=self.size,
                count=self.count,
                trainer=self.trainer(model),
                folder=self.where().resolve(),  # a cluster's processes work elsewhere
            )
            for seed in range(self.seeds)
            for model in self.models
        ]

    def common(self) -> dict[str, Any]:
        """What all cells of a folder must have in common; models and seeds may be added."""
        names = ("dataset", "size", "budget", "count", "device")
        return {"kind": "models"} | {name: getattr(self, name) for name in names}


def main(arguments: list[str]) -> None:
    """Train what is missing, then report; exit code 1 if a cell failed."""
    options = parse(CompareModels, arguments, "compare")
    images = load_images(options.dataset, options.size)
    evaluator = ImageEvaluator(images, options.count)  # refuses too few
    tasks, folder = options.tasks(), options.where()
    check_same(folder, options.common())
    missing = [task for task in tasks if not task.file.exists()]
    done = len([read_cell(task.file) for task in tasks if task.file.exists()])
    failed: list[Failed] = []
    if missing:
        check_buildable("model", missing)
        keep_settings(folder, options.common())
        how = options.budget, options.jobs, options.backend
        failed = train_cells(missing, done, *how, lambda task: read_cell(task.file).words)
    cells = [read_cell(task.file) for task in tasks if task.file.exists()]
    tell_failed(failed)
    if cells:
        report(options, cells, failed, evaluator, shlex.join(["hringur", "compare", *arguments]))
    if failed:
        raise SystemExit(1)


def report(
    options: CompareModels,
    cells: Sequence[comparison.ModelCell],
    failed: Sequence[Failed],
    evaluator: ImageEvaluator,
    command: str,
) -> None:
    """The table or JSON, and the figure; those of the cells that were done."""
    ordered = sorted(options.models, key=[*EXPERIMENTS, *options.models].index)
    teaches = {name: experiment(name).teaches for name in ordered}
    runs, folder, halves = comparison.grouped(cells, teaches), options.where(), evaluator.halves
    seeds = seed_words(sorted({cell.seed for cell in cells}))
    title = f"{evaluator.images.name}, budget {options.budget}, seeds {seeds}"
    figure = comparison.samples_figure(runs, evaluator.images.test, title)
    files = [save(figure, folder / "samples.png")]
    if options.figure is not None:
        files.append(save(figure, options.figure))
    record = {
        "settings": plain(asdict(options)),
        "images_on_each_side": evaluator.count,
        "models": [one.to_json() for one in runs],
        "halves": halves,
        "failed": [{"cell": one.task.name, "reason": one.reason} for one in failed],
        "command": command,
    }
    write_whole(folder / "results.json", json_text(record) + "\n")
    write_whole(folder / "results.md", comparison.markdown(runs, halves) + f"\n`{command}`\n")
    if options.json:
        print_json(json.loads(json_text(record)))
        return
    show(comparison.table(runs, halves, f"{title}, {evaluator.count:,} images on each side"))
    print("interquartile means over runs, with 95 % intervals\n")
    print(f"the command: {command}")
    for path in files:
        print(f"drawn: {path}")
