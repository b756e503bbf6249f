"""``hringur train NAME``: one learner, one run folder; ``--resume`` goes on with a run."""

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from hringur.commands.console import parse, print_json
from hringur.commands.options import Options, has_places, parse_options
from hringur.registry import LEARNERS, MODELS, learner_config
from hringur.trained import RunSettings, latest_state, read_settings
from hringur.training.config import Device
from hringur.training.console import display
from hringur.training.log import Log, NoLog, RunLog
from hringur.training.processes import rank
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import Outcome, TrainerConfig, make_fabric, train
from hringur.types import Season, State, UserError

if TYPE_CHECKING:
    from hringur.generative.model import ImageModel

Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True)
class Train(Generic[Config]):
    """Train one learner; the first budget used up ends it, Ctrl-C saves and says how to go on."""

    env: str = "IcelandTSP-v0"
    """environment to train on, by its name in Gymnasium"""

    option: Options = ()
    """options of the environment, each as KEY=VALUE"""

    places: int | str = 20
    """number of places of each instance; or lecture, towns, all: always those (tours only)"""

    season: Season = "summer"
    """roads of summer or of winter (IcelandTSP only)"""

    distance: Literal["road", "great_circle"] = "road"
    """by road, or as the crow flies (IcelandTSP only)"""

    seed: int = 0
    """of everything that is random [0 .. 2**32 - 1]"""

    folder: Path | None = None
    """run folder, which must be new; runs/NAME-PLACES-SEED or runs/NAME-ENV-SEED when not given"""

    json: bool = False
    """print how the run ended as JSON, and no progress"""

    learner: Config
    trainer: TrainerConfig  # no default: an instance has a budget in seconds already

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise UserError(f"--seed must be in 0..{2**32 - 1}, got {self.seed}")
        self.env_options()  # refuses what is none

    def env_options(self) -> dict[str, Any]:
        """Options for ``gymnasium.make``."""
        given = parse_options(self.option)
        tours = {"places": self.places, "season": self.season, "distance": self.distance}
        if not has_places(self.env):
            usual = {}
        elif self.env.endswith("IcelandTSP-v0"):
            usual = tours
        else:
            usual = {"places": self.places}
        for name, value in tours.items():
            if name not in usual and value != _default(name):
                raise UserError(f"--{name} is no option of {self.env}")
        return usual | given


@dataclass(frozen=True, kw_only=True)
class Resume:
    """Go on with a run, with its own settings."""

    resume: Path
    """folder of the run"""

    steps: int | None = None
    """a new budget in updates, instead of the run's"""

    samples: int | None = None
    """a new budget in samples, instead of the run's"""

    seconds: float | None = None
    """a new budget in seconds of training, instead of the run's"""

    device: Device | None = None
    """where to go on; where the run was started when not given"""

    json: bool = False
    """print how the run ended as JSON, and no progress"""

    def trainer(self, started: TrainerConfig) -> TrainerConfig:
        """The run's trainer with the new budget and device, if any."""
        budgets = {"steps": self.steps, "samples": self.samples, "seconds": self.seconds}
        changes: dict[str, Any] = {}
        if any(value is not None for value in budgets.values()):
            changes |= budgets
        if self.device is not None:
            changes["device"] = self.device
        return dataclasses.replace(started, **changes)


def main(arguments: list[str]) -> None:
    """Read the options; those of a learner are known only once it has been named."""
    if any(argument.split("=")[0] == "--resume" for argument in arguments):
        named = arguments[0] if arguments[0] in LEARNERS | MODELS else None
        wants_help = {"-h", "--help"} & set(arguments)
        rest = ["--help"] if wants_help else arguments[1:] if named else arguments
        options = parse(Resume, rest, "train")
        resume(options, named, shlex.join(["hringur", "train", *arguments]))
        return
    names = ", ".join(LEARNERS | MODELS)
    if not arguments or arguments[0] in ("-h", "--help"):
        usage = f"hringur train NAME [OPTIONS], or hringur train --resume FOLDER; NAME is {names}"
        if not arguments:
            raise UserError(usage)
        print(
            f"usage: {usage}\n\nhringur train NAME --help tells the options of each learner, "
            "hringur train --resume --help those of going on."
        )
        return
    name = arguments[0]
    if name in MODELS:
        from hringur.commands.train import model as train_model  # which needs this file

        train_model.main(name, arguments[1:])
        return
    options_class: Any = Train[learner_config(name)]  # type: ignore[misc]
    start(name, parse(options_class, arguments[1:], f"train {name}"))


def start(name: str, options: Train[Any]) -> None:
    """A new run."""
    settings = RunSettings(
        learner=name,
        config=options.learner,
        env=options.env,
        env_options=options.env_options(),
        trainer=options.trainer,
        seed=options.seed,
    )
    what = settings.env_options.get("places", options.env.replace(":", "-"))
    folder = options.folder or Path("runs") / f"{name}-{what}-{options.seed}"
    command = shlex.join(["hringur", "train", "--resume", str(folder)])
    run(settings, folder, None, command, options.json)


def resume(options: Resume, named: str | None, command: str) -> None:
    """An old run, from its newest checkpoint; from the start if it was killed before the first."""
    folder = RunFolder.open(options.resume, write=True)
    settings = read_settings(folder)
    if named not in (None, settings.learner):
        raise UserError(f"the run {folder.path} trains {settings.learner}, not {named}")
    settings = dataclasses.replace(settings, trainer=options.trainer(settings.trainer))
    state = latest_state(folder)
    if state is not None:
        settings = settings.without_initial()
    run(settings, folder, state, command, options.json)


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
    if settings.learner in MODELS:
        from hringur.evaluation.generative.scores import let_judge  # others need not wait for it

        let_judge(cast("ImageModel", learner))
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
    """What became of the run, and what to type next."""
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


def _default(name: str) -> Any:
    (field,) = [field for field in dataclasses.fields(Train) if field.name == name]
    return field.default
