"""One run, from its settings to what is said at its end: for every command that trains."""

import os
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Generic, TypeVar

from hringur.commands.console import note, print_json
from hringur.commands.options import check_seed
from hringur.data.files import plain
from hringur.registry import models
from hringur.trained import RunSettings, latest_state, load_run
from hringur.training.config import Device
from hringur.training.console import display
from hringur.training.fabric import rank
from hringur.training.log import Log, NoLog, RunLog
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import (
    Outcome,
    TrainerConfig,
    check_compiles,
    make_fabric,
    train,
)
from hringur.types import State, UserError, printable

Config = TypeVar("Config")

OWN_STORE = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"
"""Variable of torch.distributed.elastic: every attempt gets a store of its own."""


@dataclass(frozen=True, kw_only=True)
class NewRun(Generic[Config]):
    """Options of every new run, beside what it learns from."""

    seed: int = 0
    """of everything that is random [0 .. 2**32 - 1]"""

    folder: Path | None = None
    """run folder, which must be new; runs/NAME-WHAT-SEED when not given,
    WHAT being the places, the environment or the data set"""

    json: bool = False
    """print how the run ended as JSON, and no progress"""

    learner: Config

    # A default would be an instance, which has a budget in seconds already.

    trainer: TrainerConfig

    def __post_init__(self) -> None:
        check_seed(self.seed)

    def start(
        self,
        learner: str,
        env: str,
        env_options: dict[str, Any],
        what: Any,
        name: str,
        again: bool = False,
    ) -> Path:
        """Train from the beginning and return the run folder.

        ``name`` and ``what`` are of the folder's usual name; ``again``: where there is such a run,
        the next one is numbered. ``env`` is the environment or the data set that the registry's
        ``learner`` learns from.
        """
        settings = RunSettings(
            learner=learner,
            config=self.learner,
            env=env,
            env_options=env_options,
            trainer=self.trainer,
            seed=self.seed,
        )
        usual = Path("runs") / f"{name}-{what}-{self.seed}"
        folder = self.folder or (unused(usual) if again else usual)
        command = shlex.join(["hringur", "train", "--resume", str(folder)])
        begun = begun_before(folder, settings)
        state = None if begun is None else latest_state(begun)
        run(settings, begun or folder, state, command, self.json)
        return folder


def begun_before(folder: Path, settings: RunSettings) -> RunFolder | None:
    """The run that torchrun restarts; None: a new one begins, or is refused.

    With ``torchrun --max-restarts`` a folder with the very same settings is gone on with. Every
    process asks before all are connected, and a new folder is made only after that.
    """
    if not int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")):
        return None
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":
        raise UserError(
            f"torchrun --max-restarts needs {OWN_STORE}=1 in its environment: in the store that it "
            "shares, restarted workers find the addresses of those that died, and wait for them"
        )
    if not (folder / "config.json").is_file():
        return None
    known = RunFolder(folder).settings()
    return RunFolder.open(folder, write=True) if known == plain(settings) else None


def unused(path: Path) -> Path:
    """The path, or the first of PATH-2, PATH-3 and so on where nothing is yet."""
    numbered = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(one for one in chain([path], numbered) if not one.exists())


def run(
    settings: RunSettings,
    folder: RunFolder | Path,
    state: State | None,
    resume_command: str,
    quiet: bool,
    silent: bool = False,
    make_log: Callable[..., Log] = RunLog,
) -> Outcome:
    """Build the learner, train it, and say how it ended (``silent``: say nothing at all).

    ``make_log`` gets the run folder, a display and ``resume_command``.

    Raises:
        KeyboardInterrupt: Ctrl-C or SIGTERM; the run is saved and may go on. It may have ended:
            a silent one was told during its last evaluation, and its caller should end as well.
    """
    fabric = make_fabric(settings.trainer)
    seed_everything(settings.seed)
    learner, batches = settings.build(fabric)  # before the folder: may refuse its settings
    if settings.trainer.compile:
        check_compiles(learner)
    log: Log = NoLog()
    if rank() == 0:
        if isinstance(folder, Path):
            folder = RunFolder.create(folder, settings)
        log = make_log(folder, display(quiet), resume_command)
    outcome = train(learner, batches, settings.trainer, log, state)
    path = folder.path if isinstance(folder, RunFolder) else folder
    shown = rank() == 0 and not silent
    inline = log.display.inline  # what there is to report is on show already
    stopped = outcome.interrupted or (silent and outcome.told_to_end)
    if shown and not stopped and settings.learner in models():
        draw(path, settings.trainer.device, quiet or inline)
    if shown and not inline:
        report(settings, path, outcome, quiet)
    if stopped:
        raise KeyboardInterrupt  # so that a script does not go on as if the budget were used up
    return outcome


def draw(folder: Path, device: Device, quiet: bool) -> None:
    """Write the pictures of a generative model's run into its folder."""
    _, model = load_run(folder, device)
    model.write_pictures(folder / "pictures")
    if not quiet:
        note(f"pictures: {folder / 'pictures'}")


def report(settings: RunSettings, folder: Path, outcome: Outcome, as_json: bool) -> None:
    """Print what became of the run, and what to type next."""
    if as_json:
        print_json(
            {
                "learner": settings.learner,
                "folder": str(folder),
                "interrupted": outcome.interrupted,
                **{key: getattr(outcome.counters, key) for key in ("steps", "samples", "seconds")},
                "metrics": outcome.metrics,
            }
        )
    elif not outcome.interrupted:
        for tag, value in sorted(outcome.metrics.items()):
            print(f"{tag:40} {value:.4g}")
        print(f"\nnext: hringur evaluate {printable(str(folder))}")
