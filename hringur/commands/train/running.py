"""One run, from its settings to what is said at its end: for every command that trains."""

from pathlib import Path

from hringur.commands.console import print_json
from hringur.trained import RunSettings
from hringur.training.console import display
from hringur.training.fabric import rank
from hringur.training.log import Log, NoLog, RunLog
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import Outcome, make_fabric, train
from hringur.types import State


def run(
    settings: RunSettings,
    folder: RunFolder | Path,
    state: State | None,
    resume_command: str,
    quiet: bool,
    silent: bool = False,
) -> Outcome:
    """Build the learner, train it, and say how it ended (``silent``: say nothing at all).

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; the run is saved and may go on.
    """
    fabric = make_fabric(settings.trainer)
    seed_everything(settings.seed)
    learner, batches = settings.build(fabric)  # before the folder: may refuse its settings
    log: Log = NoLog()
    if rank() == 0:
        if isinstance(folder, Path):
            folder = RunFolder.create(folder, settings)
        log = RunLog(folder, display(quiet), resume_command)
    outcome = train(learner, batches, settings.trainer, log, state)
    if rank() == 0 and isinstance(folder, RunFolder) and not silent:
        report(settings, folder, outcome, quiet)
    if outcome.interrupted:  # so that a script does not go on as if the budget were used up
        raise KeyboardInterrupt
    return outcome


def report(settings: RunSettings, folder: RunFolder, outcome: Outcome, as_json: bool) -> None:
    """Print what became of the run, and what to type next."""
    if as_json:
        print_json(
            {
                "learner": settings.learner,
                "folder": str(folder.path),
                "interrupted": outcome.interrupted,
                "steps": outcome.counters.steps,
                "samples": outcome.counters.samples,
                "seconds": outcome.counters.seconds,
                "metrics": outcome.metrics,
            }
        )
    elif not outcome.interrupted:
        for tag, value in sorted(outcome.metrics.items()):
            print(f"{tag:40} {value:.4g}")
        print(f"\nnext: hringur evaluate {folder.path}")
