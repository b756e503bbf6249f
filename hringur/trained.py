"""Runs as the commands see them: the settings in config.json, and the learner they stand for."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from hringur.agents.tours.agent import TourAgent
from hringur.registry import config_of
from hringur.settings import check_fields, read
from hringur.training import checkpoint
from hringur.training.config import Device
from hringur.training.run_folder import RunFolder
from hringur.training.trainer import TrainerConfig, make_fabric
from hringur.types import Batches, Learner, State, UserError
from hringur.weights.shipped import ATTENTION_MODEL


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Everything that a run was started with, as kept in its config.json."""

    learner: str
    """name in the registry"""

    config: Any
    """the learner's own settings"""

    env: str
    env_options: dict[str, Any]
    trainer: TrainerConfig
    seed: int

    def build(self, fabric: Fabric) -> tuple[Learner, Batches]:
        """A fresh learner with its batches."""
        return self.config.build(self.env, self.env_options, self.seed, fabric)

    def without_initial(self) -> "RunSettings":
        """For a run with a checkpoint: the weights it began with, perhaps gone, do not matter."""
        if getattr(self.config, "initial", None) is None:
            return self
        return dataclasses.replace(self, config=dataclasses.replace(self.config, initial=None))


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trained learner, from a run folder or from a saved agent."""

    path: Path
    name: str
    """of the learner, in the registry"""

    learner: Any
    """a ``Planner`` or a ``Predictor``"""

    settings: RunSettings | None = None
    """None for a saved agent, which does not keep all of them"""


def read_settings(folder: RunFolder) -> RunSettings:
    """The settings in a run's config.json.

    Raises:
        UserError: they are not those of a run that this version can build.
    """
    where = folder.path / "config.json"
    values = check_fields(RunSettings, folder.settings(), where)
    config_class = config_of(str(values["learner"]))
    parts = {
        "config": read(config_class, values["config"], where),
        "trainer": read(TrainerConfig, values["trainer"], where),
    }
    for name, kind in (("env", str), ("env_options", dict), ("seed", int)):
        if type(values[name]) is not kind:
            raise UserError(
                f"{where}: {name} must be of type {kind.__name__}, got {values[name]!r}"
            )
    return RunSettings(**{**values, **parts})


def latest_state(folder: RunFolder) -> State | None:
    """The state in a run's newest checkpoint; None when it was stopped before the first."""
    path = folder.latest_checkpoint()
    return None if path is None else checkpoint.load(path)


def load_run(path: Path, device: Device) -> tuple[RunSettings, Any]:
    """A run's settings, and its learner with the weights of the newest checkpoint.

    Raises:
        UserError: there is no such run, or it has no checkpoint that fits its settings.
    """
    folder = RunFolder.open(path)
    settings = read_settings(folder).without_initial()
    state = latest_state(folder)
    if state is None:
        raise UserError(f"the run {path} has no checkpoint yet")
    if "learner" not in state:
        raise UserError(f"the newest checkpoint of {path} is no run's: it has no learner")
    learner, _ = settings.build(make_fabric(TrainerConfig(device=device)))
    learner.load_state_dict(state["learner"])
    return settings, learner


def load_trained(path: Path, device: Device) -> Trained:
    """The learner of a run folder, an agent that ``TourAgent.save`` wrote, or the shipped one.

    Raises:
        UserError: there is neither at ``path``, or it is damaged or of another architecture.
    """
    if path.is_dir():
        settings, learner = load_run(path, device)
        return Trained(path=path, name=settings.learner, learner=learner, settings=settings)
    if path == Path("attention-model") and not path.exists():
        path = ATTENTION_MODEL
    if not path.exists():
        raise UserError(f"{path} is neither a run folder nor a saved agent: nothing is there")
    agent = TourAgent.load(path, device)
    return Trained(path=path, name=agent.config.name, learner=agent)
