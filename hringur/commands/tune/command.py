"""``hringur tune NAME --env ID --trials 50 --budget 60s``: good settings, searched by Optuna."""

import json
import math
import re
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import tyro

from hringur.commands.compare.agents import (
    CURVE_TAGS,
    EVALUATIONS,
    RETURN,
    CompareAgents,
    check_unit,
)
from hringur.commands.compare.cells import Backend, budget_words, check_backend, run_cells
from hringur.commands.compare.models import ModelsComparison
from hringur.commands.compare.training import amount_of, check_same, keep_settings, trainer_for
from hringur.commands.console import note, parse, present
from hringur.commands.options import (
    DataSet,
    Options,
    Printed,
    Size,
    check_counts,
    check_seed,
    named_options,
    parse_options,
)
from hringur.data.files import json_text, plain, write_whole
from hringur.evaluation.tables import Column, Table
from hringur.evaluators.choice import evaluator_for
from hringur.registry import config_of, models
from hringur.settings import Space
from hringur.trained import RunSettings
from hringur.training.config import Device
from hringur.training.random_state import seed_everything
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import UserError, optional, printable

PASSES = 3
"""How often a trial is tried whose process is killed."""

SHOWN = 10
"""Trials in the table."""


@dataclass(frozen=True, kw_only=True)
class Tune(Printed, ABC):
    """Options of every search."""

    units: ClassVar[Mapping[str, tuple[str, float]]]
    budgets: ClassVar[str]
    evaluations: ClassVar[int]
    """of each trial, while it trains"""

    name: tyro.conf.Positional[Annotated[str, tyro.conf.arg(metavar="NAME")]]
    """name of the learner or model, as for hringur train"""

    trials: int = 50
    """settings to try, those of earlier calls counted; the first are the defaults"""

    budget: str = "60s"
    """training of each trial: 60s, 2m, or 200000steps of an environment, 200000images of a set"""

    seed: int = 0
    """of every trial, and of the search"""

    jobs: int | None = None
    """trials at the same time, one thread each; as many as there are processors when not given"""

    backend: Backend = "joblib"
    """where the trials go: processes of this machine, or a Ray cluster"""

    device: Device = "cpu"
    """where networks are trained"""

    folder: Path | None = None
    """where everything is kept; a folder of runs/ that is named by the options when not given"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_counts(self, "trials", "jobs")
        check_seed(self.seed)
        if not self.space:
            raise UserError(f"{self.name} cannot be tuned: its settings have no search_space")
        amount_of(self.budget, self.units, self.budgets)

    @property
    @abstractmethod
    def what(self) -> tuple[str, dict[str, Any]]:
        """What is learned from: the environment or the data set, and its options."""

    @abstractmethod
    def train_words(self) -> list[str]:
        """The command that trains, without settings and budget."""

    @property
    def space(self) -> Space:
        """The settings to search, and their bounds."""
        return getattr(config_of(self.name), "search_space", {})

    @cached_property
    def trainer(self) -> TrainerConfig:
        """The budget of each trial."""
        amount = amount_of(self.budget, self.units, self.budgets)
        return trainer_for(*amount, self.evaluations, self.device)

    @cached_property
    def settings(self) -> RunSettings:
        """Settings of a run with the learner's defaults."""
        env, options = self.what
        config = config_of(self.name)()
        return RunSettings(
            learner=self.name, config=config, env=env, env_options=options,
            trainer=self.trainer, seed=self.seed,
        )  # fmt: skip

    def where(self) -> Path:
        """The folder of the study."""
        usual = re.sub(r"[^\w.-]+", "-", f"tune-{self.name}-{self.what[0]}-{self.budget}")
        return (self.folder or Path("runs") / usual).resolve()

    def common(self) -> dict[str, Any]:
        """Plain values that all trials of a folder share; trials may be added."""
        env, options = self.what
        names = ("name", "budget", "seed", "device")
        about = {"env": env, "env_options": options, **{n: getattr(self, n) for n in names}}
        return json.loads(json.dumps(plain(about)))

    def command(self, proposed: Mapping[str, Any]) -> str:
        """The command that trains with these settings."""
        given = [f"--{name.replace('_', '-')}={value}" for name, value in proposed.items()]
        return shlex.join([*self.train_words(), *budget_words(self.trainer, self.seed), *given])


@dataclass(frozen=True, kw_only=True)
class TuneAgent(Tune):
    """Search for good settings of a learner with Optuna; the same command goes on where it was.

    For a generative model name it: hringur tune vae --help. Best settings are in best.json.
    """

    units: ClassVar = CompareAgents.units
    budgets: ClassVar = CompareAgents.budgets
    evaluations: ClassVar = EVALUATIONS

    env: str = "IcelandTSP-v0"
    """environment to train on, by its name in Gymnasium"""

    option: Options = ()
    """options of the environment, each as KEY=VALUE"""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_unit(evaluator_for(*self.what), self.budget)

    @cached_property
    def what(self) -> tuple[str, dict[str, Any]]:
        """The environment, and its options."""
        return self.env, named_options(self.env) | parse_options(self.option)

    def train_words(self) -> list[str]:
        """``hringur train`` with the environment."""
        options = ["--option", *self.option] if self.option else []
        return ["hringur", "train", self.name, "--env", self.env, *options]


@dataclass(frozen=True, kw_only=True)
class TuneModel(Tune):
    """Search for good settings of a generative model with Optuna; the same command goes on."""

    units: ClassVar = ModelsComparison.units
    budgets: ClassVar = "60s, 2m or 300000images"
    evaluations: ClassVar = 4  # each takes long

    dataset: DataSet = ""
    size: Size = None

    @cached_property
    def what(self) -> tuple[str, dict[str, Any]]:
        """The data set, the model's usual one when none is given, and its size."""
        usual = config_of(self.name).usual_dataset
        return self.dataset or usual, {} if self.size is None else {"size": self.size}

    def train_words(self) -> list[str]:
        """``hringur train`` with the data set."""
        size = [] if self.size is None else ["--size", str(self.size)]
        return ["hringur", "train", self.name, "--dataset", self.what[0], *size]


def main(arguments: list[str]) -> None:
    """Do the trials that are missing, then report."""
    of_models = any(argument in models() for argument in arguments)
    options: Tune = parse(TuneModel if of_models else TuneAgent, arguments, "tune")
    optional("optuna", "hringur tune", "tune")
    check_backend(options.backend)
    from hringur.commands.tune import trials

    folder = options.where()
    check_same(folder, options.common(), "study")
    if not (folder / trials.FILE).exists():
        objective, larger_is_better = objective_of(options.settings)
        keep_settings(folder, options.common(), "study")
        direction: trials.Direction = "maximize" if larger_is_better else "minimize"
        trials.create_study(folder, direction, objective)
    for _ in range(PASSES):
        tasks = trials.missing(folder, options.settings, options.space, options.trials)
        for _, failure in run_cells(tasks, options.jobs, options.backend, trials.run_trial):
            note(trials.progress(folder, options.trials, failure))
    report(options, shlex.join(["hringur", "tune", *arguments]))


def objective_of(settings: RunSettings) -> tuple[str, bool]:
    """Tag of what is searched for, and whether larger is better.

    It is the gap to the optimum where that is known, else the return; of a generative model what
    it shows while it trains. Settings that cannot be built are refused here, before anything is
    written.
    """
    seed_everything(settings.seed)
    learner, _ = settings.build(make_fabric(settings.trainer))
    if settings.learner in models():
        return learner.headline, learner.headline in getattr(learner, "larger_is_better", ())
    metrics = learner.evaluate()
    tag = next(tag for tag in CURVE_TAGS if math.isfinite(metrics.get(tag, math.nan)))
    return tag, tag == RETURN


def report(options: Tune, command: str) -> None:
    """Write best.json; print the best trials, and the command that repeats the best."""
    from hringur.commands.tune.trials import ended, open_study

    folder = options.where()
    study = open_study(folder)
    objective = study.user_attrs["objective"]
    larger_is_better = study.direction.name == "MAXIMIZE"
    complete = sorted(
        ended(study, "COMPLETE"), key=lambda one: one.value or 0.0, reverse=larger_is_better
    )
    counts = {state: len(ended(study, state)) for state in ("COMPLETE", "PRUNED", "FAIL")}
    if not complete:
        note(f"no trial came to its end; the reasons are in {folder}")
        raise SystemExit(1)
    best = {
        "learner": options.name,
        "settings": complete[0].params,
        "objective": objective,
        "value": complete[0].value,
        "trial": complete[0].number,
        "train": options.command(complete[0].params),
    }
    write_whole(folder / "best.json", json_text(best) + "\n")
    fields = ("number", "value", "params")
    rows = [{name: getattr(one, name) for name in fields} for one in complete]
    record = {"ended": counts, "best": best, "trials": rows, "command": command}
    title = f"{options.name}, {options.budget} of training each: {phrase(counts)}"
    present(options, record, [table_of(complete[:SHOWN], objective, title)])
    if not options.json:
        print(f"best settings: {printable(str(folder / 'best.json'))}\nagain: {best['train']}")


def table_of(trials: Sequence[Any], objective: str, title: str) -> Table[Any]:
    """Trials, what they reached, and with which settings."""
    return Table(
        title=title,
        columns=[
            Column[Any]("trial", lambda one: str(one.number)),
            Column(objective.removeprefix("evaluation/"), lambda one: f"{one.value:.4g}"),
            Column("samples", lambda one: f"{one.user_attrs['samples']:,}"),
            Column("settings", lambda one: words(one.params), text=True, wrap=True),
        ],
        rows=trials,
    )


def words(proposed: Mapping[str, Any]) -> str:
    """Settings for a table."""
    shown = (f"{k} {v:.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in proposed.items())
    return ", ".join(shown) or "defaults"


def phrase(counts: Mapping[str, int]) -> str:
    """How many trials ended in which way."""
    return "{COMPLETE} ended, {PRUNED} pruned, {FAIL} failed".format_map(counts)
