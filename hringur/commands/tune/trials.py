"""Trials of a study: settings proposed by Optuna, trained like any run, stopped early if poor.

The study is an SQLite file, so that a search that was killed goes on: a trial that was begun keeps
its settings, and its run goes on from its checkpoint.
"""

import errno
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import optuna
from filelock import FileLock
from sqlalchemy.exc import SQLAlchemyError

from hringur.commands.compare.cells import Failed, guarded
from hringur.commands.train.running import run
from hringur.data.files import check_file, reading, replacing
from hringur.settings import Interval, Space
from hringur.trained import RunSettings, latest_state
from hringur.training.config import Counters
from hringur.training.log import RunLog
from hringur.training.run_folder import RunFolder
from hringur.types import Metrics

STUDY = "hringur"
FILE = "study.db"
MAX_STUDY_BYTES = 1 << 30
PRUNER = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3)
"""Stops a trial that is below the median of the others at the same evaluation; not before five
trials have ended, nor in the first two evaluations."""

State = optuna.trial.TrialState

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True)
class TrialTask:
    """A trial to be done: one that was begun, or the next."""

    folder: Path
    """folder of the whole study"""

    settings: RunSettings
    """of a run with the learner's default settings"""

    space: Space
    trials: int
    """of the whole study"""

    began: int | None = None
    """the trial to go on with; None: a new one"""

    begun = False
    label = "trial"
    command = "the same command"


def storage(path: Path) -> optuna.storages.RDBStorage:
    """A study's file, for several processes at once."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.storages.RDBStorage(
        f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60}}
    )


def open_study(folder: Path, seed: int = 0) -> optuna.Study:
    """The study in a folder.

    Raises:
        UserError: its file is no study, or is damaged.
    """
    path = folder / FILE
    check_file(path, MAX_STUDY_BYTES)
    with reading(path, "a study"):
        check_database(path)
        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.load_study(
            study_name=STUDY, storage=storage(path), sampler=sampler, pruner=PRUNER
        )
        study.get_trials(deepcopy=False)  # reads every row
        if not isinstance(study.user_attrs["objective"], str):
            raise ValueError("its objective is no name of a metric")
    return study


def check_database(path: Path) -> None:
    """Raise unless it is whole and has studies; Optuna would put tables into any other file."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as file:
        if (found := file.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise ValueError(found)
        file.execute("SELECT study_name FROM studies")


def create_study(folder: Path, direction: Direction, objective: str) -> None:
    """A new study in the folder; ``objective`` is the tag of the metric to minimise or maximise."""
    with replacing(folder / FILE) as partial:  # a kill leaves none without its objective
        try:
            file = storage(partial)
            study = optuna.create_study(study_name=STUDY, storage=file, direction=direction)
            study.set_user_attr("objective", objective)
            file.engine.dispose()
        except SQLAlchemyError as error:  # a full disk, by the database's own words
            raise OSError(errno.EIO, str(getattr(error, "orig", error))) from error


def ended(study: optuna.Study, *states: str) -> list[optuna.trial.FrozenTrial]:
    """The trials that are in one of these states."""
    return study.get_trials(deepcopy=False, states=[getattr(State, name) for name in states])


def missing(folder: Path, settings: RunSettings, space: Space, trials: int) -> list[TrialTask]:
    """Trials that were begun and not ended, then those that are new."""
    study = open_study(folder)
    task = TrialTask(folder=folder, settings=settings, space=space, trials=trials)
    begun = [replace(task, began=one.number) for one in ended(study, "RUNNING")]
    return begun + [task] * (trials - len(study.get_trials(deepcopy=False)))


def progress(folder: Path, trials: int, failure: Failed | None) -> str:
    """A line after a trial: how many have ended, and the best so far."""
    study = open_study(folder)
    done = ended(study, "COMPLETE", "PRUNED", "FAIL")
    best = ""
    if any(one.state == State.COMPLETE for one in done):
        tag = study.user_attrs["objective"].removeprefix("evaluation/")
        best = f"best {tag} {study.best_value:.4g}, of trial {study.best_trial.number}"
    return f"[{len(done)}/{trials}] " + (f"failed: {failure.reason}" if failure else best)


def run_trial(task: TrialTask, started_by: int) -> Failed | None:
    """Do one trial; an error of any kind fails this trial alone."""
    return guarded(do_trial, task, started_by)


def do_trial(task: TrialTask) -> None:
    """Take the next trial, train with its settings, and tell the study how it ended."""
    with FileLock(task.folder / ".ask.lock"):
        study = open_study(task.folder)
        begun = len(study.get_trials(deepcopy=False))
        if task.began is None and begun >= task.trials:
            return  # another process went on with a trial that this one was meant to replace
        study.sampler = optuna.samplers.TPESampler(seed=task.settings.seed + begun)
        trial = study.ask() if task.began is None else resumed(study, task.began)
        # The first trial has the default settings, whatever they depend on.
        proposed = suggest(trial, task.space) if trial.number else {}
    try:
        metrics = train_trial(task, study, trial, proposed)
    except optuna.TrialPruned:
        study.tell(trial, state=State.PRUNED)
    except Exception as error:
        trial.set_user_attr("reason", " ".join(str(error).split()))
        study.tell(trial, state=State.FAIL)
        raise
    else:
        study.tell(trial, metrics[study.user_attrs["objective"]])


def resumed(study: optuna.Study, number: int) -> optuna.Trial:
    """A trial that was begun, with its settings."""
    return optuna.Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """A value of each setting; a trial that is resumed has its own."""
    found: dict[str, Any] = {}
    for name, values in space.items():
        if not isinstance(values, Interval):
            found[name] = trial.suggest_categorical(name, values)
        elif isinstance(values.low, int):
            found[name] = trial.suggest_int(name, values.low, int(values.high), log=values.log)
        else:
            found[name] = trial.suggest_float(name, values.low, values.high, log=values.log)
    return found


def train_trial(
    task: TrialTask, study: optuna.Study, trial: optuna.Trial, proposed: Mapping[str, Any]
) -> Metrics:
    """Train in the trial's own run folder, from its checkpoint if there is one.

    Raises:
        optuna.TrialPruned: its curve is below the median of the others.
    """
    path = task.folder / f"trial-{trial.number}"
    begun = (path / "config.json").is_file()
    folder = RunFolder.open(path, write=True) if begun else path
    state = latest_state(folder) if isinstance(folder, RunFolder) else None
    settings = replace(task.settings, config=replace(task.settings.config, **proposed))
    reported = study.get_trials(deepcopy=False)[trial.number].intermediate_values
    log = partial(TrialLog, trial, study.user_attrs["objective"], max(reported, default=0))
    outcome = run(settings, folder, state, "", quiet=True, silent=True, make_log=log)
    trial.set_user_attr("samples", outcome.counters.samples)
    return outcome.metrics


class TrialLog(RunLog):
    """The log of a run that tells the study of its learning curve."""

    def __init__(self, trial: optuna.Trial, objective: str, reported: int, *about: Any) -> None:
        """``reported`` evaluations are known to the study; ``about`` is for the run's own log."""
        super().__init__(*about)
        self.trial, self.objective, self.reported = trial, objective, reported

    def evaluation(self, metrics: Metrics, now: Counters) -> None:
        """Report it; evaluations are counted, as trials of one study have them at equal shares."""
        super().evaluation(metrics, now)
        number = len(self.folder.read_history())
        if number > self.reported:
            self.trial.report(metrics[self.objective], number)
            if self.trial.should_prune():
                raise optuna.TrialPruned
