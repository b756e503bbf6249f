"""``hringur train NAME``: one learner, one run folder; ``--resume`` goes on with a run."""

import dataclasses
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Generic, TypeVar, cast

from hringur.commands.console import parse
from hringur.commands.options import Imports, Options, options_class, parse_options, typed_value
from hringur.commands.train.running import Config, NewRun, run
from hringur.evaluators.environments import import_typed
from hringur.registry import ENVIRONMENTS, learner_config, learners, models
from hringur.trained import latest_state, read_settings
from hringur.training.config import Device
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig
from hringur.types import UserError

ENV = "IcelandTSP-v0"

Named = TypeVar("Named")


@dataclass(frozen=True, kw_only=True)
class Train(NewRun[Config], Generic[Config, Named]):
    """Train one learner; the first budget used up ends it, Ctrl-C saves and says how to go on."""

    env: str = ENV
    """environment to train on, by its name in Gymnasium"""

    option: Options = ()
    """options of the environment, each as KEY=VALUE"""

    environment: Named

    def __post_init__(self) -> None:
        super().__post_init__()
        self.env_options()  # refuses what is none

    def env_options(self) -> dict[str, Any]:
        """Options for ``gymnasium.make``."""
        return dataclasses.asdict(cast(Any, self.environment)) | parse_options(self.option)


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

    imports: Imports = ()

    json: bool = False
    """print how the run ended as JSON, and no progress"""

    def trainer(self, started: TrainerConfig) -> TrainerConfig:
        """The run's trainer with the new budget and device, if any."""
        budgets = {"steps": self.steps, "samples": self.samples, "seconds": self.seconds}
        new = any(value is not None for value in budgets.values())
        changes: dict[str, Any] = budgets if new else {}
        return dataclasses.replace(started, **changes, device=self.device or started.device)


def main(arguments: list[str]) -> None:
    """Read the options; those of a learner and of an environment are known only by their names."""
    known = learners() | models()
    if any(argument.split("=")[0] == "--resume" for argument in arguments):
        named = arguments[0] if arguments[0] in known else None
        wants_help = {"-h", "--help"} & set(arguments)
        rest = ["--help"] if wants_help else arguments[1:] if named else arguments
        options = parse(Resume, rest, "train")
        resume(options, named, shlex.join(["hringur", "train", *arguments]))
        return
    name = arguments[0]
    if name in models():
        from hringur.commands.train import model as train_model  # torch's share of it

        train_model.main(name, arguments[1:])
        return
    learner = learner_config(name)
    env_id = typed_value(arguments, "--env", ENV)
    check_named(env_id, arguments, learner)
    options_of: Any = Train[learner, options_class(env_id)]  # type: ignore[valid-type, misc]
    start(name, parse(options_of, arguments[1:], f"train {name}"))


def check_named(env_id: str, arguments: Sequence[str], learner: type[Any]) -> None:
    """Refuse an option of one environment that is given to another."""
    own = {field.name for part in (options_class(env_id), learner) for field in fields(part)}
    others = {
        field.name
        for row in ENVIRONMENTS.values()
        if row.options is not None
        for field in fields(resolve_name(row.options))
    }
    for argument in arguments:
        name = argument.partition("=")[0].removeprefix("--")
        if argument.startswith("--") and name in others - own:
            raise UserError(f"--{name} is no option of {env_id}")


def start(name: str, options: Train[Any, Any]) -> None:
    """A new run."""
    env_options = options.env_options()
    what = env_options.get("places", options.env.replace(":", "-").replace("/", "-"))
    options.start(name, options.env, env_options, what, name)


def resume(options: Resume, named: str | None, command: str) -> None:
    """Go on with a run from its newest checkpoint, or from the start if there is none yet."""
    for module in options.imports:
        import_typed(module)
    folder = RunFolder.open(options.resume, write=True)
    settings = read_settings(folder)
    if named not in (None, settings.learner):
        raise UserError(f"the run {folder.path} trains {settings.learner}, not {named}")
    settings = dataclasses.replace(settings, trainer=options.trainer(settings.trainer))
    state = latest_state(folder)
    if state is not None:
        settings = settings.without_initial()
    run(settings, folder, state, command, options.json)
