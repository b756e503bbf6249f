"""``hringur compare --env ID --agents ...``: agents trained side by side with the same budget."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, ClassVar

import numpy as np
from rich.console import RenderableType

from hringur.commands.compare import walk_forward
from hringur.commands.compare.cells import CellTask
from hringur.commands.compare.training import (
    Findings,
    TrainedComparison,
    check_contenders,
    trainer_for,
)
from hringur.commands.compare.tuned import tuned_settings
from hringur.commands.options import Options, check_counts, named_options, parse_options
from hringur.data.files import plain, write_whole
from hringur.evaluation.agents import comparison
from hringur.evaluation.agents.comparison import Cell, CurvePoint
from hringur.evaluation.agents.plots import comparison_figure
from hringur.evaluation.agents.scores import Report
from hringur.evaluators.choice import Evaluator, domain_for, evaluator_for
from hringur.evaluators.episodes import EpisodeReturns
from hringur.registry import learner_config, learners
from hringur.settings import read
from hringur.trained import RunSettings, latest_state
from hringur.training.checkpoint import restore
from hringur.training.config import TrainerConfig
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import make_fabric
from hringur.types import Metrics, UserError

GAP, RETURN = "evaluation/gap_percent", "evaluation/return_mean"
CURVE_TAGS = (GAP, RETURN)
EVALUATIONS = 12  # of each run, while it trains


@dataclass(frozen=True, kw_only=True)
class CompareAgents(TrainedComparison):
    """Train every agent from several seeds on one environment, and compare the results.

    What is done already is not done again: the same command goes on where it was stopped.
    """

    kind: ClassVar = "agent"
    units: ClassVar = {"s": ("seconds", 1.0), "m": ("seconds", 60.0), "steps": ("samples", 1.0)}
    budgets: ClassVar = "60s, 2m or 200000steps"
    drawing: ClassVar = "comparison.png"

    env: str
    """environment, by its name in Gymnasium"""

    agents: tuple[str, ...]
    """names of learners, as for hringur train"""

    seeds: int = 5
    """runs of each agent, from seeds 0, 1, ..."""

    budget: str = "60s"
    """training of each run: 60s, 2m, or 200000steps (of the environment)"""

    option: Options = ()
    """options of the environment, each as KEY=VALUE"""

    episodes: int = 100
    """held-out episodes that each trained run plays, the same for all"""

    tuned: tuple[Path, ...] = ()
    """folders of hringur tune: these agents have their best settings instead of the defaults"""

    walk_forward: int | None = None
    """of trading: so many folds, each trained on a past and tested on the days that follow it"""

    def __post_init__(self) -> None:
        check_contenders(self.kind, self.agents, learners(), learner_config)
        check_counts(self, "episodes")
        super().__post_init__()
        _ = self.settings_of
        if self.walk_forward is not None:
            walk_forward.check_walk(self.env, self.env_options, self.walk_forward)

    @property
    def name(self) -> str:
        """Name of the folder in runs/ when none is given."""
        walk = "" if self.walk_forward is None else f"-walk-forward-{self.walk_forward}"
        return f"compare-{self.env}-{self.budget}{walk}"

    def trainer(self, contender: str) -> TrainerConfig:
        """The budget of each run, the same for all agents."""
        return trainer_for(*self.amount(contender), EVALUATIONS, self.device)

    @cached_property
    def env_options(self) -> dict[str, Any]:
        """Options for ``gymnasium.make``; tours have as many places as ``hringur train`` gives."""
        return named_options(self.env) | parse_options(self.option)

    @cached_property
    def settings_of(self) -> dict[str, Any]:
        """Settings of the agents that were tuned, by name."""
        return tuned_settings(self.tuned, self.agents)

    @property
    def folds(self) -> list["CompareAgents"]:
        """The comparison of each fold, if it walks forward: in a folder of its own."""
        count = self.walk_forward or 0
        return [
            replace(
                self,
                walk_forward=None,
                folder=self.where() / f"fold-{fold + 1}",
                option=(*self.option, "split=train", f"fold={fold}", f"folds={count}"),
            )
            for fold in range(count)
        ]

    def tasks(self) -> list[CellTask]:
        """Every cell, fold by fold and seed by seed."""
        if self.walk_forward is None:
            return super().tasks()
        return [task for fold in self.folds for task in fold.tasks()]

    def evaluator(self) -> Evaluator:
        """The evaluator of the environment, if its agents count what the budget does."""
        evaluator = evaluator_for(self.env, self.env_options)
        check_unit(evaluator, self.budget)
        return evaluator

    def task(self, **shared: Any) -> "AgentTask":
        """The cell with these values of the fields that all tasks have."""
        return AgentTask(options=self, **shared)

    def common(self) -> dict[str, Any]:
        """Plain values that all cells of a folder share; agents and seeds may be added."""
        names = ("env", "env_options", "budget", "episodes", "device", "walk_forward")
        shared = {name: getattr(self, name) for name in names}
        return json.loads(json.dumps(plain(shared | {"tuned": self.settings_of or None})))

    def findings(self, evaluator: Evaluator, cells: Sequence[Cell], seeds: str) -> Findings:
        """Scores of the agents, curves, and the reports of the environment's domain."""
        runs, unit = comparison.grouped(cells), evaluator.samples
        where = ", ".join((self.env, *self.option))
        if self.walk_forward is not None:
            about = f"{where}, {self.budget} of training each, seeds {seeds}"
            return walk_forward.findings([fold.tasks() for fold in self.folds], about)
        title = f"{where}, {self.budget} of training each, seeds {seeds}"
        if self.settings_of:
            title += f", tuned: {', '.join(self.settings_of)}"
        domain = domain_for(self.env, self.env_options)
        further = Report(tables=(), record={})
        if domain.comparison is not None:
            further = resolve_name(domain.comparison)(runs, self.env, self.env_options)
        played = comparison.episodes_words(runs)
        first = comparison.table(runs, f"{title}, {played}", unit)
        tables: list[RenderableType] = [first, *further.tables]
        if len(runs) > 1 and all(len(one.cells) > 1 for one in runs):
            tables.append(comparison.improvement_table(runs))
        return Findings(
            figure=comparison_figure(runs, title, unit),
            tables=tables,
            markdown=comparison.markdown(runs, unit),
            record={
                "agents": [one.to_json() for one in runs],
                "improvement": comparison.improvements(runs),
                **further.record,
            },
            runs=[len(one.cells) for one in runs],
        )


@dataclass(frozen=True, kw_only=True)
class AgentRecord:
    """The file of a cell: a trained agent on held-out episodes, the same for all cells."""

    agent: str
    seed: int
    samples: int
    seconds: float
    returns: list[float]
    lengths: list[int]
    optimal: list[float] | None
    reference: list[float] | None
    figures: dict[str, list[float | None]] = field(default_factory=dict)
    distinct: int | None = None
    history: str | None = None
    curve: tuple[CurvePoint, ...]
    command: str

    def __post_init__(self) -> None:
        columns = [self.returns, self.lengths, self.optimal, self.reference, *self.figures.values()]
        if len({len(column) for column in columns if column is not None}) > 1:
            raise ValueError("columns of different lengths")
        if not self.returns or not np.isfinite(self.returns).all():
            raise ValueError("no finite returns")


@dataclass(frozen=True, kw_only=True)
class AgentTask(CellTask):
    """An agent to be trained on an environment."""

    kind: ClassVar = "agent"

    options: CompareAgents

    @property
    def label(self) -> str:
        """The agent and its seed, with the fold if there are several."""
        fold = self.options.env_options.get("fold")
        return self.name if fold is None else f"{self.name}, fold {fold + 1}"

    def settings(self) -> RunSettings:
        """Settings of a fresh run, with the agent's defaults, or those that were tuned."""
        return RunSettings(
            learner=self.contender,
            config=read(learner_config(self.contender), self.tuned, "--tuned"),
            env=self.options.env,
            env_options=self.options.env_options,
            trainer=self.trainer,
            seed=self.seed,
        )

    @property
    def tuned(self) -> dict[str, Any]:
        """Settings that were tuned."""
        return self.options.settings_of.get(self.contender, {})

    def train_words(self) -> list[str]:
        """``hringur train`` with the environment."""
        options = [f"{key}={value}" for key, value in self.options.env_options.items()]
        words = ["hringur", "train", self.contender, "--env", self.options.env]
        words += [f"--{key.replace('_', '-')}={value}" for key, value in self.tuned.items()]
        return [*words, "--option", *options] if options else words

    def measure(self, settings: RunSettings) -> None:
        """Play held-out episodes with the trained agent, and write the cell's file, whole."""
        run = RunFolder.open(self.run)
        state = latest_state(run)
        assert state is not None, "training ends with a checkpoint"
        seed_everything(self.seed)
        learner, _ = settings.without_initial().build(make_fabric(settings.trainer))
        untrained = learner.evaluate()
        restore(learner, state["learner"], self.run)
        asked = self.options
        played = evaluator_for(asked.env, asked.env_options, asked.episodes).play(learner)
        if not np.isfinite(played.returns).all():
            raise FloatingPointError("a held-out episode returned what is not finite")
        history = run.read_history()
        record = AgentRecord(
            agent=self.contender,
            seed=self.seed,
            samples=history[-1]["samples"],
            seconds=history[-1]["seconds"],
            returns=played.returns.tolist(),
            lengths=played.lengths.tolist(),
            optimal=None if played.optimal is None else played.optimal.tolist(),
            reference=None if played.reference is None else played.reference.tolist(),
            figures={tag: values.tolist() for tag, values in played.figures.items()},
            distinct=played.distinct,
            history=played.history,
            curve=curve_of(untrained, history),
            command=self.command,
        )
        write_whole(self.file, json.dumps(plain(record), indent=1) + "\n")

    @classmethod
    def parse(cls, values: Any, path: Path) -> Cell:
        """The cell that was recorded as ``values``; a figure that is null is NaN."""
        record = read(AgentRecord, values, path.name)
        optimal, reference = (
            None if column is None else np.array(column, dtype=float)
            for column in (record.optimal, record.reference)
        )
        played = EpisodeReturns(
            np.array(record.returns, dtype=float),
            np.array(record.lengths, dtype=np.int64),
            optimal,
            reference,
            {tag: np.array(column, dtype=float) for tag, column in record.figures.items()},
            record.distinct,
            record.history,
        )
        names = ("agent", "seed", "samples", "seconds", "curve", "command")
        return Cell(played=played, **{name: getattr(record, name) for name in names})


def check_unit(evaluator: Evaluator, budget: str) -> None:
    """Refuse a budget in steps where agents count something else."""
    if evaluator.samples != "environment steps" and budget.endswith("steps"):
        raise UserError(
            f"--budget {budget}: these agents count {evaluator.samples}, not steps of the"
            " environment; give a budget in seconds, such as 60s"
        )


def curve_of(untrained: Metrics, history: Sequence[dict[str, Any]]) -> tuple[CurvePoint, ...]:
    """The gap where it is known, else the mean return: before training, then at each evaluation."""
    begin = {"samples": 0, "seconds": 0.0, "metrics": untrained}
    tags = [tag for tag in CURVE_TAGS if math.isfinite(untrained.get(tag, math.nan))]
    return tuple(
        CurvePoint(
            samples=entry["samples"],
            seconds=entry["seconds"],
            value=float(entry["metrics"][tags[0]]),
        )
        for entry in [begin, *history]
        if tags and entry["metrics"].get(tags[0]) is not None
    )
