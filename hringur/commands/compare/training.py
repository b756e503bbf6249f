"""Comparisons that train their contenders first: options, main loop and report of both kinds.

``agents.py`` and ``models.py`` add what is trained, how it is measured, and what is shown.
"""

import json
import math
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from matplotlib.figure import Figure
from rich.console import RenderableType

from hringur.checks import LARGEST_COUNT, shortened
from hringur.commands.compare.cells import (
    Backend,
    CellTask,
    Failed,
    check_backend,
    run_cells,
)
from hringur.commands.console import note, print_json, show
from hringur.commands.options import check_counts, check_figure
from hringur.data.figures import save
from hringur.data.files import json_text, read_json, reading, write_whole
from hringur.evaluation.agents.comparison import seed_words
from hringur.evaluation.statistics import over_runs_words
from hringur.training.config import Device, TrainerConfig
from hringur.training.trainer import make_fabric
from hringur.types import UserError, printable


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What the cells that were done show."""

    figure: Figure
    tables: Sequence[RenderableType]
    markdown: str
    record: Mapping[str, Any]
    runs: Sequence[int]
    """how many runs each contender has, for the words about intervals"""


@dataclass(frozen=True, kw_only=True)
class TrainedComparison(ABC):
    """Options of every comparison that trains its contenders."""

    kind: ClassVar[str]
    """what a contender is called; the option that names them is its plural"""

    units: ClassVar[Mapping[str, tuple[str, float]]]
    """the trainer's name of a budget and how much one of it is, by unit"""

    budgets: ClassVar[str]
    """budgets for example"""

    drawing: ClassVar[str]
    """name of the figure in the folder"""

    seeds: int
    budget: str

    jobs: int | None = None
    """runs at the same time, one thread each; as many as there are processors when not given"""

    backend: Backend = "joblib"
    """where the runs go: processes of this machine, or a Ray cluster"""

    device: Device = "cpu"
    """where networks are trained; runs at the same time share a GPU"""

    folder: Path | None = None
    """where everything is kept; a folder of runs/ that is named by the options when not given"""

    figure: Path | None = None
    """draw the figure to this PNG, SVG or PDF too; it is always in the folder"""

    json: bool = False
    """print the figures as JSON instead of tables"""

    def __post_init__(self) -> None:
        check_counts(self, "seeds", "jobs")
        self.trainer(self.contenders[0])
        if self.figure is not None:
            check_figure(self.figure)

    @property
    def contenders(self) -> tuple[str, ...]:
        """Names of what is trained."""
        return getattr(self, f"{self.kind}s")

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the folder in runs/ when none is given."""

    @abstractmethod
    def trainer(self, contender: str) -> TrainerConfig:
        """Settings of the trainer for each run of a contender."""

    @abstractmethod
    def task(self, **shared: Any) -> CellTask:
        """The cell with these values of the fields that all tasks have."""

    @abstractmethod
    def common(self) -> dict[str, Any]:
        """Plain values that all cells of a folder share; contenders and seeds may be added."""

    @abstractmethod
    def evaluator(self) -> Any:
        """What the runs are measured with."""

    @abstractmethod
    def findings(self, evaluator: Any, cells: Sequence[Any], seeds: str) -> Findings:
        """Tables, figure and record of the cells that were done; ``seeds`` for the title."""

    def amount(self, contender: str) -> tuple[str, float]:
        """The trainer's name of the budget, and how much of it; a count is a whole number."""
        return amount_of(self.budget, self.units, self.budgets)

    def where(self) -> Path:
        """The folder of the comparison."""
        return self.folder or Path("runs") / re.sub(r"[^\w.-]+", "-", self.name)

    def tasks(self) -> list[CellTask]:
        """Every cell, seed by seed."""
        folder = self.where().resolve()  # a cluster's processes have other working folders
        return [
            self.task(contender=one, seed=seed, trainer=self.trainer(one), folder=folder)
            for seed in range(self.seeds)
            for one in self.contenders
        ]


def amount_of(
    budget: str, units: Mapping[str, tuple[str, float]], examples: str
) -> tuple[str, float]:
    """The trainer's name of a budget such as 60s, and how much of it; a count is whole.

    Raises:
        UserError: it cannot be read, or is not in range; the message has the ``examples``.
    """
    found = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*({'|'.join(units)})", budget.strip())
    name, factor = units[found[2]] if found else ("", 0.0)
    amount = float(found[1]) * factor if found else 0.0
    if not 0 < amount <= LARGEST_COUNT or (found and name == "samples" and "." in found[1]):
        raise UserError(f"--budget must be such as {examples}, got {shortened(budget)}")
    return name, amount


def trainer_for(name: str, amount: float, evaluations: int, device: Device) -> TrainerConfig:
    """A trainer with one thread and this budget, which evaluates so many times on the way."""
    every = amount / evaluations
    settings: dict[str, Any] = {"device": device, "threads": 1}
    if name == "seconds":
        settings |= {"seconds": amount, "evaluate_every_seconds": every}
        settings["checkpoint_every_seconds"] = max(5.0, every)
    else:
        settings |= {"samples": int(amount), "evaluate_every_samples": math.ceil(every)}
        settings |= {"evaluate_every_seconds": None, "checkpoint_every_seconds": 10.0}
    return TrainerConfig(**settings)


def train_and_compare(options: TrainedComparison, arguments: Sequence[str]) -> None:
    """Train what is missing, then report; the exit code is 1 if a cell failed."""
    evaluator = options.evaluator()
    tasks, folder = options.tasks(), options.where()
    check_same(folder, options.common())
    missing = [task for task in tasks if not task.file.exists()]
    done_cells(tasks)  # refuses a broken one before the others are trained
    failed: list[Failed] = []
    if missing:
        check_backend(options.backend)
        check_buildable(missing)
        keep_settings(folder, options.common())
        failed = train_cells(options, missing, len(tasks))
    cells = done_cells(tasks)
    for one in failed:
        note(f"failed: {one.task.label}: {one.reason}; again with: {one.task.command}")
    if cells:
        seeds = seed_words(sorted({cell.seed for cell in cells}))
        found = options.findings(evaluator, cells, seeds)
        report(options, found, failed, shlex.join(["hringur", "compare", *arguments]))
    else:
        note("no run could be trained; the reasons are above")
    if failed:
        raise SystemExit(1)


def done_cells(tasks: Sequence[CellTask]) -> list[Any]:
    """The cells that have been done, read from their files."""
    return [task.read(task.file) for task in tasks if task.file.exists()]


def train_cells(options: TrainedComparison, tasks: Sequence[CellTask], total: int) -> list[Failed]:
    """Train the cells that are missing of ``total``, with a line for each; return failures."""
    jobs, done = options.jobs, total - len(tasks)
    at_once = jobs or "as many as there are processors"
    note(f"{len(tasks)} of {total} runs to train, budget {options.budget}, {at_once} at a time")
    failed: list[Failed] = []
    for task, failure in run_cells(tasks, jobs, options.backend):
        done += 1
        words = f"failed: {failure.reason}" if failure else task.read(task.file).words
        note(f"[{done}/{total}] {task.label}: {words}")
        failed += [failure] if failure else []
    return failed


def report(
    options: TrainedComparison, found: Findings, failed: Sequence[Failed], command: str
) -> None:
    """Write the figure, results.json and results.md to the folder; print tables or JSON."""
    folder = options.where()
    figures = [folder / options.drawing, *([options.figure] if options.figure else [])]
    for path in figures:
        save(found.figure, path)
    record = {
        "settings": asdict(options),
        **found.record,
        "failed": [{"cell": one.task.label, "reason": one.reason} for one in failed],
        "command": command,
    }
    write_whole(folder / "results.json", json_text(record) + "\n")
    write_whole(folder / "results.md", found.markdown + f"\n`{command}`\n")
    if options.json:
        print_json(record)
        return
    first, *further = found.tables
    show(first)
    print(f"{over_runs_words(found.runs)}\n")
    for table in further:
        show(table)
    print(f"the command: {printable(command)}")
    for path in figures:
        print(f"drawn: {printable(str(path))}")


def check_contenders(
    kind: str, names: Sequence[str], known: Iterable[str], look_up: Callable[[str], Any]
) -> None:
    """Refuse none at all, one that ``look_up`` refuses, and one that is named twice."""
    if not names:
        raise UserError(f"--{kind}s must name at least one of {', '.join(known)}")
    for name in names:
        look_up(name)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"the {kind} {twice[0]} is given twice")


def check_buildable(tasks: Sequence[CellTask]) -> None:
    """Build each contender once, before anything is written, to refuse one that cannot learn."""
    first = {task.contender: task for task in reversed(tasks)}
    for task in reversed(first.values()):
        try:
            task.settings().build(make_fabric(task.trainer))
        except UserError as error:
            raise UserError(f"the {task.kind} {task.contender}: {error}") from error


def check_same(folder: Path, settings: Mapping[str, Any], what: str = "comparison") -> None:
    """Refuse a folder that holds anything but the same comparison, or study."""
    path = folder / f"{what}.json"
    with reading(path, f"a {what}'s settings"):
        if not path.exists():
            if folder.exists() and any(folder.iterdir()):
                raise UserError(f"{folder} exists and holds no {what}: choose another --folder")
            return
        found = read_json(path)
        for name, value in settings.items():
            if found.get(name) != value:  # what is younger than the folder was None
                raise UserError(
                    f"{folder} holds a {what} with {name} {found.get(name)}, not {value}:"
                    " choose another --folder"
                )


def keep_settings(folder: Path, settings: Mapping[str, Any], what: str = "comparison") -> None:
    """Make the folder, and write down what all its cells, or trials, have in common."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / f"{what}.json", json.dumps(settings, indent=2) + "\n")
    except OSError as error:
        raise UserError(f"cannot keep a {what} in {folder}: {error.strerror}") from error
