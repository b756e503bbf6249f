"""``hringur train NAME``: one learner, one run folder; ``--resume`` goes on with a run."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from hringur.commands.console import parse, print_json
from hringur.commands.runs import RunSettings, latest_state, read_settings
from hringur.registry import LEARNERS, learner_config
from hringur.training.console import display
from hringur.training.log import Log, NoLog, RunLog
from hringur.training.processes import rank
from hringur.training.random_state import seed_everything
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import Outcome, TrainerConfig, make_fabric, train
from hringur.types import Season, State, UserError

Config = TypeVar("Config")


@dataclass(frozen=True, kw_only=True)
class Train(Generic[Config]):
    """Train one learner; the first budget used up ends it, Ctrl-C saves and says how to go on."""

    env: str = "IcelandTSP-v0"
    """environment to train on: IcelandTSP-v0 or EuclideanTSP-v0"""

    places: int | str = 20
    """places of each instance; or lecture, towns, all: always those"""

    season: Season = "summer"
    """roads of summer or of winter (IcelandTSP only)"""

    distance: Literal["road", "great_circle"] = "road"
    """by road, or as the crow flies (IcelandTSP only)"""

    seed: int = 0
    """of everything that is random [0 .. 2**32 - 1]"""

    folder: Path | None = None
    """run folder, must be new; runs/NAME-PLACES-SEED when not given"""

    json: bool = False
    """print how the run ended as JSON, and no progress"""

    learner: Config
    trainer: TrainerConfig = TrainerConfig()

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise UserError(f"seed must be in 0..{2**32 - 1}, got {self.seed}")

    def env_options(self) -> dict[str, Any]:
        """Options for ``gymnasium.make``."""
        options: dict[str, Any] = {"places": self.places}
        roads = {"season": self.season, "distance": self.distance}
        if self.env.endswith("IcelandTSP-v0"):
            return options | roads
        other = [name for name, value in roads.items() if value != _default(name)]
        if other:
            raise UserError(f"--{other[0]} is an option of IcelandTSP-v0, not of {self.env}")
        return options


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

    device: Literal["auto", "cpu", "cuda"] | None = None
    """where to go on; where the run was started when not given"""

    json: bool = False
    """print how the run ended as JSON, and no progress"""

    def trainer(self, started: TrainerConfig) -> TrainerConfig:
        """The run's trainer with the new budget and device, if any."""
        budgets = {"steps": self.steps, "samples": self.samples, "seconds": self.seconds}
        changes: dict[str, Any] = budgets if any(budgets.values()) else {}
        if self.device is not None:
            changes = changes | {"device": self.device}
        return dataclasses.replace(started, **changes)


def main(arguments: list[str]) -> None:
    """Read the options; those of a learner are known only once it has been named."""
    if any(argument.split("=")[0] == "--resume" for argument in arguments):
        named = arguments[0] if arguments[0] in LEARNERS else None
        resume(parse(Resume, arguments[1:] if named else arguments, "train"), named)
        return
    names = ", ".join(LEARNERS)
    if not arguments or arguments[0] in ("-h", "--help"):
        usage = f"hringur train NAME [OPTIONS], or hringur train --resume FOLDER; NAME is {names}"
        if not arguments:
            raise UserError(usage)
        print(f"usage: {usage}\n\nhringur train NAME --help tells the options of each learner.")
        return
    name = arguments[0]
    options = parse(Train[learner_config(name)], arguments[1:], f"train {name}")  # type: ignore[misc]
    start(name, options)


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
    folder = options.folder or Path("runs") / f"{name}-{options.places}-{options.seed}"
    run(settings, folder, None, options.json)


def resume(options: Resume, named: str | None) -> None:
    """An old run, from its newest checkpoint."""
    folder = RunFolder.open(options.resume, write=True)
    settings = read_settings(folder)
    if named not in (None, settings.learner):
        raise UserError(f"the run {folder.path} trains {settings.learner}, not {named}")
    settings = dataclasses.replace(settings, trainer=options.trainer(settings.trainer))
    run(settings, folder, latest_state(folder), options.json)


def run(
    settings: RunSettings, folder: RunFolder | Path, state: State | None, quiet: bool
) -> Outcome:
    """Build the learner, train it, and say how it ended."""
    fabric = make_fabric(settings.trainer)
    seed_everything(settings.seed)
    learner, batches = settings.build(fabric)  # before the folder: may refuse its settings
    log: Log = NoLog()
    if rank() == 0:
        if isinstance(folder, Path):
            folder = RunFolder.create(folder, settings)
        command = f"hringur train {settings.learner} --resume {folder.path}"
        log = RunLog(folder, display(quiet), command)
    outcome = train(learner, batches, settings.trainer, log, state)
    if rank() == 0 and isinstance(folder, RunFolder):
        report(settings, folder, outcome, quiet)
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
